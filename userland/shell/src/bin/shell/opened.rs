//! Devices, each through the handle that the device manager gives for its path.

use crate::small::failure;
use airox_api::device::DeviceClient;
use airox_rt::Port;
use airox_shell::services::{Answer, Failure};
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;

/// The devices that were used, by their paths. A handle outlives its driver, so it is asked for once.
pub struct Opened<T> {
    devices: Option<Rc<DeviceClient>>,
    open: Vec<(String, T)>,
    wrap: fn(Port) -> T,
}

impl<T> Opened<T> {
    /// None yet; `wrap` makes a client of a handle.
    pub fn new(devices: Option<Rc<DeviceClient>>, wrap: fn(Port) -> T) -> Opened<T> {
        Opened { devices, open: Vec::new(), wrap }
    }

    /// The device of this path has gone: if there is one again, its handle is another one.
    pub fn forget(&mut self, path: &str) {
        self.open.retain(|(open, _)| open != path);
    }

    /// The device of this path.
    pub fn get(&mut self, path: &str) -> Answer<&mut T> {
        let at = match self.open.iter().position(|(open, _)| open == path) {
            Some(at) => at,
            None => {
                let devices = self.devices.as_ref().ok_or(Failure::Missing("device"))?;
                let port = devices.open(path, false).map_err(|error| failure("device", error))?;
                self.open.push((path.into(), (self.wrap)(port)));
                self.open.len() - 1
            }
        };
        Ok(&mut self.open[at].1)
    }
}
