//! Boots the image and uses it as a person would: on the serial line, on the keyboard and the screen, and with a script.
//!
//! # Principles
//! - **A scenario waits for what it expects, and for nothing else.** Nothing here sleeps to let the machine catch up; the one
//!   exception is the screen, which tells nobody when it changes and is looked at again and again.
//! - **Every wait has a limit**, and a failure shows the last lines of the serial console.
//! - **Short scenarios share a boot.** One that fails, or breaks the machine on purpose, leaves a fresh one for the next.
//! - **What comes, goes**: the bars on memory and handles compare the system's own tables before and after.
#![forbid(unsafe_code)]

mod bars;
mod can;
mod commands;
mod confinement;
mod devices;
mod display;
mod editing;
mod files;
mod i2c;
mod network;
mod play;
mod power;
mod processors;
mod programs;
mod recovery;
pub mod screen;
mod screen_scenarios;
mod sensors;
mod serial;
mod storage;
mod supervision;
mod tables;
mod usb;
mod watchdog;

use airox_machine::Scenario;

/// Every scenario of the system `qemu`, those that share a boot first.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    [
        commands::SCENARIOS,
        editing::SCENARIOS,
        files::SCENARIOS,
        programs::SCENARIOS,
        supervision::SCENARIOS,
        screen_scenarios::SCENARIOS,
        bars::SCENARIOS,
        devices::SCENARIOS,
        network::SCENARIOS,
        power::SCENARIOS,
        recovery::SCENARIOS,
        storage::SCENARIOS,
        usb::SCENARIOS,
        processors::SCENARIOS,
    ]
    .concat()
}

/// The scenarios of the system `sensors`.
#[must_use]
pub fn sensor_scenarios() -> Vec<Scenario> {
    [
        sensors::SCENARIOS,
        can::SCENARIOS,
        i2c::SCENARIOS,
        confinement::SCENARIOS,
        recovery::SENSOR_SCENARIOS,
        watchdog::SCENARIOS,
        serial::SCENARIOS,
        display::SCENARIOS,
    ]
    .concat()
}

/// One scenario's entry in the list.
const fn scenario(name: &'static str, run: fn(&airox_machine::Context) -> Result<(), String>) -> Scenario {
    Scenario { name, run }
}
