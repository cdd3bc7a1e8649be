//! Message-signalled interrupts: which kind a function has, and what is written where to let it send them.
//!
//! PCI Local Bus Specification 3.0, section 6.8. The table of MSI-X lies in the function's memory; the pages that hold it are not for the
//! driver, as who writes there can send any message.

use airox_driver_traits::pci::{capability, find_capability};
use airox_driver_traits::registers::Registers;
use alloc::vec::Vec;

const CONTROL: usize = 2;
/// MSI-X: enable, and mask all.
const X_ENABLE: u16 = 1 << 15;
const X_MASK_ALL: u16 = 1 << 14;
const X_COUNT: u16 = 0x7ff;
const X_TABLE: usize = 4;
const X_BAR: u32 = 7;
/// Bytes of an entry: address, upper address, data, control.
const X_ENTRY: usize = 16;
const ENABLE: u16 = 1 << 0;
/// How many messages are enabled, as a power of two.
const MULTIPLE: u16 = 7 << 4;
const WIDE: u16 = 1 << 7;

/// How a function interrupts by message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Messages {
    /// By a table in its memory.
    Table {
        /// The capability.
        capability: usize,
        /// The register whose memory holds the table.
        bar: u8,
        /// Where in it.
        offset: u32,
        /// Entries.
        count: u16,
    },
    /// By one message in configuration space.
    Single {
        /// The capability.
        capability: usize,
    },
}

impl Messages {
    /// What the function has; the table if it has both.
    pub fn read(function: &mut impl Registers) -> Option<Messages> {
        if let Some(capability) = find_capability(function, capability::MSI_X) {
            let table = function.read_u32(capability + X_TABLE);
            let count = (function.read_u16(capability + CONTROL) & X_COUNT) + 1;
            return Some(Messages::Table { capability, bar: (table & X_BAR) as u8, offset: table & !X_BAR, count });
        }
        find_capability(function, capability::MSI).map(|capability| Messages::Single { capability })
    }

    /// Most messages it can send.
    #[must_use]
    pub const fn count(&self) -> u32 {
        match self {
            Messages::Table { count, .. } => *count as u32,
            Messages::Single { .. } => 1,
        }
    }

    /// The bytes of the table in its register's memory.
    #[must_use]
    pub fn table(&self) -> Option<(u8, core::ops::Range<u64>)> {
        match *self {
            Messages::Table { bar, offset, count, .. } => {
                let start = u64::from(offset);
                Some((bar, start..start + u64::from(count) * X_ENTRY as u64))
            }
            Messages::Single { .. } => None,
        }
    }

    /// What to write to the table so that message n is `data[n]`, offsets counting from its beginning; none for a single message. Entries that are not named
    /// stay masked, as they are after a reset.
    #[must_use]
    pub fn entries(&self, address: u64, data: &[u32]) -> Vec<(usize, u32)> {
        if matches!(self, Messages::Single { .. }) {
            return Vec::new();
        }
        let entry = |(index, data): (usize, &u32)| {
            let at = index * X_ENTRY;
            [(at, address as u32), (at + 4, (address >> 32) as u32), (at + 8, *data), (at + 12, 0)]
        };
        data.iter().enumerate().flat_map(entry).collect()
    }

    /// Lets the function send; a single message is `data`.
    pub fn enable(&self, function: &mut impl Registers, address: u64, data: u32) {
        match *self {
            Messages::Table { capability, .. } => {
                let control = function.read_u16(capability + CONTROL);
                function.write_u16(capability + CONTROL, control & !X_MASK_ALL | X_ENABLE);
            }
            Messages::Single { capability } => {
                let control = function.read_u16(capability + CONTROL);
                function.write_u32(capability + 4, address as u32);
                let mut data_at = capability + 8;
                if control & WIDE != 0 {
                    function.write_u32(data_at, (address >> 32) as u32);
                    data_at += 4;
                }
                function.write_u16(data_at, data as u16);
                function.write_u16(capability + CONTROL, control & !MULTIPLE | ENABLE);
            }
        }
    }

    /// Lets it send no more.
    pub fn disable(&self, function: &mut impl Registers) {
        let (Messages::Table { capability, .. } | Messages::Single { capability }) = *self;
        let bit = if matches!(self, Messages::Table { .. }) { X_ENABLE } else { ENABLE };
        let control = function.read_u16(capability + CONTROL);
        function.write_u16(capability + CONTROL, control & !bit);
    }
}
