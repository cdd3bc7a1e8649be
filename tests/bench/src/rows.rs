//! The rows that need no timer.

use airox_bench::protocol::{
    PORT, ROUNDS, Role, SAMPLES_OFFSET, SHARED, SHARED_PAGES, SIGNAL, WARM_UP, WORDS,
};
use airox_bench::samples::Samples;
use airox_rt::abi::fault::FaultAction;
use airox_rt::sys::{self, MessageKind, Tag, clock::ticks};
use airox_rt::{MapFlags, Mapping, ObjectKind, Port, Region, Rights, Signal, TypedHandle};
use airox_spawn::Grant;

use crate::house::{Failure, House, NORMAL};
use crate::page;

/// Measures one row.
pub type Measure = fn(&mut House) -> Result<Samples, Failure>;

/// The rows, in the order they are measured.
pub const ROWS: &[(&str, Measure)] = &[
    ("null_call", null_call),
    ("port_round_trip", port_round_trip),
    ("port_round_trip_64b", port_round_trip_64b),
    ("signal_wake", signal_wake),
    ("trace_event", trace_event),
    ("fault_round_trip", fault_round_trip),
    ("map_touch_unmap", map_touch_unmap),
    ("first_touch", first_touch),
    ("spawn_exit_reap", spawn_exit_reap),
];

/// Makes a grant without a badge.
pub fn grant<H: TypedHandle>(
    name: &'static str,
    handle: &H,
    kind: ObjectKind,
    rights: Rights,
) -> Grant<'static> {
    Grant {
        name,
        handle: handle.raw(),
        kind,
        rights,
        badge: 0,
    }
}

/// Repeats an act: first to warm up, then to measure.
fn repeat(
    house: &House,
    warm_up: usize,
    rounds: usize,
    mut act: impl FnMut() -> Result<(), Failure>,
) -> Result<Samples, Failure> {
    for _ in 0..warm_up {
        act()?;
    }
    let mut samples = house.samples(rounds);
    for _ in 0..rounds {
        let start = ticks();
        act()?;
        samples.add(start, ticks());
    }
    Ok(samples)
}

fn null_call(house: &mut House) -> Result<Samples, Failure> {
    repeat(house, WARM_UP, ROUNDS, || Ok(sys::null()?))
}

fn port_round_trip(house: &mut House) -> Result<Samples, Failure> {
    let port = Port::create(0)?;
    let _server = house.child(
        Role::Echo,
        &[grant(PORT, &port, ObjectKind::Port, Rights::RECEIVE)],
    )?;
    let raw = port.raw();
    repeat(house, WARM_UP, ROUNDS, || {
        let reply = sys::call(raw, Tag::new(1), [7, 0, 0, 0, 0, 0, 0, 0])?;
        if reply.words[0] == 7 {
            Ok(())
        } else {
            Err(Failure::Disturbed("a wrong reply"))
        }
    })
}

fn port_round_trip_64b(house: &mut House) -> Result<Samples, Failure> {
    let port = Port::create(0)?;
    let _server = house.child(
        Role::EchoBuffer,
        &[grant(PORT, &port, ObjectKind::Port, Rights::RECEIVE)],
    )?;
    let raw = port.raw();
    let mut buffer: [u64; WORDS] = core::array::from_fn(|index| index as u64);
    repeat(house, WARM_UP, ROUNDS, || {
        let reply = sys::call(raw, Tag::new(1), *core::hint::black_box(&buffer))?;
        buffer = core::hint::black_box(reply.words);
        Ok(())
    })
}

fn signal_wake(house: &mut House) -> Result<Samples, Failure> {
    let signal = Signal::create()?;
    let shared = Region::create(SHARED_PAGES)?;
    let mapping = Mapping::new(&shared, MapFlags::WRITE)?;
    let grants = [
        grant(SIGNAL, &signal, ObjectKind::Signal, Rights::RECEIVE),
        grant(
            SHARED,
            &shared,
            ObjectKind::Region,
            Rights::READ | Rights::WRITE,
        ),
    ];
    let _waiter = house.child_at(Role::Waiter, NORMAL + 10, &grants, airox_rt::Handle::NONE)?;
    let raw = signal.raw();
    let mut samples = house.samples(ROUNDS);
    for round in 0..WARM_UP + ROUNDS {
        let start = ticks();
        sys::notify(raw, 1)?;
        let woken: u64 = mapping.window().read(0).unwrap_or(0);
        if woken <= start {
            return Err(Failure::Disturbed("the waiter did not run at once"));
        }
        if round >= WARM_UP {
            samples.add(start, woken);
        }
    }
    Ok(samples)
}

/// What one recorded event adds to a system call.
fn trace_event(house: &mut House) -> Result<Samples, Failure> {
    let signal = Signal::create()?;
    let raw = signal.raw();
    // While an equal waits for its turn, the call takes the same path with and without the trace.
    let _equal = house.child(Role::Churner, &[])?;
    // Nobody waits for the signal: the call records that it was notified, and nothing else.
    let notify = |house: &House| repeat(house, WARM_UP, ROUNDS, || Ok(sys::notify(raw, 1)?));
    let off = notify(house)?;
    house.trace(true)?;
    let on = notify(house);
    house.trace(false)?;
    let off = off.summary().ok_or(Failure::Disturbed("no samples"))?;
    Ok(on?.without(off.median))
}

fn fault_round_trip(house: &mut House) -> Result<Samples, Failure> {
    let port = Port::create(0)?;
    let shared = Region::create(SHARED_PAGES)?;
    let mapping = Mapping::new(&shared, MapFlags::WRITE)?;
    let grants = [grant(
        SHARED,
        &shared,
        ObjectKind::Region,
        Rights::READ | Rights::WRITE,
    )];
    let child = house.child_at(Role::Faulter, NORMAL, &grants, port.raw())?;
    house.watch(&child)?;
    port.bind(&house.signal)?;
    let mut message = sys::receive(port.raw())?;
    while message.tag.kind() == MessageKind::Fault {
        message = sys::reply_receive(port.raw(), Tag::new(FaultAction::Resume as u16), [0; WORDS])?;
    }
    port.unbind()?;
    let mut samples = house.samples(ROUNDS);
    for round in 0..ROUNDS {
        let ticks: u64 = mapping
            .window()
            .read(SAMPLES_OFFSET + round * 8)
            .unwrap_or(0);
        if ticks == 0 {
            return Err(Failure::Disturbed("the faulter ended early"));
        }
        samples.add(0, ticks);
    }
    Ok(samples)
}

fn map_touch_unmap(house: &mut House) -> Result<Samples, Failure> {
    repeat(house, 100, 1_000, || Ok(page::map_touch_unmap()?))
}

fn first_touch(house: &mut House) -> Result<Samples, Failure> {
    const PAGES: usize = 2_000;
    let region = Region::create(PAGES as u64)?;
    let mapping = Mapping::new(&region, MapFlags::WRITE)?;
    let window = mapping.window();
    let mut samples = house.samples(PAGES);
    for page in 0..PAGES {
        let start = ticks();
        window.write(page * 4096, 1u64);
        samples.add(start, ticks());
    }
    Ok(samples)
}

fn spawn_exit_reap(house: &mut House) -> Result<Samples, Failure> {
    repeat(house, 10, 200, || {
        let child = house.child(Role::Exit, &[])?;
        house.watch(&child)?;
        house.wait_for_end()?;
        drop(child);
        Ok(())
    })
}
