//! The driver's program: a board's chips behind the interface `can`. Argument `bit-rate=500000` is the default.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

extern crate alloc;

use airox_kvaser_can::{Sja1000, board};
use airox_rt::{Start, exit_code};
use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::error::Error;

airox_rt::entry!(main);

fn main(start: &'static Start) -> Result<(), Box<dyn Error>> {
    let (device, rate) = airox_can_server::take(start)?;
    let (Some(mut bridge), Some(mut chips)) = (device.ports(board::BRIDGE_BAR)?, device.ports(board::CHIPS_BAR)?)
    else {
        log::error!("the board has no ports");
        airox_rt::sys::process_exit(exit_code::NO_DEVICE)
    };
    board::enable(&mut bridge);
    let present = board::chips(&mut chips);
    let chips = Rc::new(RefCell::new(chips));
    let chip = |number: &usize| Sja1000::start(board::ChipRegisters::new(&chips, *number), rate);
    let controllers = present.iter().map(chip).collect::<Result<Vec<_>, _>>()?;
    airox_can_server::serve(start, &device, controllers, rate)
}
