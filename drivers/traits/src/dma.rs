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

    /// Copies bytes out, from a multiple of 8 on; those outside are all ones.
    fn copy_out(&mut self, offset: usize, bytes: &mut [u8]) {
        for (index, piece) in bytes.chunks_mut(8).enumerate() {
            let at = offset + 8 * index;
            if piece.len() == 8 {
                piece.copy_from_slice(&self.read_u64(at).to_le_bytes());
            } else {
                (at..).zip(piece).for_each(|(at, byte)| *byte = self.read_u8(at));
            }
        }
    }

    /// Copies bytes in, from a multiple of 8 on; those outside are lost.
    fn copy_in(&mut self, offset: usize, bytes: &[u8]) {
        for (index, piece) in bytes.chunks(8).enumerate() {
            let at = offset + 8 * index;
            match <[u8; 8]>::try_from(piece) {
                Ok(whole) => self.write_u64(at, u64::from_le_bytes(whole)),
                Err(_) => (at..).zip(piece).for_each(|(at, byte)| self.write_u8(at, *byte)),
            }
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_copied_whatever_their_number() {
        for length in [0, 1, 7, 8, 9, 23] {
            let mut memory = ModelMemory::new(0, 40);
            let bytes: Vec<u8> = (1..=length).collect();
            memory.copy_in(8, &bytes);
            let mut back = alloc::vec![0; bytes.len()];
            memory.copy_out(8, &mut back);
            assert_eq!(back, bytes);
            assert!(memory.bytes()[8 + bytes.len()..].iter().all(|byte| *byte == 0));
        }
        let mut memory = ModelMemory::new(0, 12);
        memory.copy_in(8, &[1; 9]);
        let mut back = [0; 16];
        memory.copy_out(0, &mut back);
        assert_eq!(back[8..], [0xff; 8]);
    }
}
