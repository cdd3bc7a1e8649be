//! The time of day.

use airox_api_macros::interface;
use serde::{Deserialize, Serialize};

/// What the clock refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClockError {
    /// The handle is a delegated one, which may not set the clock.
    NotAllowed,
    /// The device gives no valid time.
    Device,
    /// The time cannot be represented by the device.
    OutOfRange,
}

impl core::fmt::Display for ClockError {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.write_str(match self {
            ClockError::NotAllowed => "not allowed",
            ClockError::Device => "clock device failed",
            ClockError::OutOfRange => "time out of range",
        })
    }
}

/// The clock server.
#[interface(name = "clock")]
pub trait Clock {
    /// Nanoseconds since 1970-01-01 00:00 UTC.
    fn now() -> Result<u64, ClockError>;

    /// Sets the time, in nanoseconds since 1970-01-01 00:00 UTC. Refused through a delegated handle: programs only read.
    fn set(unix_ns: u64) -> Result<(), ClockError>;
}
