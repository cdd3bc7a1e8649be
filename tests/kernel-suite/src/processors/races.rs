//! What happens on two processors at once, again and again at other moments: both orders are right, anything else is not.

use core::sync::atomic::Ordering;

use airox_abi::info::ThreadState;
use airox_abi::message::{Extension, Lease, Tag};
use airox_abi::{Error, Handle, QuotaLimits, RegionKind, Rights};
use airox_kernel_suite::random::Random;

use super::{BELOW, SHARED, all, child_on, count, on_two, other, processor_of, share, shift, signal_for};
use crate::actors::PORT;
use crate::block::Block;
use crate::child::{Child, NORMAL, Options};
use crate::failure::{Failure, Outcome, check, check_equal};
use crate::kernel::{self, Message};
use crate::registry::Test;
use crate::suite::Suite;

/// The tests.
pub const TESTS: &[Test] = &[
    on_two("race", "revoke_and_use", revoke_and_use),
    on_two("race", "destroy_and_call", destroy_and_call),
    on_two("race", "unmap_and_lease_copy", unmap_and_lease_copy),
    on_two("race", "move_and_wake", move_and_wake),
    on_two("race", "move_and_call", move_and_call),
    on_two("race", "suspend_and_wake", suspend_and_wake),
    on_two("race", "timers_and_their_end", timers_and_their_end),
    on_two("race", "two_wait_for_one_signal", two_wait_for_one_signal),
    on_two("race", "objects_of_one_quota", objects_of_one_quota),
];

const ROUNDS: u64 = 2000;

/// A notification through a handle that may just go: result 0 counts those that arrived, result 1 those that were refused. Result 2 and argument 2 are
/// the round: each has one handle, in argument 0.
fn notifies_each_round(block: &Block) -> Outcome {
    for round in 1..=ROUNDS {
        super::spin_until(|| block.argument(2) == round)?;
        match kernel::notify(block.handle(0), 1) {
            Ok(()) => block.set_result(0, block.result(0) + 1),
            Err(error) => {
                check_equal!(error, Error::InvalidHandle);
                block.set_result(1, block.result(1) + 1);
            }
        }
        block.set_result(2, round);
    }
    Ok(())
}

fn revoke_and_use(suite: &Suite) -> Outcome {
    let mut random = Random::new(1);
    let child = child_on(suite, other(suite, 0)?, NORMAL)?;
    let signal = kernel::signal_create(Handle::NONE)?;
    child.start(notifies_each_round)?;
    for round in 1..=ROUNDS {
        child.grant(0, signal.get(), Rights::SEND)?;
        let arrived = child.block().result(0);
        child.block().set_argument(2, round);
        match random.below(4) {
            0 => {}
            1 => shift(suite, &mut random, 2_000)?,
            _ => (0..random.below(4)).for_each(|_| core::hint::spin_loop()),
        }
        kernel::handle_revoke(signal.get())?;
        let bits = kernel::poll(signal.get(), 1)?;
        super::spin_until(|| child.block().result(2) == round)?;
        // It has arrived before the handle was taken back, or never.
        check_equal!(bits, child.block().result(0) - arrived);
        check_equal!(kernel::poll(signal.get(), 1)?, 0);
    }
    let both = [child.block().result(0), child.block().result(1)];
    check!(both.iter().all(|count| *count > 0), "one of two orders never came: {both:?}");
    child.finish()
}

/// Calls a port through the handle of each round, as [`notifies_each_round`]; whoever answers, answers with the round.
fn calls_each_round(block: &Block) -> Outcome {
    for round in 1..=ROUNDS {
        super::spin_until(|| block.argument(2) == round)?;
        match kernel::send(block.handle(PORT), &Message::word(0, round)) {
            Ok(reply) => {
                check_equal!(reply.words[0], round);
                block.set_result(0, block.result(0) + 1);
            }
            Err(error) => {
                check!(matches!(error, Error::InvalidHandle | Error::ServerDied), "{error:?}");
                block.set_result(1, block.result(1) + 1);
            }
        }
        block.set_result(2, round);
    }
    Ok(())
}

fn destroy_and_call(suite: &Suite) -> Outcome {
    let mut random = Random::new(2);
    let child = child_on(suite, other(suite, 0)?, NORMAL)?;
    child.start(calls_each_round)?;
    let signal = kernel::signal_create(Handle::NONE)?;
    for round in 1..=ROUNDS {
        let port = kernel::port_create(Handle::NONE)?;
        child.grant(PORT, port.get(), Rights::SEND)?;
        child.block().set_argument(2, round);
        match random.below(3) {
            // Answered, if it comes in time.
            0 => {
                kernel::port_bind(port.get(), signal.get())?;
                kernel::timer_set(signal.get(), kernel::now() + random.below(4_000), 1)?;
                let message = kernel::receive(port.get())?;
                if message.tag.kind() != airox_abi::message::MessageKind::Signal {
                    kernel::reply(Handle::NONE, &message)?;
                }
                kernel::timer_set(signal.get(), u64::MAX, 1)?;
                kernel::poll(signal.get(), 1)?;
                kernel::port_bind(port.get(), Handle::NONE)?;
            }
            1 => shift(suite, &mut random, 3_000)?,
            _ => {}
        }
        // The caller's handle goes, or the port loses the last who could receive there.
        if random.below(8) != 0 {
            kernel::handle_revoke(port.get())?;
        }
        drop(port);
        super::spin_until(|| child.block().result(2) == round)?;
    }
    let both = [child.block().result(0), child.block().result(1)];
    check!(both.iter().all(|count| *count > 0), "one of two orders never came: {both:?}");
    child.finish()
}

const LENT: u64 = 4096;

/// Lends shared memory to the suite and awaits the answer, for ever.
fn lends_shared(block: &Block) -> Outcome {
    loop {
        let mut extension = Extension::default();
        extension.leases[0] = Lease { address: SHARED, length: 4 * LENT, access: Lease::READ | Lease::WRITE };
        kernel::send_with(block.handle(PORT), Tag::new(0).with_leases(1), &mut extension)?;
        block.set_result(0, block.result(0) + 1);
    }
}

/// Serves those calls: copies the lease to and fro until that fails because the memory has gone; result 1 counts copies, result 0 rounds.
fn copies_leases(block: &Block) -> Outcome {
    let port = block.handle(PORT);
    kernel::receive(port)?;
    loop {
        let mut buffer = [0; 4 * LENT as usize];
        let error = loop {
            let copied = kernel::lease_read(Handle::NONE, 0, 0, &mut buffer)
                .and_then(|_| kernel::lease_write(Handle::NONE, 0, 0, &buffer));
            match copied {
                Ok(_) => block.set_result(1, block.result(1) + 1),
                Err(error) => break error,
            }
        };
        check!(matches!(error, Error::InvalidAddress | Error::LeaseDenied), "{error:?}");
        block.set_result(0, block.result(0) + 1);
        kernel::reply_receive(port, &Message::new(0))?;
    }
}

fn unmap_and_lease_copy(suite: &Suite) -> Outcome {
    let mut random = Random::new(3);
    let port = kernel::port_create(Handle::NONE)?;
    let (client, server) = (child_on(suite, other(suite, 0)?, BELOW)?, child_on(suite, other(suite, 1)?, BELOW)?);
    client.grant(PORT, port.get(), Rights::SEND)?;
    server.grant(PORT, port.get(), Rights::RECEIVE)?;
    server.start(copies_leases)?;
    let process = client.process.get();
    for round in 1..=300 {
        let memory = share(&[&client], 4)?;
        if round == 1 {
            client.start(lends_shared)?;
        }
        let copies = server.block().result(1);
        suite.until(|| Ok(server.block().result(1) > copies))?;
        shift(suite, &mut random, 10_000)?;
        // SAFETY: the client is given new memory before it uses this again, or its call fails.
        unsafe { kernel::region_unmap(process, SHARED) }?;
        memory.word(0).store(round, Ordering::Release);
        shift(suite, &mut random, 10_000)?;
        check_equal!(memory.word(0).load(Ordering::Acquire), round);
    }
    check!(server.block().result(0) > 0, "no copy failed");
    Ok(())
}

/// Counts in result 0 the bits that signal 1 brings; each bit is set once at a time.
fn counts_bits(block: &Block) -> Outcome {
    loop {
        let bits = kernel::wait(block.handle(1), u64::MAX)?;
        block.set_result(0, block.result(0) + u64::from(bits.count_ones()));
    }
}

/// A thread is moved to and fro while another processor wakes it: no wake is lost.
fn move_and_wake(suite: &Suite) -> Outcome {
    let mut random = Random::new(4);
    let processors = count(suite)?;
    let child = child_on(suite, other(suite, 0)?, BELOW)?;
    let signal = signal_for(&child, 1, Rights::RECEIVE)?;
    child.start(counts_bits)?;
    for round in 1..=ROUNDS {
        let wakes_first = random.below(2) == 0;
        if wakes_first {
            kernel::notify(signal.get(), 1)?;
        }
        let processor = random.below(processors);
        kernel::thread_processor(child.thread.get(), processor)?;
        check_equal!(processor_of(child.thread.get())?, processor);
        if !wakes_first {
            kernel::notify(signal.get(), 1)?;
        }
        suite.until(|| Ok(child.block().result(0) == round))?;
    }
    Ok(())
}

/// Moves the threads in arguments 1 and 2 about, over the processors in argument 3, until argument 4 is set.
fn moves_others(block: &Block) -> Outcome {
    let mut random = Random::new(block.argument(3));
    let processors = u64::from(block.argument(3).count_ones());
    while block.argument(4) == 0 {
        let thread = block.handle(1 + random.below(2) as usize);
        match kernel::thread_processor(thread, random.below(processors)) {
            Ok(()) => block.set_result(0, block.result(0) + 1),
            // The client has ended.
            Err(error) => check_equal!(error, Error::Dead),
        }
        (0..random.below(20)).for_each(|_| core::hint::spin_loop());
    }
    Ok(())
}

/// As often as argument 1 says, calls and lets others take their turns.
fn calls_and_pauses(block: &Block) -> Outcome {
    for count in 0..block.argument(1) {
        check_equal!(kernel::send(block.handle(PORT), &Message::word(1, count))?.words[0], count + 1);
        core::hint::spin_loop();
    }
    Ok(())
}

/// A client and its server are moved about by a third while they exchange messages: none is lost, none comes twice.
fn move_and_call(suite: &Suite) -> Outcome {
    for passive in [false, true] {
        let port = kernel::port_create(Handle::NONE)?;
        let (client, server) = (child_on(suite, other(suite, 0)?, BELOW)?, child_on(suite, other(suite, 1)?, BELOW)?);
        client.grant(PORT, port.get(), Rights::SEND)?;
        server.grant(PORT, port.get(), Rights::RECEIVE)?;
        let mover = child_on(suite, other(suite, 2)?, NORMAL)?;
        mover.grant(1, client.thread.get(), Rights::CONTROL)?;
        mover.grant(2, if passive { client.thread.get() } else { server.thread.get() }, Rights::CONTROL)?;
        mover.block().set_argument(3, all(suite)?);
        if passive {
            kernel::make_passive(server.thread.get())?;
        }
        server.start(crate::actors::echo_server)?;
        server.await_state(suite, ThreadState::Receiving)?;
        mover.start(moves_others)?;
        client.block().set_argument(1, ROUNDS);
        client.start(calls_and_pauses)?;
        client.finish()?;
        mover.block().set_argument(4, 1);
        check!(mover.block().result(0) > 10, "they were hardly moved");
        mover.finish()?;
    }
    Ok(())
}

/// Suspended, woken and resumed in any order: each wake counts once, and not before it may run.
fn suspend_and_wake(suite: &Suite) -> Outcome {
    let mut random = Random::new(5);
    let child = child_on(suite, other(suite, 0)?, BELOW)?;
    let signal = signal_for(&child, 1, Rights::RECEIVE)?;
    child.start(counts_bits)?;
    for round in 1..=ROUNDS {
        let woken_first = random.below(2) == 0;
        if woken_first {
            kernel::notify(signal.get(), 1)?;
        }
        kernel::thread_suspend(child.thread.get())?;
        if !woken_first {
            kernel::notify(signal.get(), 1)?;
        }
        let before = child.block().result(0);
        if random.below(8) == 0 {
            shift(suite, &mut random, 5_000)?;
        }
        check_equal!(child.block().result(0), before);
        kernel::thread_resume(child.thread.get())?;
        suite.until(|| Ok(child.block().result(0) == round))?;
    }
    Ok(())
}

/// Sets the timer of signal 1 again and again to moments that are close, waits for it sometimes; until argument 2 is set.
fn sets_timers(block: &Block) -> Outcome {
    let mut random = Random::new(block.argument(3));
    while block.argument(2) == 0 {
        match random.below(4) {
            0 => kernel::timer_set(block.handle(1), u64::MAX, 1)?,
            _ => kernel::timer_set(block.handle(1), kernel::now() + random.below(5_000), 1)?,
        }
        kernel::poll(block.handle(1), 1)?;
        block.set_result(0, block.result(0) + 1);
    }
    Ok(())
}

/// Two processors set and stop one timer, which fires now here, now there, or goes with its signal.
fn timers_and_their_end(suite: &Suite) -> Outcome {
    for round in 0..20 {
        let signal = kernel::signal_create(Handle::NONE)?;
        let children = [child_on(suite, other(suite, 0)?, BELOW)?, child_on(suite, other(suite, 1)?, BELOW)?];
        for (index, child) in children.iter().enumerate() {
            child.grant(1, signal.get(), Rights::RECEIVE)?;
            child.block().set_argument(3, 2 * round + index as u64);
            child.start(sets_timers)?;
        }
        suite.until(|| Ok(children.iter().all(|child| child.block().result(0) > 50)))?;
        if round % 2 == 0 {
            for child in &children {
                child.block().set_argument(2, 1);
            }
            let [first, second] = children;
            first.finish()?;
            second.finish()?;
            // It works as ever.
            kernel::timer_set(signal.get(), kernel::now() + 10_000, 2)?;
            check!(kernel::wait(signal.get(), 2)? == 2, "the timer is lost");
        } else {
            drop(signal);
        }
    }
    Ok(())
}

/// Waits for signal 1; a wait that finds another waiter tries again. Result 0 counts what it got, until argument 2 is set.
fn competes(block: &Block) -> Outcome {
    while block.argument(2) == 0 {
        match kernel::wait(block.handle(1), u64::MAX) {
            Ok(bits) => block.set_result(0, block.result(0) + u64::from(bits.count_ones())),
            Err(error) => {
                check_equal!(error, Error::Busy);
                core::hint::spin_loop();
            }
        }
    }
    Ok(())
}

fn two_wait_for_one_signal(suite: &Suite) -> Outcome {
    let signal = kernel::signal_create(Handle::NONE)?;
    let children = [child_on(suite, other(suite, 0)?, BELOW)?, child_on(suite, other(suite, 1)?, BELOW - 1)?];
    for child in &children {
        child.grant(1, signal.get(), Rights::RECEIVE)?;
        child.start(competes)?;
    }
    let sum = || children.iter().map(|child| child.block().result(0)).sum::<u64>();
    for round in 1..=ROUNDS {
        kernel::notify(signal.get(), 1 << (round % 64))?;
        suite.until(|| Ok(sum() == round))?;
    }
    Ok(())
}

/// Makes objects of many kinds on its process's quota and gives them back in another order; until argument 2 is set. Result 0 counts.
fn makes_objects(block: &Block) -> Outcome {
    let mut random = Random::new(block.argument(3));
    while block.argument(2) == 0 {
        let port = kernel::port_create(Handle::NONE);
        let signal = kernel::signal_create(Handle::NONE);
        let region = kernel::region_create(Handle::NONE, 1 + random.below(3), RegionKind::Lazy);
        let copy = port.as_ref().ok().and_then(|port| kernel::handle_copy(port.get(), Rights::SEND, 1).ok());
        for result in [port.as_ref().err(), signal.as_ref().err(), region.as_ref().err()].into_iter().flatten() {
            check_equal!(*result, Error::QuotaExceeded);
        }
        if random.below(2) == 0 {
            drop(signal);
            drop(port);
            drop(region);
        } else {
            drop(region);
            drop((port, signal));
        }
        drop(copy);
        block.set_result(0, block.result(0) + 1);
    }
    Ok(())
}

/// Processes on all processors share a quota that is too small for all of them at once.
fn objects_of_one_quota(suite: &Suite) -> Outcome {
    let mut limits = QuotaLimits([1000; airox_abi::QuotaKind::COUNT]);
    for (kind, limit) in [
        (airox_abi::QuotaKind::Ports, 2),
        (airox_abi::QuotaKind::Signals, 2),
        (airox_abi::QuotaKind::Regions, 3 * 4 + 2),
        (airox_abi::QuotaKind::Handles, 40),
        (airox_abi::QuotaKind::Processes, 4),
        (airox_abi::QuotaKind::Threads, 4),
        (airox_abi::QuotaKind::Resources, 0),
        (airox_abi::QuotaKind::Time, 0),
    ] {
        limits = limits.with(kind, limit);
    }
    let quota = kernel::quota_create(suite.root.quota, &limits)?;
    let make = |index: u64| -> Result<Child, Failure> {
        let child = Child::with(suite, Options { quota: quota.get(), priority: BELOW, ..Options::DEFAULT })?;
        kernel::thread_processor(child.thread.get(), index % count(suite)?)?;
        child.block().set_argument(3, index);
        Ok(child)
    };
    let children = [make(0)?, make(1)?, make(2)?, make(3)?];
    for child in &children {
        child.start(makes_objects)?;
    }
    // Once all have run, they have touched all the memory they will.
    suite.until(|| Ok(children.iter().all(|child| child.block().result(0) > 300)))?;
    for child in &children {
        child.block().set_argument(2, 1);
    }
    for child in children {
        child.finish()?;
    }
    suite.until(|| Ok(kernel::quota_info(quota.get())?[1] == QuotaLimits::default()))
}
