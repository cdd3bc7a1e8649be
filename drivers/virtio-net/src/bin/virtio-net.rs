//! The driver's program: a virtio network interface behind the interface `network`.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

extern crate alloc;

use airox_driver_kit::Device;
use airox_rt::{Start, exit_code};
use airox_virtio::Transport;
use airox_virtio_net::VirtioNet;
use alloc::boxed::Box;
use core::error::Error;

airox_rt::entry!(main);

fn main(start: &'static Start) -> Result<(), Box<dyn Error>> {
    let device = Device::take(start)?;
    let window = |bar, offset, length| device.registers(bar, offset, length);
    let Ok(transport) = Transport::find(&mut device.configuration(), window) else {
        // One from before virtio 1.0.
        airox_rt::sys::process_exit(exit_code::NO_DEVICE)
    };
    let card = VirtioNet::new(transport, |bytes| device.memory(bytes).map_err(Box::<dyn Error>::from))?;
    airox_network_server::serve(start, &device, card)
}
