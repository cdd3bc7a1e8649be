//! A bus of the I2C family, such as SMBus: transactions with the devices on it.

use airox_api_macros::interface;
use alloc::string::String;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

pub use airox_driver_traits::i2c::{ADDRESSES, I2cFault};

/// Most bytes of one transaction, either way.
pub const MAX_BYTES: usize = 256;

/// What is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum I2cError {
    /// The transaction was not done.
    Bus(I2cFault),
    /// More than [`MAX_BYTES`].
    TooLong,
    /// Writing there could destroy a memory module: it is where they keep what they are.
    Protected,
}

impl core::fmt::Display for I2cError {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            I2cError::Bus(fault) => fault.fmt(formatter),
            I2cError::TooLong => formatter.write_str("too many bytes for one transaction"),
            I2cError::Protected => formatter.write_str("memory modules are not written to"),
        }
    }
}

impl core::error::Error for I2cError {}

impl From<I2cFault> for I2cError {
    fn from(fault: I2cFault) -> I2cError {
        I2cError::Bus(fault)
    }
}

/// A bus.
#[interface(name = "i2c")]
pub trait I2c {
    /// The controller, in a few words.
    fn model() -> Result<String, I2cError>;

    /// Whether a device answers at an address, found out in the way that harms the least.
    fn probe(address: u8) -> Result<bool, I2cError>;

    /// Writes some bytes to a device, then reads `count` from it, in one transaction; either may be none. What a controller can do of this is its
    /// driver's to say: an SMBus host writes at most three bytes, or reads at most two after
    /// one.
    fn transfer(address: u8, write: &[u8], count: u32) -> Result<Vec<u8>, I2cError>;
}
