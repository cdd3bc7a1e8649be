//! An actuator: something that moves or switches what it is told to, in named channels with units and ranges.
//!
//! # Principles
//! - A value outside a channel's range is refused, not clipped: whoever asked for it is wrong about the machine.
//! - A command counts when the device has confirmed it. One that was not confirmed may have been carried out all the same, and says so.
//! - Starting a driver moves nothing.
//! - What an actuator does is read like a [sensor](crate::sensor): one reading with a value for each channel.

use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::fmt;
use serde::{Deserialize, Serialize};

use crate::sensor::{Channel, Unit};

/// One thing that can be set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// Its name and unit.
    pub channel: Channel,
    /// The least value.
    pub least: f64,
    /// The greatest.
    pub most: f64,
}

/// What an actuator is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outputs {
    /// The device, in a few words.
    pub model: Cow<'static, str>,
    /// What can be set, in the order of a reading's values.
    pub outputs: Vec<Output>,
}

/// Why a command was not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum ActuatorError {
    /// There is no such channel.
    NoSuchChannel,
    /// The value is none, or not in the channel's range.
    OutOfRange {
        /// The least value.
        least: f64,
        /// The greatest.
        most: f64,
    },
    /// The device did not confirm it in time: it may have been carried out.
    NotConfirmed,
    /// The device reports errors, by this number.
    Device(u16),
    /// Too many commands wait.
    Busy,
}

impl fmt::Display for ActuatorError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ActuatorError::NoSuchChannel => formatter.write_str("no such channel"),
            ActuatorError::OutOfRange { least, most } => write!(formatter, "the value must be {least} to {most}"),
            ActuatorError::NotConfirmed => formatter.write_str("not confirmed: it may have been carried out or not"),
            ActuatorError::Device(number) => write!(formatter, "the device reports errors ({number:#x})"),
            ActuatorError::Busy => formatter.write_str("too many commands wait for this actuator"),
        }
    }
}

impl core::error::Error for ActuatorError {}

/// What became of a command, by the number under which it was given.
pub type Outcome = (u64, Result<(), ActuatorError>);

/// An actuator's driver.
pub trait Actuator {
    /// What it is.
    fn outputs(&self) -> &Outputs;

    /// Sets a channel to a value that [`Outputs::check`] has let pass; `None` lets it go: nothing drives it any more. What becomes of it is told later, under this number.
    fn command(&mut self, number: u64, channel: usize, value: Option<f64>);

    /// What became of commands since the last time.
    fn take_outcomes(&mut self) -> Vec<Outcome>;
}

impl Outputs {
    /// Outputs of this name, numbered, all alike.
    #[must_use]
    pub fn alike(model: &'static str, name: &str, count: usize, unit: Unit, least: f64, most: f64) -> Outputs {
        let output = |number: usize| {
            let channel = Channel { name: Cow::Owned(alloc::format!("{name}{number}")), unit };
            Output { channel, least, most }
        };
        Outputs { model: Cow::Borrowed(model), outputs: (0..count).map(output).collect() }
    }

    /// Whether a channel can be set to a value.
    ///
    /// # Errors
    /// [`ActuatorError::NoSuchChannel`] and [`ActuatorError::OutOfRange`].
    pub fn check(&self, channel: usize, value: Option<f64>) -> Result<(), ActuatorError> {
        let Output { least, most, .. } = *self.outputs.get(channel).ok_or(ActuatorError::NoSuchChannel)?;
        match value {
            // What is no number is in no range.
            Some(value) if !(least..=most).contains(&value) => Err(ActuatorError::OutOfRange { least, most }),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_outside_is_refused() {
        let outputs = Outputs::alike("made", "servo", 2, Unit::One, -1.0, 1.0);
        assert_eq!(outputs.outputs[1].channel.name, "servo1");
        for good in [None, Some(-1.0), Some(0.0), Some(1.0)] {
            assert_eq!(outputs.check(1, good), Ok(()));
        }
        for bad in [1.001, -2.0, f64::NAN, f64::INFINITY] {
            assert_eq!(outputs.check(0, Some(bad)), Err(ActuatorError::OutOfRange { least: -1.0, most: 1.0 }));
        }
        assert_eq!(outputs.check(2, None), Err(ActuatorError::NoSuchChannel));
        assert_eq!(outputs.check(usize::MAX, Some(0.0)), Err(ActuatorError::NoSuchChannel));
    }
}
