//! The driver's program: a gigabit Ethernet controller behind the interface `network`.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

extern crate alloc;

use airox_driver_kit::Device;
use airox_driver_traits::pci::register;
use airox_driver_traits::registers::Registers;
use airox_e1000_net::{BAR, E1000, Model, REGISTERS};
use airox_rt::{Start, exit_code};
use alloc::boxed::Box;
use core::error::Error;

airox_rt::entry!(main);

fn main(start: &'static Start) -> Result<(), Box<dyn Error>> {
    let device = Device::take(start)?;
    let Some(registers) = device.registers(BAR, 0, REGISTERS) else {
        airox_rt::sys::process_exit(exit_code::NO_DEVICE)
    };
    let model = Model::from_device(device.configuration().read_u16(register::DEVICE));
    let card = E1000::new(model, registers, |bytes| device.memory(bytes).map_err(Box::<dyn Error>::from))?;
    airox_network_server::serve(start, &device, card)
}
