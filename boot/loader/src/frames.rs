//! Memory that outlives the loader, and a record of it for the memory map.

use bootloader_api::info::MemoryRegionKind;
use core::ops::Range;

use x86_64::PhysAddr;
use x86_64::structures::paging::{FrameAllocator, PhysFrame, Size4KiB};

use crate::error::LoadError;
use crate::firmware::{Firmware, PAGE_SIZE};
use crate::memory_map::{MapFull, MemoryMap};

/// Frames for page tables are taken from the firmware this many at a time.
const BATCH: u64 = 16;

/// Separate runs of memory a boot may keep. Firmware hands them out side by side, so runs merge and a
/// handful is used; running out is reported, not ignored.
const MAXIMUM_RUNS: usize = 64;

/// Takes memory from a firmware, and knows all that the kernel must not reuse.
pub struct Frames<'f, F> {
    firmware: &'f mut F,
    kept: heapless::Vec<Range<u64>, MAXIMUM_RUNS>,
    batch: Range<u64>,
}

impl<'f, F: Firmware> Frames<'f, F> {
    /// Nothing is kept yet.
    pub fn new(firmware: &'f mut F) -> Self {
        Self { firmware, kept: heapless::Vec::new(), batch: 0..0 }
    }

    /// The firmware, for what is not memory.
    pub fn firmware(&mut self) -> &mut F {
        self.firmware
    }

    /// `pages` consecutive pages the kernel will not be given back, zeroed.
    pub fn keep(&mut self, pages: u64, purpose: &'static str) -> Result<&'static mut [u8], LoadError> {
        let memory = self.scratch(pages, purpose)?;
        let start = memory.as_ptr() as u64;
        self.record(start..start + pages * PAGE_SIZE).ok_or(LoadError::OutOfMemory { pages, purpose })?;
        Ok(memory)
    }

    /// `pages` consecutive pages the kernel may reuse once it runs, zeroed.
    #[expect(clippy::mut_from_ref, reason = "the memory is the firmware's; the only reference passed in is a text")]
    pub fn scratch(&mut self, pages: u64, purpose: &'static str) -> Result<&'static mut [u8], LoadError> {
        let start = self.firmware.allocate(pages).ok_or(LoadError::OutOfMemory { pages, purpose })?;
        let length = (pages * PAGE_SIZE) as usize;
        let pointer = start as *mut u8;
        // SAFETY: (1) by `Firmware`'s contract `start` is a valid pointer to `pages` pages of RAM that
        // nobody else has; (2) zeroing initialises them; (3) they stay ours as long as the loader runs.
        Ok(unsafe {
            pointer.write_bytes(0, length);
            core::slice::from_raw_parts_mut(pointer, length)
        })
    }

    /// What is kept, without the firmware.
    pub fn into_kept(self) -> Kept {
        Kept(self.kept)
    }

    fn record(&mut self, run: Range<u64>) -> Option<()> {
        for kept in &mut self.kept {
            if kept.end == run.start {
                kept.end = run.end;
                return Some(());
            }
            if run.end == kept.start {
                kept.start = run.start;
                return Some(());
            }
        }
        self.kept.push(run).ok()
    }
}

// SAFETY: (1) every frame comes from `Firmware::allocate`, which hands memory out once; (2) `batch`
// only ever shrinks from the front, so no frame is returned twice.
unsafe impl<F: Firmware> FrameAllocator<Size4KiB> for Frames<'_, F> {
    fn allocate_frame(&mut self) -> Option<PhysFrame> {
        if self.batch.is_empty() {
            let start = self.keep(BATCH, "page tables").ok()?.as_ptr() as u64;
            self.batch = start..start + BATCH * PAGE_SIZE;
        }
        let frame = self.batch.start;
        self.batch.start += PAGE_SIZE;
        Some(PhysFrame::containing_address(PhysAddr::new(frame)))
    }
}

/// The physical memory the kernel must leave alone.
pub struct Kept(heapless::Vec<Range<u64>, MAXIMUM_RUNS>);

impl Kept {
    /// Marks it in `map`.
    pub fn mark(&self, map: &mut MemoryMap) -> Result<(), MapFull> {
        for run in &self.0 {
            map.add(run.start, run.end - run.start, MemoryRegionKind::Bootloader)?;
        }
        Ok(())
    }
}
