//! Memory that a device reads and writes by itself.

use crate::registers::{Registers, Width};
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::RefCell;

/// Contiguous memory that this program and a device share.
///
/// The device may change any of it at any time: what is read twice may differ, and what was written is not what will be read.
pub trait DmaMemory: Registers {
    /// The address by which the device names its first byte.
    fn device_address(&self) -> u64;
}

/// Memory in a host test, shared with the model of a device.
#[derive(Clone, Debug)]
pub struct ModelMemory {
    bytes: Rc<RefCell<Vec<u8>>>,
    address: u64,
}

impl ModelMemory {
    /// Zeroed memory that the device knows by this address.
    #[must_use]
    pub fn new(address: u64, length: usize) -> ModelMemory {
        ModelMemory { bytes: Rc::new(RefCell::new(alloc::vec![0; length])), address }
    }

    /// Its bytes, as the device sees them.
    #[must_use]
    pub fn bytes(&self) -> core::cell::RefMut<'_, Vec<u8>> {
        self.bytes.borrow_mut()
    }
}

impl Registers for ModelMemory {
    fn length(&self) -> usize {
        self.bytes.borrow().len()
    }

    fn read(&mut self, offset: usize, width: Width) -> u64 {
        let bytes = self.bytes.borrow();
        let place = bytes.get(offset..offset.saturating_add(width.bytes()));
        let mut value = [0; 8];
        match place {
            Some(place) => value[..place.len()].copy_from_slice(place),
            None => return width.nothing(),
        }
        u64::from_le_bytes(value)
    }

    fn write(&mut self, offset: usize, width: Width, value: u64) {
        let mut bytes = self.bytes.borrow_mut();
        if let Some(place) = bytes.get_mut(offset..offset.saturating_add(width.bytes())) {
            place.copy_from_slice(&value.to_le_bytes()[..width.bytes()]);
        }
    }
}

impl DmaMemory for ModelMemory {
    fn device_address(&self) -> u64 {
        self.address
    }
}
