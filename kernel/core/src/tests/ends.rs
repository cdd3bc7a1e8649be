//! The end of a process takes many kernel entries, which its processor's reaper makes.

use super::model::{Child, SCRATCH, System};
use crate::Exception;
use crate::slab::Id;
use crate::thread::{State, Thread};
use airox_abi::message::Tag;
use airox_abi::{Rights, SystemCall as Call};

/// So much time passes at each look at the clock that each kernel entry takes one step.
const SLOW: u64 = 2_000;

/// The running thread kills a child: one kernel entry, after which the reaper runs.
fn kill(system: &mut System, child: &Child) {
    system.kernel.machine().tick = SLOW;
    let context = system.kernel.current();
    (context.rax, context.rdi) = (Call::ProcessKill as u64, child.process_handle);
    context.words[0] = 7;
    system.kernel.system_call();
    assert!(!system.kernel.processes[child.process].alive);
}

/// The reaper's next kernel entry.
fn step(system: &mut System) {
    system.running(reaper(system));
    system.kernel.exception(Exception { vector: 14, code: 0x14, address: 0 });
}

/// The reaper's entries, and the timer's when it is due.
fn until_time_is_up(system: &mut System) {
    while system.kernel.cpu.current == reaper(system) {
        step(system);
        let machine = system.kernel.machine();
        if machine.armed <= machine.time.get() {
            machine.armed = u64::MAX;
            system.kernel.timer();
        }
    }
    assert!(system.kernel.is_idle());
}

fn reaper(system: &System) -> Id<Thread> {
    system.kernel.cpu.reaper
}

/// A child that holds so many handles to a port of the root's.
fn holder(system: &mut System, priority: u8, handles: usize) -> Child {
    let child = system.spawn(priority, 0);
    let port = system.ok(Call::PortCreate, &[0, 0]);
    for _ in 0..handles {
        system.grant(&child, port, Rights::SEND, 0);
    }
    system.ok(Call::HandleClose, &[port]);
    child
}

#[test]
fn goes_before_whoever_ended_the_process() {
    let mut system = System::boot();
    let before = system.counts();
    let child = holder(&mut system, 10, 30);
    kill(&mut system, &child);
    let root = &system.kernel.threads[system.root];
    assert_eq!((root.state, root.priority), (State::Ready, system.kernel.threads[reaper(&system)].priority));
    let mut steps = 0;
    while system.kernel.cpu.current == reaper(&system) {
        step(&mut system);
        steps += 1;
    }
    assert!(steps > 30, "only {steps} steps");
    system.running(system.root);
    assert_eq!(system.result(system.root), Ok(0));
    for handle in [child.thread_handle, child.process_handle, child.quota_handle] {
        system.ok(Call::HandleClose, &[handle]);
    }
    assert_eq!(system.counts(), before);
}

#[test]
fn gives_way_to_the_more_urgent_between_two_steps() {
    let mut system = System::boot();
    let urgent = system.spawn(200, 0);
    let victim = holder(&mut system, 10, 30);
    let signal = system.ok(Call::SignalCreate, &[0]);
    let receive = system.grant(&urgent, signal, Rights::RECEIVE, 0);
    system.root_in_background();
    system.ok(Call::ThreadYield, &[]);
    system.running(urgent.thread);
    system.raw(Call::TimerSet as u64, &[receive, 1_000_000, 1], Tag(0), 0);
    system.raw(Call::Wait as u64, &[receive, 1], Tag(0), 0);
    // The victim runs before the root, which is less urgent.
    system.running(victim.thread);
    system.kernel.set_priority(system.root, 100);
    system.kernel.finish_entry();
    system.running(system.root);
    kill(&mut system, &victim);
    step(&mut system);
    let due = system.kernel.machine().armed;
    system.kernel.machine().time.set(due);
    system.kernel.timer();
    system.running(urgent.thread);
    assert!(system.kernel.processes[victim.process].ending);
    system.raw(Call::Wait as u64, &[receive, 1], Tag(0), 0);
    assert!(!system.kernel.processes[victim.process].ending);
    system.running(system.root);
}

#[test]
fn threads_above_whoever_ended_them_cannot_go_on() {
    let mut system = System::boot();
    let child = system.spawn(150, 0);
    system.ok(Call::ProcessPriority, &[child.process_handle, 150]);
    let signal = system.ok(Call::SignalCreate, &[0]);
    let receive = system.grant(&child, signal, Rights::RECEIVE, 0);
    for _ in 0..3 {
        system.ok(Call::ThreadCreate, &[child.process_handle, 150, 0]);
    }
    // The first thread, which is ended last, waits; whoever ends the process is less urgent.
    system.kernel.set_priority(system.root, 100);
    system.kernel.finish_entry();
    system.running(child.thread);
    system.raw(Call::Wait as u64, &[receive, 1], Tag(0), 0);
    system.running(system.root);
    kill(&mut system, &child);
    let State::Waiting(waited) = system.kernel.threads[child.thread].state else { panic!("it was ended first") };
    system.kernel.notify(waited, 1);
    system.kernel.finish_entry();
    while system.kernel.processes[child.process].threads > 0 {
        step(&mut system);
    }
    assert_eq!(system.kernel.threads[reaper(&system)].priority, 100);
    system.end_processes();
    system.running(system.root);
}

#[test]
fn takes_the_time_of_whoever_ended_the_process() {
    let mut system = System::boot();
    let child = holder(&mut system, 10, 30);
    let budget = system.budget(20_000, 1_000_000);
    system.ok(Call::BudgetBind, &[system.thread, budget, 0]);
    kill(&mut system, &child);
    until_time_is_up(&mut system);
    // Nobody runs until there is time again.
    assert!(system.kernel.processes[child.process].ending);
    assert!(system.budget_info(budget).used_ticks >= 20_000);
    system.pass(100_000_000);
    assert!(!system.kernel.processes[child.process].ending);
}

#[test]
fn goes_on_without_the_time_it_had() {
    let mut system = System::boot();
    let child = holder(&mut system, 10, 30);
    let budget = system.budget(20_000, 1_000_000_000);
    system.ok(Call::BudgetBind, &[system.thread, budget, 0]);
    kill(&mut system, &child);
    until_time_is_up(&mut system);
    let found = system.kernel.capabilities.find(system.root_process, budget).expect("the root's handle").0;
    system.kernel.delete_capability(found);
    system.kernel.finish_entry();
    system.end_processes();
    assert!(!system.kernel.processes[child.process].ending);
}

#[test]
fn what_an_ending_process_made_ends_too() {
    let mut system = System::boot();
    let parent = system.spawn(10, 0);
    let quota = system.grant(&parent, system.quota, Rights::CONTROL, 0);
    system.root_sleeps();
    system.running(parent.thread);
    let made = system.ok(Call::ProcessCreate, &[quota, SCRATCH]);
    let found = system.kernel.capabilities.find(parent.process, made).expect("the parent's handle").1.object;
    let crate::object::Object::Process(made) = found else { panic!("no process") };
    system.wake_root();
    kill(&mut system, &parent);
    assert!(system.kernel.processes[made].alive);
    while system.kernel.cpu.current == reaper(&system) {
        step(&mut system);
    }
    assert!(system.kernel.processes.at(made.number()).is_none(), "nobody holds it any more");
    system.running(system.root);
}

#[test]
fn what_it_may_see_still_is_not_reused() {
    let mut system = System::with_processors(2);
    let region = system.ok(Call::RegionCreate, &[0, 1, 0]);
    let child = system.spawn(10, 0);
    let address = 0x5000_0000;
    system.ok(Call::RegionMap, &[region, child.process_handle, address, 0, 1, 1 | 4]);
    // Two more threads, that are still there after the first step.
    for _ in 0..2 {
        system.ok(Call::ThreadCreate, &[child.process_handle, 10, 0]);
    }
    kill(&mut system, &child);
    let process = &system.kernel.processes[child.process];
    assert!(process.threads > 0 && !process.left);
    let before = system.kernel.machine().flushed_elsewhere;
    let (source, _) = system.kernel.capabilities.find(system.root_process, region).expect("the root's handle");
    while !system.kernel.revoke(source) {}
    assert!(system.kernel.machine().flushed_elsewhere > before, "a thread elsewhere may write there still");
}
