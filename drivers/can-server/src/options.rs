//! The arguments that the programs of all CAN drivers have.

use core::fmt;

const DEFAULT_RATE: u32 = 500_000;
/// The fastest that the classic format allows (ISO 11898-2).
const MAX_RATE: u32 = 1_000_000;

/// An argument that is unknown or damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadOption;

impl fmt::Display for BadOption {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("unknown or damaged argument; a CAN driver has bit-rate=500000")
    }
}

impl core::error::Error for BadOption {}

/// Bits a second, by the program's arguments.
///
/// # Errors
/// [`BadOption`] for any that is not known.
pub fn bit_rate<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Result<u32, BadOption> {
    arguments.into_iter().try_fold(DEFAULT_RATE, |_, argument| {
        let rate = argument.strip_prefix("bit-rate=").and_then(|text| text.parse().ok());
        rate.filter(|rate| (1..=MAX_RATE).contains(rate)).ok_or(BadOption)
    })
}
