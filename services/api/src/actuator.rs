//! An actuator: what can be set, setting it, and what it does now.

use airox_api_macros::interface;

pub use airox_driver_traits::actuator::{ActuatorError, Output, Outputs};
pub use airox_driver_traits::sensor::{Reading, SensorError};

/// An actuator.
#[interface(name = "actuator")]
pub trait Actuator {
    /// What it is: its channels and their ranges.
    fn describe() -> Result<Outputs, ActuatorError>;

    /// Sets a channel, by its number, to a value; without one, lets it go: nothing drives it any more. Answered when the device has confirmed it.
    #[deferred]
    fn set(channel: u32, value: Option<f64>) -> Result<(), ActuatorError>;

    /// What it does, a value for each channel; absent where nothing is driven.
    fn read() -> Result<Reading, SensorError>;
}
