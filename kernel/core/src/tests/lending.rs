//! Priority and time lent along calls.

use super::model::{Child, System};
use airox_abi::message::Tag;
use airox_abi::{Error, QuotaKind, Rights, SystemCall as Call};

const MS: u64 = 1_000_000;

/// A client that will call a port by the returned handle, on a budget of its own.
fn client(system: &mut System, priority: u8, port: u64, budget: u64) -> (Child, u64) {
    let child = system.spawn(priority, 0);
    system.ok(Call::BudgetBind, &[child.thread_handle, budget, 0]);
    let send = system.grant(&child, port, Rights::SEND, 0);
    (child, send)
}

fn call(system: &mut System, port: u64) {
    system.raw(Call::Call as u64, &[port], Tag(0), 0);
}

/// A server on its process's unlimited budget that waits at a new port.
fn active_server(system: &mut System, priority: u8) -> (Child, u64, u64) {
    let (server, port, receive) = system.passive_server(priority);
    system.ok(Call::BudgetBind, &[server.thread_handle, 0, 0]);
    (server, port, receive)
}

#[test]
fn a_passive_server_runs_on_its_callers_time() {
    let mut system = System::boot();
    let (server, port, receive) = system.passive_server(5);
    let budget = system.budget(10 * MS, 100 * MS);
    let (client, send) = client(&mut system, 20, port, budget);
    system.root_sleeps();
    system.running(client.thread);
    call(&mut system, send);
    system.running(server.thread);
    assert_eq!(system.kernel.threads[server.thread].priority, 20);
    system.pass(3 * MS);
    assert!(system.budget_info(budget).used_ticks >= 3 * MS);
    system.raw(Call::ReplyReceive as u64, &[receive], Tag(0), 0);
    system.running(client.thread);
    assert_eq!(system.kernel.threads[server.thread].priority, 5);
    let server_budget = system.kernel.threads[server.thread].budget;
    assert_eq!(server_budget, crate::slab::Weak::NONE);
}

#[test]
fn a_passive_server_that_is_signalled_has_no_time_to_run() {
    let mut system = System::boot();
    let (server, port, _) = system.passive_server(200);
    let signal = system.ok(Call::SignalCreate, &[0]);
    system.ok(Call::PortBind, &[port, signal]);
    system.ok(Call::Notify, &[signal, 1]);
    system.root_sleeps();
    system.pass(10 * MS);
    assert!(system.kernel.is_idle());
    system.wake_root();
    // Given a budget, it goes on with the bits.
    let budget = system.budget(MS, 10 * MS);
    system.ok(Call::BudgetBind, &[server.thread_handle, budget, 0]);
    system.root_sleeps();
    system.running(server.thread);
    assert_eq!(system.context(server.thread).words[0], 1);
}

#[test]
fn a_caller_lends_its_time_to_a_passive_server_busy_with_a_signal() {
    let mut system = System::boot();
    let (server, port, receive) = system.passive_server(5);
    let signal = system.ok(Call::SignalCreate, &[0]);
    system.ok(Call::PortBind, &[port, signal]);
    system.ok(Call::Notify, &[signal, 1]);
    let budget = system.budget(MS, 10 * MS);
    let (client, send) = client(&mut system, 20, port, budget);
    system.root_sleeps();
    system.running(client.thread);
    call(&mut system, send);
    system.running(server.thread);
    assert_eq!(system.kernel.threads[server.thread].priority, 20);
    // It has seen to the signal and takes the call.
    system.raw(Call::ReplyReceive as u64, &[receive], Tag(0), 0);
    system.running(server.thread);
    system.raw(Call::ReplyReceive as u64, &[receive], Tag(0), 0);
    system.running(client.thread);
}

#[test]
fn a_budget_that_faults_does_not_fault_whom_it_is_lent_to() {
    let mut system = System::boot();
    let (server, port, receive) = system.passive_server(5);
    let budget = system.ok(Call::BudgetCreate, &[0, 0, MS, 10 * MS, 1]);
    let (client, send) = client(&mut system, 20, port, budget);
    system.root_sleeps();
    call(&mut system, send);
    system.running(server.thread);
    system.pass(5 * MS);
    assert!(system.kernel.processes[server.process].alive);
    assert!(system.kernel.is_idle(), "it waits for the replenishment");
    system.pass(5 * MS + MS / 2);
    system.running(server.thread);
    system.raw(Call::ReplyReceive as u64, &[receive], Tag(0), 0);
    system.running(client.thread);
    system.pass(5 * MS);
    assert!(!system.kernel.processes[client.process].alive);
}

#[test]
fn a_server_that_ran_out_goes_on_when_another_caller_has_time() {
    let mut system = System::boot();
    let (server, port, receive) = system.passive_server(5);
    let (short, long) = (system.budget(MS, 1000 * MS), system.budget(5 * MS, 10 * MS));
    let (first, first_send) = client(&mut system, 20, port, short);
    let (second, second_send) = client(&mut system, 10, port, long);
    system.root_sleeps();
    system.running(first.thread);
    call(&mut system, first_send);
    system.running(server.thread);
    system.pass(2 * MS);
    system.running(second.thread);
    call(&mut system, second_send);
    system.running(server.thread);
    system.pass(2 * MS);
    assert!(system.budget_info(long).used_ticks >= 2 * MS);
    system.raw(Call::ReplyReceive as u64, &[receive], Tag(0), 0);
    system.running(server.thread);
    system.raw(Call::ReplyReceive as u64, &[receive], Tag(0), 0);
    system.running(second.thread);
    system.wake_root();
    assert_eq!(system.result(first.thread), Ok(0));
}

/// The caller's time runs out while somebody waits already: at the server itself, or at the one that called it.
#[test]
fn a_server_that_runs_out_takes_the_time_of_who_waits_for_it() {
    for links in [1, 2, 3] {
        let mut system = System::boot();
        let servers: Vec<_> = (0..links).map(|_| system.passive_server(5)).collect();
        let front = servers[0].0.thread;
        let (short, long) = (system.budget(MS, 1000 * MS), system.budget(5 * MS, 10 * MS));
        let (low, low_send) = client(&mut system, 10, servers[0].1, short);
        let (high, high_send) = client(&mut system, 20, servers[0].1, long);
        let onward: Vec<u64> =
            (1..links).map(|link| system.grant(&servers[link - 1].0, servers[link].1, Rights::SEND, 0)).collect();
        system.ok(Call::ThreadSuspend, &[high.thread_handle]);
        system.root_sleeps();
        system.running(low.thread);
        call(&mut system, low_send);
        for (link, send) in onward.into_iter().enumerate() {
            system.running(servers[link].0.thread);
            call(&mut system, send);
        }
        let last = servers[links - 1].0.thread;
        system.running(last);
        system.wake_root();
        system.ok(Call::ThreadResume, &[high.thread_handle]);
        system.root_sleeps();
        system.running(high.thread);
        call(&mut system, high_send);
        system.running(last);
        assert_eq!(system.kernel.threads[last].priority, 20, "{links} servers");
        system.pass(2 * MS);
        system.running(last);
        assert!(system.budget_info(long).used_ticks > MS / 2);
        // So do the others, whose time was the same, on the way back.
        for (server, _, receive) in servers.iter().rev() {
            system.running(server.thread);
            system.raw(Call::ReplyReceive as u64, &[*receive], Tag(0), 0);
        }
        system.running(front);
        system.raw(Call::ReplyReceive as u64, &[servers[0].2], Tag(0), 0);
        system.running(high.thread);
    }
}

#[test]
fn a_budget_lost_while_lent_stops_the_server_until_another_caller_comes() {
    for gone in ["budget", "caller"] {
        let mut system = System::boot();
        let (server, port, receive) = system.passive_server(5);
        let (lost, other) = (system.budget(MS, 10 * MS), system.budget(5 * MS, 10 * MS));
        let (first, first_send) = client(&mut system, 10, port, lost);
        system.root_sleeps();
        call(&mut system, first_send);
        system.running(server.thread);
        system.wake_root();
        if gone == "caller" {
            system.ok(Call::ProcessKill, &[first.process_handle, 0]);
        }
        system.ok(Call::HandleClose, &[lost]);
        system.root_sleeps();
        assert!(system.kernel.is_idle());
        system.wake_root();
        let (second, second_send) = client(&mut system, 20, port, other);
        system.root_sleeps();
        system.running(second.thread);
        call(&mut system, second_send);
        system.running(server.thread);
        system.raw(Call::ReplyReceive as u64, &[receive], Tag(0), 0);
        system.running(server.thread);
        system.raw(Call::ReplyReceive as u64, &[receive], Tag(0), 0);
        system.running(second.thread);
    }
}

#[test]
fn a_server_whose_lent_budget_is_lost_goes_on_with_its_own() {
    let mut system = System::boot();
    let (server, port, receive) = system.passive_server(5);
    let (lost, own) = (system.budget(MS, 10 * MS), system.budget(MS, 10 * MS));
    let (_, send) = client(&mut system, 10, port, lost);
    system.root_sleeps();
    call(&mut system, send);
    system.wake_root();
    system.ok(Call::HandleClose, &[lost]);
    system.ok(Call::BudgetBind, &[server.thread_handle, own, 0]);
    system.root_sleeps();
    system.running(server.thread);
    system.raw(Call::ReplyReceive as u64, &[receive], Tag(0), 0);
    assert!(system.kernel.is_idle(), "the caller has no time");
}

#[test]
fn borrowed_time_that_is_lost_gives_way_to_the_callers() {
    let mut system = System::boot();
    let (server, port, _) = system.passive_server(5);
    let (short, long) = (system.budget(MS, 10 * MS), system.budget(5 * MS, 50 * MS));
    let (_, first_send) = client(&mut system, 20, port, short);
    let (_, second_send) = client(&mut system, 10, port, long);
    system.root_sleeps();
    call(&mut system, first_send);
    system.pass(2 * MS);
    call(&mut system, second_send);
    system.running(server.thread);
    // It runs on the second caller's time and used that up, too; the first one's comes back earlier.
    system.pass(6 * MS);
    assert!(system.kernel.is_idle());
    system.pass(2 * MS + MS / 2);
    system.running(server.thread);
    assert!(system.budget_info(short).available_ticks > 0);
}

#[test]
fn in_a_chain_the_end_of_the_last_leaves_the_first_ones_time() {
    let mut system = System::boot();
    let (middle, front, receive) = system.passive_server(5);
    let (last, back, _) = system.passive_server(5);
    let onward = system.grant(&middle, back, Rights::SEND, 0);
    system.ok(Call::HandleClose, &[back]);
    let budget = system.budget(5 * MS, 50 * MS);
    let (client, send) = client(&mut system, 20, front, budget);
    system.root_sleeps();
    call(&mut system, send);
    call(&mut system, onward);
    system.running(last.thread);
    system.pass(MS);
    system.wake_root();
    let used = system.budget_info(budget).used_ticks;
    assert!((MS..MS + 1000).contains(&used));
    system.ok(Call::ProcessKill, &[last.process_handle, 0]);
    system.root_sleeps();
    system.running(middle.thread);
    assert_eq!(system.result(middle.thread), Err(Error::ServerDied));
    system.pass(MS);
    assert!(system.budget_info(budget).used_ticks >= used + MS);
    system.raw(Call::ReplyReceive as u64, &[receive], Tag(0), 0);
    system.running(client.thread);
}

#[test]
fn a_server_that_dies_leaves_its_callers_budget_whole() {
    let mut system = System::boot();
    let (server, port, _) = system.passive_server(5);
    let budget = system.budget(5 * MS, 50 * MS);
    let (client, send) = client(&mut system, 20, port, budget);
    let time = system.counts().get(QuotaKind::Time);
    system.root_sleeps();
    call(&mut system, send);
    system.pass(MS);
    system.wake_root();
    system.ok(Call::ProcessKill, &[server.process_handle, 0]);
    assert_eq!(system.counts().get(QuotaKind::Time), time);
    system.root_sleeps();
    system.running(client.thread);
    assert_eq!(system.result(client.thread), Err(Error::ServerDied));
    let left = system.budget_info(budget).available_ticks;
    assert!((3 * MS..4 * MS).contains(&left), "{left}");
}

#[test]
fn an_active_server_is_as_urgent_as_who_waits_for_it() {
    for links in [1, 2] {
        let mut system = System::boot();
        let servers: Vec<_> = (0..links).map(|_| active_server(&mut system, 2)).collect();
        let unlimited = 0;
        let (low, low_send) = client(&mut system, 5, servers[0].1, unlimited);
        let (high, high_send) = client(&mut system, 30, servers[0].1, unlimited);
        let middle = system.spawn(15, 0);
        let onward: Vec<u64> =
            (1..links).map(|link| system.grant(&servers[link - 1].0, servers[link].1, Rights::SEND, 0)).collect();
        for sleeper in [&high, &middle] {
            system.ok(Call::ThreadSuspend, &[sleeper.thread_handle]);
        }
        system.root_sleeps();
        system.running(low.thread);
        call(&mut system, low_send);
        for &send in &onward {
            call(&mut system, send);
        }
        let last = &servers[links - 1].0;
        system.running(last.thread);
        system.wake_root();
        for sleeper in [&middle, &high] {
            system.ok(Call::ThreadResume, &[sleeper.thread_handle]);
        }
        system.root_sleeps();
        system.running(high.thread);
        call(&mut system, high_send);
        system.running(last.thread);
        for (server, _, receive) in servers.iter().rev() {
            system.running(server.thread);
            assert_eq!(system.kernel.threads[server.thread].priority, 30);
            system.raw(Call::ReplyReceive as u64, &[*receive], Tag(0), 0);
        }
        // The high one's call is served next, then it runs.
        system.running(servers[0].0.thread);
        system.raw(Call::ReplyReceive as u64, &[servers[0].2], Tag(0), 0);
        system.running(high.thread);
        assert_eq!(system.kernel.threads[servers[0].0.thread].priority, 2);
        system.raw(Call::ThreadExit as u64, &[], Tag(0), 0);
        system.running(middle.thread);
    }
}

#[test]
fn a_server_that_saved_a_reply_is_as_urgent_as_who_waits_for_it() {
    let mut system = System::boot();
    let (server, port, receive) = active_server(&mut system, 2);
    let (low, low_send) = client(&mut system, 5, port, 0);
    system.root_sleeps();
    system.running(low.thread);
    call(&mut system, low_send);
    system.running(server.thread);
    let saved = system.ok(Call::ReplySave, &[]);
    system.wake_root();
    let _middle = system.spawn(15, 0);
    let (high, high_send) = client(&mut system, 30, port, 0);
    system.root_sleeps();
    system.running(high.thread);
    call(&mut system, high_send);
    system.running(server.thread);
    system.raw(Call::Receive as u64, &[receive], Tag(0), 0);
    system.running(server.thread);
    system.ok(Call::Reply, &[saved]);
    system.raw(Call::ReplyReceive as u64, &[receive], Tag(0), 0);
    system.running(high.thread);
}

#[test]
fn a_saved_reply_keeps_the_callers_time_until_the_server_receives() {
    let mut system = System::boot();
    let (server, port, receive) = system.passive_server(5);
    let (first_budget, second_budget) = (system.budget(5 * MS, 50 * MS), system.budget(5 * MS, 50 * MS));
    let (first, first_send) = client(&mut system, 20, port, first_budget);
    let (second, second_send) = client(&mut system, 10, port, second_budget);
    system.root_sleeps();
    call(&mut system, first_send);
    system.running(server.thread);
    let saved = system.ok(Call::ReplySave, &[]);
    system.pass(MS);
    assert!(system.budget_info(first_budget).used_ticks >= MS);
    system.raw(Call::Receive as u64, &[receive], Tag(0), 0);
    system.running(second.thread);
    call(&mut system, second_send);
    system.running(server.thread);
    system.pass(MS);
    assert!(system.budget_info(second_budget).used_ticks >= MS);
    assert!(system.budget_info(first_budget).used_ticks < MS + 1000);
    // The first one's answer wakes it: it is more urgent than the second, for which the server works now.
    system.raw(Call::Reply as u64, &[saved], Tag(0), 0);
    system.running(first.thread);
}
