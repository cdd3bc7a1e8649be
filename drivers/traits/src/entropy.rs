//! A source of randomness.

use alloc::vec::Vec;
use core::fmt;
use serde::{Deserialize, Serialize};

use crate::queue::{Broken, Full};

/// Most bytes of one request.
pub const MAX_BYTES: u32 = 256;

/// Why there are no random bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntropyError {
    /// More than [`MAX_BYTES`], or none at all.
    BadCount,
    /// Too many requests wait.
    Busy,
}

impl fmt::Display for EntropyError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EntropyError::BadCount => write!(formatter, "a request is for 1 to {MAX_BYTES} bytes"),
            EntropyError::Busy => formatter.write_str("too many requests wait for random bytes"),
        }
    }
}

impl core::error::Error for EntropyError {}

/// A device that makes random bytes.
pub trait EntropySource {
    /// Asks for up to `count` bytes, at most [`MAX_BYTES`].
    ///
    /// # Errors
    /// [`Full`]: some must come first.
    fn ask(&mut self, count: u32) -> Result<(), Full>;

    /// Bytes that have come, at least one, in the order of asking.
    ///
    /// # Errors
    /// [`Broken`]: the device cannot be used any more until it is reset.
    fn next(&mut self) -> Result<Option<Vec<u8>>, Broken>;
}
