//! Mapping regions into the program, at addresses it need not choose.
//!
//! Unsafe: memory that only this program sees becomes Rust memory; memory that others see is accessed through a
//! [`Window`], never through references.

mod addresses;

use crate::sync::Mutex;
use addresses::AddressSpace;
use airox_abi::layout::{PAGE_SIZE, USER_END};
use airox_sys::volatile::Window;
use airox_sys::{Error, Handle, MapFlags, Region, RegionKind, Rights, TypedHandle, call};

/// Addresses for mappings: all above the heap.
static ADDRESSES: Mutex<AddressSpace> = Mutex::new(AddressSpace::new());

/// From here on addresses are free.
pub(crate) fn start(first_free: u64) {
    ADDRESSES.lock().give(first_free, USER_END - first_free);
}

/// A region mapped into this program until dropped. An unmapped page lies on both sides.
#[derive(Debug)]
pub struct Mapping {
    address: u64,
    pages: u64,
    flags: MapFlags,
}

impl Mapping {
    /// Maps all of a region.
    pub fn new(region: &Region, flags: MapFlags) -> Result<Mapping, Error> {
        let (pages, _, _) = region.region_info()?;
        Mapping::part(region, 0, pages, flags)
    }

    /// Maps `pages` of a region from its page `offset` on.
    pub fn part(region: &Region, offset: u64, pages: u64, flags: MapFlags) -> Result<Mapping, Error> {
        let address = reserve(pages)?;
        let mapped = call::region_map(region.raw(), Handle::NONE, address, offset, pages, flags);
        if let Err(error) = mapped {
            release(address, pages);
            return Err(error);
        }
        Ok(Mapping { address, pages, flags })
    }

    /// Its first address.
    #[must_use]
    pub fn address(&self) -> u64 {
        self.address
    }

    /// Its length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        (self.pages * PAGE_SIZE) as usize
    }

    /// Never: a mapping has at least one page.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pages == 0
    }

    /// Access that others may share: device registers, frame buffers, rings.
    #[must_use]
    pub fn window(&self) -> Window<'_> {
        let base = core::ptr::with_exposed_provenance_mut(self.address as usize);
        // SAFETY:
        // 1. The range is mapped, with these flags, as long as this value is borrowed.
        // 2. References to it are made only by the `unsafe` functions below, whose callers keep them apart.
        unsafe { Window::new(base, self.len(), self.flags.contains(MapFlags::WRITE)) }
    }

    /// The memory as bytes.
    ///
    /// # Safety
    /// While the result lives nobody may write to the region, here or in another process.
    #[must_use]
    pub unsafe fn bytes(&self) -> &[u8] {
        let base = core::ptr::with_exposed_provenance(self.address as usize);
        // SAFETY: 1. mapped readable as long as this value is borrowed; 2. nobody writes: the caller's promise.
        unsafe { core::slice::from_raw_parts(base, self.len()) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY:
        // 1. The mapping was made by `part` and is this value's own.
        // 2. Whatever refers into it borrowed this value, so none is left.
        let unmapped = unsafe { call::region_unmap(Handle::NONE, self.address) };
        // A mapping that was revoked is gone already; its addresses are free all the same.
        if matches!(unmapped, Ok(()) | Err(Error::NotMapped)) {
            release(self.address, self.pages);
        }
    }
}

/// Read-only memory that its owner promised never to change: the system bundle.
///
/// The mapping lasts as long as the program. A handle that carries `WRITE` is refused with [`Error::InvalidArgument`]: such memory
/// is not constant.
pub fn map_constant(region: &Region, length: usize) -> Result<&'static [u8], Error> {
    if region.info()?.rights.contains(Rights::WRITE) {
        return Err(Error::InvalidArgument);
    }
    let mapping = Mapping::new(region, MapFlags::empty())?;
    if length > mapping.len() {
        return Err(Error::InvalidArgument);
    }
    let address = core::mem::ManuallyDrop::new(mapping).address;
    let base = core::ptr::with_exposed_provenance(address as usize);
    // SAFETY:
    // 1. The mapping is never removed by this program.
    // 2. The handle cannot write, and was made so by its owner: the kernel gives the bundle out without `WRITE` only, and
    //    rights never grow.
    Ok(unsafe { core::slice::from_raw_parts(base, length) })
}

/// Makes a region of zeroed RAM, charged to `quota`, and has `fill` write its first `filled` pages through a
/// mapping that is gone when this returns.
///
/// # Errors
/// The quota has no room for the region, or the own one none for the mapping.
pub fn filled_region(quota: Handle, pages: u64, filled: u64, fill: impl FnOnce(&mut [u8])) -> Result<Region, Error> {
    let region = call::region_create(quota, pages, RegionKind::Lazy).map(Region::from_raw)?;
    let flags = MapFlags::WRITE | MapFlags::POPULATE;
    let mapping = Mapping::part(&region, 0, filled, flags)?;
    let base = core::ptr::with_exposed_provenance_mut(mapping.address as usize);
    // SAFETY:
    // 1. Mapped writable until `mapping` is dropped, after `fill`.
    // 2. The region was just made and its handle has not left this function, so nobody else can see its memory.
    fill(unsafe { core::slice::from_raw_parts_mut(base, mapping.len()) });
    Ok(region)
}

/// Takes addresses for `pages`, with an unmapped page before and after.
pub(crate) fn reserve(pages: u64) -> Result<u64, Error> {
    let length = pages
        .checked_add(2)
        .and_then(|pages| pages.checked_mul(PAGE_SIZE))
        .filter(|_| pages > 0)
        .ok_or(Error::InvalidArgument)?;
    let address = ADDRESSES.lock().take(length).ok_or(Error::InvalidArgument)?;
    Ok(address + PAGE_SIZE)
}

/// Gives back what [`reserve`] took.
pub(crate) fn release(address: u64, pages: u64) {
    ADDRESSES.lock().give(address - PAGE_SIZE, (pages + 2) * PAGE_SIZE);
}
