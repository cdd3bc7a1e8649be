//! The kernel's own page tables: built once, from scratch, so that nothing depends on how the loader mapped.
//!
//! | address | what | access |
//! |---|---|---|
//! | [`physical::MAP`] | all physical memory, 2 MiB pages | read, write |
//! | [`STACKS`] | kernel stacks, each in a slot of its own, unmapped below | read, write |
//! | [`DEVICES`] | interrupt controllers, uncached | read, write |
//! | `0xffff_ffff_8000_0000` | the kernel image | text: read, execute; constants: read; data: read, write |
//!
//! No page is both writable and executable. The lower half is empty. All mappings are global: a switch of address space keeps
//! them in the TLB. Every top-level entry exists before the first address space is made, so that copies stay true.

use super::physical;
use airox_kernel::memory::Range;
use core::arch::naked_asm;
use core::ptr::addr_of;
use x86_64::registers::control::Cr3;
use x86_64::structures::paging::mapper::{MapToError, Mapper, OffsetPageTable, Translate};
use x86_64::structures::paging::{
    FrameAllocator, Page, PageSize, PageTable, PageTableFlags, PhysFrame, Size2MiB, Size4KiB,
};
use x86_64::{PhysAddr, VirtAddr};

/// Where kernel stacks are.
pub const STACKS: u64 = 0xffff_c000_0000_0000;
/// Where interrupt controllers are mapped, one page each.
pub const DEVICES: u64 = 0xffff_d000_0000_0000;
/// Address space of one stack: what it does not use, at its low end, is unmapped.
const STACK_SLOT: u64 = 128 << 10;
/// Pages of one stack.
const STACK_PAGES: u64 = 16;

/// Frames for page tables and stacks, zeroed, from a page-aligned range that the kernel has reserved. Nothing is ever given back.
pub struct Frames(pub Range);

impl Frames {
    /// How many frames [`Tables::build`], a few devices and so many stacks need for physical memory up to `limit`.
    pub const fn needed(limit: u64, stacks: u64) -> u64 {
        // One page directory for each GiB of the map, and its parents; image, devices and the tables of stacks are far below 256.
        (limit >> 30) + (limit >> 39) + stacks * (STACK_PAGES + 1) + 256
    }
}

// SAFETY: each frame is handed out once.
unsafe impl FrameAllocator<Size4KiB> for Frames {
    fn allocate_frame(&mut self) -> Option<PhysFrame> {
        let address = self.0.start;
        self.0.start += Size4KiB::SIZE;
        if self.0.start > self.0.end {
            return None;
        }
        // SAFETY: 1. The frame lies in the reserved range, so it is RAM, in the map, and nobody uses it. 2. It is one page long.
        unsafe { core::ptr::write_bytes(physical::pointer(address), 0, physical::PAGE) };
        Some(PhysFrame::containing_address(PhysAddr::new(address)))
    }
}

unsafe extern "C" {
    static __text_start: u8;
    static __text_end: u8;
    static __rodata_start: u8;
    static __rodata_end: u8;
    static __data_start: u8;
    static __data_end: u8;
}

/// Where the kernel's code is.
pub fn text() -> core::ops::Range<u64> {
    // The linker script defines these symbols at the ends of the text; only their addresses are used.
    addr_of!(__text_start) as u64..addr_of!(__text_end) as u64
}

/// The page tables below a top-level table, as the `x86_64` crate works on them.
///
/// # Safety
/// All of them must be in the physical map, and nothing else may hold a reference to them.
unsafe fn mapper(root: PhysFrame) -> OffsetPageTable<'static> {
    let table = physical::pointer(root.start_address().as_u64()).cast::<PageTable>();
    // SAFETY: 1. `table` is a page table in the map and 2. is not referred to elsewhere, by this function's contract.
    unsafe { OffsetPageTable::new(&mut *table, VirtAddr::new(physical::MAP)) }
}

/// The physical address behind a kernel address in the tables in use, the loader's included.
pub fn translate(address: u64) -> Option<u64> {
    // SAFETY: 1. The loader maps all RAM at `MAP`, as the kernel asks it to, and so do the kernel's tables. 2. The reference ends
    // with this function, and no other exists: this is asked while the first CPU starts, before it starts any other.
    let tables = unsafe { mapper(Cr3::read().0) };
    Some(tables.translate_addr(VirtAddr::try_new(address).ok()?)?.as_u64())
}

/// The kernel's page tables while they are being filled.
pub struct Tables {
    /// Physical address of the top-level table.
    pub root: u64,
    mapper: OffsetPageTable<'static>,
    frames: Frames,
    stacks: u64,
    devices: u64,
}

const DATA: PageTableFlags = PageTableFlags::PRESENT
    .union(PageTableFlags::WRITABLE)
    .union(PageTableFlags::NO_EXECUTE)
    .union(PageTableFlags::GLOBAL);
const CONSTANTS: PageTableFlags = DATA.difference(PageTableFlags::WRITABLE);
const CODE: PageTableFlags = CONSTANTS.difference(PageTableFlags::NO_EXECUTE);
const DEVICE: PageTableFlags = DATA.union(PageTableFlags::NO_CACHE).union(PageTableFlags::WRITE_THROUGH);

impl Tables {
    /// Maps physical memory up to `limit` and the kernel image. The tables are not loaded yet.
    ///
    /// # Panics
    /// If the reserved frames do not suffice, or the loader did not map the image.
    pub fn build(mut frames: Frames, limit: u64) -> Tables {
        let root = frames.allocate_frame().expect("no frame for the kernel's page table");
        // SAFETY: 1. The frame is zeroed, so it is an empty page table. 2. It is new, so nobody else refers to it; `Tables` keeps
        // the only reference.
        let mapper = unsafe { mapper(root) };
        let mut tables = Tables { root: root.start_address().as_u64(), mapper, frames, stacks: 0, devices: 0 };
        for address in (0..limit).step_by(Size2MiB::SIZE as usize) {
            tables.map::<Size2MiB>(physical::MAP + address, address, DATA);
        }
        for (start, end, flags) in [
            (addr_of!(__text_start), addr_of!(__text_end), CODE),
            (addr_of!(__rodata_start), addr_of!(__rodata_end), CONSTANTS),
            (addr_of!(__data_start), addr_of!(__data_end), DATA),
        ] {
            for address in (start as u64..end as u64).step_by(Size4KiB::SIZE as usize) {
                let frame = translate(address).expect("a page of the kernel is not mapped");
                tables.map::<Size4KiB>(address, frame, flags);
            }
        }
        tables
    }

    fn map<S: PageSize>(&mut self, address: u64, frame: u64, flags: PageTableFlags)
    where
        OffsetPageTable<'static>: Mapper<S>,
        MapToError<S>: core::fmt::Debug,
    {
        let page = Page::<S>::containing_address(VirtAddr::new(address));
        let frame = PhysFrame::containing_address(PhysAddr::new(frame));
        // SAFETY: 1. Page and flags are those of the table in this module's documentation, where nothing that Rust relies on
        // changes: image pages keep their frames, the rest is new. 2. The page was not mapped, else `map_to` fails, so no TLB
        // entry for it exists.
        unsafe { self.mapper.map_to(page, frame, flags, &mut self.frames) }.expect("kernel mapping").ignore();
    }

    /// Maps a new stack; returns its top, the first address past it.
    pub fn stack(&mut self) -> u64 {
        let top = STACKS + (self.stacks + 1) * STACK_SLOT;
        self.stacks += 1;
        for page in 1..=STACK_PAGES {
            let frame = self.frames.allocate_frame().expect("no frame for a kernel stack");
            self.map::<Size4KiB>(top - page * Size4KiB::SIZE, frame.start_address().as_u64(), DATA);
        }
        top
    }

    /// Maps a page of device registers, uncached; returns where `address`, which may lie inside the page, is.
    pub fn device(&mut self, address: u64) -> u64 {
        let page = DEVICES + self.devices * Size4KiB::SIZE;
        self.devices += 1;
        self.map::<Size4KiB>(page, address, DEVICE);
        page + address % Size4KiB::SIZE
    }
}

/// The part of a kernel stack from `address` to its top. `None` if the address is on none.
pub fn stack_above(address: u64) -> Option<core::ops::Range<u64>> {
    let slot = address.checked_sub(STACKS)? / STACK_SLOT;
    let top = STACKS + (slot + 1) * STACK_SLOT;
    (address < DEVICES && address >= top - STACK_PAGES * Size4KiB::SIZE).then_some(address..top)
}

/// Whether an address is in the unmapped part below a kernel stack.
pub fn is_guard(address: u64) -> bool {
    (STACKS..DEVICES).contains(&address) && stack_above(address).is_none()
}

/// Loads a top-level table and goes on in `function` on another stack.
///
/// # Safety
/// 1. The table maps the kernel image as it is mapped now. 2. `stack` is the top of a mapped stack that nothing uses. 3. Nothing on
///    the present stack is used again; `argument` does not point into it.
#[unsafe(naked)]
pub unsafe extern "C" fn switch(root: u64, stack: u64, function: extern "C" fn(*mut u8) -> !, argument: *mut u8) -> ! {
    naked_asm!("mov cr3, rdi", "mov rsp, rsi", "mov rdi, rcx", "xor ebp, ebp", "call rdx", "ud2",)
}
