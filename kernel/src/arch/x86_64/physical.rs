//! Physical memory, as the kernel reaches it: all of it is mapped at [`MAP`].

use airox_kernel_core::machine::Frame;
use core::sync::atomic::{AtomicU64, Ordering};

/// Where physical address 0 is mapped; asked for in the `BootloaderConfig` and kept in the kernel's own tables.
pub const MAP: u64 = 0xffff_8000_0000_0000;
/// Bytes in a page.
pub const PAGE: usize = 4096;

/// First physical address that is not in the map. Set once, before any frame is touched.
static LIMIT: AtomicU64 = AtomicU64::new(0);

/// Tells how far the map reaches.
pub fn set_limit(limit: u64) {
    LIMIT.store(limit, Ordering::Relaxed);
}

/// Whether a physical range is mapped.
pub fn contains(address: u64, length: u64) -> bool {
    address.checked_add(length).is_some_and(|end| end <= LIMIT.load(Ordering::Relaxed))
}

/// Where a physical address is mapped. The pointer may be dereferenced only if [`contains`] it.
pub fn pointer(address: u64) -> *mut u8 {
    core::ptr::with_exposed_provenance_mut((MAP + address) as usize)
}

/// A pointer to `length` bytes of a frame.
///
/// # Panics
/// If the range passes the frame's end or the frame is not in the map: the kernel's own mistake, never a program's.
pub fn in_frame(frame: Frame, offset: usize, length: usize) -> *mut u8 {
    let address = frame.address();
    if offset > PAGE || length > PAGE - offset || !contains(address, PAGE as u64) {
        outside(frame.0, offset, length);
    }
    pointer(address + offset as u64)
}

/// Takes its arguments by value: a message in place would have them written to memory before every check.
#[cold]
#[inline(never)]
fn outside(frame: u32, offset: usize, length: usize) -> ! {
    panic!("frame {frame:#x}: no range {offset} + {length}")
}

/// Bytes of physical memory that nobody writes any more: the system bundle, firmware tables.
///
/// # Safety
/// Until the kernel ends, nothing may write to the range.
pub unsafe fn slice(address: u64, length: u64) -> Option<&'static [u8]> {
    // SAFETY:
    // 1. The range is mapped, by the check, in every address space, as the kernel's half never changes.
    // 2. Nothing writes to it, by this function's contract.
    contains(address, length).then(|| unsafe { core::slice::from_raw_parts(pointer(address), length as usize) })
}
