//! A serial line: bytes both ways.
//!
//! A line is nobody's in particular: who reads takes what came from all others. Bytes that nobody reads wait, and beyond what a driver keeps they wait in the
//! device, or at the line's other end.

use airox_api_macros::interface;
use serde::{Deserialize, Serialize};

pub use airox_driver_traits::serial::LineErrors;

/// What a line's driver refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SerialError {
    /// Too many calls wait for the line.
    Busy,
    /// Nothing came in time.
    TimedOut,
    /// The lease could not be accessed.
    BadBuffer,
}

impl core::fmt::Display for SerialError {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.write_str(match self {
            SerialError::Busy => "too many calls wait for the line",
            SerialError::TimedOut => "nothing came in time",
            SerialError::BadBuffer => "buffer not accessible",
        })
    }
}

impl core::error::Error for SerialError {}

/// A serial line.
#[interface(name = "serial")]
pub trait Serial {
    /// Sends bytes, each call's without others in between; answers when the device has taken all of them.
    #[deferred]
    fn write(bytes: &[u8]) -> Result<u32, SerialError>;

    /// Takes what came, at least one byte and at most the buffer; waits for it so many nanoseconds. Returns how many bytes.
    #[deferred]
    fn read(bytes: &mut [u8], patience_ns: u64) -> Result<u32, SerialError>;

    /// What went wrong on the line since its driver was started.
    fn errors() -> Result<LineErrors, SerialError>;
}
