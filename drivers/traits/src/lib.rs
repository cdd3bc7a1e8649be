//! What device logic needs from the machine, as traits, so that the same logic runs on real hardware and, in host tests,
//! against a model of the device.
//!
//! # Principles
//! - A trait says only what a driver needs; who may touch which device is decided by handles, not here.
//! - The unsafe floor, `in` and `out` instructions and volatile accesses, is in `airox-sys`.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod actuator;
pub mod block;
mod bound_ports;
pub mod can;
pub mod display;
pub mod dma;
pub mod entropy;
pub mod gpio;
pub mod i2c;
pub mod network;
pub mod patience;
pub mod pci;
pub mod queue;
pub mod registers;
pub mod sensor;
pub mod serial;
pub mod spi;
pub mod usb;
pub mod watchdog;

pub use bound_ports::BoundPorts;

/// Byte and word access to a device's x86 I/O ports. Port numbers are absolute (COM1's data register is `0x3f8`).
///
/// Reads take `&mut self`: reading a device register can change the device.
pub trait PortIo {
    /// Reads one byte.
    fn read_u8(&mut self, port: u16) -> u8;
    /// Writes one byte.
    fn write_u8(&mut self, port: u16, value: u8);
    /// Reads two bytes at once.
    fn read_u16(&mut self, port: u16) -> u16;
    /// Writes two bytes at once.
    fn write_u16(&mut self, port: u16, value: u16);
}

impl<P: PortIo + ?Sized> PortIo for &mut P {
    fn read_u8(&mut self, port: u16) -> u8 {
        (**self).read_u8(port)
    }

    fn write_u8(&mut self, port: u16, value: u8) {
        (**self).write_u8(port, value);
    }

    fn read_u16(&mut self, port: u16) -> u16 {
        (**self).read_u16(port)
    }

    fn write_u16(&mut self, port: u16, value: u16) {
        (**self).write_u16(port, value);
    }
}
