//! The servo controller's program: serves `actuator`.
//!
//! Resource `uart`: its eight ports and its interrupt line. Arguments: `port=0x2f8` (its first port, COM2's by default), `baud=9600` (as
//! the controller is configured: "UART, fixed baud rate", without CRC), `silence-ms=1000` (after so long without a word it counts as unplugged),
//! `channels=6`, and `least-us=1000` and `most-us=2000`: the pulses that mean -1 and 1.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

extern crate alloc;

use airox_maestro::{Controller, Settings};
use airox_rt::Start;
use airox_sensor_server::{BadOption, LineOptions, program};
use alloc::boxed::Box;
use core::error::Error;

airox_rt::entry!(main);

const DEFAULT: LineOptions = LineOptions { port: 0x2f8, baud: 9_600, silence_ns: 1_000_000_000 };

fn main(start: &'static Start) -> Result<(), Box<dyn Error>> {
    let mut settings = Settings { channels: 6, least_us: 1000, most_us: 2000 };
    let arguments = start.arguments().iter().map(|text| text.as_str());
    let options = DEFAULT.from_arguments(arguments, |key, value| {
        match key {
            "channels" => settings.channels = value.parse().ok()?,
            "least-us" => settings.least_us = value.parse().ok()?,
            "most-us" => settings.most_us = value.parse().ok()?,
            _ => return None,
        }
        Some(())
    })?;
    program::run_actuator(start, options, Controller::new(settings).ok_or(BadOption)?)
}
