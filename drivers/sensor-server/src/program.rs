//! The program around a sensor or actuator on a serial line: the line, its timer, its clients.
//!
//! On a 16550, resource `uart`: the eight ports and the interrupt line. On a USB serial adapter, the interface that the device manager gives.

use crate::{ActuatorServer, LineOptions, Protocol, SensorServer, SerialSensor};
use airox_api::actuator::{ActuatorDispatcher, ActuatorInterface};
use airox_api::sensor::{SensorDispatcher, SensorInterface};
use airox_api::{Dispatch, Interface, Outcome};
use airox_driver_kit::Alarm;
use airox_driver_kit::usb::Function;
use airox_driver_traits::BoundPorts;
use airox_driver_traits::actuator::Actuator;
use airox_driver_traits::sensor::{Progress, Sensor};
use airox_driver_traits::serial::SerialLine;
use airox_ftdi::{Ftdi, MEMORY};
use airox_rt::server::{Handler, KernelMessage, Server};
use airox_rt::time::Instant;
use airox_rt::{IoPorts, Irq, Port, PortRange, Signal, Start, exit_code};
use airox_uart16550::{Uart, UartError};
use alloc::boxed::Box;
use core::error::Error;

/// Ports a 16550 has.
const REGISTERS: u16 = 8;
/// The bit of the signal that says that the line has something: by its interrupt, or the USB controller's driver.
const INTERRUPT: u64 = 1 << 0;
/// The bit that the timer sets.
const TIME: u64 = 1 << 1;
/// The bit that the program sets to go on after it has served its clients.
const AGAIN: u64 = 1 << 2;

type Device<P> = SerialSensor<Uart<BoundPorts>, P>;

/// The server of an interface around a device.
trait Served: Dispatch {
    /// The device interrupted, was told something, or time passed.
    fn advance(&mut self) -> Progress;
    /// When it is to be called at the latest.
    fn deadline(&mut self) -> Option<u64>;
}

impl<L: SerialLine, P: Protocol> Served for SensorDispatcher<SensorServer<SerialSensor<L, P>>> {
    fn advance(&mut self) -> Progress {
        let progress = self.0.sensor().advance(now());
        self.0.tell();
        progress
    }

    fn deadline(&mut self) -> Option<u64> {
        self.0.sensor().deadline()
    }
}

impl<P: Protocol + Actuator> Served for ActuatorDispatcher<ActuatorServer<Device<P>>> {
    fn advance(&mut self) -> Progress {
        let progress = self.0.actuator().advance(now());
        self.0.tell();
        progress
    }

    fn deadline(&mut self) -> Option<u64> {
        self.0.actuator().deadline()
    }
}

struct Program<S> {
    server: S,
    irq: Option<Irq>,
    signal: Signal,
    alarm: Alarm,
}

impl<S: Served> Program<S> {
    fn advance(&mut self, bits: u64) {
        let progress = self.server.advance();
        let irq = self.irq.as_ref().filter(|_| bits & INTERRUPT != 0);
        let interrupt = irq.map_or(Ok(()), Irq::acknowledge);
        let again = if progress == Progress::More { self.signal.notify(AGAIN) } else { Ok(()) };
        let alarm = self.server.deadline();
        if let Err(error) = interrupt.and(again).and_then(|()| self.alarm.set(&self.signal, alarm, TIME)) {
            log::error!("cannot wait for the device: {error}");
        }
    }
}

impl<S: Served> Handler for Program<S> {
    fn request(&mut self, message: &mut KernelMessage) -> Outcome {
        let outcome = self.server.dispatch(message);
        // A command leaves at once.
        self.advance(0);
        outcome
    }

    fn signal(&mut self, bits: u64) {
        if bits & TIME != 0 {
            self.alarm.rang();
        }
        self.advance(bits);
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
    let server = |sensor| SensorDispatcher(SensorServer::new(sensor, now));
    serve::<SensorInterface, _, _>(start, options, protocol, server)
}

/// Serves the actuator that speaks `protocol`, likewise.
///
/// # Errors
/// A handle is missing, or a system call failed.
pub fn run_actuator<P: Protocol + Actuator>(
    start: &'static Start,
    options: LineOptions,
    protocol: P,
) -> Result<(), Box<dyn Error>> {
    let server = |actuator| ActuatorDispatcher(ActuatorServer::new(actuator, now));
    serve::<ActuatorInterface, _, _>(start, options, protocol, server)
}

fn serve<I: Interface, P: Protocol, S: Served>(
    start: &'static Start,
    options: LineOptions,
    protocol: P,
    server: impl FnOnce(Device<P>) -> S,
) -> Result<(), Box<dyn Error>> {
    let port = start.served_port::<I>()?;
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
    log::info!("{} at port {:#x}, {} baud", start.name(), options.port, options.baud);
    go(port, signal, Some(irq), server(SerialSensor::new(line, protocol, now(), options.silence_ns)))
}

/// Serves the sensor that speaks `protocol` at the USB serial adapter that this driver was started for. When the adapter is pulled out, the device manager ends
/// the program.
///
/// # Errors
/// A handle is missing, a system call failed, or the adapter cannot be used.
pub fn run_on_usb<P: Protocol>(start: &'static Start, options: LineOptions, protocol: P) -> Result<(), Box<dyn Error>> {
    let port = start.served_port::<SensorInterface>()?;
    let signal = Signal::create()?;
    let function = Function::take(start, &signal, INTERRUPT)?;
    let (shared, memory) = (function.share(), function.memory(MEMORY)?);
    let line = Ftdi::start(function, shared.description(), memory, options.baud)?;
    shared.announce(&shared.description().name, &[])?;
    let sensor = SerialSensor::new(line, protocol, now(), options.silence_ns);
    go(port, signal, None, SensorDispatcher(SensorServer::new(sensor, now)))
}

fn go<S: Served>(port: Port, signal: Signal, irq: Option<Irq>, server: S) -> Result<(), Box<dyn Error>> {
    // The first call sets the timer.
    signal.notify(AGAIN)?;
    let served = Server::new(port).with_signal(&signal)?;
    Ok(served.run(Program { server, irq, signal, alarm: Alarm::default() })?)
}
