//! The interface on a device.

use airox_api::Caller;
use airox_api::display::{Area, Display as Interface, DisplayError, Size};
use airox_driver_traits::display::Display;
use airox_sys::Region;

/// Lets the device use memory of others.
pub trait Memory {
    /// Lets it use this contiguous memory; returns the address by which the device names it, and its bytes.
    ///
    /// # Errors
    /// [`DisplayError::BadMemory`].
    fn map(&mut self, region: &Region) -> Result<(u64, u64), DisplayError>;

    /// It does not use it any more.
    fn unmap(&mut self, address: u64);
}

/// Serves a display.
#[derive(Debug)]
pub struct DisplayServer<D, M> {
    pub(crate) device: D,
    pub(crate) memory: M,
    /// Whose picture is shown, and where it is.
    shown: Option<(u64, u64)>,
    broken: bool,
}

impl<D: Display, M: Memory> DisplayServer<D, M> {
    /// Serves this one.
    pub const fn new(device: D, memory: M) -> DisplayServer<D, M> {
        DisplayServer { device, memory, shown: None, broken: false }
    }

    /// Whether the device must be reset before it is used again.
    pub const fn is_broken(&self) -> bool {
        self.broken
    }

    /// Remembers a failure of the device.
    fn done(&mut self, result: Result<(), DisplayError>) -> Result<(), DisplayError> {
        self.broken |= result.is_err();
        result
    }
}

impl<D: Display, M: Memory> Interface for DisplayServer<D, M> {
    fn size(&mut self, _caller: Caller) -> Result<Size, DisplayError> {
        Ok(self.device.size())
    }

    fn show(&mut self, caller: Caller, picture: Region) -> Result<(), DisplayError> {
        let (address, bytes) = self.memory.map(&picture)?;
        let size = self.device.size();
        if bytes < size.bytes() {
            self.memory.unmap(address);
            return Err(DisplayError::BadMemory);
        }
        let shown = self.device.show(address).and_then(|()| self.device.update(size.area()));
        // The device may use the memory of either now: none is given back before it has been reset.
        self.done(shown)?;
        if let Some((_, before)) = self.shown.replace((caller.badge, address)) {
            self.memory.unmap(before);
        }
        Ok(())
    }

    fn update(&mut self, caller: Caller, area: Area) -> Result<(), DisplayError> {
        if self.shown.is_none_or(|(owner, _)| owner != caller.badge) {
            return Err(DisplayError::NotShown);
        }
        if !self.device.size().has(area) {
            return Err(DisplayError::BadArea);
        }
        let updated = self.device.update(area);
        self.done(updated)
    }
}
