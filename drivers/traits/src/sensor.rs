//! A sensor: something that measures, in named channels with units, at points in time.
//!
//! # Principles
//! - A reading says when it was taken and how good it is. A value that is not known is absent, not zero.
//! - Units are those of the SI, degrees of angle and of the Celsius scale included; whoever knows the device converts.
//! - That there is no reading has a reason, and each reason is an error of its own: a sensor that was unplugged is something else
//!   than one that talks nonsense.
//! - A sensor never waits. It is told that time passed or something arrived, and says when it wants to be told again.

use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::fmt;
use serde::{Deserialize, Serialize};

/// What a sensor is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SensorKind {
    /// Where it is on the earth.
    Position,
    /// How it lies, turns and accelerates.
    Motion,
    /// What an actuator does.
    Actuation,
}

impl SensorKind {
    /// In a word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            SensorKind::Position => "position",
            SensorKind::Motion => "motion",
            SensorKind::Actuation => "actuation",
        }
    }
}

/// The unit of a channel's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unit {
    /// A plain number, a count or a code.
    One,
    /// Degrees of angle.
    Degree,
    /// Metres.
    Metre,
    /// Metres a second.
    MetrePerSecond,
    /// Metres a second squared.
    MetrePerSecondSquared,
    /// Radians a second.
    RadianPerSecond,
    /// Degrees Celsius.
    Celsius,
    /// Seconds; as a point in time, since 1970-01-01 00:00 UTC, without leap seconds.
    Second,
}

impl Unit {
    /// Its symbol; empty for plain numbers.
    #[must_use]
    pub const fn symbol(self) -> &'static str {
        match self {
            Unit::One => "",
            Unit::Degree => "deg",
            Unit::Metre => "m",
            Unit::MetrePerSecond => "m/s",
            Unit::MetrePerSecondSquared => "m/s2",
            Unit::RadianPerSecond => "rad/s",
            Unit::Celsius => "degC",
            Unit::Second => "s",
        }
    }
}

/// One of the values a reading consists of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel {
    /// Its name, unique in the sensor.
    pub name: Cow<'static, str>,
    /// The unit of its values.
    pub unit: Unit,
}

impl Channel {
    /// A channel of this name and unit.
    #[must_use]
    pub const fn new(name: &'static str, unit: Unit) -> Channel {
        Channel { name: Cow::Borrowed(name), unit }
    }
}

/// What a sensor is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// What it is about.
    pub kind: SensorKind,
    /// The device, in a few words.
    pub model: Cow<'static, str>,
    /// Its channels, in the order of a reading's values.
    pub channels: Cow<'static, [Channel]>,
    /// Nanoseconds between two readings, if this side decides it; else the device does.
    pub period_ns: Option<u64>,
}

/// How far a reading can be relied on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Quality {
    /// The device itself says that it does not know.
    Unusable,
    /// An estimate, or the device is not calibrated.
    Poor,
    /// As good as the device usually is.
    Fair,
    /// As good as the device can be.
    Good,
}

impl Quality {
    /// In a word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Quality::Unusable => "unusable",
            Quality::Poor => "poor",
            Quality::Fair => "fair",
            Quality::Good => "good",
        }
    }
}

/// What was measured at one point in time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// When its first part arrived, in nanoseconds since boot.
    pub time_ns: u64,
    /// How good it is.
    pub quality: Quality,
    /// One for each channel; absent if the device did not tell.
    pub values: Vec<Option<f64>>,
}

/// Why there is no reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SensorError {
    /// The device is silent, and has been for longer than it may be.
    Unplugged,
    /// The device is heard, but the last reading is too old.
    Stale {
        /// How old, in nanoseconds.
        age_ns: u64,
    },
    /// The device is heard, but nothing since the last reading, if there was any, made sense.
    BadData {
        /// How many pieces of data were dropped since.
        count: u64,
    },
    /// The sensor was started a moment ago.
    NoReading,
    /// Too many calls wait for this sensor.
    Busy,
}

impl fmt::Display for SensorError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SensorError::Unplugged => formatter.write_str("unplugged: nothing is heard of the device"),
            SensorError::Stale { age_ns } => {
                write!(formatter, "stale: the last reading is {} ms old", age_ns / 1_000_000)
            }
            SensorError::BadData { count } => write!(formatter, "bad data: {count} messages in a row made no sense"),
            SensorError::NoReading => formatter.write_str("no reading yet"),
            SensorError::Busy => formatter.write_str("too many calls wait for this sensor"),
        }
    }
}

impl core::error::Error for SensorError {}

/// What a sensor's driver counted since it started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Statistics {
    /// Messages that were whole and made sense.
    pub good: u64,
    /// Messages with a wrong checksum.
    pub checksum_errors: u64,
    /// Messages with values that cannot be.
    pub malformed: u64,
    /// Times that bytes were skipped to find the beginning of a message.
    pub resyncs: u64,
    /// Requests that were not answered in time.
    pub timeouts: u64,
    /// Errors that the device itself reported.
    pub device_errors: u64,
    /// Times that the device was found reset, and set up again.
    pub resets: u64,
    /// Bytes lost because they came faster than they were taken.
    pub overruns: u64,
    /// Other errors of the line: parity, framing, breaks.
    pub line_errors: u64,
}

/// Whether a call of a driver did all there was to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "unfinished work gets no new interrupt"]
pub enum Progress {
    /// The next interrupt or deadline brings more.
    Done,
    /// Serve the clients that wait, then let the driver go on.
    More,
}

/// A sensor's driver.
pub trait Sensor {
    /// What it is.
    fn description(&self) -> Description;

    /// Something arrived, or a deadline is past: does a bounded amount of work. `now` is in nanoseconds since boot.
    fn advance(&mut self, now: u64) -> Progress;

    /// When [`Sensor::advance`] is to be called at the latest, in nanoseconds since boot.
    fn deadline(&self) -> Option<u64>;

    /// The number of the latest news: it counts readings, and changes between there being one and the reasons why there is none.
    fn news(&self) -> u64;

    /// The latest reading.
    ///
    /// # Errors
    /// Why there is none.
    fn read(&self, now: u64) -> Result<Reading, SensorError>;

    /// What was counted.
    fn statistics(&self) -> Statistics;
}
