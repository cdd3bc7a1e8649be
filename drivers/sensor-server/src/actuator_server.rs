//! The interface `actuator` on any device that is read like a sensor.

use airox_api::actuator::{Actuator as Interface, ActuatorError, Outputs, Reading, SensorError};
use airox_api::{Caller, Deferred};
use airox_driver_traits::actuator::Actuator;
use airox_driver_traits::sensor::Sensor;
use alloc::vec::Vec;

/// Most commands that wait to be confirmed.
pub const MAX_COMMANDS: usize = 32;
/// Most of them of one client.
pub const MAX_COMMANDS_OF_ONE: usize = 8;

/// A command that waits to be confirmed.
struct Waiting {
    number: u64,
    badge: u64,
    call: Deferred<(), ActuatorError>,
}

/// Serves an actuator.
pub struct ActuatorServer<A> {
    actuator: A,
    clock: fn() -> u64,
    waiting: Vec<Waiting>,
    next: u64,
}

impl<A: Actuator + Sensor> ActuatorServer<A> {
    /// Serves this one; `clock` gives nanoseconds since boot.
    pub fn new(actuator: A, clock: fn() -> u64) -> ActuatorServer<A> {
        ActuatorServer { actuator, clock, waiting: Vec::new(), next: 0 }
    }

    /// The actuator. After it has advanced, [`Self::tell`] answers those who wait.
    pub fn actuator(&mut self) -> &mut A {
        &mut self.actuator
    }

    /// Answers the commands whose outcome is known.
    pub fn tell(&mut self) {
        for (number, result) in self.actuator.take_outcomes() {
            if let Some(at) = self.waiting.iter().position(|waiting| waiting.number == number) {
                // A client that is gone by now is told nothing.
                let _ = self.waiting.swap_remove(at).call.send(result);
            }
        }
    }

    fn check(&self, badge: u64, channel: u32, value: Option<f64>) -> Result<usize, ActuatorError> {
        let channel = channel as usize;
        self.actuator.outputs().check(channel, value)?;
        let of_one = self.waiting.iter().filter(|waiting| waiting.badge == badge).count();
        if self.waiting.len() >= MAX_COMMANDS || of_one >= MAX_COMMANDS_OF_ONE {
            return Err(ActuatorError::Busy);
        }
        Ok(channel)
    }
}

impl<A: Actuator + Sensor> Interface for ActuatorServer<A> {
    fn describe(&mut self, _caller: Caller) -> Result<Outputs, ActuatorError> {
        Ok(self.actuator.outputs().clone())
    }

    fn set(&mut self, caller: Caller, channel: u32, value: Option<f64>, call: Deferred<(), ActuatorError>) {
        match self.check(caller.badge, channel, value) {
            Err(refused) => drop(call.send(Err(refused))),
            Ok(channel) => {
                self.next += 1;
                self.waiting.push(Waiting { number: self.next, badge: caller.badge, call });
                self.actuator.command(self.next, channel, value);
            }
        }
    }

    fn read(&mut self, _caller: Caller) -> Result<Reading, SensorError> {
        self.actuator.read((self.clock)())
    }
}
