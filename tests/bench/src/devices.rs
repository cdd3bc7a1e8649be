//! Drivers whose devices make interrupts.

use airox_bench::protocol::{DISK, DISK_CONTROL_PORT, SERIAL};
use airox_rt::sys;
use airox_rt::{IoPorts, Irq, PortRange, Signal, StartError};

/// Bits of a driver's signal.
const INTERRUPT: u64 = 1 << 0;
const TIME_UP: u64 = 1 << 1;

/// Registers of a 16550, by their offset.
mod uart {
    pub const DATA: u16 = 0;
    pub const INTERRUPTS: u16 = 1;
    pub const CAUSE: u16 = 2;
    pub const MODEM: u16 = 4;
    pub const LINE: u16 = 5;
}

/// A port that is not there interrupts never; then this only wakes up now and then.
pub fn serial(ports: IoPorts, irq: &Irq) -> Result<(), StartError> {
    /// Interrupt when a byte has come.
    const RECEIVED: u8 = 1 << 0;
    /// What is sent comes back; interrupts reach the line.
    const LOOP: u8 = 1 << 4 | 1 << 3;
    /// Bytes in a burst, and the pause between two.
    const BURST: usize = 16;
    const PAUSE_NS: u64 = 30_000;
    let (first, count, _) = SERIAL;
    let ports = PortRange::bind(ports, first, count)?;
    let signal = Signal::create()?;
    irq.bind(&signal, INTERRUPT)?;
    ports.write_u8(uart::MODEM, LOOP);
    ports.write_u8(uart::INTERRUPTS, RECEIVED);
    irq.acknowledge()?;
    loop {
        for byte in 0..BURST {
            signal.set_timer(sys::clock::nanoseconds() + PAUSE_NS, TIME_UP)?;
            ports.write_u8(uart::DATA, byte as u8);
            if signal.wait(INTERRUPT | TIME_UP)? & INTERRUPT != 0 {
                let _cause = ports.read_u8(uart::CAUSE);
                let _line = ports.read_u8(uart::LINE);
                let _byte = ports.read_u8(uart::DATA);
                irq.acknowledge()?;
            }
        }
        signal.set_timer(sys::clock::nanoseconds() + PAUSE_NS, TIME_UP)?;
        signal.wait(TIME_UP)?;
    }
}

/// Registers of an ATA channel, by their offset (ATA/ATAPI-6, 7).
mod ata {
    pub const DATA: u16 = 0;
    pub const DEVICE: u16 = 6;
    /// Written, the command; read, the status, which acknowledges the interrupt.
    pub const COMMAND: u16 = 7;
}

/// Has the first disk describe itself: of all it can do this is what takes it the same time whenever it is asked. Without a disk there is no
/// interrupt, and this only wakes up now and then.
pub fn disk(ports: IoPorts, control: IoPorts, irq: &Irq) -> Result<(), StartError> {
    const FIRST_DISK: u8 = 0xa0;
    const IDENTIFY: u8 = 0xec;
    /// Status: there is data to be read.
    const DATA_REQUEST: u8 = 1 << 3;
    const WORDS: usize = 256;
    const PAUSE_NS: u64 = 100_000;
    let (first, count, _) = DISK;
    let ports = PortRange::bind(ports, first, count)?;
    let control = PortRange::bind(control, DISK_CONTROL_PORT.0, DISK_CONTROL_PORT.1)?;
    let signal = Signal::create()?;
    irq.bind(&signal, INTERRUPT)?;
    // Firmware may have turned its interrupts off.
    control.write_u8(0, 0);
    irq.acknowledge()?;
    loop {
        signal.set_timer(sys::clock::nanoseconds() + PAUSE_NS, TIME_UP)?;
        ports.write_u8(ata::DEVICE, FIRST_DISK);
        ports.write_u8(ata::COMMAND, IDENTIFY);
        if signal.wait(INTERRUPT | TIME_UP)? & INTERRUPT == 0 {
            continue;
        }
        if ports.read_u8(ata::COMMAND) & DATA_REQUEST != 0 {
            for _ in 0..WORDS {
                let _word = ports.read_u16(ata::DATA);
            }
        }
        irq.acknowledge()?;
        signal.wait(TIME_UP)?;
    }
}
