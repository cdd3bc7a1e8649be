//! The heap: `talc` over one region mapped at [`layout::DYNAMIC_START`].
//!
//! The whole heap is charged to the program's quota at start and backed page by page at first touch, so an allocation
//! within it never fails for want of memory, and a program that uses little of it costs little.

use crate::sync::RawLock;
use airox_abi::layout::{self, PAGE_SIZE};
use airox_sys::{Error, Handle, MapFlags, Region, TypedHandle, call};
use lock_api::RawMutex;
use talc::TalcLock;
use talc::source::Manual;

#[cfg_attr(feature = "guest", global_allocator)]
static HEAP: TalcLock<HeapLock, Manual> = TalcLock::new(Manual);

/// The lock behind [`HEAP`], outside of it so that it can be prepared.
static LOCK: RawLock = RawLock::INIT;

/// Locks [`LOCK`].
struct HeapLock;

// SAFETY: 1. there is one value of this type in use, in `HEAP`, and it is the lock `LOCK`, a correct one.
unsafe impl RawMutex for HeapLock {
    const INIT: HeapLock = HeapLock;
    type GuardMarker = <RawLock as RawMutex>::GuardMarker;

    #[inline]
    fn lock(&self) {
        LOCK.lock();
    }

    #[inline]
    fn try_lock(&self) -> bool {
        LOCK.try_lock()
    }

    #[inline]
    unsafe fn unlock(&self) {
        // SAFETY: 1. the caller holds this lock, which is `LOCK`.
        unsafe { LOCK.unlock() }
    }
}

/// Maps a heap of `bytes` (rounded up to pages) and hands it to the allocator. Returns its end.
///
/// # Safety
/// Called once, before the first allocation, by the program's only thread.
pub(crate) unsafe fn start(bytes: u64) -> Result<u64, Error> {
    let pages = bytes.div_ceil(PAGE_SIZE);
    if pages == 0 {
        return Ok(layout::DYNAMIC_START);
    }
    let region = Region::create(pages)?;
    let address = layout::DYNAMIC_START;
    call::region_map(region.raw(), Handle::NONE, address, 0, pages, MapFlags::WRITE)?;
    // The mapping lives as long as the region it was made from: never closed, as the heap is never given up.
    let _forever = region.into_raw();
    let base = core::ptr::with_exposed_provenance_mut(address as usize);
    // SAFETY:
    // 1. The range was just mapped writable, so nothing else lies there, and nobody else knows the region.
    // 2. `Manual` allows claiming.
    let claimed = unsafe { HEAP.lock().claim(base, (pages * PAGE_SIZE) as usize) };
    claimed.ok_or(Error::InvalidArgument)?;
    Ok(address + pages * PAGE_SIZE)
}

/// Makes the lock's signal before there is a second thread, so that allocation can never fail later for want of it.
pub(crate) fn prepare_for_threads() -> Result<(), Error> {
    LOCK.prepare()
}
