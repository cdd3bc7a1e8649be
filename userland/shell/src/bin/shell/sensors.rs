//! Sensors, each through the handle that the system file names: `sensor:gps0` is the sensor gps0; and those that have a path, which come and go.

use crate::control::Control;
use crate::opened::Opened;
use crate::small::failure;
use crate::watched::Watched;
use airox_api::CallError;
use airox_api::device::DeviceClient;
use airox_api::sensor::SensorClient;
use airox_rt::{Port, Start};
use airox_shell::services::{Answer, Description, Failure, News, Reading, SensorError, Sensors, Statistics, Waited};
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;

const NAME: &str = "sensor";
/// What stands before a sensor's name in its handle's.
const PREFIX: &str = "sensor:";

/// What a sensor's path begins with.
const PATH: &str = "/dev/sensor/";

type Asked = Result<News, CallError<SensorError>>;
type Client = Watched<SensorClient, Asked>;

pub struct SensorService {
    sensors: Vec<(String, Client)>,
    devices: Option<Rc<DeviceClient>>,
    opened: Opened<Client>,
    control: Rc<Control>,
}

fn watched(port: Port) -> Client {
    Watched::new(SensorClient::new(port), |client, after| client.next(after))
}

impl SensorService {
    /// All sensors that the shell was given.
    pub fn new(start: &Start, devices: Option<Rc<DeviceClient>>, control: Rc<Control>) -> SensorService {
        let names = start.handles().iter().filter_map(|handle| handle.name.strip_prefix(PREFIX));
        let sensors = names.filter_map(|name| {
            let port = start.take(&alloc::format!("{PREFIX}{name}")).ok()?;
            Some((name.into(), watched(port)))
        });
        let (sensors, opened) = (sensors.collect(), Opened::new(devices.clone(), watched));
        SensorService { sensors, devices, opened, control }
    }

    fn sensor(&mut self, sensor: &str) -> Answer<&mut Client> {
        if sensor.starts_with(PATH) {
            return self.opened.get(sensor);
        }
        let found = self.sensors.iter_mut().find(|(name, _)| name == sensor);
        found.map(|(_, watched)| watched).ok_or(Failure::Missing(NAME))
    }

    /// The paths of sensors that are there now and that the shell may open.
    fn paths(&mut self) -> Answer<Vec<String>> {
        let Some(devices) = self.devices.clone() else { return Ok(Vec::new()) };
        let mut paths = Vec::new();
        let mut looked = 0;
        loop {
            let next = devices.list(looked).map_err(|error| failure("device", error))?;
            if next.is_empty() {
                return Ok(paths);
            }
            looked += next.len() as u32;
            let found = next.into_iter().map(|entry| entry.path).filter(|path| path.starts_with(PATH));
            paths.extend(found.filter(|path| self.opened.get(path).is_ok()));
        }
    }

    /// Says why a call failed. A sensor with a path whose driver has gone is opened again the next time.
    fn failed(&mut self, sensor: &str, error: CallError<SensorError>) -> Failure {
        if matches!(error, CallError::ServerDied) {
            self.opened.forget(sensor);
        }
        failure(NAME, error)
    }
}

impl Sensors for SensorService {
    fn names(&mut self) -> Answer<Vec<String>> {
        let mut names: Vec<String> = self.sensors.iter().map(|(name, _)| name.clone()).collect();
        names.extend(self.paths()?);
        Ok(names)
    }

    fn describe(&mut self, sensor: &str) -> Answer<Description> {
        let told = self.sensor(sensor)?.client.describe();
        told.map_err(|error| self.failed(sensor, error))
    }

    fn read(&mut self, sensor: &str) -> Answer<Result<Reading, SensorError>> {
        match self.sensor(sensor)?.client.read() {
            Ok(reading) => Ok(Ok(reading)),
            Err(CallError::Service(why)) => Ok(Err(why)),
            Err(error) => Err(self.failed(sensor, error)),
        }
    }

    fn statistics(&mut self, sensor: &str) -> Answer<Statistics> {
        let told = self.sensor(sensor)?.client.statistics();
        told.map_err(|error| self.failed(sensor, error))
    }

    fn next(&mut self, sensor: &str, after: u64) -> Answer<Waited<News>> {
        let control = Rc::clone(&self.control);
        match self.sensor(sensor)?.next(&control, after)? {
            Waited::Done(asked) => asked.map(Waited::Done).map_err(|error| self.failed(sensor, error)),
            Waited::Interrupted => Ok(Waited::Interrupted),
        }
    }
}
