//! A walk over the page tables the loader built.

use x86_64::registers::control::Cr3;
use x86_64::structures::paging::{PageTable, PageTableFlags};

use crate::PHYSICAL_OFFSET;

/// A mapped page, of whatever size.
#[derive(Clone, Copy)]
pub struct Mapped {
    /// First virtual address, without sign extension.
    pub address: u64,
    /// First physical address.
    pub frame: u64,
    /// Length in bytes.
    pub size: u64,
    /// Rights, as all levels together give them.
    pub writable: bool,
    /// Likewise.
    pub executable: bool,
}

/// Calls `page` for each mapped page and `table` for the frame of each page table.
pub fn walk(page: &mut dyn FnMut(Mapped), table: &mut dyn FnMut(u64)) {
    let root = Cr3::read().0.start_address().as_u64();
    walk_table(root, 4, 0, (true, true), page, table);
}

fn walk_table(
    frame: u64,
    level: u32,
    base: u64,
    rights: (bool, bool),
    page: &mut dyn FnMut(Mapped),
    table: &mut dyn FnMut(u64),
) {
    table(frame);
    // SAFETY: (1) the frame holds a page table of the active address space; (2) physical memory is mapped at
    // `PHYSICAL_OFFSET`; (3) nothing changes the tables.
    let entries = unsafe { &*((PHYSICAL_OFFSET + frame) as *const PageTable) };
    let size = 1 << (12 + 9 * (level - 1));
    for (index, entry) in entries.iter().enumerate() {
        let flags = entry.flags();
        if !flags.contains(PageTableFlags::PRESENT) {
            continue;
        }
        let writable = rights.0 && flags.contains(PageTableFlags::WRITABLE);
        let executable = rights.1 && !flags.contains(PageTableFlags::NO_EXECUTE);
        let address = base + index as u64 * size;
        let leaf = level == 1 || flags.contains(PageTableFlags::HUGE_PAGE);
        let frame = entry.addr().as_u64();
        if leaf {
            page(Mapped { address, frame, size, writable, executable });
        } else {
            walk_table(frame, level - 1, address, (writable, executable), page, table);
        }
    }
}
