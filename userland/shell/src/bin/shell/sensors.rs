//! Sensors, each through the handle that the system file names: `sensor:gps0` is the sensor gps0.

use crate::control::Control;
use crate::small::failure;
use crate::watched::Watched;
use airox_api::CallError;
use airox_api::sensor::SensorClient;
use airox_rt::Start;
use airox_shell::services::{Answer, Description, Failure, News, Reading, SensorError, Sensors, Statistics, Waited};
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;

const NAME: &str = "sensor";
/// What stands before a sensor's name in its handle's.
const PREFIX: &str = "sensor:";

type Asked = Result<News, CallError<SensorError>>;

pub struct SensorService {
    sensors: Vec<(String, Watched<SensorClient, Asked>)>,
    control: Rc<Control>,
}

impl SensorService {
    /// All sensors that the shell was given.
    pub fn new(start: &Start, control: Rc<Control>) -> SensorService {
        let names = start.handles().iter().filter_map(|handle| handle.name.strip_prefix(PREFIX));
        let sensors = names.filter_map(|name| {
            let port = start.take(&alloc::format!("{PREFIX}{name}")).ok()?;
            Some((name.into(), Watched::new(SensorClient::new(port), |client, after| client.next(after))))
        });
        SensorService { sensors: sensors.collect(), control }
    }

    fn sensor(&mut self, sensor: &str) -> Answer<&mut Watched<SensorClient, Asked>> {
        let found = self.sensors.iter_mut().find(|(name, _)| name == sensor);
        found.map(|(_, watched)| watched).ok_or(Failure::Missing(NAME))
    }
}

impl Sensors for SensorService {
    fn names(&mut self) -> Answer<Vec<String>> {
        Ok(self.sensors.iter().map(|(name, _)| name.clone()).collect())
    }

    fn describe(&mut self, sensor: &str) -> Answer<Description> {
        self.sensor(sensor)?.client.describe().map_err(|error| failure(NAME, error))
    }

    fn read(&mut self, sensor: &str) -> Answer<Result<Reading, SensorError>> {
        match self.sensor(sensor)?.client.read() {
            Ok(reading) => Ok(Ok(reading)),
            Err(CallError::Service(why)) => Ok(Err(why)),
            Err(error) => Err(failure(NAME, error)),
        }
    }

    fn statistics(&mut self, sensor: &str) -> Answer<Statistics> {
        self.sensor(sensor)?.client.statistics().map_err(|error| failure(NAME, error))
    }

    fn next(&mut self, sensor: &str, after: u64) -> Answer<Waited<News>> {
        let control = Rc::clone(&self.control);
        match self.sensor(sensor)?.next(&control, after)? {
            Waited::Done(asked) => asked.map(Waited::Done).map_err(|error| failure(NAME, error)),
            Waited::Interrupted => Ok(Waited::Interrupted),
        }
    }
}
