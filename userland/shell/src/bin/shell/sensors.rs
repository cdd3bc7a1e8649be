//! Sensors, each through the handle that the system file names: `sensor:gps0` is the sensor gps0.

use crate::control::{Control, SENSOR};
use crate::processes::no_thread;
use crate::small::failure;
use crate::worker::Worker;
use airox_api::CallError;
use airox_api::sensor::SensorClient;
use airox_rt::abi::Rights;
use airox_rt::{Start, TypedHandle};
use airox_shell::services::{Answer, Description, Failure, News, Reading, SensorError, Sensors, Statistics, Waited};
use alloc::rc::Rc;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

const NAME: &str = "sensor";
/// What stands before a sensor's name in its handle's.
const PREFIX: &str = "sensor:";

type Asked = Result<News, CallError<SensorError>>;

struct Entry {
    name: String,
    client: Arc<SensorClient>,
    /// Waits for news; started when the sensor is watched for the first time.
    waiter: Option<Worker<u64, Asked>>,
}

pub struct SensorService {
    entries: Vec<Entry>,
    control: Rc<Control>,
}

impl SensorService {
    /// All sensors that the shell was given.
    pub fn new(start: &Start, control: Rc<Control>) -> SensorService {
        let names = start.handles().iter().filter_map(|handle| handle.name.strip_prefix(PREFIX));
        let entries = names.filter_map(|name| {
            let port = start.take(&alloc::format!("{PREFIX}{name}")).ok()?;
            Some(Entry { name: name.into(), client: Arc::new(SensorClient::new(port)), waiter: None })
        });
        SensorService { entries: entries.collect(), control }
    }

    fn entry(&mut self, sensor: &str) -> Answer<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.name == sensor).ok_or(Failure::Missing(NAME))
    }
}

impl Entry {
    fn waiter(&mut self, control: &Control) -> Answer<&Worker<u64, Asked>> {
        if self.waiter.is_none() {
            let client = Arc::clone(&self.client);
            let start = || {
                let done = control.signal.copy(Rights::SEND)?;
                Worker::start(move |after| client.next(after), done, SENSOR)
            };
            self.waiter = Some(start().map_err(no_thread)?);
        }
        self.waiter.as_ref().ok_or(Failure::Missing(NAME))
    }
}

impl Sensors for SensorService {
    fn names(&mut self) -> Answer<Vec<String>> {
        Ok(self.entries.iter().map(|entry| entry.name.clone()).collect())
    }

    fn describe(&mut self, sensor: &str) -> Answer<Description> {
        self.entry(sensor)?.client.describe().map_err(|error| failure(NAME, error))
    }

    fn read(&mut self, sensor: &str) -> Answer<Result<Reading, SensorError>> {
        match self.entry(sensor)?.client.read() {
            Ok(reading) => Ok(Ok(reading)),
            Err(CallError::Service(why)) => Ok(Err(why)),
            Err(error) => Err(failure(NAME, error)),
        }
    }

    fn statistics(&mut self, sensor: &str) -> Answer<Statistics> {
        self.entry(sensor)?.client.statistics().map_err(|error| failure(NAME, error))
    }

    fn next(&mut self, sensor: &str, after: u64) -> Answer<Waited<News>> {
        let control = Rc::clone(&self.control);
        let entry = self.entry(sensor)?;
        if after == u64::MAX {
            // Answered at once, whatever the waiter still waits for.
            return entry.client.next(after).map(Waited::Done).map_err(|error| failure(NAME, error));
        }
        let waiter = entry.waiter(&control)?;
        loop {
            if let Some(asked) = waiter.ask(after).map_err(no_thread)? {
                return asked.map(Waited::Done).map_err(|error| failure(NAME, error));
            }
            if control.wait(SENSOR) == Waited::Interrupted {
                return Ok(Waited::Interrupted);
            }
        }
    }
}
