//! The shell's program: the services of `airox-shell` on the clients of `airox-api`.
//!
//! One instance serves one console. The console is the only service it cannot do without; a command whose service was not
//! granted says so.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

extern crate alloc;

mod actuators;
mod can;
mod console;
mod control;
mod devices;
mod displays;
mod files;
mod i2c;
mod logs;
mod networks;
mod opened;
mod processes;
mod sensors;
mod serials;
mod small;
mod watchdogs;
mod watched;
mod worker;

use airox_api::display::DisplayClient;
use airox_api::i2c::I2cClient;
use airox_api::serial::SerialClient;
use airox_api::watchdog::WatchdogClient;
use airox_rt::abi::Rights;
use airox_rt::{Port, Start, StartError, TypedHandle};
use airox_shell::scripts::BuiltIn;
use airox_shell::services::Services;
use airox_shell::shell::Shell;
use alloc::boxed::Box;
use alloc::rc::Rc;
use control::Control;
use opened::Opened;

airox_rt::entry!(main);

/// The shell that runs the first script.
const FIRST: &str = "shell";

fn main(start: &'static Start) -> Result<(), StartError> {
    let port: Port = start.take("console")?;
    // Programs get a copy of it.
    let console = port.copy(Rights::SEND | Rights::COPY)?;
    let control = Rc::new(Control::new(port)?);
    let devices = start.connect().ok().map(Rc::new);
    let services = Services {
        processes: Box::new(processes::ProcessService::new(start.connect().ok(), console, Rc::clone(&control))),
        logs: Box::new(logs::LogService::new(start.connect().ok(), Rc::clone(&control))),
        clock: Box::new(small::ClockService(start.connect().ok())),
        power: Box::new(small::PowerService(start.connect().ok())),
        files: start.connect().ok().map(|client| Box::new(files::FileService::new(client)) as Box<_>),
        devices: Box::new(devices::DeviceService(devices.clone())),
        can: Box::new(can::CanService::new(devices.clone(), Rc::clone(&control))),
        actuators: Box::new(actuators::ActuatorService::new(start)),
        i2c: Box::new(i2c::I2cService(Opened::new(devices.clone(), I2cClient::new))),
        networks: Box::new(networks::NetworkService::new(devices.clone())),
        sensors: Box::new(sensors::SensorService::new(start, devices.clone(), Rc::clone(&control))),
        serials: Box::new(serials::SerialService(Opened::new(devices.clone(), SerialClient::new))),
        displays: Box::new(displays::DisplayService(Opened::new(devices.clone(), DisplayClient::new))),
        watchdogs: Box::new(watchdogs::WatchdogService(Opened::new(devices, WatchdogClient::new))),
        scripts: Box::new(BuiltIn),
        console: Box::new(console::ConsoleService(Rc::clone(&control))),
        host: Box::new(control::HostService(control)),
    };
    let mut shell = Shell::new(services);
    shell.remember(start.name());
    if start.name() == FIRST {
        shell.run_first_script();
    }
    shell.run()
}
