//! The driver's program: a virtio keyboard behind the interface `input`.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

extern crate alloc;

use airox_api::input::{InputDispatcher, InputInterface};
use airox_api::{Dispatch, Outcome};
use airox_driver_kit::{Device, Mapped, Shared};
use airox_input_server::Events;
use airox_rt::server::{Handler, KernelMessage, Server};
use airox_rt::time::Instant;
use airox_rt::{Signal, Start, exit_code};
use airox_virtio::Transport;
use airox_virtio_input::{Progress, VirtioKeyboard};
use alloc::boxed::Box;
use core::error::Error;

airox_rt::entry!(main);

/// Bits of the signal: the device has something to say; a key repeats; there is more to do.
const INTERRUPT: u64 = 1 << 0;
const TIME: u64 = 1 << 1;
const AGAIN: u64 = 1 << 2;

struct Program {
    events: InputDispatcher<Events>,
    keyboard: VirtioKeyboard<Mapped, Shared>,
    signal: Signal,
}

impl Handler for Program {
    fn request(&mut self, message: &mut KernelMessage) -> Outcome {
        self.events.dispatch(message)
    }

    fn signal(&mut self, _bits: u64) {
        let progress = match self.keyboard.advance(Instant::now().as_nanoseconds()) {
            Ok((events, progress)) => {
                self.events.0.add(events);
                progress
            }
            Err(error) => {
                log::error!("{error}");
                airox_rt::sys::process_exit(exit_code::FAILURE)
            }
        };
        let deadline = self.keyboard.deadline().unwrap_or(u64::MAX);
        let again = if progress == Progress::More { self.signal.notify(AGAIN) } else { Ok(()) };
        if let Err(error) = again.and_then(|()| self.signal.set_timer(deadline, TIME)) {
            log::error!("cannot wait for the device: {error}");
        }
    }
}

fn main(start: &'static Start) -> Result<(), Box<dyn Error>> {
    let port = start.served_port::<InputInterface>()?;
    let device = Device::take(start)?;
    let window = |bar, offset, length| device.registers(bar, offset, length);
    let transport = Transport::find(&mut device.configuration(), window)?;
    let Some(keyboard) = VirtioKeyboard::new(transport, |bytes| device.memory(bytes).map_err(Box::<dyn Error>::from))?
    else {
        // A mouse, a tablet.
        airox_rt::sys::process_exit(exit_code::NO_DEVICE)
    };
    let signal = Signal::create()?;
    let _interrupt = device.interrupt(0, &signal, INTERRUPT)?;
    // What was pressed before the interrupt was bound.
    signal.notify(INTERRUPT)?;
    device.announce("virtio keyboard", &[])?;
    let served = Server::new(port).with_signal(&signal)?;
    Ok(served.run(Program { events: InputDispatcher(Events::default()), keyboard, signal })?)
}
