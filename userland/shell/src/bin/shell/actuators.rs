//! Actuators, each through the handle that the system file names: `actuator:servos0` is the actuator servos0.

use crate::small::failure;
use airox_api::CallError;
use airox_api::actuator::ActuatorClient;
use airox_rt::Start;
use airox_shell::services::{Actuators, Answer, Failure, Outputs, Reading, SensorError};
use alloc::string::String;
use alloc::vec::Vec;

const NAME: &str = "actuator";
/// What stands before an actuator's name in its handle's.
const PREFIX: &str = "actuator:";

pub struct ActuatorService(Vec<(String, ActuatorClient)>);

impl ActuatorService {
    /// All actuators that the shell was given.
    pub fn new(start: &Start) -> ActuatorService {
        let names = start.handles().iter().filter_map(|handle| handle.name.strip_prefix(PREFIX));
        let client = |name: &str| start.take(&alloc::format!("{PREFIX}{name}")).ok().map(ActuatorClient::new);
        ActuatorService(names.filter_map(|name| Some((name.into(), client(name)?))).collect())
    }

    fn client(&self, actuator: &str) -> Answer<&ActuatorClient> {
        let found = self.0.iter().find(|(name, _)| name == actuator);
        found.map(|(_, client)| client).ok_or_else(|| Failure::Refused("no such actuator".into()))
    }
}

impl Actuators for ActuatorService {
    fn names(&mut self) -> Answer<Vec<String>> {
        Ok(self.0.iter().map(|(name, _)| name.clone()).collect())
    }

    fn describe(&mut self, actuator: &str) -> Answer<Outputs> {
        self.client(actuator)?.describe().map_err(|error| failure(NAME, error))
    }

    fn set(&mut self, actuator: &str, channel: u32, value: Option<f64>) -> Answer<()> {
        self.client(actuator)?.set(channel, value).map_err(|error| failure(NAME, error))
    }

    fn read(&mut self, actuator: &str) -> Answer<Result<Reading, SensorError>> {
        match self.client(actuator)?.read() {
            Ok(reading) => Ok(Ok(reading)),
            Err(CallError::Service(why)) => Ok(Err(why)),
            Err(error) => Err(failure(NAME, error)),
        }
    }
}
