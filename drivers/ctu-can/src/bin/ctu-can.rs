//! The driver's program: a board's cores behind the interface `can`. Argument `bit-rate=500000` is the default.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

extern crate alloc;

use airox_ctu_can::{CtuCan, board};
use airox_rt::Start;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::error::Error;

airox_rt::entry!(main);

fn main(start: &'static Start) -> Result<(), Box<dyn Error>> {
    let (device, rate) = airox_can_server::take(start)?;
    let registers = |core| device.registers(board::CORES_BAR, core * board::CORE_BYTES, board::CORE_BYTES);
    let present = (0..board::MAX_CORES).filter_map(registers).map_while(|core| CtuCan::start(core, rate).transpose());
    let controllers = present.collect::<Result<Vec<_>, _>>()?;
    airox_can_server::serve(start, &device, controllers, rate)
}
