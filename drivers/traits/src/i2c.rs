//! Buses of the I2C family, SMBus among them: the traits are those of `embedded-hal`, so drivers of chips written for it work on any bus here.
//!
//! A bus implements [`I2c`]; one that cannot do a transaction in hardware, as SMBus hosts cannot do most, says [`I2cFault::Unsupported`].

use core::fmt;
use embedded_hal::i2c::{Error, ErrorKind, NoAcknowledgeSource};
use serde::{Deserialize, Serialize};

pub use embedded_hal::i2c::{ErrorType, I2c, Operation, SevenBitAddress};

/// Addresses that are nobody's: those below and above are reserved (I2C-bus specification, revision 7, section 3.1.12).
pub const ADDRESSES: core::ops::RangeInclusive<u8> = 0x08..=0x77;

/// Why a transaction was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum I2cFault {
    /// Nobody at that address, or who is there refused.
    NotAcknowledged,
    /// Another master was on the bus.
    ArbitrationLost,
    /// The bus or the device hung.
    Timeout,
    /// The transaction failed for another reason, or the controller makes no sense.
    Failed,
    /// The controller cannot do such transactions.
    Unsupported,
    /// The address is reserved.
    BadAddress,
}

impl fmt::Display for I2cFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            I2cFault::NotAcknowledged => "no device acknowledges",
            I2cFault::ArbitrationLost => "another master was on the bus",
            I2cFault::Timeout => "the bus does not answer in time",
            I2cFault::Failed => "the transaction failed",
            I2cFault::Unsupported => "the controller cannot do such a transaction",
            I2cFault::BadAddress => "the address is reserved",
        })
    }
}

impl core::error::Error for I2cFault {}

impl Error for I2cFault {
    fn kind(&self) -> ErrorKind {
        match self {
            I2cFault::NotAcknowledged => ErrorKind::NoAcknowledge(NoAcknowledgeSource::Unknown),
            I2cFault::ArbitrationLost => ErrorKind::ArbitrationLoss,
            I2cFault::Timeout | I2cFault::Failed => ErrorKind::Bus,
            I2cFault::Unsupported | I2cFault::BadAddress => ErrorKind::Other,
        }
    }
}
