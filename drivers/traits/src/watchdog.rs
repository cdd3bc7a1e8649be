//! A watchdog: a timer in hardware that resets the machine unless it is fed in time.

use core::fmt;
use core::ops::RangeInclusive;
use serde::{Deserialize, Serialize};

/// What a watchdog's driver refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WatchdogError {
    /// The handle is for looking only.
    NotAllowed,
    /// The device has no such timeout: the least and the most that it has, in milliseconds.
    BadTimeout {
        /// Least.
        least: u32,
        /// Most.
        most: u32,
    },
    /// The device does not keep what it is told.
    Device,
}

impl fmt::Display for WatchdogError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WatchdogError::NotAllowed => formatter.write_str("not allowed"),
            WatchdogError::BadTimeout { least, most } => {
                write!(formatter, "the watchdog's timeout is from {least} to {most} milliseconds")
            }
            WatchdogError::Device => formatter.write_str("the watchdog does not keep what it is told"),
        }
    }
}

impl core::error::Error for WatchdogError {}

/// A device that resets the machine unless it is fed.
///
/// There is no way to stop it: a driver that begins anew finds it running, and goes on.
pub trait WatchdogTimer {
    /// The timeouts it has, in milliseconds.
    fn timeouts(&self) -> RangeInclusive<u32>;

    /// Whether it runs.
    fn is_running(&mut self) -> bool;

    /// Whether it has reset the machine since power-on, and nobody has said [`WatchdogTimer::forget_reset`] since.
    fn has_reset(&mut self) -> bool;

    /// Forgets that it has reset the machine.
    fn forget_reset(&mut self);

    /// Makes it run, if it does not yet: from now on the machine is reset so many milliseconds, one of [`WatchdogTimer::timeouts`], after the last feeding, or
    /// later by the device's resolution.
    ///
    /// # Errors
    /// [`WatchdogError::Device`].
    fn run(&mut self, timeout_ms: u32) -> Result<(), WatchdogError>;

    /// Begins the time anew.
    fn feed(&mut self);
}
