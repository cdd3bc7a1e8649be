//! CAN controllers, each through the handle that the device manager gives for its path.

use crate::control::Control;
use crate::small::failure;
use crate::watched::Watched;
use airox_api::CallError;
use airox_api::can::{CanClient, CanError, CanFrame, News, Status};
use airox_api::device::DeviceClient;
use airox_shell::services::{Answer, CanBuses, Failure, Waited};
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;

const NAME: &str = "can";

type Asked = Result<News, CallError<CanError>>;

pub struct CanService {
    devices: Option<Rc<DeviceClient>>,
    control: Rc<Control>,
    /// The controllers that were used, by their paths. A handle outlives its driver.
    open: Vec<(String, Watched<CanClient, Asked>)>,
}

impl CanService {
    pub fn new(devices: Option<Rc<DeviceClient>>, control: Rc<Control>) -> CanService {
        CanService { devices, control, open: Vec::new() }
    }

    fn controller(&mut self, path: &str) -> Answer<&mut Watched<CanClient, Asked>> {
        let at = match self.open.iter().position(|(open, _)| open == path) {
            Some(at) => at,
            None => {
                let devices = self.devices.as_ref().ok_or(Failure::Missing("device"))?;
                let port = devices.open(path, false).map_err(|error| failure("device", error))?;
                self.open.push((path.into(), Watched::new(CanClient::new(port), |client, after| client.next(after))));
                self.open.len() - 1
            }
        };
        Ok(&mut self.open[at].1)
    }

    fn call<T>(&mut self, path: &str, call: impl FnOnce(&CanClient) -> Result<T, CallError<CanError>>) -> Answer<T> {
        call(&self.controller(path)?.client).map_err(|error| failure(NAME, error))
    }
}

impl CanBuses for CanService {
    fn status(&mut self, path: &str) -> Answer<Status> {
        self.call(path, CanClient::status)
    }

    fn send(&mut self, path: &str, frame: CanFrame) -> Answer<()> {
        self.call(path, |client| client.send(frame))
    }

    fn next(&mut self, path: &str, after: u64) -> Answer<Waited<News>> {
        let control = Rc::clone(&self.control);
        match self.controller(path)?.next(&control, after)? {
            Waited::Done(asked) => asked.map(Waited::Done).map_err(|error| failure(NAME, error)),
            Waited::Interrupted => Ok(Waited::Interrupted),
        }
    }

    fn recover(&mut self, path: &str) -> Answer<()> {
        self.call(path, CanClient::recover)
    }
}
