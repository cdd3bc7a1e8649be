//! Devices are kept from memory that is not their drivers'.
//!
//! A function is confined from before its driver is started until it has ended; functions without drivers reach nothing at all. A request for
//! other memory is blocked by the unit, and told: one is a mistake, or what was still under way when a driver ended; a driver whose device goes on
//! is ended like one that accesses foreign memory itself.

use airox_abi::Error;
use airox_api::device::{BusAddress, DeviceError};
use airox_driver_traits::registers::Registers;
use airox_spawn::Kernel;
use airox_supervise::restart::End;
use airox_vt_d::{Fault, Source, TableMemory, Unit};
use alloc::vec::Vec;

use crate::manager::Manager;
use crate::platform::Platform;

/// So many blocked requests end a driver.
pub const MOST_TRESPASSES: u32 = 16;

/// A remapping unit.
pub trait Confinement {
    /// A function reaches nothing from now on but what is shown to it.
    ///
    /// # Errors
    /// The unit's.
    fn confine(&mut self, at: BusAddress) -> Result<(), airox_vt_d::Error>;

    /// A function reaches nothing any more.
    ///
    /// # Errors
    /// The unit's.
    fn release(&mut self, at: BusAddress) -> Result<(), airox_vt_d::Error>;

    /// Shows pages of memory to a function; returns the address by which it names them.
    ///
    /// # Errors
    /// The unit's.
    fn show(&mut self, at: BusAddress, physical: u64, pages: u64) -> Result<u64, airox_vt_d::Error>;

    /// Ends that.
    ///
    /// # Errors
    /// The unit's.
    fn hide(&mut self, at: BusAddress, address: u64) -> Result<(), airox_vt_d::Error>;

    /// The requests that were blocked since the last time, and whether there were more.
    fn blocked(&mut self) -> (Vec<Fault>, bool);
}

impl<R: Registers, D: TableMemory> Confinement for Unit<R, D> {
    fn confine(&mut self, at: BusAddress) -> Result<(), airox_vt_d::Error> {
        self.attach(source(at))
    }

    fn release(&mut self, at: BusAddress) -> Result<(), airox_vt_d::Error> {
        self.detach(source(at))
    }

    fn show(&mut self, at: BusAddress, physical: u64, pages: u64) -> Result<u64, airox_vt_d::Error> {
        self.map(source(at), physical, pages)
    }

    fn hide(&mut self, at: BusAddress, address: u64) -> Result<(), airox_vt_d::Error> {
        self.unmap(source(at), address)
    }

    fn blocked(&mut self) -> (Vec<Fault>, bool) {
        self.take_faults()
    }
}

fn source(at: BusAddress) -> Source {
    Source { bus: at.bus, function: at.device << 3 | at.function }
}

/// Confines a function whose driver is about to start.
pub(crate) fn confine(unit: &mut dyn Confinement, at: BusAddress, path: &str) -> Result<(), Error> {
    unit.confine(at).map_err(|error| {
        log::error!("{path} cannot be confined: {error}");
        Error::NoSuchResource
    })
}

/// Keeps a function from all memory.
pub(crate) fn release(unit: &mut dyn Confinement, at: BusAddress, path: &str) {
    match unit.release(at) {
        // Its driver never got so far, or was never to use memory.
        Ok(()) | Err(airox_vt_d::Error::NotAttached) => {}
        Err(error) => log::error!("{path} may still reach its former driver's memory: {error}"),
    }
}

impl<K: Kernel, P: Platform, W> Manager<'_, K, P, W> {
    /// Shows memory to a driver's device; returns the address by which it names it, which without confinement is the memory's own.
    pub(crate) fn show(&mut self, badge: u64, physical: u64, pages: u64) -> Result<u64, DeviceError> {
        let at = self.function_of(badge).ok_or(DeviceError::NotAllowed)?;
        let Some(unit) = self.platform.confinement() else { return Ok(physical) };
        unit.show(at, physical, pages).map_err(|error| match error {
            airox_vt_d::Error::Full => DeviceError::Full,
            _ => DeviceError::BadMemory,
        })
    }

    /// Ends what [`Manager::show`] began. If the unit does not do it, the device may still reach the memory, which is kept then.
    pub(crate) fn hide(&mut self, badge: u64, address: u64) -> Result<(), DeviceError> {
        let at = self.function_of(badge).ok_or(DeviceError::NotAllowed)?;
        let Some(unit) = self.platform.confinement() else { return Ok(()) };
        unit.hide(at, address).map_err(|_| DeviceError::BadMemory)
    }

    fn function_of(&self, badge: u64) -> Option<BusAddress> {
        let slot = &self.slots[self.index_of(badge)?];
        slot.found.function().map(|function| function.address)
    }

    /// Devices asked for memory that is not their drivers'.
    pub(crate) fn trespasses(&mut self) {
        let Some((faults, more)) = self.platform.confinement().map(Confinement::blocked) else { return };
        if more {
            log::warn!("devices were kept from memory more often than can be told");
        }
        for fault in faults {
            self.trespass(&fault);
        }
    }

    fn trespass(&mut self, fault: &Fault) {
        let verb = if fault.read { "read" } else { "write" };
        let owner = |at: BusAddress| source(at) == fault.source;
        let index = self.slots.iter().position(|slot| slot.found.function().is_some_and(|it| owner(it.address)));
        let Some(driving) = index.and_then(|index| self.slots[index].driving.as_mut()) else {
            let Source { bus, function } = fault.source;
            let at = BusAddress { bus, device: function >> 3, function: function & 7 };
            return log::warn!("{at} was kept from memory: it has no driver, and was to {verb} {:#x}", fault.address);
        };
        driving.trespasses += 1;
        // A device may do this as often as it likes; the log is for people.
        if driving.trespasses.is_power_of_two() {
            let (path, count) = (&driving.path, driving.trespasses);
            log::warn!(
                "{path} was kept from memory that is not its driver's: to {verb} {:#x} (number {count})",
                fault.address
            );
        }
        if driving.trespasses == MOST_TRESPASSES
            && let Some(index) = index
        {
            log::error!("`{}` is ended: its device does not keep to its memory", driving.name);
            self.ended(index, End::Faulted);
        }
    }
}
