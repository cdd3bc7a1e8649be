//! The driver's program: the host behind the interface `i2c`.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

extern crate alloc;

use airox_driver_kit::Device;
use airox_driver_traits::registers::Registers;
use airox_ich9_smbus::registers::{HOST_CONFIGURATION, HOST_ENABLED, PORTS_BAR};
use airox_ich9_smbus::{Host, Patience};
use airox_rt::time::Instant;
use airox_rt::{Irq, Signal, Start, exit_code};
use alloc::boxed::Box;
use core::error::Error;

airox_rt::entry!(main);

const INTERRUPT: u64 = 1 << 0;
const TIME: u64 = 1 << 1;
/// Nanoseconds that a transaction may take: 256 bytes at 10 kHz, the slowest there is, and the 35 ms that a device may stretch it (SMBus
/// specification 2.0, section 3.1.1).
const LONGEST: u64 = 300_000_000;

fn main(start: &'static Start) -> Result<(), Box<dyn Error>> {
    let device = Device::take(start)?;
    let enabled = device.configuration().read_u8(HOST_CONFIGURATION) & HOST_ENABLED != 0;
    let (true, Some(ports)) = (enabled, device.ports(PORTS_BAR)?) else {
        log::info!("firmware has switched the SMBus off");
        airox_rt::sys::process_exit(exit_code::NO_DEVICE)
    };
    let signal = Signal::create()?;
    let irq = device.interrupt(0, &signal, INTERRUPT)?;
    let host = Host::new(ports, Interrupt { signal, irq, deadline: 0 });
    airox_i2c_server::serve(start, &device, host, "ICH9 SMBus")
}

/// Waits for the host's interrupt.
struct Interrupt {
    signal: Signal,
    irq: Irq,
    deadline: u64,
}

impl Patience for Interrupt {
    fn begin(&mut self) {
        self.deadline = Instant::now().as_nanoseconds().saturating_add(LONGEST);
    }

    fn wait(&mut self) -> bool {
        // What interrupted before has been looked at by now.
        let waited = self.irq.acknowledge().and_then(|()| self.signal.set_timer(self.deadline, TIME));
        let bits = waited.and_then(|()| self.signal.wait(INTERRUPT | TIME));
        bits.is_ok_and(|bits| bits & INTERRUPT != 0 || Instant::now().as_nanoseconds() < self.deadline)
    }
}
