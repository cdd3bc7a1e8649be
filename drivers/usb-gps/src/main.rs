//! The program of a GPS receiver at a USB serial adapter: serves `sensor`, as `drivers/gps` does from a 16550.
//!
//! An adapter does not say what is connected to it: which protocol is spoken there, the system file says by listing this driver. Arguments: `baud=9600`
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

/// The speed that NMEA 0183 receivers usually have; they speak once a second.
const DEFAULT: LineOptions = LineOptions { port: 0, baud: 9_600, silence_ns: 3_000_000_000 };

fn main(start: &'static Start) -> Result<(), Box<dyn Error>> {
    let arguments = start.arguments().iter().map(|text| text.as_str());
    let options = DEFAULT.from_arguments(arguments, |_, _| None)?;
    program::run_on_usb(start, options, Receiver::default())
}
