//! The program the bench measures with. Its argument is its role; see the library.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

#[allow(unsafe_code)]
mod breakpoint;
mod long_work;
#[allow(unsafe_code)]
mod page;

use airox_bench::protocol::{IRQ, PORT, PORTS, ROUNDS_OFFSET, Role, SAMPLES_OFFSET, SERIAL, SHARED, SIGNAL, WORDS};
use airox_rt::sys::{self, Tag, clock::ticks};
use airox_rt::{IoPorts, Irq, MapFlags, Mapping, Port, PortRange, Region, Signal, Start, StartError, TypedHandle};

airox_rt::entry!(main);

fn main(start: &'static Start) -> Result<(), StartError> {
    let argument = start.arguments().first().map_or("", |argument| argument.as_str());
    match Role::from_name(argument) {
        Some(Role::Echo) => echo(&start.take(PORT)?),
        Some(Role::EchoBuffer) => echo_buffer(&start.take(PORT)?),
        Some(Role::Waiter) => waiter(&start.take(SIGNAL)?, &start.take(SHARED)?),
        Some(Role::Faulter) => faulter(&start.take(SHARED)?),
        Some(Role::Caller) => caller(&start.take(PORT)?),
        Some(Role::Churner) => churner(),
        Some(Role::Serial) => serial(start.take(PORTS)?, &start.take(IRQ)?),
        Some(Role::Hoarder) => long_work::hoard(start),
        Some(Role::Destroyer) => long_work::destroy(start),
        Some(Role::ProcessChurner) => long_work::churn_processes(start),
        Some(Role::Revoker) => long_work::revoke(start),
        Some(Role::Populater) => long_work::populate(start),
        Some(Role::Unmapper) => long_work::unmap(start),
        Some(Role::LeaseCopier) => long_work::copy_lease(start),
        Some(Role::Lender) => long_work::lend(start),
        Some(Role::ContiguousMaker) => long_work::make_contiguous(start),
        Some(Role::Exit) => Ok(()),
        None => Err(StartError::Missing(argument.into())),
    }
}

fn echo(port: &Port) -> Result<(), StartError> {
    let mut message = sys::receive(port.raw())?;
    loop {
        message = sys::reply_receive(port.raw(), message.tag, message.words)?;
    }
}

fn echo_buffer(port: &Port) -> Result<(), StartError> {
    let mut message = sys::receive(port.raw())?;
    loop {
        // Through memory that the compiler must believe others look at.
        let buffer = core::hint::black_box(message.words);
        message = sys::reply_receive(port.raw(), message.tag, *core::hint::black_box(&buffer))?;
    }
}

fn waiter(signal: &Signal, shared: &Region) -> Result<(), StartError> {
    let mapping = Mapping::new(shared, MapFlags::WRITE)?;
    let window = mapping.window();
    loop {
        sys::wait(signal.raw(), 1)?;
        window.write(0, ticks());
    }
}

fn faulter(shared: &Region) -> Result<(), StartError> {
    let mapping = Mapping::new(shared, MapFlags::WRITE)?;
    let window = mapping.window();
    let rounds: u64 = window.read(ROUNDS_OFFSET).unwrap_or(0);
    let rounds = rounds as usize;
    for round in 0..2 * rounds {
        let start = ticks();
        breakpoint::fault();
        let end = ticks();
        let offset = SAMPLES_OFFSET + round % rounds * 8;
        window.write(offset, end.wrapping_sub(start));
    }
    Ok(())
}

fn caller(port: &Port) -> Result<(), StartError> {
    loop {
        sys::call(port.raw(), Tag::new(1), [1; WORDS])?;
    }
}

fn churner() -> Result<(), StartError> {
    loop {
        for _ in 0..20 {
            page::map_touch_unmap()?;
        }
        let large = Region::create(200)?;
        let mapping = Mapping::new(&large, MapFlags::WRITE)?;
        for page in 0..200 {
            mapping.window().write(page * 4096, page as u64);
        }
    }
}

/// Registers of a 16550, by their offset.
mod register {
    pub const DATA: u16 = 0;
    pub const INTERRUPTS: u16 = 1;
    pub const CAUSE: u16 = 2;
    pub const MODEM: u16 = 4;
    pub const LINE: u16 = 5;
}

/// A port that is not there interrupts never; then this only wakes up now and then.
fn serial(ports: IoPorts, irq: &Irq) -> Result<(), StartError> {
    /// Bits of the signal.
    const INTERRUPT: u64 = 1 << 0;
    const TIME_UP: u64 = 1 << 1;
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
    ports.write_u8(register::MODEM, LOOP);
    ports.write_u8(register::INTERRUPTS, RECEIVED);
    irq.acknowledge()?;
    loop {
        for byte in 0..BURST {
            signal.set_timer(sys::clock::nanoseconds() + PAUSE_NS, TIME_UP)?;
            ports.write_u8(register::DATA, byte as u8);
            if signal.wait(INTERRUPT | TIME_UP)? & INTERRUPT != 0 {
                let _cause = ports.read_u8(register::CAUSE);
                let _line = ports.read_u8(register::LINE);
                let _byte = ports.read_u8(register::DATA);
                irq.acknowledge()?;
            }
        }
        signal.set_timer(sys::clock::nanoseconds() + PAUSE_NS, TIME_UP)?;
        signal.wait(TIME_UP)?;
    }
}
