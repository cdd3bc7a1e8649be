//! The program around a sensor on a 16550: its line, its timer, its clients.
//!
//! Resource `uart`: the eight ports and the interrupt line.

use crate::{LineOptions, Protocol, SensorServer, SerialSensor};
use airox_api::sensor::{SensorDispatcher, SensorInterface};
use airox_api::{Dispatch, Outcome};
use airox_driver_kit::Alarm;
use airox_driver_traits::BoundPorts;
use airox_driver_traits::sensor::{Progress, Sensor};
use airox_rt::server::{Handler, KernelMessage, Server};
use airox_rt::time::Instant;
use airox_rt::{IoPorts, Irq, PortRange, Signal, Start, exit_code};
use airox_uart16550::{Uart, UartError};
use alloc::boxed::Box;
use core::error::Error;

/// Ports a 16550 has.
const REGISTERS: u16 = 8;
/// The bit of the signal that interrupts set.
const INTERRUPT: u64 = 1 << 0;
/// The bit that the timer sets.
const TIME: u64 = 1 << 1;
/// The bit that the program sets to go on after it has served its clients.
const AGAIN: u64 = 1 << 2;

type Device<P> = SerialSensor<Uart<BoundPorts>, P>;

struct Program<P> {
    server: SensorDispatcher<SensorServer<Device<P>>>,
    irq: Irq,
    signal: Signal,
    alarm: Alarm,
}

impl<P: Protocol> Handler for Program<P> {
    fn request(&mut self, message: &mut KernelMessage) -> Outcome {
        self.server.dispatch(message)
    }

    fn signal(&mut self, bits: u64) {
        if bits & TIME != 0 {
            self.alarm.rang();
        }
        let server = &mut self.server.0;
        let progress = server.sensor().advance(now());
        server.tell();
        let alarm = server.sensor().deadline();
        let interrupt = if bits & INTERRUPT != 0 { self.irq.acknowledge() } else { Ok(()) };
        let again = if progress == Progress::More { self.signal.notify(AGAIN) } else { Ok(()) };
        if let Err(error) = interrupt.and(again).and_then(|()| self.alarm.set(&self.signal, alarm, TIME)) {
            log::error!("cannot wait for the device: {error}");
        }
    }
}

/// Nanoseconds since boot.
fn now() -> u64 {
    Instant::now().as_nanoseconds()
}

/// Serves the sensor that speaks `protocol`. A line without a UART ends the program in the way that says: starting it again would
/// not help.
///
/// # Errors
/// A handle is missing, or a system call failed.
pub fn run<P: Protocol>(start: &'static Start, options: LineOptions, protocol: P) -> Result<(), Box<dyn Error>> {
    let port = start.served_port::<SensorInterface>()?;
    let authority: IoPorts = start.take("ports:uart")?;
    let irq: Irq = start.take("irq:uart")?;
    let ports = BoundPorts::new([PortRange::bind(authority, options.port, REGISTERS)?]);
    let signal = Signal::create()?;
    irq.bind(&signal, INTERRUPT)?;
    // What came before the line had its speed makes no sense.
    let line = match Uart::start(ports, options.port, options.baud, &mut [0; _]) {
        Err(error @ UartError::NotPresent(_)) => {
            log::error!("{error}");
            airox_rt::sys::process_exit(exit_code::NO_DEVICE)
        }
        other => other?.0,
    };
    irq.acknowledge()?;
    // The first call sets the timer.
    signal.notify(AGAIN)?;
    let served = Server::new(port).with_signal(&signal)?;
    let sensor = SerialSensor::new(line, protocol, now(), options.silence_ns);
    let server = SensorDispatcher(SensorServer::new(sensor, now));
    let program = Program { server, irq, signal, alarm: Alarm::default() };
    log::info!("{} at port {:#x}, {} baud", start.name(), options.port, options.baud);
    Ok(served.run(program)?)
}
