//! A sensor: what it is, what it measured last, and what comes next.
//!
//! News are numbered: each reading is one, and so is each change between there being a reading and a reason why there is none. A client
//! that asks for what comes after the number it knows misses nothing but readings that were replaced by later ones, and is never
//! answered twice with the same. Numbers begin anew when a driver is restarted.

use airox_api_macros::interface;
use serde::{Deserialize, Serialize};

pub use airox_driver_traits::sensor::{
    Channel, Description, Quality, Reading, SensorError, SensorKind, Statistics, Unit,
};

/// The latest news of a sensor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct News {
    /// Its number.
    pub number: u64,
    /// The reading, or why there is none.
    pub state: Result<Reading, SensorError>,
}

/// A sensor.
#[interface(name = "sensor")]
pub trait Sensor {
    /// What it is: its kind and its channels.
    fn describe() -> Result<Description, SensorError>;

    /// The latest reading, or why there is none.
    fn read() -> Result<Reading, SensorError>;

    /// Answers when the latest news has another number than `after`; `u64::MAX` is answered at once. A client that has too many calls waiting gets
    /// `Busy` for the oldest of them.
    #[deferred]
    fn next(after: u64) -> Result<News, SensorError>;

    /// What the driver counted since it started.
    fn statistics() -> Result<Statistics, SensorError>;
}
