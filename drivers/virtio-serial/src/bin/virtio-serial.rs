//! The driver's program: a virtio console behind the interface `serial`.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

extern crate alloc;

use airox_driver_kit::Device;
use airox_rt::Start;
use airox_virtio::Transport;
use airox_virtio_serial::VirtioConsole;
use alloc::boxed::Box;
use core::error::Error;

airox_rt::entry!(main);

fn main(start: &'static Start) -> Result<(), Box<dyn Error>> {
    let device = Device::take(start)?;
    let window = |bar, offset, length| device.registers(bar, offset, length);
    let transport = Transport::find(&mut device.configuration(), window)?;
    let console = VirtioConsole::new(transport, |bytes| device.memory(bytes).map_err(Box::<dyn Error>::from))?;
    airox_serial_server::serve(start, &device, console, "virtio console")
}
