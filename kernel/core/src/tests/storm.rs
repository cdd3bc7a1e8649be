//! Random system calls from several processes with partial authority: the kernel must neither panic nor leak. The seed is in the message, so a failure
//! is reproduced by running it again.

use super::model::{Child, SCRATCH, System};
use crate::fault::Exception;
use airox_abi::message::Tag;
use airox_abi::{ObjectKind, Rights, SystemCall};

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        // xorshift64* (Vigna 2016).
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: u64) -> u64 {
        (self.next() >> 32) % limit
    }
}

/// A value that often means something to some call.
fn argument(random: &mut Random, system: &System, me: u32) -> u64 {
    match random.below(12) {
        0 => 0,
        1 => random.next(),
        2 => random.below(64),
        3 => SCRATCH + random.below(4 * 4096),
        4 => 0x3000_0000 + random.below(8) * 4096,
        5 => 1 << random.below(64),
        6 => u64::from(Rights::all().bits()),
        7 => u64::MAX - random.below(3),
        // A handle of one's own.
        _ => {
            let handles = system.handles(crate::slab::Id::new(me));
            handles.get(random.below(handles.len().max(1) as u64) as usize).copied().unwrap_or(1)
        }
    }
}

/// What must hold between kernel entries: every list is whole, and every thread is where its state says.
fn check(kernel: &crate::kernel::Kernel<super::model::Model>) {
    use crate::thread::{Queue, State};
    for processor in kernel.all_processors() {
        assert_eq!(kernel.threads[processor.current].process, processor.current_process);
    }
    for (id, process) in kernel.processes.iter() {
        let mut link = process.first_thread;
        let mut threads = 0;
        while let Some(thread) = crate::slab::Id::<crate::thread::Thread>::from_link(link) {
            assert_eq!(kernel.threads[thread].process, id);
            assert_ne!(kernel.threads[thread].state, State::Dead);
            threads += 1;
            link = kernel.threads[thread].next_in_process;
        }
        assert_eq!(threads, process.threads, "threads of {id:?}");
    }
    for (processor, priority) in kernel.all_processors().flat_map(|processor| (0..=255).map(move |at| (processor, at)))
    {
        let mut previous = crate::slab::NONE;
        let mut link = processor.ready.queue(priority).first;
        while let Some(id) = crate::slab::Id::<crate::thread::Thread>::from_link(link) {
            let thread = &kernel.threads[id];
            let home = kernel.budgets.upgrade(thread.budget).map(|budget| kernel.budgets[budget].processor);
            assert!(
                thread.queue == Queue::Ready
                    && thread.priority == priority
                    && thread.previous == previous
                    && thread.queue_processor == processor.number
                    && home.is_none_or(|home| home == processor.number),
                "{id:?}"
            );
            previous = link;
            link = thread.next;
        }
    }
    for (id, thread) in kernel.threads.iter() {
        if kernel.is_own(id) {
            continue;
        }
        if thread.state != State::Dead {
            let mut link = kernel.processes[thread.process].first_thread;
            while link != id.number() {
                assert_ne!(link, crate::slab::NONE, "{id:?} {:?} is not in {:?}", thread.state, thread.process);
                link = kernel.threads[crate::slab::Id::new(link)].next_in_process;
            }
            let process = &kernel.processes[thread.process];
            assert!(process.alive || process.ending, "{id:?} {:?} outlives {:?}", thread.state, thread.process);
        }
        let running = kernel.all_processors().any(|processor| processor.current == id);
        assert_eq!(thread.state == State::Running, running, "{id:?} {:?}", thread.state);
        let has_budget = kernel.budgets.upgrade(thread.budget).is_some();
        let could_run = thread.state == State::Ready && !thread.suspended;
        // Who lost its budget in a ready queue stays there until it would run.
        assert!(
            if has_budget {
                (thread.queue != Queue::None) == could_run
            } else {
                thread.queue == Queue::None || thread.queue == Queue::Ready && could_run
            },
            "{id:?} {:?}",
            thread.state
        );
        let receives = matches!(thread.state, State::Receiving(_));
        assert!(!receives || thread.serving.is_none(), "{id:?}");
    }
    kernel.check_budgets();
}

/// A handle of a kind that a process holds, 0 if it holds none.
fn handle_of(random: &mut Random, system: &System, me: u32, kind: ObjectKind) -> u64 {
    let process = crate::slab::Id::new(me);
    let mut handles = system.handles(process);
    let start = random.below(handles.len().max(1) as u64) as usize;
    handles.rotate_left(start);
    let found = |&handle: &u64| system.kernel.capabilities.find(process, handle).unwrap().1.object.kind() == Some(kind);
    handles.into_iter().find(found).unwrap_or(0)
}

/// Arguments of a call about time that are likely to be accepted.
fn time_arguments(random: &mut Random, system: &System, me: u32, call: SystemCall) -> Option<Vec<u64>> {
    let times: [u64; 6] = [5_000, 10_000, 50_000, 1_000_000, 10_000_000, 1_000_000_000];
    let mut time = || times[random.below(6) as usize];
    let (length, period) = (time(), time());
    let mut of = |kind| handle_of(random, system, me, kind);
    let (thread, budget) = (of(ObjectKind::Thread), of(ObjectKind::Budget));
    Some(match call {
        SystemCall::ThreadProcessor => vec![thread, random.below(4)],
        SystemCall::ProcessProcessors => vec![of(ObjectKind::Process), random.below(16)],
        SystemCall::BudgetCreate => {
            vec![0, random.below(u64::from(system.kernel.processors)), length, period, random.below(2)]
        }
        SystemCall::BudgetSet => vec![budget, length, period],
        SystemCall::BudgetBind => match random.below(4) {
            0 => vec![thread, 0, 1],
            1 => vec![thread, 0, 0],
            _ => vec![thread, budget, 0],
        },
        SystemCall::BudgetWatch => vec![budget, of(ObjectKind::Signal), 1],
        SystemCall::ProcessBudget => vec![of(ObjectKind::Process), budget],
        SystemCall::ThreadWeight => vec![thread, 1 + random.below(400)],
        SystemCall::ThreadPriority => vec![thread, random.below(20)],
        SystemCall::Call | SystemCall::ReplyReceive | SystemCall::Receive => {
            vec![of(ObjectKind::Port)]
        }
        _ => return None,
    })
}

fn storm(seed: u64, calls: u32, processors: u32) {
    let mut system = System::with_processors(processors);
    let before = system.counts();
    let mut random = Random(seed);
    let port = system.ok(SystemCall::PortCreate, &[0, 0]);
    let signal = system.ok(SystemCall::SignalCreate, &[0]);
    let budgets = [system.budget(5_000, 50_000), system.budget(1_000_000, 10_000_000)];
    let mut children: Vec<Child> = Vec::new();
    system.ends_at_once = false;
    for step in 0..calls {
        check(&system.kernel);
        if random.below(256) == 0 {
            // The faster the clock, the fewer steps of an end fit into a kernel entry.
            system.kernel.machine().tick = [1, 100, 600][random.below(3) as usize];
        }
        if processors > 1 {
            system.on(random.below(u64::from(processors)) as u32);
            check(&system.kernel);
        }
        let all_idle = system.kernel.all_processors().all(|processor| processor.current == processor.idle);
        if all_idle && system.kernel.machine.interrupted != 0 {
            system.settle();
            continue;
        }
        if system.kernel.is_idle() && (!all_idle || random.below(16) != 0) {
            // Somebody may get time soon.
            let (due, now) = (system.kernel.machine.armed, system.kernel.machine.time.get());
            if due < now + 1_000_000_000 {
                system.kernel.machine.time.set(due.max(now));
                system.kernel.machine.armed = u64::MAX;
                system.kernel.timer();
                continue;
            }
            if !all_idle {
                continue;
            }
        }
        if system.kernel.cpu.current == system.root || system.kernel.is_idle() {
            // The root is the most urgent, and waits while the children storm: it gets here when they are all stuck or dead.
            if system.kernel.is_idle() {
                let id = system.kernel.threads[system.root].state;
                let crate::thread::State::Waiting(id) = id else { panic!("seed {seed:#x} step {step}: {id:?}") };
                system.kernel.notify(id, 1 << 63);
                system.kernel.finish_entry();
                system.settle();
                system.on(0);
            }
            system.running(system.root);
            for child in children.drain(..) {
                system.reap(&child);
            }
            for priority in [10, 11, 11] {
                let child = system.spawn(priority, if random.below(2) == 0 { port } else { 0 });
                for (handle, badge) in [
                    (port, 0),
                    (port, 9),
                    (signal, 0),
                    (child.process_handle, 0),
                    (child.quota_handle, 0),
                    (child.thread_handle, 0),
                    (system.machine, 0),
                    (budgets[0], 0),
                    (budgets[1], 0),
                ] {
                    let rights = if handle == system.machine {
                        Rights::READ
                    } else {
                        Rights::from_bits_truncate(random.next() as u16)
                    };
                    system.grant(&child, handle, rights | Rights::COPY, badge);
                }
                if random.below(2) == 0 {
                    let number = random.below(u64::from(processors));
                    system.ok(SystemCall::ThreadProcessor, &[child.thread_handle, number]);
                }
                let bound = match random.below(12) {
                    0 => [child.thread_handle, budgets[0], 0],
                    1 | 2 => [child.thread_handle, budgets[1], 0],
                    3 => [child.thread_handle, 0, 1],
                    _ => [0, 0, 0],
                };
                if bound[0] != 0 {
                    system.ok(SystemCall::BudgetBind, &bound);
                }
                children.push(child);
            }
            system.raw(SystemCall::Wait as u64, &[signal, 1 << 63], Tag(0), 0);
            continue;
        }
        if system.kernel.cpu.current == system.kernel.cpu.reaper {
            system.kernel.exception(Exception { vector: 14, code: 0x14, address: 0 });
            continue;
        }
        let me = system.kernel.cpu.current_process.number();
        if random.below(64) == 0 {
            let exception = Exception {
                vector: random.below(20) as u8,
                code: random.below(32),
                address: argument(&mut random, &system, me),
            };
            system.kernel.exception(exception);
            continue;
        }
        if random.below(64) == 0 {
            let time = system.kernel.machine().time.get() + random.below(20_000_000);
            system.kernel.machine().time.set(time);
            system.kernel.machine().armed = u64::MAX;
            system.kernel.timer();
            continue;
        }
        // Fill some memory with plausible structures.
        if random.below(4) == 0 {
            let words: Vec<u8> = (0..28).flat_map(|_| argument(&mut random, &system, me).to_le_bytes()).collect();
            let _ = system.kernel.write_user((crate::slab::Id::new(me), SCRATCH), &words);
        }
        let number = random.below(SystemCall::ALL.len() as u64 + 2);
        let tag = if random.below(3) == 0 { Tag(random.next() & 0x33_ffff) } else { Tag(0) };
        let mut arguments: Vec<u64> = (0..7).map(|_| argument(&mut random, &system, me)).collect();
        if random.below(4) != 0
            && let Some(call) = SystemCall::from_code(number)
            && let Some(likely) = time_arguments(&mut random, &system, me, call)
        {
            arguments = likely;
        }
        let extension = if random.below(8) == 0 { random.next() } else { SCRATCH };
        system.raw(number, &arguments, tag, extension);
    }
    // End everything and count.
    system.ends_at_once = true;
    system.kernel.machine().tick = 1;
    let root = system.root;
    system.settle();
    system.on(0);
    if system.kernel.cpu.current != root {
        wake_root(&mut system, seed);
    }
    for child in children {
        system.reap(&child);
    }
    // What has begun to end elsewhere may have to wait for its time.
    // A child's last call may have been the notification itself.
    while system.kernel.cpu.current == root {
        system.raw(SystemCall::Wait as u64, &[signal, 1 << 63], Tag(0), 0);
    }
    while system.kernel.all_processors().any(|processor| processor.first_ending != crate::slab::NONE) {
        for number in 0..processors {
            system.on(number);
            system.pass(1_000_000_000);
        }
    }
    system.on(0);
    wake_root(&mut system, seed);
    for handle in [port, signal, budgets[0], budgets[1]] {
        system.ok(SystemCall::HandleClose, &[handle]);
    }
    assert_eq!(system.counts(), before, "seed {seed:#x}: leaked");
}

/// Ends the root's `wait` for the signal's highest bit.
fn wake_root(system: &mut System, seed: u64) {
    let root = system.root;
    let crate::thread::State::Waiting(id) = system.kernel.threads[root].state else { panic!("seed {seed:#x}") };
    system.kernel.notify(id, 1 << 63);
    system.kernel.finish_entry();
    system.running(root);
}

#[test]
fn random_calls_neither_panic_nor_leak() {
    for seed in 1..=100 {
        storm(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed), 20_000, 1);
    }
}

#[test]
fn random_calls_on_three_processors_neither_panic_nor_leak() {
    for seed in 1..=100 {
        storm(0xc2b2_ae3d_27d4_eb4f_u64.wrapping_mul(seed), 20_000, 3);
    }
}
