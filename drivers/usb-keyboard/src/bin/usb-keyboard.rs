//! The keyboard's program: its device on one side, who waits for keys on the other.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

extern crate alloc;

use airox_api::input::{InputDispatcher, InputInterface};
use airox_api::{Dispatch, Outcome};
use airox_driver_kit::Shared;
use airox_driver_kit::usb::Function;
use airox_input_server::Events;
use airox_rt::server::{Handler, KernelMessage, Server};
use airox_rt::time::Instant;
use airox_rt::{Signal, Start, exit_code};
use airox_usb_keyboard::{Keyboard, MEMORY};
use alloc::boxed::Box;
use core::error::Error;

airox_rt::entry!(main);

/// Bits of the signal: transfers are over; a key repeats.
const DONE: u64 = 1 << 0;
const TIME: u64 = 1 << 1;

struct Program {
    events: InputDispatcher<Events>,
    keyboard: Keyboard<Function, Shared>,
    signal: Signal,
}

impl Handler for Program {
    fn request(&mut self, message: &mut KernelMessage) -> Outcome {
        self.events.dispatch(message)
    }

    fn signal(&mut self, _bits: u64) {
        match self.keyboard.advance(Instant::now().as_nanoseconds()) {
            Ok(events) => self.events.0.add(events),
            Err(error) => {
                log::error!("{error}");
                airox_rt::sys::process_exit(exit_code::FAILURE);
            }
        }
        let deadline = self.keyboard.deadline().unwrap_or(u64::MAX);
        if let Err(error) = self.signal.set_timer(deadline, TIME) {
            log::error!("cannot set the timer: {error}");
        }
    }
}

fn main(start: &'static Start) -> Result<(), Box<dyn Error>> {
    let port = start.served_port::<InputInterface>()?;
    let signal = Signal::create()?;
    let function = Function::take(start, &signal, DONE)?;
    let (shared, memory) = (function.share(), function.memory(MEMORY)?);
    let keyboard = Keyboard::start(function, shared.description(), memory)?;
    shared.announce(&shared.description().name, &[])?;
    let served = Server::new(port).with_signal(&signal)?;
    Ok(served.run(Program { events: InputDispatcher(Events::default()), keyboard, signal })?)
}
