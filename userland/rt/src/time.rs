//! The time since boot, and sleeping.
//!
//! Reading the time is no system call: it comes from the TSC and the kernel's clock page.

use airox_sys::{Error, Signal, clock};
use core::ops::{Add, Sub};

pub use core::time::Duration;

/// The far end of time: `u64::MAX` would stop a timer instead of setting it.
const LAST: u64 = u64::MAX - 1;

/// A point in time since boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    /// Now.
    #[inline]
    #[must_use]
    pub fn now() -> Instant {
        Instant(clock::nanoseconds())
    }

    /// So many nanoseconds after boot.
    #[must_use]
    pub const fn from_nanoseconds(nanoseconds: u64) -> Instant {
        Instant(nanoseconds)
    }

    /// Nanoseconds since boot.
    #[must_use]
    pub const fn as_nanoseconds(self) -> u64 {
        self.0
    }

    /// The time since then; zero if that is in the future.
    #[must_use]
    pub fn elapsed(self) -> Duration {
        Instant::now() - self
    }
}

/// A point later; the far end of time if there is none.
impl Add<Duration> for Instant {
    type Output = Instant;

    fn add(self, duration: Duration) -> Instant {
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Instant(self.0.saturating_add(nanoseconds).min(LAST))
    }
}

/// The time between; zero if `earlier` is later.
impl Sub for Instant {
    type Output = Duration;

    fn sub(self, earlier: Instant) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// A signal of one's own to sleep on.
#[derive(Debug)]
pub struct Timer {
    signal: Signal,
}

impl Timer {
    /// Makes one; it costs a signal of the program's quota.
    pub fn new() -> Result<Timer, Error> {
        Signal::create().map(|signal| Timer { signal })
    }

    /// Sleeps until then.
    pub fn sleep_until(&self, deadline: Instant) -> Result<(), Error> {
        self.signal.set_timer(deadline.0, 1)?;
        self.signal.wait(1).map(drop)
    }

    /// Sleeps so long.
    pub fn sleep(&self, duration: Duration) -> Result<(), Error> {
        self.sleep_until(Instant::now() + duration)
    }
}

/// Sleeps so long, on a signal made for this once; a [`Timer`] is cheaper if it happens often.
pub fn sleep(duration: Duration) -> Result<(), Error> {
    Timer::new()?.sleep(duration)
}

#[cfg(test)]
mod tests {
    use super::{Duration, Instant};

    #[test]
    fn arithmetic_saturates() {
        let early = Instant::from_nanoseconds(5);
        let late = early + Duration::from_nanos(10);
        assert_eq!(late - early, Duration::from_nanos(10));
        assert_eq!(early - late, Duration::ZERO);
        assert_eq!((late + Duration::MAX).as_nanoseconds(), super::LAST);
    }
}
