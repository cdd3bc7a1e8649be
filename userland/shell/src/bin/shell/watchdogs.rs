//! Watchdogs, to look at.

use crate::opened::Opened;
use crate::small::failure;
use airox_api::watchdog::{STATE, WatchdogClient};
use airox_shell::services::{Answer, WatchdogStatus, Watchdogs};
use alloc::format;

pub struct WatchdogService(pub Opened<WatchdogClient>);

impl Watchdogs for WatchdogService {
    fn status(&mut self, path: &str) -> Answer<WatchdogStatus> {
        self.0.get(&format!("{path}/{STATE}"))?.status().map_err(|error| failure("watchdog", error))
    }
}
