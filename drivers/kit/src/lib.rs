//! What a driver that the device manager started finds: its device's registers, interrupts, and memory to share with the device.
//!
//! The device logic of a driver is a library over the traits of `airox-driver-traits`; its program takes everything real from here. So wiring a
//! driver takes a few lines: see `drivers/virtio-block/src/bin/virtio-block.rs`.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod usb;

mod alarm;
mod patience;

pub use alarm::Alarm;
pub use patience::InterruptPatience;

use airox_api::CallError;
use airox_api::device::{BusAddress, CONFIGURATION_BYTES, Child, Description, DeviceClient, DeviceError};
use airox_api::usb::UsbError;
use airox_driver_traits::dma::DmaMemory;
use airox_driver_traits::registers::{Bytes, Registers, Width};
use airox_rt::abi::layout::PAGE_SIZE;
use airox_rt::{Error, IoPorts, Irq, MapFlags, Mapping, PortRange, Region, RegionKind, Signal, Start, StartError};
use alloc::format;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// Why a driver cannot begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KitError {
    /// It was not given what it needs.
    Start(StartError),
    /// A system call failed.
    Kernel(Error),
    /// The device manager refused.
    Manager(DeviceError),
    /// The USB device or its controller's driver refused.
    Usb(UsbError),
    /// The device manager does not answer.
    NoManager,
}

impl fmt::Display for KitError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KitError::Start(error) => error.fmt(formatter),
            KitError::Kernel(error) => error.fmt(formatter),
            KitError::Manager(error) => write!(formatter, "the device manager refused: {error}"),
            KitError::Usb(error) => error.fmt(formatter),
            KitError::NoManager => formatter.write_str("the device manager does not answer"),
        }
    }
}

impl core::error::Error for KitError {}

impl From<StartError> for KitError {
    fn from(error: StartError) -> KitError {
        KitError::Start(error)
    }
}

impl From<Error> for KitError {
    fn from(error: Error) -> KitError {
        KitError::Kernel(error)
    }
}

impl From<CallError<DeviceError>> for KitError {
    fn from(error: CallError<DeviceError>) -> KitError {
        match error {
            CallError::Service(error) => KitError::Manager(error),
            CallError::Kernel(error) => KitError::Kernel(error),
            _ => KitError::NoManager,
        }
    }
}

/// Who lets a device use memory, and tells others that the device is served: the device manager, or a bus's driver.
pub trait DeviceHost {
    /// Zeroed memory that the device may use.
    ///
    /// # Errors
    /// There is none, or the device may not use any.
    fn memory(&self, bytes: usize) -> Result<Shared, KitError>;

    /// Lets the device use memory of others; returns the address by which requests name it.
    ///
    /// # Errors
    /// The device cannot or may not use it.
    fn map(&self, region: &Region) -> Result<u64, KitError>;

    /// The device does not use the memory at that address any more.
    ///
    /// # Errors
    /// It did not before.
    fn unmap(&self, address: u64) -> Result<(), KitError>;

    /// Tells the device manager that the driver serves.
    ///
    /// # Errors
    /// [`KitError`].
    fn announce(&self, summary: &str, parts: &[String]) -> Result<(), KitError>;
}

macro_rules! host {
    ($type:ty, $map:ident, $unmap:ident) => {
        impl $crate::DeviceHost for $type {
            fn memory(&self, bytes: usize) -> Result<$crate::Shared, $crate::KitError> {
                <$type>::memory(self, bytes)
            }

            fn map(&self, region: &airox_rt::Region) -> Result<u64, $crate::KitError> {
                <$type>::$map(self, region)
            }

            fn unmap(&self, address: u64) -> Result<(), $crate::KitError> {
                <$type>::$unmap(self, address)
            }

            fn announce(&self, summary: &str, parts: &[alloc::string::String]) -> Result<(), $crate::KitError> {
                <$type>::announce(self, summary, parts)
            }
        }
    };
}

host!(Device, map, unmap);
host!(usb::Function, attach, detach);

/// A driver's device.
pub struct Device {
    start: &'static Start,
    manager: Rc<DeviceClient>,
    description: Description,
    windows: Vec<(u8, u64, Rc<Mapping>)>,
}

impl Device {
    /// Takes everything the device manager gave this program, and maps the device's memory.
    ///
    /// # Errors
    /// [`KitError`].
    pub fn take(start: &'static Start) -> Result<Device, KitError> {
        let manager: DeviceClient = start.connect()?;
        let description = manager.describe()?;
        let mut windows = Vec::with_capacity(description.windows.len());
        for window in &description.windows {
            let region: Region = start.take(&window.handle_name())?;
            windows.push((window.bar, window.offset, Rc::new(Mapping::new(&region, MapFlags::WRITE)?)));
        }
        Ok(Device { start, manager: Rc::new(manager), description, windows })
    }

    /// A copy of its configuration space, as it was when the driver was started.
    #[must_use]
    pub fn configuration(&self) -> Bytes {
        Bytes(self.description.configuration.clone())
    }

    /// The registers of its configuration space that `[match]` of the driver's `component.toml` names, as they are now. All others read as all ones, and what
    /// is written there is lost.
    #[must_use]
    pub fn live_configuration(&self) -> Configuration {
        Configuration(Rc::clone(&self.manager))
    }

    /// `length` bytes of the memory behind a base address register, from byte `offset` on; `None` if the driver has not all of them.
    #[must_use]
    pub fn registers(&self, bar: u8, offset: u64, length: u64) -> Option<Mapped> {
        let end = offset.checked_add(length)?;
        let (_, start, mapping) = self
            .windows
            .iter()
            .find(|(index, start, mapping)| *index == bar && *start <= offset && end <= start + mapping.len() as u64)?;
        Some(Mapped { mapping: Rc::clone(mapping), offset: (offset - start) as usize, length: length as usize })
    }

    /// The ports behind a base address register, once; their registers count from its first (see `Registers`). `None` if the driver has none
    /// there: the register is memory, or firmware gave it no place.
    ///
    /// # Errors
    /// They have been taken already.
    pub fn ports(&self, bar: u8) -> Result<Option<PortRange>, KitError> {
        let Some(window) = self.description.ports.iter().find(|window| window.bar == bar) else { return Ok(None) };
        let authority: IoPorts = self.start.take(&window.handle_name())?;
        Ok(Some(PortRange::bind(authority, window.first, window.count)?))
    }

    /// Has the device's interrupt of this number notify `bits` of a signal. Dropping the result ends that. Each notification is to be acknowledged once the
    /// device has nothing to tell any more: one that is a line stays masked until then.
    ///
    /// # Errors
    /// The device has no such interrupt.
    pub fn interrupt(&self, number: u32, signal: &Signal, bits: u64) -> Result<Irq, KitError> {
        let irq: Irq = self.start.take(&format!("irq:{number}"))?;
        irq.bind(signal, bits)?;
        Ok(irq)
    }

    /// Zeroed memory that the device may use. The device must have been reset by now.
    ///
    /// # Errors
    /// There is no memory, or the device may not use any.
    pub fn memory(&self, bytes: usize) -> Result<Shared, KitError> {
        let region = Region::create_on(None, (bytes as u64).div_ceil(PAGE_SIZE), RegionKind::Contiguous)?;
        let mapping = Mapping::new(&region, MapFlags::WRITE)?;
        Ok(Shared { address: self.map(&region)?, mapping })
    }

    /// Lets the device use memory of others; returns the address by which the device names it.
    ///
    /// # Errors
    /// The device cannot or may not use it.
    pub fn map(&self, region: &Region) -> Result<u64, KitError> {
        Ok(self.manager.map(region)?)
    }

    /// The device does not use that memory any more.
    ///
    /// # Errors
    /// It did not before.
    pub fn unmap(&self, address: u64) -> Result<(), KitError> {
        Ok(self.manager.unmap(address)?)
    }

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> BusAddress {
        self.description.address
    }

    /// A bus's driver tells of a device there.
    ///
    /// # Errors
    /// The device manager does not take it.
    pub fn add_child(&self, child: &Child) -> Result<(), KitError> {
        Ok(self.manager.add_child(child)?)
    }

    /// A device there has gone.
    ///
    /// # Errors
    /// The device manager does not know it.
    pub fn remove_child(&self, key: u32) -> Result<(), KitError> {
        Ok(self.manager.remove_child(key)?)
    }

    /// Tells the device manager that the driver serves.
    ///
    /// # Errors
    /// [`KitError`].
    pub fn announce(&self, summary: &str, parts: &[String]) -> Result<(), KitError> {
        Ok(self.manager.announce(summary, parts)?)
    }
}

/// Registers of a device's configuration space, which the device manager has. Their widths are those that `component.toml` names.
pub struct Configuration(Rc<DeviceClient>);

impl Registers for Configuration {
    fn length(&self) -> usize {
        CONFIGURATION_BYTES
    }

    fn read(&mut self, offset: usize, width: Width) -> u64 {
        let value = u8::try_from(offset).ok().and_then(|offset| self.0.read_configuration(offset).ok());
        value.map_or(width.nothing(), u64::from)
    }

    fn write(&mut self, offset: usize, _width: Width, value: u64) {
        // Lost, as the trait says, where it is refused.
        let _ = u8::try_from(offset).map(|offset| self.0.write_configuration(offset, value as u32));
    }
}

/// A part of a device's memory.
#[derive(Clone, Debug)]
pub struct Mapped {
    mapping: Rc<Mapping>,
    offset: usize,
    length: usize,
}

impl Registers for Mapped {
    fn length(&self) -> usize {
        self.length
    }

    fn read(&mut self, offset: usize, width: Width) -> u64 {
        let window = self.mapping.window().part(self.offset, self.length);
        window.map_or(width.nothing(), |mut window| Registers::read(&mut window, offset, width))
    }

    fn write(&mut self, offset: usize, width: Width, value: u64) {
        if let Some(mut window) = self.mapping.window().part(self.offset, self.length) {
            Registers::write(&mut window, offset, width, value);
        }
    }
}

/// Memory of this driver that its device uses, too.
#[derive(Debug)]
pub struct Shared {
    mapping: Mapping,
    address: u64,
}

impl Registers for Shared {
    fn length(&self) -> usize {
        self.mapping.len()
    }

    fn read(&mut self, offset: usize, width: Width) -> u64 {
        Registers::read(&mut self.mapping.window(), offset, width)
    }

    fn write(&mut self, offset: usize, width: Width, value: u64) {
        Registers::write(&mut self.mapping.window(), offset, width, value);
    }
}

impl DmaMemory for Shared {
    fn device_address(&self) -> u64 {
        self.address
    }
}
