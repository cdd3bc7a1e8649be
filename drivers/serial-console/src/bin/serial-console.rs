//! The serial console's program: serves `console` on a 16550.
//!
//! Resource `uart`: its eight ports and its interrupt line. Arguments: `port=0x3f8` (its first port, COM1's by default) and
//! `size=80x24` (what the terminal at the other end is taken for).
#![no_std]
#![no_main]
#![deny(unsafe_code)]

extern crate alloc;

use airox_api::Dispatch;
use airox_api::Outcome;
use airox_api::console::{ConsoleDispatcher, ConsoleInterface};
use airox_driver_traits::BoundPorts;
use airox_rt::server::{Handler, KernelMessage, Server};
use airox_rt::{IoPorts, Irq, PortRange, Rights, Signal, Start, TypedHandle, exit_code};
use airox_serial_console::{Options, SPEED, SerialConsole};
use airox_terminal::{AGAIN, ClientInterrupt, ConsoleServer, SavedFlush, SavedRead, SavedWrite};
use airox_uart16550::{Uart, UartError};
use alloc::boxed::Box;
use core::error::Error;

airox_rt::entry!(main);

/// Ports a 16550 has.
const REGISTERS: u16 = 8;
/// The bit of the signal that interrupts set.
const INTERRUPT: u64 = 1 << 0;

type Device = SerialConsole<BoundPorts, SavedWrite, SavedRead, SavedFlush, ClientInterrupt>;

struct Program {
    console: ConsoleDispatcher<ConsoleServer<Device>>,
    irq: Irq,
    /// Line errors and lost input that were logged.
    logged: u64,
}

impl Handler for Program {
    fn request(&mut self, message: &mut KernelMessage) -> Outcome {
        self.console.dispatch(message)
    }

    fn signal(&mut self, bits: u64) {
        let server = &mut self.console.0;
        if bits & (INTERRUPT | AGAIN) != 0 {
            let progress = server.device().interrupt();
            server.went(progress);
        }
        if bits & INTERRUPT != 0
            && let Err(error) = self.irq.acknowledge()
        {
            log::error!("cannot acknowledge the interrupt: {error}");
        }
        self.report();
    }
}

impl Program {
    /// Logs what went wrong on the line each time it has doubled, so that noise does not flood the log.
    fn report(&mut self) {
        let device = self.console.0.device();
        let errors = device.errors();
        let lost = device.console().lost_input();
        let total = errors.total() + lost;
        if total > 0 && total >= self.logged * 2 {
            self.logged = total;
            log::warn!("serial line: {errors}, {lost} characters nobody read");
        }
    }
}

/// Ends the program in the way that says: starting it again would not help.
fn no_device(error: &dyn Error) -> ! {
    log::error!("{error}");
    airox_rt::sys::process_exit(exit_code::NO_DEVICE)
}

fn main(start: &'static Start) -> Result<(), Box<dyn Error>> {
    let options = Options::from_arguments(start.arguments().iter().map(|text| text.as_str()))?;
    let port = start.served_port::<ConsoleInterface>()?;
    let authority: IoPorts = start.take("ports:uart")?;
    let irq: Irq = start.take("irq:uart")?;
    let ports = BoundPorts::new([PortRange::bind(authority, options.port, REGISTERS)?]);
    let signal = Signal::create()?;
    irq.bind(&signal, INTERRUPT)?;
    let mut early = [0; _];
    let (uart, count) = match Uart::start(ports, options.port, SPEED, &mut early) {
        Err(error @ UartError::NotPresent(_)) => no_device(&error),
        other => other?,
    };
    irq.acknowledge()?;
    let device = SerialConsole::new(uart, &early[..count], options.size);
    let own = signal.copy(Rights::SEND)?;
    let program = Program { console: ConsoleDispatcher(ConsoleServer::new(device, own)), irq, logged: 0 };
    log::info!("serial console at port {:#x}", options.port);
    Ok(Server::new(port).with_signal(&signal)?.run(program)?)
}
