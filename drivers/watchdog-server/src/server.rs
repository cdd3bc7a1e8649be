//! The interface on a device.

use airox_api::Caller;
use airox_api::device::PART_SHIFT;
use airox_api::watchdog::{Watchdog, WatchdogError, WatchdogStatus};
use airox_driver_traits::watchdog::WatchdogTimer;

/// Serves a watchdog.
#[derive(Debug)]
pub struct WatchdogServer<T> {
    timer: T,
    clock: fn() -> u64,
    has_reset: bool,
    timeout_ms: Option<u32>,
    fed: u64,
    fed_at_ns: u64,
}

impl<T: WatchdogTimer> WatchdogServer<T> {
    /// Serves this one; `clock` gives nanoseconds since boot.
    pub fn new(mut timer: T, clock: fn() -> u64) -> WatchdogServer<T> {
        let has_reset = timer.has_reset();
        WatchdogServer { timer, clock, has_reset, timeout_ms: None, fed: 0, fed_at_ns: 0 }
    }
}

impl<T: WatchdogTimer> Watchdog for WatchdogServer<T> {
    fn status(&mut self, _caller: Caller) -> Result<WatchdogStatus, WatchdogError> {
        Ok(WatchdogStatus {
            running: self.timer.is_running(),
            timeout_ms: self.timeout_ms,
            fed: self.fed,
            fed_at_ns: self.fed_at_ns,
            has_reset: self.has_reset,
        })
    }

    fn feed(&mut self, caller: Caller, timeout_ms: u32) -> Result<(), WatchdogError> {
        // A part of the device, and with that mark a handle that was passed on, are for looking.
        if caller.badge >> PART_SHIFT != 0 {
            return Err(WatchdogError::NotAllowed);
        }
        let timeouts = self.timer.timeouts();
        if !timeouts.contains(&timeout_ms) {
            return Err(WatchdogError::BadTimeout { least: *timeouts.start(), most: *timeouts.end() });
        }
        if self.timeout_ms != Some(timeout_ms) {
            self.timer.run(timeout_ms)?;
            self.timer.forget_reset();
            self.timeout_ms = Some(timeout_ms);
        }
        self.timer.feed();
        self.fed += 1;
        self.fed_at_ns = (self.clock)();
        Ok(())
    }
}
