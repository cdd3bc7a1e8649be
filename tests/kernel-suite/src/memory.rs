//! Memory the suite maps for itself: a region, its mapping in a window of addresses that only this module
//! hands out, and checked access to it.
//!
//! The memory is shared with other processes, so every access is an atomic or a volatile copy.

use core::sync::atomic::{AtomicU64, Ordering};

use airox_abi::layout::PAGE_SIZE;
use airox_abi::{Error, Handle, MapFlags, RegionKind};

use crate::kernel::{self, Owned};

/// First address of the window.
const WINDOW: u64 = 0x4000_0000;
/// Bytes of address space that share one page table.
const TABLE_SPAN: u64 = 512 * PAGE_SIZE;
/// Page tables the window uses at most.
const TABLES: u64 = 16;

static NEXT: AtomicU64 = AtomicU64::new(WINDOW);
static FIRST: AtomicU64 = AtomicU64::new(WINDOW);
/// Addresses of single pages that were given back, 0 where there is none: a test that goes on for long maps them again and again.
static FREE_PAGES: [AtomicU64; 16] = [const { AtomicU64::new(0) }; 16];

/// Addresses for `pages` pages that nothing uses, with an unmapped page on either side, all in the span of one page table.
pub fn reserve(pages: u64) -> u64 {
    if pages == 1 {
        let mut free = FREE_PAGES.iter().map(|free| free.swap(0, Ordering::Relaxed));
        if let Some(address) = free.find(|&address| address != 0) {
            return address;
        }
    }
    let length = (pages + 2) * PAGE_SIZE;
    assert!(length <= TABLE_SPAN, "no mapping of the suite spans page tables");
    let next = NEXT.load(Ordering::Relaxed);
    // The last page of each span is taken.
    let room = TABLE_SPAN - next % TABLE_SPAN;
    let start = if length <= room { next } else { next + room };
    NEXT.store(start + length - PAGE_SIZE, Ordering::Relaxed);
    assert!(start + length <= WINDOW + TABLES * TABLE_SPAN, "the suite's address window is used up");
    start + PAGE_SIZE
}

/// Starts the window over: the test that reserved addresses has ended.
pub fn reset() {
    for free in &FREE_PAGES {
        free.store(0, Ordering::Relaxed);
    }
    NEXT.store(FIRST.load(Ordering::Relaxed), Ordering::Relaxed);
}

/// What is reserved now stays so for ever.
pub fn keep_reserved() {
    FIRST.store(NEXT.load(Ordering::Relaxed), Ordering::Relaxed);
}

/// Has the page at an address backed, without changing what is there. (An atomic addition of nothing would do, but compilers leave
/// it out.)
///
/// # Safety
/// The address is mapped writable, and no other thread writes to that byte now.
pub unsafe fn touch(address: u64) {
    let place = address as *mut u8;
    // SAFETY: the caller's promise; what is written is what is there.
    unsafe { place.write_volatile(place.read_volatile()) };
}

/// Maps one page at the end of each of the window's page tables, for ever, so that page tables come and go
/// with no test.
pub fn keep_page_tables() -> Result<(), Error> {
    for table in 0..TABLES {
        let region = kernel::region_create(Handle::NONE, 1, RegionKind::Lazy)?;
        let address = WINDOW + (table + 1) * TABLE_SPAN - PAGE_SIZE;
        kernel::region_map(region.get(), Handle::NONE, address, 0, 1, MapFlags::POPULATE)?;
        core::mem::forget(region);
    }
    Ok(())
}

/// A region mapped writable in the calling process; unmapped and closed when it goes out of scope.
pub struct Mapped {
    region: Owned,
    address: u64,
    length: u64,
}

impl Mapped {
    /// New zeroed memory, charged to the suite.
    pub fn new(pages: u64) -> Result<Mapped, Error> {
        Self::of(kernel::region_create(Handle::NONE, pages, RegionKind::Lazy)?, pages)
    }

    /// Maps the first pages of a region.
    pub fn of(region: Owned, pages: u64) -> Result<Mapped, Error> {
        let address = reserve(pages);
        kernel::region_map(region.get(), Handle::NONE, address, 0, pages, MapFlags::WRITE)?;
        Ok(Mapped { region, address, length: pages * PAGE_SIZE })
    }

    pub fn region(&self) -> Handle {
        self.region.get()
    }

    pub fn address(&self) -> u64 {
        self.address
    }

    pub fn length(&self) -> u64 {
        self.length
    }

    /// The word at this byte offset.
    pub fn word(&self, offset: u64) -> &AtomicU64 {
        assert!(offset.is_multiple_of(8) && offset < self.length);
        // SAFETY: 1. the address is inside a mapping that lives as long as `self`, and aligned; 2. every
        // access to this memory, in any process, is atomic, volatile or by the kernel.
        unsafe { &*((self.address + offset) as *const AtomicU64) }
    }

    /// Copies bytes in.
    pub fn fill(&self, offset: u64, bytes: &[u8]) {
        assert!(offset + bytes.len() as u64 <= self.length);
        for (index, byte) in bytes.iter().enumerate() {
            // SAFETY: inside the mapping by the assertion; volatile, as the memory is shared.
            unsafe { ((self.address + offset + index as u64) as *mut u8).write_volatile(*byte) };
        }
    }

    /// The byte at this offset.
    pub fn byte(&self, offset: u64) -> u8 {
        assert!(offset < self.length);
        // SAFETY: inside the mapping by the assertion; volatile, as the memory is shared.
        unsafe { ((self.address + offset) as *const u8).read_volatile() }
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        // SAFETY: references into the mapping cannot outlive `self`. A test may have unmapped or revoked it.
        let unmapped = unsafe { kernel::region_unmap(Handle::NONE, self.address) };
        if unmapped.is_ok() && self.length == PAGE_SIZE {
            // With no room for it the address is not used again before the test ends.
            let _ = FREE_PAGES
                .iter()
                .find(|free| free.compare_exchange(0, self.address, Ordering::Relaxed, Ordering::Relaxed).is_ok());
        }
    }
}
