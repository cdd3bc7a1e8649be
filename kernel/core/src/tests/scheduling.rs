//! Priorities, turns, timers and suspension.

use super::model::System;
use airox_abi::message::Tag;
use airox_abi::{Error, SystemCall as Call};

#[test]
fn the_most_urgent_ready_thread_runs() {
    let mut system = System::boot();
    let low = system.spawn(10, 0);
    let high = system.spawn(30, 0);
    let middle = system.spawn(20, 0);
    let signal = system.ok(Call::SignalCreate, &[0]);
    system.raw(Call::Wait as u64, &[signal, 1], Tag(0), 0);
    for child in [high, middle, low] {
        system.running(child.thread);
        system.raw(Call::ThreadExit as u64, &[], Tag(0), 0);
    }
    assert!(system.kernel.is_idle());
}

#[test]
fn equals_take_turns_when_the_slice_ends() {
    let mut system = System::boot();
    let first = system.spawn(10, 0);
    let second = system.spawn(10, 0);
    let signal = system.ok(Call::SignalCreate, &[0]);
    system.raw(Call::Wait as u64, &[signal, 1], Tag(0), 0);
    for child in [first, second, first] {
        system.running(child.thread);
        let due = system.kernel.machine().armed;
        assert_ne!(due, u64::MAX, "a slice is running");
        system.kernel.machine().time.set(due);
        system.kernel.timer();
    }
    system.running(second.thread);
    system.ok(Call::ThreadYield, &[]);
    system.running(first.thread);
    system.raw(Call::ThreadExit as u64, &[], Tag(0), 0);
    system.running(second.thread);
    assert_eq!(system.kernel.machine().armed, u64::MAX, "alone, no slice");
}

#[test]
fn two_that_call_each_other_do_not_keep_out_a_third() {
    let mut system = System::boot();
    let [server, client, third] = [0; 3].map(|_| system.spawn(10, 0));
    let port = system.ok(Call::PortCreate, &[0, 0]);
    let receive = system.grant(&server, port, airox_abi::Rights::RECEIVE, 0);
    let send = system.grant(&client, port, airox_abi::Rights::SEND, 0);
    let signal = system.ok(Call::SignalCreate, &[0]);
    system.raw(Call::Wait as u64, &[signal, 1], Tag(0), 0);
    system.running(server.thread);
    system.raw(Call::Receive as u64, &[receive], Tag(0), 0);
    system.running(client.thread);
    let due = system.kernel.machine().armed;
    for _ in 0..10 {
        system.raw(Call::Call as u64, &[send], Tag(0), 0);
        system.running(server.thread);
        system.raw(Call::ReplyReceive as u64, &[receive], Tag(0), 0);
        system.running(client.thread);
        let now = system.kernel.machine().time.get();
        system.kernel.machine().time.set(now + 1_000);
        assert_eq!(system.kernel.machine().armed, due, "one turn for the pair");
    }
    system.kernel.machine().time.set(due);
    system.kernel.timer();
    system.running(third.thread);
}

#[test]
fn a_preempted_thread_has_the_rest_of_its_turn_left() {
    let mut system = System::boot();
    let first = system.spawn(10, 0);
    let second = system.spawn(10, 0);
    let signal = system.ok(Call::SignalCreate, &[0]);
    let sleep = |system: &mut System, deadline: u64| {
        system.ok(Call::TimerSet, &[signal, deadline, 1]);
        system.raw(Call::Wait as u64, &[signal, 1], Tag(0), 0);
    };
    sleep(&mut system, 1_000_000);
    system.running(first.thread);
    let end = system.kernel.cpu.slice_end;
    // The root task preempts it again and again.
    for deadline in [2_000_000, 3_000_000, 4_000_000] {
        let due = system.kernel.machine().armed;
        system.kernel.machine().time.set(due);
        system.kernel.timer();
        system.running(system.root);
        sleep(&mut system, deadline);
        system.running(first.thread);
        // The model's clock advances at each reading.
        assert!(system.kernel.cpu.slice_end - end < 20);
    }
    let end = system.kernel.cpu.slice_end;
    system.kernel.machine().time.set(end);
    system.kernel.timer();
    system.running(system.root);
    system.raw(Call::Wait as u64, &[signal, 1], Tag(0), 0);
    system.running(second.thread);
}

#[test]
fn who_comes_down_to_equals_takes_turns_with_them() {
    let mut system = System::boot();
    let other = system.spawn(10, 0);
    system.ok(Call::ThreadPriority, &[system.thread, 10]);
    system.running(system.root);
    let due = system.kernel.machine().armed;
    assert_ne!(due, u64::MAX, "a turn is running");
    system.kernel.machine().time.set(due);
    system.kernel.timer();
    system.running(other.thread);
}

#[test]
fn a_timer_wakes_its_waiter_at_the_deadline() {
    let mut system = System::boot();
    let child = system.spawn(10, 0);
    let signal = system.ok(Call::SignalCreate, &[0]);
    system.ok(Call::TimerSet, &[signal, 5_000_000, 0b100]);
    let due = system.kernel.machine().armed;
    assert!((5_000_000..5_000_010).contains(&due));
    system.raw(Call::Wait as u64, &[signal, u64::MAX], Tag(0), 0);
    system.running(child.thread);
    system.kernel.timer();
    system.running(child.thread);
    assert_eq!(system.kernel.machine().armed, due, "too early: armed again");
    system.kernel.machine().time.set(due);
    system.kernel.timer();
    system.running(system.root);
    assert_eq!(system.result(system.root), Ok(0b100));
    system.ok(Call::TimerSet, &[signal, 6_000_000, 1]);
    system.ok(Call::TimerSet, &[signal, u64::MAX, 1]);
    assert_eq!(system.kernel.machine().armed, u64::MAX);
}

#[test]
fn a_suspended_thread_keeps_its_wait_and_goes_on_when_resumed() {
    let mut system = System::boot();
    let child = system.spawn(10, 0);
    let signal = system.ok(Call::SignalCreate, &[0]);
    let theirs = system.grant(&child, signal, airox_abi::Rights::all(), 0);
    system.root_in_background();
    system.kernel.cpu.reschedule = true;
    system.kernel.finish_entry();
    system.running(child.thread);
    system.raw(Call::Wait as u64, &[theirs, 1], Tag(0), 0);
    system.running(system.root);
    system.ok(Call::ThreadSuspend, &[child.thread_handle]);
    system.ok(Call::Notify, &[signal, 1]);
    system.running(system.root);
    system.call(Call::ThreadResume, &[child.thread_handle]).unwrap();
    system.running(child.thread);
    assert_eq!(system.result(child.thread), Ok(1));
}

#[test]
fn priorities_are_limited_by_the_process() {
    let mut system = System::boot();
    let child = system.spawn(10, 0);
    system.ok(Call::ProcessPriority, &[child.process_handle, 12]);
    assert_eq!(system.err(Call::ThreadPriority, &[child.thread_handle, 13]), Error::MissingRight);
    assert_eq!(system.err(Call::ThreadPriority, &[child.thread_handle, 256]), Error::InvalidArgument);
    system.ok(Call::ThreadPriority, &[child.thread_handle, 12]);
    assert_eq!(system.err(Call::ThreadCreate, &[child.process_handle, 13, 0]), Error::MissingRight);
    assert_eq!(system.err(Call::ThreadStart, &[child.thread_handle, 0x41_0000, 0, 0]), Error::WrongState);
}

#[test]
fn time_is_charged_to_who_ran() {
    let mut system = System::boot();
    let child = system.spawn(10, 0);
    let signal = system.ok(Call::SignalCreate, &[0]);
    system.ok(Call::TimerSet, &[signal, 9_000_000, 1]);
    let start = system.kernel.thread_info(child.thread).cpu_ticks;
    system.raw(Call::Wait as u64, &[signal, 1], Tag(0), 0);
    system.running(child.thread);
    let now = system.kernel.machine().time.get();
    system.kernel.machine().time.set(9_000_100);
    system.kernel.timer();
    system.running(system.root);
    let used = system.kernel.thread_info(child.thread).cpu_ticks - start;
    assert!(used >= 9_000_100 - now && used < 9_000_200 - now);
}
