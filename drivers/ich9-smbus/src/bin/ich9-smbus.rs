//! The driver's program: the host behind the interface `i2c`.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

extern crate alloc;

use airox_driver_kit::{Device, InterruptPatience};
use airox_driver_traits::registers::Registers;
use airox_ich9_smbus::Host;
use airox_ich9_smbus::registers::{HOST_CONFIGURATION, HOST_ENABLED, PORTS_BAR};
use airox_rt::{Start, exit_code};
use alloc::boxed::Box;
use core::error::Error;

airox_rt::entry!(main);

/// Nanoseconds that a transaction may take: 256 bytes at 10 kHz, the slowest there is, and the 35 ms that a device may stretch it (SMBus
/// specification 2.0, section 3.1.1).
const LONGEST: u64 = 300_000_000;

fn main(start: &'static Start) -> Result<(), Box<dyn Error>> {
    let device = Device::take(start)?;
    let enabled = device.configuration().read_u8(HOST_CONFIGURATION) & HOST_ENABLED != 0;
    let (true, Some(ports)) = (enabled, device.ports(PORTS_BAR)?) else {
        log::info!("firmware has switched the SMBus off");
        airox_rt::sys::process_exit(exit_code::NO_DEVICE)
    };
    let host = Host::new(ports, InterruptPatience::new(&device, LONGEST)?);
    airox_i2c_server::serve(start, &device, host, "ICH9 SMBus")
}
