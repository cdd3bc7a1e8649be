//! Several processors: whom one interrupts and when, and what it does in another's place.

use super::model::{Child, System};
use crate::thread::{Queue, State};
use airox_abi::message::Tag;
use airox_abi::{Error, Rights, SystemCall as Call};

const MS: u64 = 1_000_000;

/// A child that runs on processor 1; the root goes on, on processor 0.
fn child_there(system: &mut System, priority: u8) -> Child {
    let child = system.spawn(priority, 0);
    system.ok(Call::ThreadProcessor, &[child.thread_handle, 1]);
    system.settle();
    child
}

/// As the root: which processors have been interrupted since they were let in.
#[track_caller]
fn interrupted(system: &System, expected: u64) {
    system.running(system.root);
    assert_eq!(system.kernel.machine.interrupted, expected, "interrupted processors");
}

#[track_caller]
fn runs_there(system: &System, child: &Child) {
    assert_eq!(system.kernel.processor(1).current, child.thread, "another thread runs there");
}

#[track_caller]
fn idles_there(system: &System) {
    let processor = system.kernel.processor(1);
    assert_eq!(processor.current, processor.idle, "something runs there");
}

/// Lets the running thread of processor 1 make a call, and comes back.
fn call_there(system: &mut System, call: Call, arguments: &[u64]) {
    system.on(1);
    system.raw(call as u64, arguments, Tag(0), 0);
    system.on(0);
}

#[test]
fn a_moved_thread_runs_once_its_processor_is_let_in() {
    let mut system = System::with_processors(3);
    let child = system.spawn(10, 0);
    interrupted(&system, 0);
    system.ok(Call::ThreadProcessor, &[child.thread_handle, 1]);
    interrupted(&system, 0b010);
    idles_there(&system);
    assert_eq!(system.kernel.thread_info(child.thread).processor, 1);
    system.settle();
    runs_there(&system, &child);
    // From one that runs it to another: the one stands still at once, the other one has to look.
    system.ok(Call::ThreadProcessor, &[child.thread_handle, 2]);
    interrupted(&system, 0b110);
    idles_there(&system);
    system.settle();
    assert_eq!(system.kernel.processor(2).current, child.thread);
}

#[test]
fn moves_that_are_refused_change_nothing() {
    let mut system = System::with_processors(2);
    let child = child_there(&mut system, 10);
    assert_eq!(system.err(Call::ThreadProcessor, &[child.thread_handle, 2]), Error::NoSuchResource);
    for mask in [0, 0b100, 0b101, u64::MAX] {
        assert_eq!(system.err(Call::ProcessProcessors, &[child.process_handle, mask]), Error::NoSuchResource);
    }
    system.ok(Call::ProcessProcessors, &[child.process_handle, 0b10]);
    assert_eq!(system.err(Call::ThreadProcessor, &[child.thread_handle, 0]), Error::MissingRight);
    interrupted(&system, 0);
    runs_there(&system, &child);
}

#[test]
fn only_who_has_to_look_is_interrupted() {
    let mut system = System::with_processors(2);
    let first = child_there(&mut system, 10);
    // Less urgent: it waits in silence.
    let below = system.spawn(9, 0);
    system.ok(Call::ThreadProcessor, &[below.thread_handle, 1]);
    interrupted(&system, 0);
    // The first equal starts turns.
    assert_eq!(system.kernel.processor(1).slice_end, u64::MAX);
    let second = system.spawn(10, 0);
    system.ok(Call::ThreadProcessor, &[second.thread_handle, 1]);
    interrupted(&system, 0b10);
    system.on(1);
    system.running(first.thread);
    let end = system.kernel.cpu.slice_end;
    assert_ne!(end, u64::MAX);
    assert_eq!(system.kernel.machine.armed, end);
    system.on(0);
    // A further one joins them.
    let third = system.spawn(10, 0);
    system.ok(Call::ThreadProcessor, &[third.thread_handle, 1]);
    interrupted(&system, 0);
    // More urgent: at once, and the others' turn goes on afterwards.
    let above = system.spawn(11, 0);
    system.ok(Call::ThreadProcessor, &[above.thread_handle, 1]);
    interrupted(&system, 0b10);
    system.settle();
    runs_there(&system, &above);
    for next in [first, second, third, below] {
        call_there(&mut system, Call::ThreadExit, &[]);
        runs_there(&system, &next);
    }
}

#[test]
fn a_remote_wake_interrupts_by_urgency() {
    let mut system = System::with_processors(2);
    let signal = system.ok(Call::SignalCreate, &[0]);
    for (sleeper_priority, expected) in [(9, 0), (11, 0b10)] {
        let sleeper = child_there(&mut system, sleeper_priority);
        let theirs = system.grant(&sleeper, signal, Rights::RECEIVE, 0);
        call_there(&mut system, Call::Wait, &[theirs, 1]);
        idles_there(&system);
        let hog = child_there(&mut system, 10);
        runs_there(&system, &hog);
        system.ok(Call::Notify, &[signal, 1]);
        interrupted(&system, expected);
        system.settle();
        runs_there(&system, if expected == 0 { &hog } else { &sleeper });
        system.reap(&sleeper);
        system.reap(&hog);
        system.settle();
        idles_there(&system);
    }
}

#[test]
fn suspension_takes_a_thread_off_its_processor() {
    let mut system = System::with_processors(2);
    let child = child_there(&mut system, 10);
    let other = system.spawn(5, 0);
    system.ok(Call::ThreadProcessor, &[other.thread_handle, 1]);
    system.ok(Call::ThreadSuspend, &[child.thread_handle]);
    interrupted(&system, 0b10);
    // Nothing of it goes on there, though nobody else runs before that processor has been let in.
    idles_there(&system);
    let thread = &system.kernel.threads[child.thread];
    assert!(thread.state == State::Ready && thread.queue == Queue::None);
    system.settle();
    runs_there(&system, &other);
    system.ok(Call::ThreadResume, &[child.thread_handle]);
    interrupted(&system, 0b10);
    system.settle();
    runs_there(&system, &child);
}

#[test]
fn the_end_of_a_process_takes_its_threads_off() {
    let mut system = System::with_processors(2);
    let before = system.counts();
    let child = child_there(&mut system, 10);
    system.reap(&child);
    interrupted(&system, 0b10);
    idles_there(&system);
    assert_eq!(system.counts(), before);
    system.settle();
    idles_there(&system);
}

#[test]
fn a_timer_that_was_set_elsewhere_is_stopped_there() {
    let mut system = System::with_processors(2);
    let signal = system.ok(Call::SignalCreate, &[0]);
    let child = child_there(&mut system, 10);
    let theirs = system.grant(&child, signal, Rights::RECEIVE, 0);
    let now = system.kernel.machine.time.get();
    call_there(&mut system, Call::TimerSet, &[theirs, now + MS, 1]);
    let due = system.kernel.processor(1).timers.earliest();
    assert!(due >= now + MS && system.kernel.cpu.timers.earliest() == u64::MAX);
    assert_eq!(system.kernel.machine.armed_elsewhere[1], due);
    // Set again here: it is this processor's now, and the other one is not bothered.
    system.ok(Call::TimerSet, &[signal, now + 2 * MS, 2]);
    interrupted(&system, 0);
    assert_eq!(system.kernel.processor(1).timers.earliest(), u64::MAX);
    assert_eq!(system.kernel.machine.armed, system.kernel.cpu.timers.earliest());
    // The other one's hardware fires for nothing.
    system.kernel.machine.time.set(due);
    system.on(1);
    system.kernel.machine.armed = u64::MAX;
    system.kernel.timer();
    assert_eq!(system.kernel.machine.armed, u64::MAX);
    system.on(0);
    assert_eq!(system.ok(Call::Poll, &[signal, 3]), 0);
    // And a signal that goes takes its timer along, wherever that is.
    call_there(&mut system, Call::TimerSet, &[theirs, now + 9 * MS, 1]);
    assert_eq!(system.kernel.cpu.timers.earliest(), u64::MAX);
    system.ok(Call::HandleRevoke, &[signal]);
    system.ok(Call::HandleClose, &[signal]);
    assert_eq!(system.kernel.processor(1).timers.earliest(), u64::MAX);
}

/// A child that runs on a budget of processor 1.
fn on_budget_there(system: &mut System, length: u64, period: u64) -> (Child, u64) {
    let budget = system.ok(Call::BudgetCreate, &[0, 1, length, period, 0]);
    let child = system.spawn(10, 0);
    system.ok(Call::BudgetBind, &[child.thread_handle, budget, 0]);
    system.settle();
    runs_there(system, &child);
    (child, budget)
}

#[test]
fn a_thread_without_time_arms_the_timer_of_its_budgets_processor() {
    let mut system = System::with_processors(2);
    let (child, budget) = on_budget_there(&mut system, MS, 10 * MS);
    system.on(1);
    system.pass(MS);
    system.on(0);
    idles_there(&system);
    let due = system.kernel.processor(1).timers.earliest();
    assert_ne!(due, u64::MAX);
    assert_eq!(system.kernel.machine.armed_elsewhere[1], due);
    // Parked again from here: its processor has to look when to fire.
    system.ok(Call::ThreadSuspend, &[child.thread_handle]);
    system.ok(Call::ThreadResume, &[child.thread_handle]);
    interrupted(&system, 0b10);
    assert_eq!(system.kernel.cpu.timers.earliest(), u64::MAX);
    let due = system.kernel.processor(1).timers.earliest();
    system.on(1);
    assert_eq!(system.kernel.machine.armed, due);
    let now = system.kernel.machine.time.get();
    system.pass(due - now + MS / 2);
    system.running(child.thread);
    system.on(0);
    system.ok(Call::HandleClose, &[budget]);
    idles_there(system_after(&mut system));
}

/// The system, when all that were interrupted have been let in.
fn system_after(system: &mut System) -> &System {
    system.settle();
    system
}

#[test]
fn a_budget_is_changed_in_its_processors_place() {
    let mut system = System::with_processors(2);
    let (child, budget) = on_budget_there(&mut system, 5 * MS, 10 * MS);
    let end = system.kernel.processor(1).budget_end;
    system.ok(Call::BudgetSet, &[budget, 2 * MS, 10 * MS]);
    interrupted(&system, 0b10);
    let sooner = system.kernel.processor(1).budget_end;
    assert!(sooner < end, "{sooner} and {end}");
    assert_eq!(system.kernel.cpu.budget_end, u64::MAX, "it is not this processor's");
    system.on(1);
    system.running(child.thread);
    assert_eq!(system.kernel.machine.armed, sooner);
    system.on(0);
    // Down to less than has been used: it stops when its processor looks.
    system.on(1);
    system.pass(MS);
    system.on(0);
    system.ok(Call::BudgetSet, &[budget, MS / 2, 10 * MS]);
    idles_there(system_after(&mut system));
    assert!(system.kernel.processor(1).timers.earliest() != u64::MAX);
}

#[test]
fn a_budget_that_goes_stops_its_thread_elsewhere() {
    let mut system = System::with_processors(2);
    let (child, budget) = on_budget_there(&mut system, 5 * MS, 10 * MS);
    system.ok(Call::HandleClose, &[budget]);
    interrupted(&system, 0b10);
    assert_eq!(system.kernel.processor(1).budget_end, u64::MAX);
    assert_eq!(system.kernel.processor(1).promised, 0);
    idles_there(system_after(&mut system));
    assert!(system.kernel.threads[child.thread].queue == Queue::None);
    // It goes on where its next time is.
    system.ok(Call::BudgetBind, &[child.thread_handle, 0, 0]);
    assert_eq!(system.kernel.thread_info(child.thread).processor, 0);
}

#[test]
fn each_processors_time_is_promised_once() {
    let mut system = System::with_processors(2);
    let create =
        |system: &mut System, processor, length| system.call(Call::BudgetCreate, &[0, processor, length, 10 * MS, 0]);
    let first = create(&mut system, 0, 6 * MS).unwrap();
    assert_eq!(create(&mut system, 0, 5 * MS), Err(Error::QuotaExceeded));
    let second = create(&mut system, 1, 10 * MS).unwrap();
    assert_eq!(create(&mut system, 1, MS), Err(Error::QuotaExceeded));
    assert_eq!(create(&mut system, 2, MS), Err(Error::NoSuchResource));
    assert_eq!(system.err(Call::BudgetSet, &[first, 11 * MS, 11 * MS - 1]), Error::InvalidArgument);
    system.ok(Call::BudgetSet, &[first, 10 * MS, 10 * MS]);
    system.ok(Call::HandleClose, &[second]);
    create(&mut system, 1, 10 * MS).unwrap();
    assert_eq!(create(&mut system, 0, MS), Err(Error::QuotaExceeded));
}

#[test]
fn priority_is_lent_to_a_server_elsewhere() {
    let mut system = System::with_processors(2);
    let port = system.ok(Call::PortCreate, &[0, 0]);
    let server = child_there(&mut system, 10);
    let receive = system.grant(&server, port, Rights::RECEIVE, 0);
    call_there(&mut system, Call::Receive, &[receive]);
    let hog = child_there(&mut system, 40);
    // The root's priority is above the hog's.
    system.raw(Call::Call as u64, &[port], Tag(0), 0);
    assert_eq!(system.kernel.machine.interrupted, 0b10);
    assert!(system.kernel.threads[server.thread].priority > 40);
    system.settle();
    runs_there(&system, &server);
    call_there(&mut system, Call::ReplyReceive, &[receive]);
    runs_there(&system, &hog);
    assert_eq!(system.kernel.threads[server.thread].priority, 10);
    // Its caller, here, goes on when this processor is let in.
    system.settle();
    system.running(system.root);
    assert_eq!(system.result(system.root).map(drop), Ok(()));
}
