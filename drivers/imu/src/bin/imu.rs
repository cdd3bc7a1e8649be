//! The IMU's program: serves `sensor` from a BNO055.
//!
//! Resource `uart`: its eight ports and its interrupt line. Arguments: `port=0x2f8` (its first port, COM2's by default), `baud=115200`
//! (section 4.7 gives the chip this speed and no other), `silence-ms=500` (after so long without a word the chip counts as unplugged) and
//! `rate=50` (readings a second).
#![no_std]
#![no_main]
#![deny(unsafe_code)]

extern crate alloc;

use airox_imu::Chip;
use airox_rt::Start;
use airox_sensor_server::{BadOption, LineOptions, program};
use alloc::boxed::Box;
use core::error::Error;

airox_rt::entry!(main);

const DEFAULT: LineOptions = LineOptions { port: 0x2f8, baud: 115_200, silence_ns: 500_000_000 };
/// Readings a second.
const DEFAULT_RATE: u32 = 50;

fn main(start: &'static Start) -> Result<(), Box<dyn Error>> {
    let mut rate = DEFAULT_RATE;
    let arguments = start.arguments().iter().map(|text| text.as_str());
    let options = DEFAULT.from_arguments(arguments, |key, value| {
        rate = value.parse().ok().filter(|_| key == "rate")?;
        Some(())
    })?;
    program::run(start, options, Chip::new(rate).ok_or(BadOption)?)
}
