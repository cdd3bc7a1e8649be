//! A page made, mapped, touched and unmapped, with nothing around it. Unsafe code lives here and in `breakpoint`.

use airox_rt::sys;
use airox_rt::{Error, Handle, MapFlags};

/// An address range far from all else: for mappings whose cost is measured without the runtime's bookkeeping.
pub const WINDOW: u64 = 0x7000_0000_0000;

/// Maps a fresh page, writes to it and unmaps it, which gives it back.
#[inline(always)]
pub fn map_touch_unmap() -> Result<(), Error> {
    sys::memory_map(Handle::NONE, Handle::NONE, WINDOW, 1, MapFlags::WRITE)?;
    // SAFETY: 1. just mapped writable; 2. nothing else refers to the window.
    unsafe { (WINDOW as *mut u64).write_volatile(1) };
    // SAFETY: the window's memory is never referred to, only written as above.
    unsafe { sys::region_unmap(Handle::NONE, WINDOW) }
}
