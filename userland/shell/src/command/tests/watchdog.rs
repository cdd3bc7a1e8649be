//! `watchdog`.

use super::device::entry;
use crate::fakes::Session;
use airox_api::device::{DeviceEntry, DeviceState};
use alloc::string::String;
use alloc::vec::Vec;

#[test]
fn watchdogs_are_listed() {
    let mut session = Session::new();
    assert!(!session.line("watchdog").contains("watchdog0"));
    let at =
        |device, path: &str| DeviceEntry { path: path.into(), ..entry(0, device, 0x08_8000, DeviceState::Running) };
    session.world().devices = [at(1, "/dev/watchdog/watchdog0"), at(2, "/dev/watchdog/watchdog1")].into();
    session.world().uptime_ns = 5_000_000_000;
    let text = session.line("watchdog");
    let lines: Vec<String> = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(lines[1..], ["watchdog0 running 2.00 s 7 1.00 s ago reset the machine last", "watchdog1 not allowed"]);
    assert!(session.line("watchdog stop").starts_with("watchdog: `stop` is one argument too many"));
}
