//! Page tables and access to programs' memory.
//!
//! The kernel walks page tables in physical memory and copies between frames: it never dereferences a user address, so a bad one is an error of
//! this module and never a fault of the kernel.

use crate::Result;
use crate::kernel::Kernel;
use crate::machine::{Frame, Machine};
use crate::process::Process;
use crate::quota::Quota;
use crate::slab::Id;
use airox_abi::fault::FaultKind;
use airox_abi::layout::{CLOCK_PAGE, PAGE_SIZE, USER_END, USER_START};
use airox_abi::{Error, QuotaKind};
use core::ops::Range;
use zerocopy::IntoBytes;

bitflags::bitflags! {
    /// Bits of a page-table entry (Intel SDM vol. 3, table 4-20).
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct PageFlags: u64 {
        const PRESENT = 1 << 0;
        const WRITABLE = 1 << 1;
        const USER = 1 << 2;
        /// PAT entry 1 (PWT alone), which the machine sets to write-combining.
        const WRITE_COMBINE = 1 << 3;
        /// PAT entry 3 (PWT and PCD): strongly uncached.
        const UNCACHED = 1 << 3 | 1 << 4;
        const NO_EXECUTE = 1 << 63;
    }
}

const ADDRESS_BITS: u64 = 0x000f_ffff_ffff_f000;
/// Levels of page tables above the page itself.
const LEVELS: u32 = 4;

/// Most pages that are unmapped in one kernel entry, and most entries of page tables that are looked at for them.
const PAGES_AT_ONCE: u64 = 8;
const TABLE_ENTRIES_AT_ONCE: u64 = 64;

/// While a process ends, slots of a page table that are looked at in one step for the next table.
const SLOTS_AT_ONCE: usize = 64;

/// An address of a process.
pub(crate) type Address = (Id<Process>, u64);

const fn slot(address: u64, level: u32) -> usize {
    (address >> (12 + 9 * level) & 511) as usize
}

const fn frame_of(entry: u64) -> Frame {
    Frame::containing(entry & ADDRESS_BITS)
}

impl<M: Machine> Kernel<M> {
    /// A zeroed frame for a page table, charged to a quota.
    pub(crate) fn allocate_table(&mut self, quota: Id<Quota>) -> Result<Frame> {
        self.charge(quota, QuotaKind::Frames, 1)?;
        Ok(self.back_frame())
    }

    pub(crate) fn free_table(&mut self, quota: Id<Quota>, frame: Frame) {
        self.frames.release(frame);
        self.uncharge(quota, QuotaKind::Frames, 1);
    }

    /// The page table that holds an address's entry, made with all tables above it if need be, so that backing a page later needs none. On an
    /// error those made stay, empty, with the process.
    pub(crate) fn ensure_table(&mut self, process: Id<Process>, address: u64) -> Result<Frame> {
        let Process { root: mut table, quota, .. } = self.processes[process];
        for level in (1..LEVELS).rev() {
            let entry = self.machine.read_word(table, slot(address, level));
            table = if entry == 0 {
                let new = self.allocate_table(quota)?;
                let entry = &mut self.processes[process];
                entry.table_last = entry.table_last.max(address);
                let flags = PageFlags::PRESENT | PageFlags::WRITABLE | PageFlags::USER;
                self.machine.write_word(table, slot(address, level), new.address() | flags.bits());
                new
            } else {
                frame_of(entry)
            };
        }
        Ok(table)
    }

    /// The page table that holds an address's entry, if it exists.
    #[inline]
    fn find_table(&self, process: Id<Process>, address: u64) -> Option<Frame> {
        let mut table = self.processes[process].root;
        for level in (1..LEVELS).rev() {
            let entry = self.machine.read_word(table, slot(address, level));
            if entry == 0 {
                return None;
            }
            table = frame_of(entry);
        }
        Some(table)
    }

    /// Enters a page: its frame's address and its flags. `None` if it has no table, which can only be if its mapping was made without.
    pub(crate) fn set_page(&mut self, process: Id<Process>, address: u64, entry: u64) -> Option<()> {
        let table = self.find_table(process, address)?;
        let index = slot(address, 0);
        if self.machine.read_word(table, index) == 0 {
            self.processes[process].resident_pages += 1;
        }
        self.machine.write_word(table, index, entry);
        Some(())
    }

    /// Clears entries of a range, from its end, and what CPUs remember of them, as many as a kernel entry may. Returns how many pages of the
    /// range are left.
    pub(crate) fn clear_pages(&mut self, process: Id<Process>, address: u64, mut pages: u64) -> u64 {
        let (mut clear, mut look) = (PAGES_AT_ONCE, TABLE_ENTRIES_AT_ONCE);
        let root = self.processes[process].root;
        let left = self.processes[process].left;
        let resident = self.processes[process].resident_pages;
        while pages > 0 && clear > 0 && look > 0 {
            let last = address + (pages - 1) * PAGE_SIZE;
            // What of the range lies in the last page's table.
            let run = (slot(last, 0) as u64 + 1).min(pages);
            let Some(table) = self.find_table(process, last) else {
                pages -= run;
                look -= 1;
                continue;
            };
            for index in 0..run {
                if clear == 0 || look == 0 {
                    break;
                }
                let here = last - index * PAGE_SIZE;
                look -= 1;
                pages -= 1;
                if self.machine.read_word(table, slot(here, 0)) != 0 {
                    self.machine.write_word(table, slot(here, 0), 0);
                    self.processes[process].resident_pages -= 1;
                    clear = if self.is_late() { 0 } else { clear - 1 };
                    if !left {
                        self.machine.flush_page(root, here);
                    }
                }
            }
        }
        if !left && self.processes[process].resident_pages != resident {
            self.machine.flush_elsewhere(root);
        }
        pages
    }

    /// Frees one of an ending process's page tables, or passes some empty slots over, from the highest address down: above [`Process::table_last`] none
    /// is left. Returns whether all are gone. (The kernel's half, which all processes share, is never looked at.)
    pub(crate) fn free_table_step(&mut self, process: Id<Process>) -> bool {
        let Process { root, quota, table_last: address, .. } = self.processes[process];
        let (mut table, mut level, mut above) = (root, LEVELS - 1, None);
        while level > 0 {
            let entry = self.machine.read_word(table, slot(address, level));
            if entry == 0 {
                break;
            }
            above = Some((table, slot(address, level)));
            (table, level) = (frame_of(entry), level - 1);
        }
        let index = slot(address, level);
        if level > 0 && index > 0 {
            // Nothing in this slot any more: on to one before it that has a table, or as far as is looked at once.
            let empty = |&index: &usize| self.machine.read_word(table, index) == 0;
            let left = index - (0..index).rev().take(SLOTS_AT_ONCE).take_while(empty).count();
            let size = 1 << (12 + 9 * level);
            let start = address & !(512 * size - 1);
            self.processes[process].table_last = start + (left as u64 * size).saturating_sub(1);
            return false;
        }
        self.free_table(quota, table);
        let Some((above, index)) = above else { return true };
        self.machine.write_word(above, index, 0);
        false
    }

    /// Shows the clock page to a new process.
    pub(crate) fn map_clock_page(&mut self, process: Id<Process>) -> Result<()> {
        self.ensure_table(process, CLOCK_PAGE)?;
        let flags = PageFlags::PRESENT | PageFlags::USER | PageFlags::NO_EXECUTE;
        self.set_page(process, CLOCK_PAGE, self.clock_frame.address() | flags.bits()).ok_or(Error::InvalidAddress)
    }

    /// The frame behind a user address, backed if need be; the access must be allowed.
    #[inline]
    fn user_frame(&mut self, process: Id<Process>, address: u64, write: bool) -> Result<Frame> {
        let entry = match self.find_table(process, address) {
            Some(table) => self.machine.read_word(table, slot(address, 0)),
            None => return Err(Error::InvalidAddress),
        };
        if entry == 0 {
            let access = if write { FaultKind::Write } else { FaultKind::Read };
            return self.back_page(process, address, access).ok_or(Error::InvalidAddress);
        }
        let flags = PageFlags::from_bits_truncate(entry);
        if write && !flags.contains(PageFlags::WRITABLE) {
            return Err(Error::InvalidAddress);
        }
        Ok(frame_of(entry))
    }

    /// Checks that a whole range is accessible, and backs it.
    pub(crate) fn check_user(&mut self, (process, address): Address, length: u64, write: bool) -> Result<()> {
        if length == 0 {
            return Ok(());
        }
        if !(USER_START..USER_END).contains(&address) || length > USER_END - address {
            return Err(Error::InvalidAddress);
        }
        let mut page = address & !(PAGE_SIZE - 1);
        while page < address + length {
            self.user_frame(process, page, write)?;
            page += PAGE_SIZE;
        }
        Ok(())
    }

    /// Does something with each piece of a range that lies in one frame, all or nothing: with the kernel, the frame, the offset in it, and where in
    /// the range the piece is.
    fn each_piece(
        &mut self,
        (process, address): Address,
        length: u64,
        write: bool,
        mut work: impl FnMut(&mut Self, Frame, usize, Range<usize>) -> Result<()>,
    ) -> Result<()> {
        self.check_user((process, address), length, write)?;
        let mut done = 0;
        while done < length {
            let offset = (address + done) % PAGE_SIZE;
            let end = length.min(done + PAGE_SIZE - offset);
            let frame = self.user_frame(process, address + done, write)?;
            work(self, frame, offset as usize, done as usize..end as usize)?;
            done = end;
        }
        Ok(())
    }

    /// Copies out of a process's memory, all or nothing.
    pub(crate) fn read_user(&mut self, from: Address, into: &mut [u8]) -> Result<()> {
        self.each_piece(from, into.len() as u64, false, |kernel, frame, offset, piece| {
            kernel.machine.read_frame(frame, offset, &mut into[piece]);
            Ok(())
        })
    }

    /// Copies into a process's memory, all or nothing.
    pub(crate) fn write_user(&mut self, to: Address, from: &[u8]) -> Result<()> {
        self.each_piece(to, from.len() as u64, true, |kernel, frame, offset, piece| {
            kernel.machine.write_frame(frame, offset, &from[piece]);
            Ok(())
        })
    }

    /// Copies between two processes' memory (or within one), all or nothing.
    pub(crate) fn copy_user(&mut self, from: Address, to: Address, length: u64) -> Result<()> {
        self.check_user(from, length, false)?;
        self.each_piece(to, length, true, |kernel, target, target_offset, piece| {
            let from = (from.0, from.1 + piece.start as u64);
            kernel.each_piece(from, piece.len() as u64, false, |kernel, source, offset, part| {
                kernel.machine.copy_frame((source, offset), (target, target_offset + part.start), part.len());
                Ok(())
            })
        })
    }

    /// Writes what the clock page says.
    pub(crate) fn fill_clock_page(&mut self) {
        self.machine.zero_frame(self.clock_frame);
        self.machine.write_frame(self.clock_frame, 0, self.clock.page.as_bytes());
    }
}
