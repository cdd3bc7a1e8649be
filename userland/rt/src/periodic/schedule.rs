//! When jobs are released: arithmetic without a clock.

use crate::time::{Duration, Instant};

/// How often a job is released, and how long after its release it must have ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// In ns, more than 0.
    period: u64,
    /// In ns, 1 to `period`.
    deadline: u64,
}

impl Timing {
    /// A period and a deadline relative to each release. `None` unless the period is more than 0 and the deadline more than 0 and at
    /// most the period.
    #[must_use]
    pub fn new(period: Duration, deadline: Duration) -> Option<Timing> {
        let period = u64::try_from(period.as_nanos()).ok()?;
        let deadline = u64::try_from(deadline.as_nanos()).ok()?;
        (1..=period).contains(&deadline).then_some(Timing { period, deadline })
    }

    /// Time between releases.
    #[must_use]
    pub const fn period(self) -> Duration {
        Duration::from_nanos(self.period)
    }

    /// Time from a release to its deadline.
    #[must_use]
    pub const fn deadline(self) -> Duration {
        Duration::from_nanos(self.deadline)
    }
}

/// One release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Job {
    /// Counts every release from 0, skipped ones too.
    pub number: u64,
    pub release: Instant,
    pub deadline: Instant,
}

/// The releases still to come: first, first + period, first + 2 periods ...
#[derive(Clone, Copy, Debug)]
pub(super) struct Releases {
    timing: Timing,
    next: u64,
    number: u64,
}

impl Releases {
    pub fn starting(timing: Timing, first: Instant) -> Releases {
        Releases { timing, next: first.as_nanoseconds(), number: 0 }
    }

    pub fn timing(&self) -> Timing {
        self.timing
    }

    /// When the next release is due.
    pub fn due(&self) -> Instant {
        Instant::from_nanoseconds(self.next)
    }

    /// The next release that is of any use at `now`, and how many before it are not: those whose deadline is over.
    pub fn take(&mut self, now: Instant) -> (Job, u64) {
        let Timing { period, deadline } = self.timing;
        let over = now.as_nanoseconds().checked_sub(self.next.saturating_add(deadline));
        let skipped = over.map_or(0, |late| late / period + 1);
        // Neither overflows before time does: what is skipped is in the past.
        self.next = self.next.saturating_add(skipped.saturating_mul(period));
        self.number = self.number.saturating_add(skipped);
        let release = self.due();
        let job = Job { number: self.number, release, deadline: release + self.timing.deadline() };
        self.next = self.next.saturating_add(period);
        self.number = self.number.saturating_add(1);
        (job, skipped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: fn(u64) -> Instant = Instant::from_nanoseconds;

    fn timing(period: u64, deadline: u64) -> Timing {
        Timing::new(Duration::from_nanos(period), Duration::from_nanos(deadline)).unwrap()
    }

    #[test]
    fn releases_do_not_drift() {
        let mut releases = Releases::starting(timing(100, 100), AT(1000));
        for number in 0..50 {
            // However late each job ends within its period, the next release stays where it is.
            let now = AT(1000 + number * 100 + number % 100);
            let (job, skipped) = releases.take(now);
            assert_eq!((job.number, skipped), (number, 0));
            assert_eq!(job.release, AT(1000 + number * 100));
            assert_eq!(job.deadline, AT(1100 + number * 100));
        }
    }

    #[test]
    fn a_release_is_taken_late_until_its_deadline() {
        let mut releases = Releases::starting(timing(100, 60), AT(0));
        let (job, skipped) = releases.take(AT(59));
        assert_eq!((job.number, job.release, skipped), (0, AT(0), 0));
        // Its deadline is 160: at that time it is of no use any more.
        let (job, skipped) = releases.take(AT(160));
        assert_eq!((job.number, job.release, skipped), (2, AT(200), 1));
    }

    #[test]
    fn releases_whose_deadline_is_over_are_skipped_and_the_phase_is_kept() {
        let mut releases = Releases::starting(timing(100, 100), AT(0));
        assert_eq!(releases.take(AT(0)).0.number, 0);
        // Those of 100 to 400 have deadlines up to 500.
        let (job, skipped) = releases.take(AT(550));
        assert_eq!((job.number, job.release, skipped), (5, AT(500), 4));
        let (job, skipped) = releases.take(AT(551));
        assert_eq!((job.number, job.release, skipped), (6, AT(600), 0));
    }

    #[test]
    fn the_end_of_time_is_no_panic() {
        let mut releases = Releases::starting(timing(u64::MAX, u64::MAX), AT(u64::MAX - 2));
        for _ in 0..3 {
            releases.take(AT(u64::MAX));
        }
        let mut releases = Releases::starting(timing(1, 1), AT(0));
        assert_eq!(releases.take(AT(u64::MAX)).1, u64::MAX);
        releases.take(AT(u64::MAX));
    }

    #[test]
    fn timings_that_make_no_sense_are_refused() {
        let new = |period, deadline| Timing::new(Duration::from_nanos(period), Duration::from_nanos(deadline));
        assert_eq!(new(0, 0), None);
        assert_eq!(new(10, 0), None);
        assert_eq!(new(10, 11), None);
        assert_eq!(Timing::new(Duration::MAX, Duration::from_nanos(1)), None);
        assert!(new(10, 10).is_some());
    }
}
