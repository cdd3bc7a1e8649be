//! The configuration space of a PCI function: header and capabilities.
//!
//! Offsets and fields are those of the PCI Local Bus Specification 3.0, chapter 6, and the PCI Express Base Specification, chapter 7.
//! What a function says of itself is hostile input: every walk is bounded, and an offset outside reads as all ones.

use crate::registers::{Registers, Width};
use alloc::vec::Vec;
use core::fmt;
use serde::{Deserialize, Serialize};

/// Bytes of a function's configuration space in ECAM.
pub const FUNCTION_BYTES: usize = 4096;
/// Capabilities that fit between the header and byte 256, one every four bytes; a longer list goes in a circle.
const MAX_CAPABILITIES: usize = 48;

/// Where a function is: PCI segment 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BusAddress {
    /// Bus.
    pub bus: u8,
    /// Device, 0 to 31.
    pub device: u8,
    /// Function, 0 to 7.
    pub function: u8,
}

impl fmt::Display for BusAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:02x}:{:02x}.{}", self.bus, self.device, self.function)
    }
}

/// Configuration space of all functions. Where none is, all ones are read and what is written is lost.
pub trait ConfigurationSpace {
    /// Reads one register of a function.
    fn read(&mut self, at: BusAddress, offset: usize, width: Width) -> u64;
    /// Writes one register of a function.
    fn write(&mut self, at: BusAddress, offset: usize, width: Width, value: u64);

    /// One function's.
    fn function(&mut self, at: BusAddress) -> FunctionSpace<'_, Self> {
        FunctionSpace { space: self, at }
    }
}

/// Configuration space of one function.
#[derive(Debug)]
pub struct FunctionSpace<'a, S: ?Sized> {
    space: &'a mut S,
    at: BusAddress,
}

impl<S: ConfigurationSpace + ?Sized> Registers for FunctionSpace<'_, S> {
    fn length(&self) -> usize {
        FUNCTION_BYTES
    }

    fn read(&mut self, offset: usize, width: Width) -> u64 {
        self.space.read(self.at, offset, width)
    }

    fn write(&mut self, offset: usize, width: Width, value: u64) {
        self.space.write(self.at, offset, width, value);
    }
}

/// Registers of the header, by their offset.
pub mod register {
    /// Vendor, 16 bits; all ones where no function is.
    pub const VENDOR: usize = 0x00;
    /// Device, 16 bits.
    pub const DEVICE: usize = 0x02;
    /// Command, 16 bits: [`super::command`].
    pub const COMMAND: usize = 0x04;
    /// Status, 16 bits.
    pub const STATUS: usize = 0x06;
    /// Revision, programming interface, subclass, class, one byte each.
    pub const CLASS: usize = 0x08;
    /// Header type, 8 bits; bit 7: the device has several functions.
    pub const HEADER_TYPE: usize = 0x0e;
    /// First base address register.
    pub const BAR_0: usize = 0x10;
    /// Subsystem vendor, 16 bits.
    pub const SUBSYSTEM_VENDOR: usize = 0x2c;
    /// First capability, 8 bits.
    pub const CAPABILITIES: usize = 0x34;
    /// Interrupt pin, 8 bits: 1 to 4, or 0 for none.
    pub const INTERRUPT_PIN: usize = 0x3d;
    /// Of a bridge: secondary bus, 8 bits.
    pub const SECONDARY_BUS: usize = 0x19;
    /// Of a bridge: the highest bus behind it, 8 bits.
    pub const SUBORDINATE_BUS: usize = 0x1a;
    /// Of a bridge: memory base, then limit, 16 bits each, in units of 64 KiB.
    pub const MEMORY_WINDOW: usize = 0x20;
    /// Of a bridge: prefetchable memory base, then limit, likewise.
    pub const PREFETCHABLE_WINDOW: usize = 0x24;
    /// Of a bridge: upper 32 bits of the prefetchable base, then of the limit.
    pub const PREFETCHABLE_UPPER: usize = 0x28;
}

/// Bits of the command register.
pub mod command {
    /// Answers to its I/O ports.
    pub const IO: u16 = 1 << 0;
    /// Answers to its memory.
    pub const MEMORY: u16 = 1 << 1;
    /// May read and write memory by itself, and send message-signalled interrupts.
    pub const BUS_MASTER: u16 = 1 << 2;
    /// Does not pull its interrupt line.
    pub const NO_LINE: u16 = 1 << 10;
}

/// Bit of the status register: there is a list of capabilities.
const STATUS_CAPABILITIES: u16 = 1 << 4;

/// Capability identifiers.
pub mod capability {
    /// Message-signalled interrupts.
    pub const MSI: u8 = 0x05;
    /// The vendor's own; virtio's registers are told by these.
    pub const VENDOR: u8 = 0x09;
    /// PCI Express.
    pub const EXPRESS: u8 = 0x10;
    /// Message-signalled interrupts by a table in memory.
    pub const MSI_X: u8 = 0x11;
}

/// One capability.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capability {
    /// What it is.
    pub id: u8,
    /// Where it begins.
    pub offset: usize,
}

/// A function's capabilities, in the order of its list. The walk ends at the first pointer that makes no sense.
pub fn capabilities(configuration: &mut impl Registers) -> Vec<Capability> {
    let mut found = Vec::new();
    if configuration.read_u16(register::STATUS) & STATUS_CAPABILITIES == 0 {
        return found;
    }
    let mut offset = usize::from(configuration.read_u8(register::CAPABILITIES) & !3);
    while offset >= 0x40 && found.len() < MAX_CAPABILITIES {
        found.push(Capability { id: configuration.read_u8(offset), offset });
        offset = usize::from(configuration.read_u8(offset + 1) & !3);
    }
    found
}

/// The first capability of a kind.
pub fn find_capability(configuration: &mut impl Registers, id: u8) -> Option<usize> {
    capabilities(configuration).into_iter().find(|capability| capability.id == id).map(|capability| capability.offset)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registers::Bytes;

    fn function() -> Bytes {
        let mut bytes = Bytes(alloc::vec![0; 256]);
        bytes.write_u16(register::STATUS, STATUS_CAPABILITIES);
        bytes.write_u8(register::CAPABILITIES, 0x43);
        bytes.write_u16(0x40, u16::from_le_bytes([capability::MSI_X, 0x50]));
        bytes.write_u16(0x50, u16::from_le_bytes([capability::VENDOR, 0]));
        bytes
    }

    #[test]
    fn the_list_is_walked() {
        let mut function = function();
        let offsets: Vec<_> = capabilities(&mut function).iter().map(|it| (it.id, it.offset)).collect();
        assert_eq!(offsets, [(capability::MSI_X, 0x40), (capability::VENDOR, 0x50)]);
        assert_eq!(find_capability(&mut function, capability::VENDOR), Some(0x50));
        assert_eq!(find_capability(&mut function, capability::MSI), None);
        function.write_u16(register::STATUS, 0);
        assert!(capabilities(&mut function).is_empty());
    }

    #[test]
    fn circles_and_pointers_into_the_header_end_it() {
        let mut circle = function();
        circle.write_u8(0x51, 0x40);
        assert_eq!(capabilities(&mut circle).len(), MAX_CAPABILITIES);
        let mut header = function();
        header.write_u8(0x41, 0x10);
        assert_eq!(capabilities(&mut header).len(), 1);
        // A function that is gone reads as all ones.
        let mut gone = Bytes(alloc::vec![0xff; 256]);
        assert_eq!(capabilities(&mut gone).len(), MAX_CAPABILITIES);
        assert!(capabilities(&mut Bytes(Vec::new())).len() <= MAX_CAPABILITIES);
    }
}
