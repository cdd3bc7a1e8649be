//! The kernel's first address space.
//!
//! Everything the kernel is promised lies in the upper half. What it places itself is put where it asks; what
//! it leaves to us (`Mapping::Dynamic`) gets a whole free entry of the top-level table, so nothing dynamic
//! can ever run into anything fixed.

use core::ops::Range;

use bootloader_api::config::{Mapping, Mappings};
use x86_64::structures::paging::mapper::MapToError;
use x86_64::structures::paging::{
    FrameAllocator, Mapper, OffsetPageTable, Page, PageSize, PageTable, PageTableFlags, PhysFrame, Size1GiB, Size2MiB,
    Size4KiB,
};
use x86_64::{PhysAddr, VirtAddr};

use crate::error::LoadError;
use crate::firmware::Firmware;
use crate::frames::Frames;
use crate::kernel_image::UPPER_HALF;

/// Bytes under one entry of the top-level table.
const SLOT_SIZE: u64 = 1 << 39;
/// Entries of the top-level table.
const SLOTS: usize = 512;

/// Rights of a mapping: always present, never writable and executable at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Read only.
    Read,
    /// Read and write.
    Write,
    /// Read and execute.
    Execute,
}

impl Access {
    fn flags(self) -> PageTableFlags {
        let present = PageTableFlags::PRESENT;
        match self {
            Self::Read => present | PageTableFlags::NO_EXECUTE,
            Self::Write => present | PageTableFlags::WRITABLE | PageTableFlags::NO_EXECUTE,
            Self::Execute => present,
        }
    }
}

/// Page tables under construction.
pub struct AddressSpace {
    root: PhysFrame,
    used: [bool; SLOTS],
    dynamic: Range<u64>,
}

impl AddressSpace {
    /// An empty address space. `mappings` bounds the addresses chosen for dynamic mappings, and
    /// names the fixed ones they must avoid.
    pub fn new<F: Firmware>(frames: &mut Frames<'_, F>, mappings: &Mappings) -> Result<Self, LoadError> {
        let root = frames.allocate_frame().ok_or(LoadError::OutOfMemory { pages: 1, purpose: "page tables" })?;
        let start = mappings.dynamic_range_start.unwrap_or(UPPER_HALF);
        let end = mappings.dynamic_range_end.unwrap_or(u64::MAX);
        Ok(Self { root, used: [false; SLOTS], dynamic: start.max(UPPER_HALF)..end })
    }

    /// The top-level table.
    pub fn root(&self) -> PhysFrame {
        self.root
    }

    /// Keeps dynamic mappings away from `length` bytes at `start`.
    pub fn reserve(&mut self, start: u64, length: u64) {
        let first = slot(start);
        let last = slot(start.saturating_add(length.saturating_sub(1)));
        if let Some(slots) = self.used.get_mut(first..=last) {
            slots.fill(true);
        }
    }

    /// Where `mapping` puts `length` bytes of `what`.
    pub fn place(&mut self, mapping: Mapping, length: u64, what: &'static str) -> Result<u64, LoadError> {
        match mapping {
            Mapping::FixedAddress(address) => {
                let fits = address
                    .checked_add(length)
                    .is_some_and(|_| address >= UPPER_HALF && address.is_multiple_of(Size4KiB::SIZE));
                if !fits {
                    return Err(LoadError::Mapping { what, address });
                }
                self.reserve(address, length);
                Ok(address)
            }
            Mapping::Dynamic => {
                let slots = length.div_ceil(SLOT_SIZE).max(1);
                let address = (SLOTS as u64 / 2..SLOTS as u64)
                    .map(slot_address)
                    .find(|&address| self.is_free(address, slots))
                    .ok_or(LoadError::Mapping { what, address: 0 })?;
                self.reserve(address, length);
                Ok(address)
            }
        }
    }

    fn is_free(&self, address: u64, slots: u64) -> bool {
        let first = slot(address);
        let last_address = address.checked_add(slots * SLOT_SIZE - 1);
        let unused = self.used.get(first..first + slots as usize);
        address >= self.dynamic.start
            && last_address.is_some_and(|last| last <= self.dynamic.end)
            && unused.is_some_and(|used| !used.contains(&true))
    }

    /// Maps the whole pages of `memory` at `address`, with 4 KiB pages.
    pub fn map<F: Firmware>(
        &mut self,
        frames: &mut Frames<'_, F>,
        address: u64,
        memory: Range<u64>,
        access: Access,
        what: &'static str,
    ) -> Result<(), LoadError> {
        self.map_with::<Size4KiB, F>(frames, address, memory, access, what)
    }

    /// Maps all of `memory` writable at `offset` plus its address, with the largest pages that fit;
    /// its bounds are multiples of 2 MiB.
    pub fn map_physical<F: Firmware>(
        &mut self,
        frames: &mut Frames<'_, F>,
        offset: u64,
        memory: Range<u64>,
        gigabyte_pages: bool,
    ) -> Result<(), LoadError> {
        let what = "physical memory";
        let giant = Size1GiB::SIZE;
        let inner = if gigabyte_pages && offset.is_multiple_of(giant) {
            memory.start.next_multiple_of(giant)..memory.end / giant * giant
        } else {
            memory.end..memory.end
        };
        let (head, tail) = if inner.start < inner.end {
            (memory.start..inner.start, inner.end..memory.end)
        } else {
            (memory.clone(), 0..0)
        };
        if !offset.is_multiple_of(Size2MiB::SIZE) {
            return Err(LoadError::Mapping { what, address: offset });
        }
        for part in [head, tail] {
            let address = offset + part.start;
            self.map_with::<Size2MiB, F>(frames, address, part, Access::Write, what)?;
        }
        self.map_with::<Size1GiB, F>(frames, offset + inner.start, inner, Access::Write, what)
    }

    fn map_with<S: PageSize, F: Firmware>(
        &mut self,
        frames: &mut Frames<'_, F>,
        address: u64,
        memory: Range<u64>,
        access: Access,
        what: &'static str,
    ) -> Result<(), LoadError>
    where
        for<'a> OffsetPageTable<'a>: Mapper<S>,
    {
        let flags = if S::SIZE == Size4KiB::SIZE { access.flags() } else { access.flags() | PageTableFlags::HUGE_PAGE };
        let table = self.root.start_address().as_u64() as *mut PageTable;
        // SAFETY: (1) the root frame is ours, zeroed, identity-mapped and page-aligned; (2) only this
        // function makes a reference to it, and drops it at its end; (3) memory is identity-mapped, so the
        // offset is 0.
        let mut mapper = unsafe { OffsetPageTable::new(&mut *table, VirtAddr::zero()) };
        let mut offset = 0;
        while memory.start + offset < memory.end {
            let at = address.wrapping_add(offset);
            let failed = LoadError::Mapping { what, address: at };
            let page =
                VirtAddr::try_new(at).ok().and_then(|at| Page::<S>::from_start_address(at).ok()).ok_or(failed)?;
            let frame = PhysFrame::from_start_address(PhysAddr::new(memory.start + offset)).map_err(|_| failed)?;
            // Rights are narrowed at the last level; the upper levels allow everything.
            let parents = PageTableFlags::PRESENT | PageTableFlags::WRITABLE;
            // SAFETY: these tables are not in use yet, so no mapping can break memory safety here; what the
            // kernel finds in them is what `bootloader_api` promises.
            let mapped = unsafe { mapper.map_to_with_table_flags(page, frame, flags, parents, frames) };
            match mapped {
                // The tables are not the active ones: nothing to flush.
                Ok(flush) => flush.ignore(),
                Err(MapToError::FrameAllocationFailed) => {
                    return Err(LoadError::OutOfMemory { pages: 1, purpose: "page tables" });
                }
                Err(_) => return Err(failed),
            }
            offset += S::SIZE;
        }
        Ok(())
    }
}

fn slot(address: u64) -> usize {
    (address / SLOT_SIZE) as usize % SLOTS
}

fn slot_address(slot: u64) -> u64 {
    VirtAddr::new_truncate(slot * SLOT_SIZE).as_u64()
}
