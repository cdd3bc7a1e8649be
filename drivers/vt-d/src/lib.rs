//! DMA remapping by Intel VT-d: each PCI function reaches the memory that was mapped for it, and no other.
//!
//! Section numbers are those of Intel's "Virtualization Technology for Directed I/O", architecture specification, revision 3.3. The unit stands
//! between devices and memory. A root table names a context table for each bus; a context table names, for each function, a tree of page
//! tables. A function without a context, and an address without a page, are blocked and recorded as faults. So nothing has to be taken away:
//! with empty tables no device reaches anything.
//!
//! Device addresses are chosen here, from 1 MiB on and below 4 GiB whatever the memory's own address is: a device that knows 32 bits reaches all
//! memory, and nobody learns where memory lies. The unit leaves interrupts alone: a device can still send any message to any
//! processor (interrupt remapping, section 5, is not used).
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod domain;
mod fault;
mod frames;
mod registers;
mod tables;
#[cfg(test)]
mod tests;
mod unit;

pub use fault::Fault;
pub use frames::{FRAME_BYTES, TableMemory};
pub use unit::Unit;

use core::fmt;

/// Bytes of registers that are used; a unit whose registers lie farther apart is refused.
pub const REGISTER_BYTES: usize = 4096;

/// Which function a request comes from: bus, device and function as PCI Express numbers them (section 3.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source {
    /// Bus.
    pub bus: u8,
    /// Device (5 bits) and function (3 bits).
    pub function: u8,
}

impl Source {
    /// Its place in a context table and in the root table.
    const fn places(self) -> (usize, usize) {
        (self.bus as usize, self.function as usize)
    }
}

/// What does not work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// It knows neither three nor four levels of page tables, or its registers are out of reach.
    Unsupported,
    /// It does not do what it is told.
    NoAnswer,
    /// No memory for tables, no number for another domain, or no addresses.
    Full,
    /// The function has no domain.
    NotAttached,
    /// The function has a domain already.
    Attached,
    /// Nothing is mapped at this address.
    NotMapped,
    /// Memory that does not begin at a page, or is none.
    BadMemory,
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Error::Unsupported => "it knows no page tables that are driven",
            Error::NoAnswer => "it does not answer",
            Error::Full => "no room for another mapping",
            Error::NotAttached => "the device has no domain",
            Error::Attached => "the device has a domain already",
            Error::NotMapped => "nothing is mapped there",
            Error::BadMemory => "the memory is not whole pages",
        })
    }
}

impl core::error::Error for Error {}
