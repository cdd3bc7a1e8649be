//! The driver's program: the first disk of an AHCI controller behind the interface `block`.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

extern crate alloc;

use airox_ahci::{Ahci, BAR, REGISTERS, SetupError};
use airox_driver_kit::{Device, KitError};
use airox_rt::{Start, exit_code};
use alloc::boxed::Box;
use core::error::Error;
use core::fmt;

airox_rt::entry!(main);

/// Why the disk cannot be driven.
#[derive(Debug)]
enum Failure {
    Kit(KitError),
    Setup(SetupError),
}

impl From<SetupError> for Failure {
    fn from(error: SetupError) -> Failure {
        Failure::Setup(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Kit(error) => error.fmt(formatter),
            Failure::Setup(error) => error.fmt(formatter),
        }
    }
}

impl Error for Failure {}

fn main(start: &'static Start) -> Result<(), Box<dyn Error>> {
    let device = Device::take(start)?;
    let Some(registers) = device.registers(BAR, 0, REGISTERS) else {
        airox_rt::sys::process_exit(exit_code::NO_DEVICE)
    };
    let disk = match Ahci::new(registers, |bytes| device.memory(bytes).map_err(Failure::Kit)) {
        Err(Failure::Setup(SetupError::NoDisk)) => airox_rt::sys::process_exit(exit_code::NO_DEVICE),
        other => other?,
    };
    airox_block_server::serve(start, device, disk)
}
