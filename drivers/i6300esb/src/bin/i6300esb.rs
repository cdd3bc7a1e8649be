//! The driver's program: the watchdog behind the interface `watchdog`.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

extern crate alloc;

use airox_driver_kit::Device;
use airox_i6300esb::I6300esb;
use airox_i6300esb::registers::{BAR, LENGTH};
use airox_rt::{Start, exit_code};
use alloc::boxed::Box;
use core::error::Error;

airox_rt::entry!(main);

fn main(start: &'static Start) -> Result<(), Box<dyn Error>> {
    let device = Device::take(start)?;
    let Some(registers) = device.registers(BAR, 0, LENGTH) else { airox_rt::sys::process_exit(exit_code::NO_DEVICE) };
    let timer = I6300esb::new(registers, device.live_configuration());
    airox_watchdog_server::serve(start, &device, timer, "6300ESB watchdog")
}
