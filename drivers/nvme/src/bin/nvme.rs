//! The driver's program: the first namespace of an NVMe controller behind the interface `block`.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

extern crate alloc;

use airox_driver_kit::Device;
use airox_nvme::{Nvme, REGISTERS};
use airox_rt::{Start, exit_code};
use alloc::boxed::Box;
use core::error::Error;

airox_rt::entry!(main);

fn main(start: &'static Start) -> Result<(), Box<dyn Error>> {
    let device = Device::take(start)?;
    let Some(registers) = device.registers(0, 0, REGISTERS) else { airox_rt::sys::process_exit(exit_code::NO_DEVICE) };
    let disk = Nvme::new(registers, |bytes| device.memory(bytes).map_err(Box::<dyn Error>::from))?;
    airox_block_server::serve(start, device, disk)
}
