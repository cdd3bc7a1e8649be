//! The driver's program: a USB disk behind the interface `block`.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

extern crate alloc;

use airox_block_server::{DONE, PATIENCE, TIMER, serve_woken};
use airox_driver_kit::usb::Function;
use airox_rt::time::Instant;
use airox_rt::{Signal, Start};
use airox_usb_storage::{Disk, MEMORY, SetupError};
use alloc::boxed::Box;
use core::error::Error;

airox_rt::entry!(main);

fn main(start: &'static Start) -> Result<(), Box<dyn Error>> {
    let signal = Signal::create()?;
    let function = Function::take(start, &signal, DONE)?;
    let (shared, memory) = (function.share(), function.memory(MEMORY)?);
    let wait = || {
        let deadline = Instant::now() + PATIENCE;
        let set = signal.set_timer(deadline.as_nanoseconds(), TIMER);
        match set.and_then(|()| signal.wait(DONE | TIMER)) {
            Ok(bits) if bits & DONE != 0 => Ok(()),
            _ => Err(SetupError::Silent),
        }
    };
    let disk = Disk::new(function, shared.description(), memory, wait)?;
    // Nobody waits for the timer any more.
    signal.stop_timer()?;
    serve_woken(start, signal, shared, disk)
}
