use super::model::{SCRATCH, System};
use crate::trace::{EVENTS, Ring};
use airox_abi::message::Tag;
use airox_abi::trace::{Event, EventKind};
use airox_abi::{Error, SystemCall as Call};

fn event(ticks: u64) -> Event {
    Event { ticks, ..Event::default() }
}

#[test]
fn a_ring_keeps_the_last_events_in_their_order() {
    let mut ring = Ring::new();
    let held = |ring: &Ring| ring.events().map(|event| event.ticks).collect::<Vec<_>>();
    assert!(held(&ring).is_empty());
    ring.record(event(7));
    ring.record(event(8));
    assert_eq!(held(&ring), [7, 8]);
    for ticks in 9..EVENTS as u64 + 20 {
        ring.record(event(ticks));
    }
    let expected: Vec<u64> = (20..EVENTS as u64 + 20).collect();
    assert_eq!(held(&ring), expected);
    assert_eq!(ring.recorded(), EVENTS as u64 + 13);
}

/// Kind, `a`, `b` and `d` of what has been recorded.
fn recorded(system: &System) -> Vec<(EventKind, u32, u32, u64)> {
    let events = system.kernel.cpu.ring.events();
    let read = |event: &Event| {
        let kind = EventKind::from_code((event.kind_a >> 24).into());
        let a = event.kind_a & 0xff_ffff;
        (kind.expect("a kind"), a, event.b, event.d)
    };
    events.map(read).collect()
}

#[test]
fn nothing_is_recorded_while_it_is_off() {
    let mut system = System::boot();
    let signal = system.ok(Call::SignalCreate, &[0]);
    system.ok(Call::Notify, &[signal, 1]);
    assert_eq!(recorded(&system), []);
    system.ok(Call::TraceSet, &[system.machine, 1]);
    system.ok(Call::Notify, &[signal, 1]);
    system.ok(Call::TraceSet, &[system.machine, 0]);
    system.ok(Call::Notify, &[signal, 1]);
    assert_eq!(recorded(&system).len(), 1);
}

#[test]
fn a_wait_and_what_ends_it() {
    let mut system = System::boot();
    let signal = system.ok(Call::SignalCreate, &[0]);
    system.ok(Call::TraceSet, &[system.machine, 1]);
    system.ok(Call::TimerSet, &[signal, 1_000, 1]);
    system.raw(Call::Wait as u64, &[signal, 1], Tag(0), 0);
    assert!(system.kernel.is_idle());
    let due = system.kernel.machine().armed;
    system.kernel.machine().time.set(due);
    system.kernel.timer();
    let (root, process) = (system.root.number(), system.root_process.number());
    let idle = system.kernel.cpu.idle.number();
    let events = recorded(&system);
    let kinds: Vec<EventKind> = events.iter().map(|event| event.0).collect();
    use EventKind::{Signal, Switch, Timer, Wake};
    assert_eq!(kinds, [Switch, Timer, Signal, Wake, Switch]);
    assert_eq!((events[0].1, events[1].1), (idle, idle));
    assert_eq!((events[3].1, events[3].2), (idle, root));
    assert_eq!((events[4].1, events[4].2), (root, process));
    let timer = system.kernel.cpu.ring.events().nth(1).expect("the timer");
    assert_eq!(timer.c, due);
}

#[test]
fn a_call_its_reply_and_an_end() {
    let mut system = System::boot();
    let server = system.spawn(30, 0);
    let port = system.ok(Call::PortCreate, &[0, 0]);
    let receive = system.grant(&server, port, airox_abi::Rights::RECEIVE, 0);
    system.ok(Call::TraceSet, &[system.machine, 1]);
    let (root, number) = (system.root.number(), server.thread.number());
    system.root_in_background();
    system.message(Call::Call, port, Tag(5), &[42]);
    system.running(server.thread);
    system.message(Call::Receive, receive, Tag(0), &[]);
    system.message(Call::ReplyReceive, receive, Tag(0), &[43]);
    system.running(system.root);
    system.ok(Call::ProcessKill, &[server.process_handle, 9]);
    let events = recorded(&system);
    let find = |kind| *events.iter().find(|event| event.0 == kind).expect("recorded");
    let call = find(EventKind::Call);
    assert_eq!((call.1, call.3), (root, 42));
    let reply = find(EventKind::Reply);
    assert_eq!((reply.1, reply.2, reply.3), (number, root, 43));
    let end = find(EventKind::Exit);
    assert_eq!(end.1, server.process.number());
    assert_eq!(end.2, 0, "not by a fault");
}

/// The bench counts on this: it takes the difference for the cost of one event.
#[test]
fn going_on_after_a_suspension_is_one_event() {
    let mut system = System::boot();
    let child = system.spawn(1, 0);
    system.ok(Call::TraceSet, &[system.machine, 1]);
    system.ok(Call::ThreadSuspend, &[child.thread_handle]);
    system.ok(Call::ThreadResume, &[child.thread_handle]);
    let events = recorded(&system);
    let wake = (EventKind::Wake, system.root.number(), child.thread.number(), 0);
    assert_eq!(events, [wake]);
}

#[test]
fn a_program_reads_the_ring() {
    let mut system = System::boot();
    let buffer = SCRATCH;
    let read = |system: &mut System, sequence| {
        system.ok(Call::TraceRead, &[system.machine, 0, sequence, buffer]);
        let context = system.kernel.current();
        (context.rdi, context.words[0])
    };
    assert_eq!(read(&mut system, 0), (0, 0));
    assert_eq!(read(&mut system, u64::MAX), (0, 0));
    for ticks in 0..70 {
        system.kernel.cpu.ring.record(event(ticks));
    }
    assert_eq!(read(&mut system, 0), (0, 64));
    assert_eq!(read(&mut system, 64), (64, 6));
    let first = system.read(system.root_process, buffer, 8);
    assert_eq!(first, 64u64.to_le_bytes());
    assert_eq!(read(&mut system, 1_000), (70, 0));
    // Round the ring's end, and from before what is left.
    for ticks in 70..EVENTS as u64 + 30 {
        system.kernel.cpu.ring.record(event(ticks));
    }
    assert_eq!(read(&mut system, 3), (30, 64));
    assert_eq!(read(&mut system, EVENTS as u64 - 10), (EVENTS as u64 - 10, 40));
    let last = system.read(system.root_process, buffer + 39 * 32, 8);
    assert_eq!(last, (EVENTS as u64 + 29).to_le_bytes());
    assert_eq!(system.err(Call::TraceRead, &[system.machine, 1, 0, buffer]), Error::NoSuchResource);
    assert_eq!(system.err(Call::TraceRead, &[system.machine, 0, 50, 0]), Error::InvalidAddress);
    assert_eq!(system.err(Call::TraceRead, &[system.quota, 0, 0, buffer]), Error::WrongType);
}
