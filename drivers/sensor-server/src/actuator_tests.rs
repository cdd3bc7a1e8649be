//! Commands that wait, and those that are refused before they reach the device.

use crate::{ActuatorServer, MAX_COMMANDS, MAX_COMMANDS_OF_ONE};
use airox_api::actuator::{ActuatorClient, ActuatorDispatcher, ActuatorError, INFO};
use airox_api::testing::{Loopback, TestMessage};
use airox_api::{CallError, Dispatch, Outcome as Dispatched};
use airox_driver_traits::actuator::{Actuator, Outcome, Outputs};
use airox_driver_traits::sensor::{
    Description, Progress, Quality, Reading, Sensor, SensorError, SensorKind, Statistics, Unit,
};
use std::vec;
use std::vec::Vec;

/// An actuator that confirms a command when it advances, but those to let go.
struct Made {
    outputs: Outputs,
    commands: Vec<(u64, usize, Option<f64>)>,
    outcomes: Vec<Outcome>,
}

impl Actuator for Made {
    fn outputs(&self) -> &Outputs {
        &self.outputs
    }

    fn command(&mut self, number: u64, channel: usize, value: Option<f64>) {
        self.commands.push((number, channel, value));
    }

    fn take_outcomes(&mut self) -> Vec<Outcome> {
        core::mem::take(&mut self.outcomes)
    }
}

impl Sensor for Made {
    fn description(&self) -> Description {
        let channels = self.outputs.outputs.iter().map(|output| output.channel.clone()).collect();
        Description { kind: SensorKind::Actuation, model: self.outputs.model.clone(), channels, period_ns: None }
    }

    fn advance(&mut self, _now: u64) -> Progress {
        for (number, _, value) in self.commands.drain(..) {
            self.outcomes.push((number, value.map(drop).ok_or(ActuatorError::NotConfirmed)));
        }
        Progress::Done
    }

    fn deadline(&self) -> Option<u64> {
        None
    }

    fn news(&self) -> u64 {
        0
    }

    fn read(&self, now: u64) -> Result<Reading, SensorError> {
        Ok(Reading { time_ns: now, quality: Quality::Good, values: vec![None; 2] })
    }

    fn statistics(&self) -> Statistics {
        Statistics::default()
    }
}

type Served = ActuatorDispatcher<ActuatorServer<Made>>;

fn dispatcher() -> Served {
    let outputs = Outputs::alike("made", "servo", 2, Unit::One, -1.0, 1.0);
    ActuatorDispatcher(ActuatorServer::new(Made { outputs, commands: Vec::new(), outcomes: Vec::new() }, || 42))
}

fn advance(dispatcher: &mut Served) {
    let _ = dispatcher.0.actuator().advance(1);
    dispatcher.0.tell();
}

#[test]
fn a_command_is_answered_when_it_is_confirmed() {
    let later: fn(&mut Served) = advance;
    let client = ActuatorClient::new(Loopback::new(dispatcher(), 1).with_later(later));
    assert_eq!(client.set(1, Some(0.25)), Ok(()));
    let client = ActuatorClient::new(Loopback::new(dispatcher(), 1).with_later(later));
    assert_eq!(client.set(1, None), Err(CallError::Service(ActuatorError::NotConfirmed)));
    assert_eq!(client.read().map(|reading| reading.time_ns), Ok(42));
    assert_eq!(client.describe().map(|outputs| outputs.outputs.len()), Ok(2));
}

#[test]
fn what_is_out_of_range_never_reaches_the_device() {
    let client = ActuatorClient::new(Loopback::new(dispatcher(), 1));
    let range = Err(CallError::Service(ActuatorError::OutOfRange { least: -1.0, most: 1.0 }));
    assert_eq!(client.set(0, Some(1.5)), range);
    assert_eq!(client.set(0, Some(f64::NAN)), range);
    assert_eq!(client.set(2, Some(0.0)), Err(CallError::Service(ActuatorError::NoSuchChannel)));
}

#[test]
fn commands_that_wait_are_bounded_for_each_client_and_for_all() {
    let mut dispatcher = dispatcher();
    let mut deferred = 0;
    for badge in 1..20 {
        for _ in 0..MAX_COMMANDS_OF_ONE + 1 {
            // Method 1: channel 0, no value.
            let tag = airox_api::wire::request_tag(INFO.id, 1, 2);
            let outcome = dispatcher.dispatch(&mut TestMessage::new(badge, tag, [0; 8], &[], Vec::new()));
            deferred += usize::from(matches!(outcome, Dispatched::Deferred));
        }
    }
    assert_eq!(deferred, 19 * (MAX_COMMANDS_OF_ONE + 1), "all were understood");
    assert_eq!(dispatcher.0.actuator().commands.len(), MAX_COMMANDS);
    advance(&mut dispatcher);
    assert!(matches!(&dispatcher.0.actuator().commands[..], []));
}
