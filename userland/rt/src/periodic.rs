//! Threads that do a job again and again, in step with time.
//!
//! ```no_run
//! # fn main() -> Result<(), airox_rt::Error> {
//! use airox_rt::periodic::{Periodic, Timing};
//! use airox_rt::time::Duration;
//!
//! let timing = Timing::new(Duration::from_millis(10), Duration::from_millis(4));
//! let mut periodic = Periodic::new(timing.expect("a deadline within the period"))?;
//! loop {
//!     let release = periodic.wait()?;
//!     if release.missed || release.skipped > 0 {
//!         log::warn!("job {}: the one before took too long", release.number);
//!     }
//!     // the job: read sensors, compute, command motors
//! }
//! # }
//! ```
//!
//! # Principles
//! - **Releases are absolute**: the first one and the period fix all others for ever, however late a job starts or ends. Nothing drifts.
//! - **A release is worth its deadline.** If a job takes so long that the next release is due, that one is taken at once, late; releases
//!   whose deadline is over are skipped and counted, never run in a burst.
//! - **A late job is told, not hidden**: by [`Release`] to the thread itself, by a signal to a supervisor while the job still
//!   hangs ([`Periodic::watch_deadlines`]), by [`Statistics`] to whoever asks afterwards.
//! - What a job may use is said by its budget; a period here needs no budget, but only a budget makes it safe for others.

mod schedule;
mod statistics;

use crate::time::{Duration, Instant};
use airox_sys::{Error, Handle, Signal, call, clock};
use alloc::boxed::Box;
pub use schedule::Timing;
use schedule::{Job, Releases};
pub use statistics::{Histogram, Statistics};

/// The one bit of a periodic thread's own signal.
const RELEASE_BIT: u64 = 1;

/// What [`Periodic::wait`] woke up to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Release {
    /// Counts every release from 0, skipped ones too.
    pub number: u64,
    /// When it was due.
    pub time: Instant,
    /// When its job must have ended.
    pub deadline: Instant,
    /// How much later than due the thread went on.
    pub lateness: Duration,
    /// Releases skipped since the one before.
    pub skipped: u64,
    /// Whether the job before ended after its deadline.
    pub missed: bool,
}

/// A job that has been released and not completed.
#[derive(Clone, Copy, Debug)]
struct Running {
    job: Job,
    lateness: Duration,
    processor_time: u64,
}

/// The releases of one thread, and what became of its jobs.
#[derive(Debug)]
pub struct Periodic {
    timer: Signal,
    releases: Releases,
    running: Option<Running>,
    missed: bool,
    watcher: Option<(Signal, u64)>,
    statistics: Box<Statistics>,
}

impl Periodic {
    /// The first release is one period from now. It costs a signal of the program's quota.
    pub fn new(timing: Timing) -> Result<Periodic, Error> {
        Periodic::starting(timing, Instant::now() + timing.period())
    }

    /// The first release is at `first`, so that several threads can agree on their phases.
    pub fn starting(timing: Timing, first: Instant) -> Result<Periodic, Error> {
        Ok(Periodic {
            timer: Signal::create()?,
            releases: Releases::starting(timing, first),
            running: None,
            missed: false,
            watcher: None,
            statistics: Box::default(),
        })
    }

    /// Period and deadline.
    #[must_use]
    pub fn timing(&self) -> Timing {
        self.releases.timing()
    }

    /// Has `bits` of `signal` (`RECEIVE`) notified when a job has not ended at its deadline, at that very moment: for a supervisor that waits
    /// for them. The signal's timer belongs to this thread from now on.
    pub fn watch_deadlines(&mut self, signal: Signal, bits: u64) {
        self.watcher = Some((signal, bits));
    }

    /// Completes the job, if [`Periodic::complete`] did not, and sleeps until the next release that is of use.
    pub fn wait(&mut self) -> Result<Release, Error> {
        self.complete()?;
        let now = Instant::now();
        let (job, skipped) = self.releases.take(now);
        self.statistics.skipped += skipped;
        if job.release > now {
            self.timer.set_timer(job.release.as_nanoseconds(), RELEASE_BIT)?;
            self.timer.wait(RELEASE_BIT)?;
        }
        let lateness = Instant::now() - job.release;
        if let Some((signal, bits)) = &self.watcher {
            signal.set_timer(job.deadline.as_nanoseconds(), *bits)?;
        }
        self.running = Some(Running { job, lateness, processor_time: processor_time()? });
        Ok(Release {
            number: job.number,
            time: job.release,
            deadline: job.deadline,
            lateness,
            skipped,
            missed: core::mem::take(&mut self.missed),
        })
    }

    /// The job has ended: its time and its deadline are accounted now. What the thread does until it waits again is not the job's.
    pub fn complete(&mut self) -> Result<(), Error> {
        let Some(Running { job, lateness, processor_time: before }) = self.running.take() else {
            return Ok(());
        };
        let used = nanoseconds(processor_time()?.wrapping_sub(before));
        let now = Instant::now();
        if let Some((signal, _)) = &self.watcher {
            signal.stop_timer()?;
        }
        self.missed = now > job.deadline;
        let statistics = &mut *self.statistics;
        statistics.jobs += 1;
        statistics.misses += u64::from(self.missed);
        statistics.overruns += u64::from(now > self.releases.due());
        statistics.lateness.record(lateness);
        statistics.execution.record(Duration::from_nanos(used));
        statistics.response.record(now - job.release);
        Ok(())
    }

    /// About all jobs completed so far.
    #[must_use]
    pub fn statistics(&self) -> &Statistics {
        &self.statistics
    }

    /// Forgets what is known so far, for instance after a warm-up.
    pub fn forget(&mut self) {
        *self.statistics = Statistics::default();
    }
}

/// Processor time this thread has used, in ticks.
fn processor_time() -> Result<u64, Error> {
    call::thread_info(Handle::NONE).map(|info| info.cpu_ticks)
}

fn nanoseconds(ticks: u64) -> u64 {
    let nanoseconds = u128::from(ticks) * 1_000_000_000;
    let per_second = u128::from(clock::ticks_per_second().max(1));
    u64::try_from(nanoseconds / per_second).unwrap_or(u64::MAX)
}
