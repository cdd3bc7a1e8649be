//! Whether there is a reading, and if not, why.

use airox_driver_traits::sensor::{Quality, Reading, SensorError, Statistics};
use alloc::vec::Vec;
use core::mem::{Discriminant, discriminant};

/// What went wrong with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Its checksum.
    Checksum,
    /// What it says cannot be.
    Malformed,
    /// The device reported an error.
    Device,
}

type Kind = Option<Discriminant<SensorError>>;

/// The latest reading and how long ago anything was heard.
#[derive(Debug)]
pub struct Condition {
    /// Nanoseconds after which a silent device counts as unplugged, and a reading as old.
    limit: u64,
    started: u64,
    heard: Option<u64>,
    latest: Option<Reading>,
    /// When the latest reading was complete.
    completed: u64,
    /// Messages that made no sense since the latest reading.
    bad: u64,
    news: u64,
    /// What clients were told last.
    told: Kind,
    statistics: Statistics,
}

impl Condition {
    /// A sensor that was started at `now` and may be silent for `limit` nanoseconds.
    #[must_use]
    pub fn new(now: u64, limit: u64) -> Condition {
        Condition {
            limit: limit.max(1),
            started: now,
            heard: None,
            latest: None,
            completed: 0,
            bad: 0,
            news: 0,
            told: Some(discriminant(&SensorError::NoReading)),
            statistics: Statistics::default(),
        }
    }

    /// Something came from the device, whatever it was.
    pub fn heard(&mut self, now: u64) {
        self.heard = Some(now);
    }

    /// A reading is complete; its first part came at `first`.
    pub fn reading(&mut self, now: u64, first: u64, quality: Quality, values: Vec<Option<f64>>) {
        self.latest = Some(Reading { time_ns: first, quality, values });
        self.completed = now;
        self.bad = 0;
        self.news += 1;
        self.told = None;
    }

    /// A message was not used.
    pub fn fault(&mut self, fault: Fault) {
        self.bad += 1;
        match fault {
            Fault::Checksum => self.statistics.checksum_errors += 1,
            Fault::Malformed => self.statistics.malformed += 1,
            Fault::Device => self.statistics.device_errors += 1,
        }
    }

    /// What is counted, for a protocol to count on.
    pub fn statistics(&mut self) -> &mut Statistics {
        &mut self.statistics
    }

    /// What was counted.
    #[must_use]
    pub fn counted(&self) -> Statistics {
        self.statistics
    }

    /// The latest reading, or why there is none.
    ///
    /// # Errors
    /// All of [`SensorError`] but `Busy`.
    pub fn state(&self, now: u64) -> Result<&Reading, SensorError> {
        if now.saturating_sub(self.heard.unwrap_or(self.started)) >= self.limit {
            return Err(SensorError::Unplugged);
        }
        let age_ns = now.saturating_sub(self.completed);
        match &self.latest {
            Some(reading) if age_ns < self.limit => Ok(reading),
            _ if self.bad > 0 => Err(SensorError::BadData { count: self.bad }),
            Some(_) => Err(SensorError::Stale { age_ns }),
            None => Err(SensorError::NoReading),
        }
    }

    /// Counts a change of the state as news, if there was one.
    pub fn settle(&mut self, now: u64) {
        let kind = self.state(now).err().as_ref().map(discriminant);
        if kind != self.told {
            self.told = kind;
            self.news += 1;
        }
    }

    /// The number of the latest news.
    #[must_use]
    pub fn news(&self) -> u64 {
        self.news
    }

    /// When the state changes by itself, if it does.
    #[must_use]
    pub fn deadline(&self, now: u64) -> Option<u64> {
        let silent = self.heard.unwrap_or(self.started).saturating_add(self.limit);
        let old = self.latest.as_ref().map(|_| self.completed.saturating_add(self.limit));
        [Some(silent), old].into_iter().flatten().filter(|at| *at > now).min()
    }
}
