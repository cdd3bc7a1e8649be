//! The program the bench measures with. Its argument is its role; see the library.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

#[allow(unsafe_code)]
mod breakpoint;
mod devices;
mod long_work;
#[allow(unsafe_code)]
mod page;

use airox_bench::protocol::{
    DISK_CONTROL, IRQ, PORT, PORTS, ROUNDS_OFFSET, Role, SAMPLES_OFFSET, SHARED, SIGNAL, WORDS,
};
use airox_rt::sys::{self, Tag, clock::ticks};
use airox_rt::{MapFlags, Mapping, Port, Region, Signal, Start, StartError, TypedHandle};

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
        Some(Role::Serial) => devices::serial(start.take(PORTS)?, &start.take(IRQ)?),
        Some(Role::Disk) => devices::disk(start.take(PORTS)?, start.take(DISK_CONTROL)?, &start.take(IRQ)?),
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
