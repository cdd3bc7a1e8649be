//! A watchdog: it resets the machine unless it is fed in time.
//!
//! Whoever may open the device feeds it; whoever may open its part [`STATE`] only, looks at it.

use airox_api_macros::interface;
use serde::{Deserialize, Serialize};

pub use airox_driver_traits::watchdog::WatchdogError;

/// The part of a watchdog that is for looking only.
pub const STATE: &str = "state";

/// How a watchdog is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchdogStatus {
    /// Whether it runs; it cannot be stopped then.
    pub running: bool,
    /// How long after the last feeding the machine is reset, in milliseconds; `None` if its driver has not been told since it was started.
    pub timeout_ms: Option<u32>,
    /// How often it was fed since its driver was started.
    pub fed: u64,
    /// Nanoseconds since boot when it was fed last, 0 if it was not.
    pub fed_at_ns: u64,
    /// Whether it was this watchdog that reset the machine last.
    pub has_reset: bool,
}

/// A watchdog.
#[interface(name = "watchdog")]
pub trait Watchdog {
    /// How it is.
    fn status() -> Result<WatchdogStatus, WatchdogError>;

    /// Feeds it: unless that happens again within so many milliseconds, the machine is reset. The first time makes it run.
    fn feed(timeout_ms: u32) -> Result<(), WatchdogError>;
}
