//! CAN controllers.

use crate::control::Control;
use crate::opened::Opened;
use crate::small::failure;
use crate::watched::Watched;
use airox_api::CallError;
use airox_api::can::{CanClient, CanError, CanFrame, News, Status};
use airox_api::device::DeviceClient;
use airox_shell::services::{Answer, CanBuses, Waited};
use alloc::rc::Rc;

const NAME: &str = "can";

type Asked = Result<News, CallError<CanError>>;

pub struct CanService {
    controllers: Opened<Watched<CanClient, Asked>>,
    control: Rc<Control>,
}

impl CanService {
    pub fn new(devices: Option<Rc<DeviceClient>>, control: Rc<Control>) -> CanService {
        let watched = |port| Watched::new(CanClient::new(port), |client: &CanClient, after| client.next(after));
        CanService { controllers: Opened::new(devices, watched), control }
    }

    fn call<T>(&mut self, path: &str, call: impl FnOnce(&CanClient) -> Result<T, CallError<CanError>>) -> Answer<T> {
        call(&self.controllers.get(path)?.client).map_err(|error| failure(NAME, error))
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
        match self.controllers.get(path)?.next(&control, after)? {
            Waited::Done(asked) => asked.map(Waited::Done).map_err(|error| failure(NAME, error)),
            Waited::Interrupted => Ok(Waited::Interrupted),
        }
    }

    fn recover(&mut self, path: &str) -> Answer<()> {
        self.call(path, CanClient::recover)
    }
}
