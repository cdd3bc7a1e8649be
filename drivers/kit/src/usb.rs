//! For the driver of an interface of a USB device: that interface.

use airox_api::CallError;
use airox_api::device::{DeviceClient, MAX_SUMMARY};
use airox_api::usb::{Description, Done, Setup, UsbClient, UsbError, UsbFunction};
use airox_rt::abi::layout::PAGE_SIZE;
use airox_rt::{MapFlags, Mapping, Region, RegionKind, Signal, Start};
use alloc::collections::VecDeque;
use alloc::rc::Rc;
use alloc::string::String;

use crate::{KitError, Shared};

/// An interface of a USB device.
pub struct Function {
    manager: Rc<DeviceClient>,
    bus: Rc<UsbClient>,
    description: Rc<Description>,
    done: VecDeque<Done>,
}

/// The controller's driver does not answer: then neither does the device.
fn gone(error: CallError<UsbError>) -> UsbError {
    match error {
        CallError::Service(error) => error,
        CallError::Kernel(error) => UsbError::Kernel(error as u32),
        _ => UsbError::Gone,
    }
}

impl Function {
    /// Takes the interface that this program was started for. `bits` of the signal are notified when a transfer is over, and when the device goes.
    ///
    /// # Errors
    /// [`KitError`]; [`UsbError::Gone`] if the device has.
    pub fn take(start: &'static Start, signal: &Signal, bits: u64) -> Result<Function, KitError> {
        let (manager, bus): (DeviceClient, UsbClient) = (start.connect()?, start.connect()?);
        let description = Rc::new(bus.open(signal, bits).map_err(|error| KitError::Usb(gone(error)))?);
        Ok(Function { manager: Rc::new(manager), bus: Rc::new(bus), description, done: VecDeque::new() })
    }

    /// The same interface once more, for memory and the device manager; transfers that are over come to one of them only.
    #[must_use]
    pub fn share(&self) -> Function {
        Function {
            manager: Rc::clone(&self.manager),
            bus: Rc::clone(&self.bus),
            description: Rc::clone(&self.description),
            done: VecDeque::new(),
        }
    }

    /// What it is.
    #[must_use]
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// Zeroed memory that transfers may use.
    ///
    /// # Errors
    /// There is none.
    pub fn memory(&self, bytes: usize) -> Result<Shared, KitError> {
        let region = Region::create_on(None, (bytes as u64).div_ceil(PAGE_SIZE), RegionKind::Contiguous)?;
        let mapping = Mapping::new(&region, MapFlags::WRITE)?;
        Ok(Shared { address: self.attach(&region)?, mapping })
    }

    /// Lets transfers use memory of others; returns the address of its first byte.
    ///
    /// # Errors
    /// It cannot be.
    pub fn attach(&self, region: &Region) -> Result<u64, KitError> {
        self.bus.attach(region).map_err(|error| KitError::Usb(gone(error)))
    }

    /// Transfers do not use the memory at that address any more.
    ///
    /// # Errors
    /// They do, or did not before.
    pub fn detach(&self, address: u64) -> Result<(), KitError> {
        self.bus.detach(address).map_err(|error| KitError::Usb(gone(error)))
    }

    /// Tells the device manager that the driver serves. A summary that is too long is cut: devices' names may be.
    ///
    /// # Errors
    /// [`KitError`].
    pub fn announce(&self, summary: &str, parts: &[String]) -> Result<(), KitError> {
        let summary = &summary[..summary.floor_char_boundary(MAX_SUMMARY)];
        Ok(self.manager.announce(summary, parts)?)
    }
}

impl UsbFunction for Function {
    fn transfer(&mut self, id: u32, endpoint: u8, address: u64, length: u32) -> Result<(), UsbError> {
        self.bus.transfer(id, endpoint, address, length).map_err(gone)
    }

    fn request(&mut self, id: u32, setup: Setup, address: u64) -> Result<(), UsbError> {
        self.bus.request(id, setup, address).map_err(gone)
    }

    fn recover(&mut self, id: u32, endpoint: u8) -> Result<(), UsbError> {
        self.bus.recover(id, endpoint).map_err(gone)
    }

    fn next_done(&mut self) -> Result<Option<Done>, UsbError> {
        if self.done.is_empty() {
            self.done.extend(self.bus.done().map_err(gone)?);
        }
        Ok(self.done.pop_front())
    }
}
