//! Clock and power, and how failed calls are told.

use airox_api::CallError;
use airox_api::clock::ClockClient;
use airox_api::power::PowerClient;
use airox_shell::services::{Answer, Clock, Failure, Power};
use alloc::string::ToString;
use core::fmt::Display;

/// Why a call failed, for the person at the console.
pub fn failure<E: Display>(service: &'static str, error: CallError<E>) -> Failure {
    match error {
        CallError::ServerDied => Failure::Died(service),
        other => Failure::Refused(other.to_string()),
    }
}

pub struct ClockService(pub Option<ClockClient>);

impl Clock for ClockService {
    fn now(&mut self) -> Answer<u64> {
        let client = self.0.as_ref().ok_or(Failure::Missing("clock"))?;
        client.now().map_err(|error| failure("clock", error))
    }

    fn set(&mut self, unix_ns: u64) -> Answer<()> {
        let client = self.0.as_ref().ok_or(Failure::Missing("clock"))?;
        client.set(unix_ns).map_err(|error| failure("clock", error))
    }
}

pub struct PowerService(pub Option<PowerClient>);

impl Power for PowerService {
    fn off(&mut self) -> Answer<()> {
        let client = self.0.as_ref().ok_or(Failure::Missing("power"))?;
        client.off().map_err(|error| failure("power", error))
    }

    fn reboot(&mut self) -> Answer<()> {
        let client = self.0.as_ref().ok_or(Failure::Missing("power"))?;
        client.reboot().map_err(|error| failure("power", error))
    }
}
