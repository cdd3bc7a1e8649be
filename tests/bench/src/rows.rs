//! The rows that need no timer.

use airox_bench::protocol::{
    PORT, ROUNDS, ROUNDS_OFFSET, Role, SAMPLES_OFFSET, SHARED, SHARED_PAGES, SIGNAL, WARM_UP, WORDS,
};
use airox_bench::samples::Samples;
use airox_rt::abi::fault::FaultAction;
use airox_rt::sys::{self, MessageKind, Tag, clock::ticks};
use airox_rt::{Budget, MapFlags, Mapping, ObjectKind, Port, Region, Rights, Signal, TypedHandle};
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
    ("port_round_trip_lent", port_round_trip_lent),
    ("signal_wake", signal_wake),
    ("trace_event", trace_event),
    ("fault_round_trip", fault_round_trip),
    ("map_touch_unmap", map_touch_unmap),
    ("first_touch", first_touch),
    ("spawn_exit_reap", spawn_exit_reap),
];

/// Makes a grant without a badge.
pub fn grant<H: TypedHandle>(name: &'static str, handle: &H, kind: ObjectKind, rights: Rights) -> Grant<'static> {
    Grant { name, handle: handle.raw(), kind, rights, badge: 0 }
}

/// Repeats an act: first to warm up, then to measure.
fn repeat(
    house: &House,
    warm_up: usize,
    rounds: usize,
    mut act: impl FnMut() -> Result<(), Failure>,
) -> Result<Samples, Failure> {
    let (warm_up, rounds) = (house.rounds(warm_up), house.rounds(rounds));
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
    let _server = house.child(Role::Echo, &[grant(PORT, &port, ObjectKind::Port, Rights::RECEIVE)])?;
    call_and_check(house, &port)
}

/// Calls an echo server.
fn call_and_check(house: &House, port: &Port) -> Result<Samples, Failure> {
    let raw = port.raw();
    repeat(house, WARM_UP, ROUNDS, || {
        let reply = sys::call(raw, Tag::new(1), [7, 0, 0, 0, 0, 0, 0, 0])?;
        if reply.words[0] == 7 { Ok(()) } else { Err(Failure::Disturbed("a wrong reply")) }
    })
}

fn port_round_trip_lent(house: &mut House) -> Result<Samples, Failure> {
    /// More than the row takes, so that the budget never runs out.
    const BUDGET_NS: u64 = 900_000_000;
    const PERIOD_NS: u64 = 1_000_000_000;
    let port = Port::create(0)?;
    let server = house.child(Role::Echo, &[grant(PORT, &port, ObjectKind::Port, Rights::RECEIVE)])?;
    server.make_passive()?;
    let budget = Budget::create(BUDGET_NS, PERIOD_NS)?;
    house.use_budget(Some(&budget))?;
    let samples = call_and_check(house, &port);
    let used = budget.budget_info()?.used_ticks;
    house.use_budget(None)?;
    if used == 0 {
        return Err(Failure::Disturbed("the budget was not used"));
    }
    samples
}

fn port_round_trip_64b(house: &mut House) -> Result<Samples, Failure> {
    let port = Port::create(0)?;
    let _server = house.child(Role::EchoBuffer, &[grant(PORT, &port, ObjectKind::Port, Rights::RECEIVE)])?;
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
        grant(SHARED, &shared, ObjectKind::Region, Rights::READ | Rights::WRITE),
    ];
    let _waiter = house.child_at(Role::Waiter, NORMAL + 10, &grants, airox_rt::Handle::NONE)?;
    let raw = signal.raw();
    let (warm_up, rounds) = (house.rounds(WARM_UP), house.rounds(ROUNDS));
    let mut samples = house.samples(rounds);
    for round in 0..warm_up + rounds {
        let start = ticks();
        sys::notify(raw, 1)?;
        let woken: u64 = mapping.window().read(0).unwrap_or(0);
        if woken <= start {
            return Err(Failure::Disturbed("the waiter did not run at once"));
        }
        if round >= warm_up {
            samples.add(start, woken);
        }
    }
    Ok(samples)
}

/// What one recorded event adds to a system call.
fn trace_event(house: &mut House) -> Result<Samples, Failure> {
    // It could run, but the bench is more urgent and always busy: to let it go on after a suspension is one event, a wake-up, on a
    // path that is the same with and without the trace.
    let idler = house.child_at(Role::Churner, NORMAL - 10, &[], airox_rt::Handle::NONE)?;
    let resume = |house: &House| {
        repeat(house, WARM_UP, ROUNDS, || {
            idler.suspend()?;
            idler.resume()
        })
    };
    let off = resume(house)?;
    house.trace(true)?;
    let on = resume(house);
    house.trace(false)?;
    let off = off.summary().ok_or(Failure::Disturbed("no samples"))?;
    Ok(on?.without(off.median))
}

fn fault_round_trip(house: &mut House) -> Result<Samples, Failure> {
    let port = Port::create(0)?;
    let shared = Region::create(SHARED_PAGES)?;
    let mapping = Mapping::new(&shared, MapFlags::WRITE)?;
    let rounds = house.rounds(ROUNDS);
    mapping.window().write(ROUNDS_OFFSET, rounds as u64);
    let grants = [grant(SHARED, &shared, ObjectKind::Region, Rights::READ | Rights::WRITE)];
    let child = house.child_at(Role::Faulter, NORMAL, &grants, port.raw())?;
    house.watch(&child)?;
    port.bind(&house.signal)?;
    let mut message = sys::receive(port.raw())?;
    while message.tag.kind() == MessageKind::Fault {
        message = sys::reply_receive(port.raw(), Tag::new(FaultAction::Resume as u16), [0; WORDS])?;
    }
    port.unbind()?;
    let mut samples = house.samples(rounds);
    for round in 0..rounds {
        let ticks: u64 = mapping.window().read(SAMPLES_OFFSET + round * 8).unwrap_or(0);
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
    let pages = house.rounds(PAGES);
    let region = Region::create(pages as u64)?;
    let mapping = Mapping::new(&region, MapFlags::WRITE)?;
    let window = mapping.window();
    let mut samples = house.samples(pages);
    for page in 0..pages {
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
