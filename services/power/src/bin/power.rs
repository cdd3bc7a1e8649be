//! The power server's program: serves `power` by ACPI's registers.
//!
//! Resource `acpi` (ACPI tables): init reads them and hands over ports and arguments, see [`PowerRegisters`].
#![no_std]
#![no_main]
#![deny(unsafe_code)]

extern crate alloc;

use airox_api::Caller;
use airox_api::power::{Power, PowerDispatcher, PowerError, PowerInterface};
use airox_driver_traits::BoundPorts;
use airox_power::{PowerControl, PowerRegisters, ResetStep};
use airox_rt::time::{Duration, Timer};
use airox_rt::{IoPorts, PortRange, Start, server};
use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;
use core::error::Error;

airox_rt::entry!(main);

/// How long a machine may take to obey before it counts as disobedient.
const PATIENCE: Duration = Duration::from_millis(500);

struct PowerServer {
    control: PowerControl<BoundPorts>,
    steps: Vec<ResetStep>,
    timer: Timer,
}

impl PowerServer {
    fn wait(&self) {
        if let Err(error) = self.timer.sleep(PATIENCE) {
            log::error!("cannot wait: {error}");
        }
    }
}

impl Power for PowerServer {
    fn off(&mut self, _caller: Caller) -> Result<(), PowerError> {
        log::info!("turning off");
        self.control.off();
        self.wait();
        log::error!("the machine is still on");
        Err(PowerError::Failed)
    }

    fn reboot(&mut self, _caller: Caller) -> Result<(), PowerError> {
        for step in &self.steps {
            log::info!("restarting: {}", step.name);
            self.control.take_step(*step);
            self.wait();
        }
        log::error!("the machine did not restart");
        Err(PowerError::Failed)
    }
}

fn main(start: &'static Start) -> Result<(), Box<dyn Error>> {
    let port = start.served_port::<PowerInterface>()?;
    let arguments = start.arguments().iter().map(|text| text.as_str());
    let registers = PowerRegisters::from_arguments(arguments)?;
    let mut ranges = Vec::new();
    for range in registers.ports() {
        let authority: IoPorts = start.take(&format!("ports:{}", range.name))?;
        ranges.push(PortRange::bind(authority, range.first, range.count)?);
    }
    let ports = BoundPorts::new(ranges);
    let steps: Vec<_> =
        PowerControl::<BoundPorts>::reset_steps(&registers).filter(|step| ports.has(step.port)).collect();
    log::info!("{registers}");
    let server = PowerServer { control: PowerControl::new(ports, registers), steps, timer: Timer::new()? };
    Ok(server::serve(port, PowerDispatcher(server))?)
}
