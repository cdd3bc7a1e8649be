//! The wiring of a line's driver: its port, its device's interrupt and timer, and the device manager.

use airox_api::serial::{SerialDispatcher, SerialInterface};
use airox_api::{Dispatch, Outcome};
use airox_driver_kit::{Alarm, Device};
use airox_driver_traits::serial::SerialLine;
use airox_rt::server::{Handler, KernelMessage, Server};
use airox_rt::time::Instant;
use airox_rt::{Irq, Signal, Start, exit_code};
use alloc::boxed::Box;
use core::error::Error;

use crate::server::{SerialServer, Work};

/// Bits of the driver's signal.
const INTERRUPT: u64 = 1;
const TIMER: u64 = 2;
/// There is more to do, after clients have been served.
const AGAIN: u64 = 4;

fn now() -> u64 {
    Instant::now().as_nanoseconds()
}

/// Serves a serial line: never returns, unless with an error. The device tells by its first interrupt.
///
/// # Errors
/// The driver was not given what it needs.
pub fn serve<L: SerialLine>(
    start: &'static Start,
    device: &Device,
    line: L,
    model: &str,
) -> Result<(), Box<dyn Error>> {
    let port = start.served_port::<SerialInterface>()?;
    let signal = Signal::create()?;
    let interrupt = device.interrupt(0, &signal, INTERRUPT)?;
    // What came before the interrupt was bound.
    signal.notify(INTERRUPT)?;
    device.announce(model, &[])?;
    let server = Server::new(port).with_signal(&signal)?;
    let dispatcher = SerialDispatcher(SerialServer::new(line, now));
    Ok(server.run(Serving { dispatcher, interrupt, signal, alarm: Alarm::default() })?)
}

/// Requests to the server, interrupts to its device.
struct Serving<L> {
    dispatcher: SerialDispatcher<SerialServer<L>>,
    interrupt: Irq,
    signal: Signal,
    alarm: Alarm,
}

impl<L: SerialLine> Serving<L> {
    /// Moves bytes; acknowledges the interrupt when there is nothing left of it.
    fn pump(&mut self) {
        let again = match self.dispatcher.0.pump() {
            Ok(Work::Done) => self.interrupt.acknowledge(),
            Ok(Work::More) => self.signal.notify(AGAIN),
            Err(error) => {
                log::error!("the line is gone: {error:?}");
                airox_rt::sys::process_exit(exit_code::FAILURE)
            }
        };
        let deadline = self.dispatcher.0.deadline();
        if let Err(error) = again.and_then(|()| self.alarm.set(&self.signal, deadline, TIMER)) {
            log::error!("cannot wait for the device: {error}");
        }
    }
}

impl<L: SerialLine> Handler for Serving<L> {
    fn request(&mut self, message: &mut KernelMessage) -> Outcome {
        let outcome = self.dispatcher.dispatch(message);
        self.pump();
        outcome
    }

    fn signal(&mut self, bits: u64) {
        if bits & TIMER != 0 {
            self.alarm.rang();
            self.dispatcher.0.expire(now());
        }
        self.pump();
    }
}
