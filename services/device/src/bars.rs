//! Base address registers: where a function's memory and ports are, and how long.
//!
//! PCI Local Bus Specification 3.0, section 6.2.5.1. A register's size shows by writing all ones: what can be moved comes back. While that
//! goes on the function must not answer, so its decoders are off.

use airox_driver_traits::pci::{command, register};
use airox_driver_traits::registers::Registers;
use alloc::vec::Vec;
use core::ops::Range;

/// Registers of a function that is no bridge.
const REGISTERS: u8 = 6;
const IO_SPACE: u32 = 1;
const TYPE_MASK: u32 = 3 << 1;
const TYPE_64: u32 = 2 << 1;
const PREFETCHABLE: u32 = 1 << 3;
const MEMORY_MASK: u64 = !0xf;
/// A PC has 64 Ki ports; a function asks for at most 256 by one register.
const PORT_MASK: u32 = 0xfffc;

/// A range of memory or ports that a function answers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bar {
    /// Number of the register; a 64-bit one also takes the next.
    pub index: u8,
    /// Whether it is a range of ports.
    pub ports: bool,
    /// Physical address or first port, 0 if it has been given none.
    pub address: u64,
    /// Bytes or ports, a power of two.
    pub length: u64,
    /// Whether it takes two registers.
    pub wide: bool,
    /// Whether reads have no side effects.
    pub prefetchable: bool,
}

impl Bar {
    /// Where it is, if it has been given a place that exists.
    #[must_use]
    pub fn range(&self) -> Option<Range<u64>> {
        let end = self.address.checked_add(self.length)?;
        (self.address != 0).then_some(self.address..end)
    }

    /// Gives it another address.
    pub fn place(&mut self, function: &mut impl Registers, address: u64) {
        let offset = register::BAR_0 + 4 * usize::from(self.index);
        function.write_u32(offset, address as u32);
        if self.wide {
            function.write_u32(offset + 4, (address >> 32) as u32);
        }
        self.address = address;
    }
}

/// The ranges of a function. `count` is the number of its registers: 6, or 2 for a bridge.
pub fn read(function: &mut impl Registers, count: u8) -> Vec<Bar> {
    let decoders = function.read_u16(register::COMMAND);
    function.write_u16(register::COMMAND, decoders & !(command::IO | command::MEMORY));
    let mut bars = Vec::new();
    let mut index = 0;
    while index < count.min(REGISTERS) {
        let (bar, taken) = read_one(function, index, count);
        bars.extend(bar);
        index += taken;
    }
    function.write_u16(register::COMMAND, decoders);
    bars
}

/// Where the memory behind one register begins, without changing anything; `None` for ports and for what has no place. The upper half of a wide one
/// before it gives an address that means nothing, which is as good as any other.
pub fn start(function: &mut impl Registers, index: u8) -> Option<u64> {
    let offset = register::BAR_0 + 4 * usize::from(index);
    let low = function.read_u32(offset);
    let wide = low & TYPE_MASK == TYPE_64 && index + 1 < REGISTERS;
    let high = if wide { function.read_u32(offset + 4) } else { 0 };
    let address = (u64::from(high) << 32 | u64::from(low)) & MEMORY_MASK;
    (low & IO_SPACE == 0 && address != 0).then_some(address)
}

/// One register, and how many it takes.
fn read_one(function: &mut impl Registers, index: u8, count: u8) -> (Option<Bar>, u8) {
    let offset = register::BAR_0 + 4 * usize::from(index);
    let (low, low_mask) = probe(function, offset);
    if low & IO_SPACE != 0 {
        let (address, movable) = (u64::from(low & PORT_MASK), low_mask & PORT_MASK);
        let bar = Bar {
            index,
            ports: true,
            address,
            length: 1 << movable.trailing_zeros(),
            wide: false,
            prefetchable: false,
        };
        return (Some(bar).filter(|_| movable != 0), 1);
    }
    let wide = low & TYPE_MASK == TYPE_64 && index + 1 < count;
    let (high, high_mask) = if wide { probe(function, offset + 4) } else { (0, u32::MAX) };
    let join = |high: u32, low: u32| u64::from(high) << 32 | u64::from(low);
    let movable = join(high_mask, low_mask) & MEMORY_MASK;
    let taken = if wide { 2 } else { 1 };
    if low_mask == 0 || movable == 0 {
        return (None, taken);
    }
    let length = 1 << movable.trailing_zeros();
    let address = join(high, low) & MEMORY_MASK;
    let prefetchable = low & PREFETCHABLE != 0;
    (Some(Bar { index, ports: false, address, length, wide, prefetchable }), taken)
}

/// What a register holds, and which of its bits can be set.
fn probe(function: &mut impl Registers, offset: usize) -> (u32, u32) {
    let value = function.read_u32(offset);
    function.write_u32(offset, u32::MAX);
    let mask = function.read_u32(offset);
    function.write_u32(offset, value);
    (value, mask)
}
