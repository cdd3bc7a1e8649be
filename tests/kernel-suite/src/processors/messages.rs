//! Messages, signals, faults and timers from one processor to another.

use airox_abi::fault::{FaultAction, FaultKind};
use airox_abi::info::ThreadState;
use airox_abi::message::{Extension, HandleTransfer, Lease, Tag};
use airox_abi::{Error, Handle, Rights, SystemCall};

use super::{BELOW, child_on, count, on_two, other, processor_of, run_on, signal_for, spin_until, spins};
use crate::actors::{self, PORT};
use crate::block::Block;
use crate::child::{Child, NORMAL, Options};
use crate::failure::{Failure, Outcome, check, check_equal};
use crate::faults::{RECOVERED, act, fault_port, repair};
use crate::kernel::{self, Message, Owned};
use crate::registry::Test;
use crate::suite::Suite;

/// The tests.
pub const TESTS: &[Test] = &[
    on_two("processors", "calls_to_another", calls_to_another),
    on_two("processors", "calls_from_everywhere", calls_from_everywhere),
    on_two("processors", "a_passive_server_comes_along", a_passive_server_comes_along),
    on_two("processors", "handles_and_leases", handles_and_leases),
    on_two("processors", "signals", signals),
    on_two("processors", "a_signal_at_a_port", a_signal_at_a_port),
    on_two("processors", "faults_are_handled_elsewhere", faults_are_handled_elsewhere),
    on_two("processors", "a_timer_of_another", a_timer_of_another),
    on_two("processors", "a_wake_preempts_below", a_wake_preempts_below),
    on_two("processors", "a_wake_does_not_preempt_above", a_wake_does_not_preempt_above),
];

const ROUNDS: u64 = 300;

/// An echo server on a processor that waits already.
fn server_on(suite: &Suite, processor: u64, port: &Owned) -> Result<Child, Failure> {
    let server = child_on(suite, processor, NORMAL)?;
    server.grant(PORT, port.get(), Rights::RECEIVE)?;
    server.start(actors::echo_server)?;
    server.await_state(suite, ThreadState::Receiving)?;
    Ok(server)
}

fn calls_to_another(suite: &Suite) -> Outcome {
    let port = kernel::port_create(Handle::NONE)?;
    let server = server_on(suite, other(suite, 0)?, &port)?;
    let sender = kernel::handle_copy(port.get(), Rights::SEND, 77)?;
    for round in 0..ROUNDS {
        let words: [u64; 8] = core::array::from_fn(|index| round << 32 | index as u64);
        let call = Message { badge: 0, tag: Tag::new(round as u16), words };
        let reply = kernel::send(sender.get(), &call)?;
        check_equal!(reply.words, words.map(|word| word + 1));
        check_equal!((server.block().result(0), server.block().result(1)), (77, call.tag.0));
    }
    Ok(())
}

/// Clients on all processors, servers on all processors, one port.
fn calls_from_everywhere(suite: &Suite) -> Outcome {
    let port = kernel::port_create(Handle::NONE)?;
    let processors = count(suite)?.min(4);
    for servers in [1, processors] {
        let servers: [Option<Child>; 4] = {
            let mut made = [const { None }; 4];
            for (processor, place) in (0..servers).zip(&mut made) {
                *place = Some(server_on(suite, processor, &port)?);
            }
            made
        };
        let mut clients = [const { None }; 4];
        for (processor, place) in (0..processors).zip(&mut clients) {
            let client = child_on(suite, processor, BELOW)?;
            client.grant(PORT, port.get(), Rights::SEND)?;
            client.block().set_argument(1, ROUNDS);
            client.start(actors::busy_client)?;
            *place = Some(client);
        }
        for client in clients.into_iter().flatten() {
            client.finish()?;
        }
        drop(servers);
    }
    Ok(())
}

/// Answers each call with the processor it runs on.
fn tells_its_processor(block: &Block) -> Outcome {
    let port = block.handle(PORT);
    kernel::receive(port)?;
    loop {
        let processor = processor_of(Handle::NONE)?;
        kernel::reply_receive(port, &Message::word(0, processor))?;
    }
}

/// Calls as often as argument 1 says and expects the number of its own processor.
fn expects_its_processor(block: &Block) -> Outcome {
    let own = processor_of(Handle::NONE)?;
    for _ in 0..block.argument(1) {
        check_equal!(kernel::send(block.handle(PORT), &Message::new(0))?.words[0], own);
    }
    Ok(())
}

fn a_passive_server_comes_along(suite: &Suite) -> Outcome {
    let port = kernel::port_create(Handle::NONE)?;
    let server = child_on(suite, 0, NORMAL)?;
    server.grant(PORT, port.get(), Rights::RECEIVE)?;
    kernel::make_passive(server.thread.get())?;
    server.start(tells_its_processor)?;
    server.await_state(suite, ThreadState::Receiving)?;
    check_equal!(kernel::send(port.get(), &Message::new(0))?.words[0], 0);
    // One after the other, then all at once: those that wait are each served on their own time.
    let processors = count(suite)?.min(4);
    for at_once in [false, true] {
        let mut clients = [const { None }; 4];
        for (processor, place) in (0..processors).zip(&mut clients) {
            let client = child_on(suite, processor, BELOW)?;
            client.grant(PORT, port.get(), Rights::SEND)?;
            client.block().set_argument(1, ROUNDS);
            client.start(expects_its_processor)?;
            if at_once {
                *place = Some(client);
            } else {
                client.finish()?;
            }
        }
        for client in clients.into_iter().flatten() {
            client.finish()?;
        }
    }
    Ok(())
}

/// For each call: reads its lease, writes it back plus one, notifies the signal it was sent, and returns a new one of its own.
fn works_with_extensions(block: &Block) -> Outcome {
    let port = block.handle(PORT);
    let mut extension = Extension::default();
    kernel::exchange(SystemCall::Receive, port, &Message::new(0), Some(&mut extension))?;
    loop {
        let mut buffer = [0; 300];
        kernel::lease_read(Handle::NONE, 0, 5, &mut buffer)?;
        for byte in &mut buffer {
            *byte = byte.wrapping_add(1);
        }
        kernel::lease_write(Handle::NONE, 0, 5, &buffer)?;
        let received = Owned::new(extension.received[0]);
        kernel::notify(received.get(), 4)?;
        let signal = kernel::signal_create(Handle::NONE)?;
        kernel::notify(signal.get(), 8)?;
        extension.handles[0] = HandleTransfer::new(signal.get(), Rights::RECEIVE);
        let reply = Message { tag: Tag::new(0).with_handles(1), ..Message::new(0) };
        kernel::exchange(SystemCall::ReplyReceive, port, &reply, Some(&mut extension))?;
    }
}

fn handles_and_leases(suite: &Suite) -> Outcome {
    let port = kernel::port_create(Handle::NONE)?;
    let server = child_on(suite, other(suite, 0)?, NORMAL)?;
    server.grant(PORT, port.get(), Rights::RECEIVE)?;
    server.start(works_with_extensions)?;
    let signal = kernel::signal_create(Handle::NONE)?;
    let mut memory = [0u8; 310];
    for round in 1..=ROUNDS {
        let mut extension = Extension::default();
        extension.handles[0] = HandleTransfer::new(signal.get(), Rights::SEND);
        extension.leases[0] =
            Lease { address: memory.as_mut_ptr() as u64, length: 310, access: Lease::READ | Lease::WRITE };
        let tag = Tag::new(0).with_handles(1).with_leases(1);
        let message = Message { tag, ..Message::new(0) };
        let reply = kernel::exchange(SystemCall::Call, port.get(), &message, Some(&mut extension))?;
        check_equal!(reply.tag.handles(), 1);
        let received = Owned::new(extension.received[0]);
        check_equal!(kernel::poll(received.get(), u64::MAX)?, 8);
        check_equal!(kernel::poll(signal.get(), u64::MAX)?, 4);
        let memory = core::hint::black_box(&memory);
        check!(memory[5..305].iter().all(|byte| *byte == round as u8), "the lease was not written");
        check!(memory[..5].iter().chain(&memory[305..]).all(|byte| *byte == 0), "written outside");
    }
    Ok(())
}

/// Waits for signal 1 and notifies signal 2 with the same bits.
fn relays(block: &Block) -> Outcome {
    loop {
        let bits = kernel::wait(block.handle(1), u64::MAX)?;
        kernel::notify(block.handle(2), bits)?;
    }
}

fn signals(suite: &Suite) -> Outcome {
    let child = child_on(suite, other(suite, 0)?, NORMAL)?;
    let (there, back) = (signal_for(&child, 1, Rights::RECEIVE)?, signal_for(&child, 2, Rights::SEND)?);
    child.start(relays)?;
    for round in 0..ROUNDS {
        kernel::notify(there.get(), 1 << (round % 64))?;
        check_equal!(kernel::wait(back.get(), u64::MAX)?, 1 << (round % 64));
    }
    Ok(())
}

/// Receives for ever and adds up the first words in result 0.
fn adds_up(block: &Block) -> Outcome {
    loop {
        let message = kernel::receive(block.handle(PORT))?;
        block.set_result(0, block.result(0) + message.words[0]);
    }
}

fn a_signal_at_a_port(suite: &Suite) -> Outcome {
    let (port, signal) = (kernel::port_create(Handle::NONE)?, kernel::signal_create(Handle::NONE)?);
    kernel::port_bind(port.get(), signal.get())?;
    let child = child_on(suite, other(suite, 0)?, NORMAL)?;
    child.grant(PORT, port.get(), Rights::RECEIVE)?;
    child.start(adds_up)?;
    let mut sum = 0;
    for round in 0..ROUNDS {
        kernel::notify(signal.get(), 1 << (round % 32))?;
        sum += 1 << (round % 32);
        spin_until(|| child.block().result(0) == sum)?;
    }
    Ok(())
}

fn breaks(_: &Block) -> Outcome {
    // SAFETY: the fault is handled, and the thread goes on elsewhere.
    unsafe { core::arch::asm!("ud2", options(noreturn)) }
}

fn faults_are_handled_elsewhere(suite: &Suite) -> Outcome {
    for round in 0..20 {
        let (port, sender) = fault_port()?;
        let options = Options { fault_port: sender.get(), priority: BELOW, ..Options::DEFAULT };
        let child = Child::with(suite, options)?;
        kernel::thread_processor(child.thread.get(), other(suite, round)?)?;
        child.start(breaks)?;
        let message = child.expect_message(port.get())?;
        check_equal!(FaultKind::from_code(message.tag.label().into()), Some(FaultKind::InvalidInstruction));
        repair(child.thread.get())?;
        act(FaultAction::Resume)?;
        check_equal!(child.wait()?.exit_code, RECOVERED);
    }
    Ok(())
}

/// Sets the timer of signal 1 to a time ahead by argument 2 as soon as result 0 is cleared.
fn sets_timers(block: &Block) -> Outcome {
    loop {
        spin_until(|| block.result(0) == 0)?;
        kernel::timer_set(block.handle(1), kernel::now() + block.argument(2), 2)?;
        block.set_result(0, 1);
    }
}

/// Set by one processor, waited for on another; changed and stopped by a third party.
fn a_timer_of_another(suite: &Suite) -> Outcome {
    let child = child_on(suite, other(suite, 0)?, NORMAL)?;
    let signal = signal_for(&child, 1, Rights::RECEIVE)?;
    child.block().set_result(0, 1);
    child.start(sets_timers)?;
    let set = |ahead| {
        child.block().set_argument(2, ahead);
        child.block().set_result(0, 0);
        spin_until(|| child.block().result(0) == 1)
    };
    for _ in 0..20 {
        set(100_000)?;
        check_equal!(kernel::wait(signal.get(), u64::MAX)?, 2);
        // Set there, stopped here.
        set(100_000)?;
        kernel::timer_set(signal.get(), u64::MAX, 2)?;
        suite.sleep(200_000)?;
        check_equal!(kernel::poll(signal.get(), u64::MAX)?, 0);
        // Set there, set again here.
        set(50_000_000)?;
        let start = kernel::now();
        kernel::timer_set(signal.get(), start + 10_000, 4)?;
        check_equal!(kernel::wait(signal.get(), u64::MAX)?, 4);
        check!(kernel::now() - start < 20_000_000, "the old time counts");
        // Set here, set again there.
        kernel::timer_set(signal.get(), kernel::now() + 50_000, 4)?;
        set(100_000)?;
        check_equal!(kernel::wait(signal.get(), u64::MAX)?, 2);
    }
    Ok(())
}

/// Counts in result 0 how often signal 1 was notified.
fn counts_signals(block: &Block) -> Outcome {
    loop {
        kernel::wait(block.handle(1), u64::MAX)?;
        block.set_result(0, block.result(0) + 1);
    }
}

/// A hog and a sleeper of the given priorities on another processor.
fn hog_and_sleeper(suite: &Suite, priorities: [u64; 2]) -> Result<(Child, Child, Owned), Failure> {
    let there = other(suite, 0)?;
    let sleeper = child_on(suite, there, priorities[1])?;
    let signal = signal_for(&sleeper, 1, Rights::RECEIVE)?;
    sleeper.start(counts_signals)?;
    sleeper.await_state(suite, ThreadState::Waiting)?;
    let hog = run_on(suite, there, priorities[0], spins)?;
    suite.until(|| Ok(hog.block().result(0) > 0))?;
    Ok((hog, sleeper, signal))
}

fn a_wake_preempts_below(suite: &Suite) -> Outcome {
    let (_hog, sleeper, signal) = hog_and_sleeper(suite, [40, 50])?;
    for round in 1..=ROUNDS {
        let start = kernel::now();
        kernel::notify(signal.get(), 1)?;
        spin_until(|| sleeper.block().result(0) == round)?;
        let late = kernel::now() - start;
        check!(late < 1_000_000, "it ran {late} ns after it was woken");
        sleeper.await_state(suite, ThreadState::Waiting)?;
    }
    Ok(())
}

fn a_wake_does_not_preempt_above(suite: &Suite) -> Outcome {
    let (hog, sleeper, signal) = hog_and_sleeper(suite, [50, 40])?;
    kernel::notify(signal.get(), 1)?;
    let before = hog.block().result(0);
    suite.sleep(3_000_000)?;
    check!(hog.block().result(0) > before, "the hog stopped");
    check_equal!(
        (sleeper.block().result(0), kernel::thread_info(sleeper.thread.get())?.state),
        (0, ThreadState::Ready as u8)
    );
    // A raised one runs at once, wherever it is.
    kernel::thread_priority(sleeper.thread.get(), 60)?;
    spin_until(|| sleeper.block().result(0) == 1)?;
    let wrong = kernel::thread_priority(sleeper.thread.get(), 256);
    check_equal!(wrong, Err(Error::InvalidArgument));
    Ok(())
}
