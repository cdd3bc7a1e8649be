//! The wiring of a network driver: its port, its device's interrupt and timer, and the device manager.

use airox_api::network::{NetworkDispatcher, NetworkInterface};
use airox_api::{Dispatch, Outcome};
use airox_driver_kit::Device;
use airox_driver_traits::network::NetworkDevice;
use airox_rt::server::{Handler, KernelMessage, Server};
use airox_rt::time::Instant;
use airox_rt::{Irq, Signal, Start, exit_code};
use alloc::boxed::Box;
use alloc::format;
use core::error::Error;

use crate::server::{NetworkServer, Work};

/// Bits of the driver's signal.
const INTERRUPT: u64 = 1;
const TIMER: u64 = 2;
/// There is more to do, after clients have been served.
const AGAIN: u64 = 4;

fn now() -> u64 {
    Instant::now().as_nanoseconds()
}

/// Serves a network device: never returns, unless with an error. The device tells by its first interrupt.
///
/// # Errors
/// The driver was not given what it needs.
pub fn serve<N: NetworkDevice>(start: &'static Start, device: &Device, card: N) -> Result<(), Box<dyn Error>> {
    let port = start.served_port::<NetworkInterface>()?;
    let signal = Signal::create()?;
    let interrupt = device.interrupt(0, &signal, INTERRUPT)?;
    let summary = format!("{}", card.address());
    // What came before the interrupt was bound.
    signal.notify(INTERRUPT)?;
    device.announce(&summary, &[])?;
    let server = Server::new(port).with_signal(&signal)?;
    let dispatcher = NetworkDispatcher(NetworkServer::new(card, now));
    Ok(server.run(Serving { dispatcher, interrupt, signal, alarm: None })?)
}

/// Requests to the server, interrupts to its device.
struct Serving<N> {
    dispatcher: NetworkDispatcher<NetworkServer<N>>,
    interrupt: Irq,
    signal: Signal,
    /// What the timer is set to.
    alarm: Option<u64>,
}

impl<N: NetworkDevice> Serving<N> {
    fn set_timer(&mut self) {
        let alarm = self.dispatcher.0.deadline();
        if alarm != self.alarm {
            self.alarm = alarm;
            // The driver's own signal; there is nothing to do if it were gone.
            let _ = alarm.map_or_else(|| self.signal.stop_timer(), |at| self.signal.set_timer(at, TIMER));
        }
    }
}

impl<N: NetworkDevice> Handler for Serving<N> {
    fn request(&mut self, message: &mut KernelMessage) -> Outcome {
        let outcome = self.dispatcher.dispatch(message);
        self.set_timer();
        outcome
    }

    fn signal(&mut self, bits: u64) {
        if bits & TIMER != 0 {
            self.alarm = None;
            self.dispatcher.0.expire(now());
        }
        if bits & (INTERRUPT | AGAIN) != 0 {
            let again = match self.dispatcher.0.pump() {
                Ok(Work::Done) => self.interrupt.acknowledge(),
                Ok(Work::More) => self.signal.notify(AGAIN),
                Err(error) => {
                    log::error!("{error}");
                    airox_rt::sys::process_exit(exit_code::FAILURE)
                }
            };
            if let Err(error) = again {
                log::error!("cannot wait for the device: {error}");
            }
        }
        self.set_timer();
    }
}
