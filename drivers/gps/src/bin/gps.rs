//! The GPS receiver's program: serves `sensor`.
//!
//! Resource `uart`: its eight ports and its interrupt line. Arguments: `port=0x2f8` (its first port, COM2's by default), `baud=9600`
//! and `silence-ms=3000` (after so long without a word the receiver counts as unplugged).
#![no_std]
#![no_main]
#![deny(unsafe_code)]

extern crate alloc;

use airox_gps::Receiver;
use airox_rt::Start;
use airox_sensor_server::{LineOptions, program};
use alloc::boxed::Box;
use core::error::Error;

airox_rt::entry!(main);

/// COM2, and the speed that NMEA 0183 receivers usually have; they speak once a second.
const DEFAULT: LineOptions = LineOptions { port: 0x2f8, baud: 9_600, silence_ns: 3_000_000_000 };

fn main(start: &'static Start) -> Result<(), Box<dyn Error>> {
    let arguments = start.arguments().iter().map(|text| text.as_str());
    let options = DEFAULT.from_arguments(arguments, |_, _| None)?;
    program::run(start, options, Receiver::default())
}
