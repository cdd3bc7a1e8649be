//! The wiring of a CAN driver: its port, its device's interrupt, its timer, and the device manager.

use airox_api::can::{CanDispatcher, CanInterface};
use airox_api::{Dispatch, Outcome};
use airox_driver_kit::{Alarm, Device};
use airox_driver_traits::can::CanController;
use airox_driver_traits::sensor::Progress;
use airox_rt::server::{Handler, KernelMessage, Server};
use airox_rt::time::Instant;
use airox_rt::{Irq, Signal, Start, exit_code};
use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::error::Error;

use crate::{CanServer, bit_rate};

/// The bit of the signal that interrupts set.
const INTERRUPT: u64 = 1 << 0;
/// The bit that the timer sets.
const TIME: u64 = 1 << 1;
/// The bit that the program sets to go on after it has served its clients.
const AGAIN: u64 = 1 << 2;

struct Program<C> {
    server: CanDispatcher<CanServer<C>>,
    irq: Irq,
    signal: Signal,
    alarm: Alarm,
}

impl<C: CanController> Program<C> {
    fn check(&mut self, result: Result<(), airox_rt::Error>) {
        if let Err(error) = result.and_then(|()| self.alarm.set(&self.signal, self.server.0.deadline(), TIME)) {
            log::error!("cannot wait for the device: {error}");
        }
    }
}

impl<C: CanController> Handler for Program<C> {
    fn request(&mut self, message: &mut KernelMessage) -> Outcome {
        let outcome = self.server.dispatch(message);
        self.check(Ok(()));
        outcome
    }

    fn signal(&mut self, bits: u64) {
        if bits & TIME != 0 {
            self.alarm.rang();
        }
        let progress = self.server.0.advance();
        let interrupt = if bits & INTERRUPT != 0 { self.irq.acknowledge() } else { Ok(()) };
        let again = if progress == Progress::More { self.signal.notify(AGAIN) } else { Ok(()) };
        self.check(interrupt.and(again));
    }
}

/// Nanoseconds since boot.
fn now() -> u64 {
    Instant::now().as_nanoseconds()
}

/// The driver's device, and the bit rate that its arguments ask for.
///
/// # Errors
/// An argument is damaged, or the driver was not given what it needs.
pub fn take(start: &'static Start) -> Result<(Device, u32), Box<dyn Error>> {
    let rate = bit_rate(start.arguments().iter().map(String::as_str))?;
    Ok((Device::take(start)?, rate))
}

/// Serves the controllers of a board at `bit_rate`: never returns, unless with an error. If there are several, each is a part of the device, by its
/// number.
///
/// # Errors
/// The driver was not given what it needs.
pub fn serve<C: CanController>(
    start: &'static Start,
    device: &Device,
    controllers: Vec<C>,
    bit_rate: u32,
) -> Result<(), Box<dyn Error>> {
    let Some(first) = controllers.first() else {
        log::error!("no CAN controller answers");
        airox_rt::sys::process_exit(exit_code::NO_DEVICE)
    };
    let count = controllers.len();
    let summary = format!("{count} x {}, {} kbit/s", first.model(), bit_rate / 1000);
    let parts: Vec<String> = (0..count).filter(|_| count > 1).map(|number| number.to_string()).collect();
    let port = start.served_port::<CanInterface>()?;
    let signal = Signal::create()?;
    let irq = device.interrupt(0, &signal, INTERRUPT)?;
    // What happened between the controllers' start and now is looked at once.
    signal.notify(AGAIN)?;
    irq.acknowledge()?;
    let served = Server::new(port).with_signal(&signal)?;
    let server = CanDispatcher(CanServer::new(controllers, bit_rate, now));
    device.announce(&summary, &parts)?;
    Ok(served.run(Program { server, irq, signal, alarm: Alarm::default() })?)
}
