//! The time of day from the monotonic clock.

/// Nanoseconds in a second.
const SECOND: u64 = 1_000_000_000;

/// What to add to the time since boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WallClock {
    /// Nanoseconds since 1970-01-01 00:00 UTC at boot. Wraps when the clock is set to before it booted.
    boot: u64,
}

impl WallClock {
    /// A clock that reads `unix_seconds` when the time since boot is `monotonic` nanoseconds. `None` past the year 2554.
    #[must_use]
    pub fn from_seconds(unix_seconds: u64, monotonic: u64) -> Option<WallClock> {
        Some(Self::new(unix_seconds.checked_mul(SECOND)?, monotonic))
    }

    /// A clock that reads `unix` nanoseconds when the time since boot is `monotonic` nanoseconds.
    #[must_use]
    pub const fn new(unix: u64, monotonic: u64) -> WallClock {
        WallClock { boot: unix.wrapping_sub(monotonic) }
    }

    /// Nanoseconds since 1970-01-01 00:00 UTC when the time since boot is `monotonic` nanoseconds.
    #[must_use]
    pub const fn now(self, monotonic: u64) -> u64 {
        self.boot.wrapping_add(monotonic)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_on_from_what_it_was_set_to() {
        let clock = WallClock::from_seconds(1_700_000_000, 5 * SECOND).expect("before 2554");
        assert_eq!(clock.now(5 * SECOND), 1_700_000_000 * SECOND);
        assert_eq!(clock.now(7 * SECOND + 1), 1_700_000_002 * SECOND + 1);
    }

    #[test]
    fn may_be_set_to_before_it_booted() {
        let clock = WallClock::new(3, 10);
        assert_eq!((clock.now(10), clock.now(12)), (3, 5));
    }

    #[test]
    fn refuses_what_does_not_fit() {
        assert_eq!(WallClock::from_seconds(u64::MAX, 0), None);
    }
}
