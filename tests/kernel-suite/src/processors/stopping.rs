//! Threads that run on another processor are suspended, changed, and killed.

use core::sync::atomic::Ordering;

use airox_abi::info::ThreadState;
use airox_abi::{Error, Handle, Rights};
use airox_kernel_suite::random::Random;

use super::{
    BELOW, child_on, count, counts_shared, on_two, other, run_on, share, shift, signal_for, spin_until, spins,
    thread_on,
};
use crate::actors::{self, PORT};
use crate::block::{Block, ChildFunction};
use crate::child::Child;
use crate::failure::{Outcome, check, check_equal, check_error};
use crate::kernel::{self, Message};
use crate::registry::Test;
use crate::suite::Suite;

/// The tests.
pub const TESTS: &[Test] = &[
    on_two("processors", "suspended_at_once", suspended_at_once),
    on_two("processors", "registers_of_a_running_thread", registers_of_a_running_thread),
    on_two("processors", "no_call_is_lost_or_made_twice", no_call_is_lost_or_made_twice),
    on_two("processors", "no_message_is_lost_or_sent_twice", no_message_is_lost_or_sent_twice),
    on_two("processors", "a_suspended_call_is_completed", a_suspended_call_is_completed),
    on_two("processors", "killed_on_all_processors", killed_on_all_processors),
    on_two("processors", "killed_in_the_kernel", killed_in_the_kernel),
    on_two("processors", "the_creator_ends", the_creator_ends),
    on_two("processors", "the_server_dies_elsewhere", the_server_dies_elsewhere),
    on_two("processors", "the_client_dies_elsewhere", the_client_dies_elsewhere),
];

fn suspended_at_once(suite: &Suite) -> Outcome {
    let mut random = Random::new(1);
    for index in 0..count(suite)? - 1 {
        let child = run_on(suite, other(suite, index)?, BELOW, spins)?;
        let thread = child.thread.get();
        for _ in 0..50 {
            let before = child.block().result(0);
            spin_until(|| child.block().result(0) > before)?;
            kernel::thread_suspend(thread)?;
            let stopped = child.block().result(0);
            check_equal!(kernel::thread_info(thread)?.state, ThreadState::Suspended as u8);
            shift(suite, &mut random, 30_000)?;
            check_equal!(child.block().result(0), stopped);
            kernel::thread_resume(thread)?;
        }
    }
    Ok(())
}

/// Adds 3 to `r12` and 5 to `r13`, for ever, from 0 on, in two instructions without memory.
#[unsafe(naked)]
unsafe extern "C" fn counts_in_registers() {
    core::arch::naked_asm!("xor r12d, r12d", "xor r13d, r13d", "2:", "add r12, 3", "add r13, 5", "pause", "jmp 2b")
}

fn counts_registers(_: &Block) -> Outcome {
    // SAFETY: it never returns, so that it changes registers does not matter.
    unsafe { counts_in_registers() };
    Ok(())
}

fn registers_of_a_running_thread(suite: &Suite) -> Outcome {
    let mut random = Random::new(2);
    let child = run_on(suite, other(suite, 0)?, BELOW, counts_registers)?;
    let thread = child.thread.get();
    let code = counts_in_registers as *const () as u64;
    suite.sleep(1_000_000)?;
    check_error!(kernel::thread_read_registers(thread), Error::WrongState);
    let mut base = 0;
    let mut last = 0;
    for round in 1..=300 {
        shift(suite, &mut random, 20_000)?;
        kernel::thread_suspend(thread)?;
        let mut found = kernel::thread_read_registers(thread)?;
        check!((code..code + 32).contains(&found.rip), "it is at {:#x}", found.rip);
        // It is after as many of the first addition as of the second, or one more.
        let (first, second) = ((found.r12 - base) / 3, (found.r13 - base) / 5);
        check!((found.r12 - base).is_multiple_of(3) && (found.r13 - base).is_multiple_of(5), "{found:?}");
        check!(first == second || first == second + 1, "{first} and {second} additions");
        check!(first >= last, "it went back");
        check_equal!(kernel::thread_read_registers(thread)?, found);
        last = first;
        if round % 10 == 0 {
            // It goes on from other values.
            (base, last) = (round << 32, 0);
            (found.r12, found.r13, found.rip) = (base, base, code + 6);
            kernel::thread_write_registers(thread, &found)?;
        }
        kernel::thread_resume(thread)?;
    }
    check!(last > 0 || base > 0, "it never ran");
    Ok(())
}

/// Creates and closes an object as fast as it can; the quota it does that on and the counts tell if one is lost. Then `notify` and `poll` of signal
/// 1, of which each finds what the other left. Result 0 counts rounds, until argument 2 is set.
fn calls_and_counts(block: &Block) -> Outcome {
    let signal = block.handle(1);
    while block.argument(2) == 0 {
        let count = block.result(0) + 1;
        kernel::notify(signal, 1 << (count % 64))?;
        check_equal!(kernel::poll(signal, u64::MAX)?, 1 << (count % 64));
        check_equal!(kernel::poll(signal, u64::MAX)?, 0);
        drop(kernel::port_create(Handle::NONE)?);
        block.set_result(0, count);
    }
    Ok(())
}

/// Suspends and resumes a thread many times, with moments between that are too short for most of what it does.
fn pester(suite: &Suite, child: &Child, rounds: u64) -> Outcome {
    let mut random = Random::new(rounds);
    let thread = child.thread.get();
    let mut progress = 0;
    for round in 0..rounds {
        kernel::thread_suspend(thread)?;
        let before = child.block().result(0);
        if round % 64 == 0 {
            shift(suite, &mut random, 3_000)?;
            check_equal!(child.block().result(0), before);
        }
        // What a debugger writes back unchanged changes nothing.
        if round % 4 == 0 && kernel::thread_info(thread)?.state == ThreadState::Suspended as u8 {
            let registers = kernel::thread_read_registers(thread)?;
            kernel::thread_write_registers(thread, &registers)?;
        }
        kernel::thread_resume(thread)?;
        shift(suite, &mut random, 3_000)?;
        progress += u64::from(child.block().result(0) > before);
    }
    check!(progress > 0, "it makes no progress");
    Ok(())
}

fn no_call_is_lost_or_made_twice(suite: &Suite) -> Outcome {
    let child = child_on(suite, other(suite, 0)?, BELOW)?;
    let _signal = signal_for(&child, 1, Rights::SEND | Rights::RECEIVE)?;
    child.start(calls_and_counts)?;
    pester(suite, &child, 10_000)?;
    child.block().set_argument(2, 1);
    child.finish()
}

/// Calls with ascending numbers and expects each plus one, until argument 2 is set.
fn asks_in_order(block: &Block) -> Outcome {
    while block.argument(2) == 0 {
        let count = block.result(0) + 1;
        check_equal!(kernel::send(block.handle(PORT), &Message::word(0, count))?.words[0], count + 1);
        block.set_result(0, count);
    }
    Ok(())
}

/// Answers each number with the next, and fails if one comes twice or is left out.
fn answers_in_order(block: &Block) -> Outcome {
    let port = block.handle(PORT);
    let mut message = kernel::receive(port)?;
    loop {
        let count = block.result(0) + 1;
        check_equal!(message.words[0], count);
        block.set_result(0, count);
        message = kernel::reply_receive(port, &Message::word(0, count + 1))?;
    }
}

fn no_message_is_lost_or_sent_twice(suite: &Suite) -> Outcome {
    // Both on one processor, where calls take the short path; then on two.
    for index in [0, 1] {
        let port = kernel::port_create(Handle::NONE)?;
        let (client, server) =
            (child_on(suite, other(suite, 0)?, BELOW)?, child_on(suite, other(suite, index)?, BELOW)?);
        client.grant(PORT, port.get(), Rights::SEND)?;
        server.grant(PORT, port.get(), Rights::RECEIVE)?;
        drop(port);
        server.start(answers_in_order)?;
        client.start(asks_in_order)?;
        pester(suite, &client, 1_000)?;
        pester(suite, &server, 1_000)?;
        client.block().set_argument(2, 1);
        let made = client.block().result(0);
        check!(server.block().result(0) >= made, "the server saw fewer calls than were answered");
        client.finish()?;
    }
    Ok(())
}

/// A call is answered while its caller is suspended: it has the answer when it goes on.
fn a_suspended_call_is_completed(suite: &Suite) -> Outcome {
    let port = kernel::port_create(Handle::NONE)?;
    for round in 0..50 {
        let client = child_on(suite, other(suite, round)?, BELOW)?;
        client.grant(PORT, port.get(), Rights::SEND)?;
        client.start(actors::client)?;
        let message = kernel::receive(port.get())?;
        kernel::thread_suspend(client.thread.get())?;
        kernel::reply(Handle::NONE, &Message::word(0, message.words[0] + round))?;
        suite.sleep(10_000)?;
        check_equal!(kernel::thread_info(client.thread.get())?.state, ThreadState::Suspended as u8);
        kernel::thread_resume(client.thread.get())?;
        client.wait()?;
        check_equal!((client.block().result(0), client.block().result(1)), (0, 10 + round));
    }
    Ok(())
}

/// A process with a thread on each of up to four processors.
fn on_all(suite: &Suite, function: ChildFunction) -> Result<Child, crate::failure::Failure> {
    let child = child_on(suite, count(suite)? - 1, BELOW)?;
    for processor in 0..(count(suite)? - 1).min(3) {
        drop(thread_on(suite, &child, 1 + processor as usize, processor, function)?);
    }
    Ok(child)
}

fn killed_on_all_processors(suite: &Suite) -> Outcome {
    let mut random = Random::new(3);
    for _ in 0..20 {
        let child = on_all(suite, spins_shared)?;
        let memory = share(&[&child], 1)?;
        child.start(spins_shared)?;
        spin_until(|| memory.word(0).load(Ordering::Acquire) > 0)?;
        shift(suite, &mut random, 50_000)?;
        kernel::process_kill(child.process.get(), 4)?;
        // None of its threads does anything after that.
        let last = memory.word(0).load(Ordering::Acquire);
        shift(suite, &mut random, 20_000)?;
        check_equal!(memory.word(0).load(Ordering::Acquire), last);
        check_equal!(child.wait()?.exit_code, 4);
    }
    Ok(())
}

/// As [`counts_shared`], but waits until the memory is there: threads of a process start before it is mapped.
fn spins_shared(block: &Block) -> Outcome {
    let signal = kernel::signal_create(Handle::NONE)?;
    kernel::timer_set(signal.get(), kernel::now() + 200_000, 1)?;
    kernel::wait(signal.get(), 1)?;
    counts_shared(block)
}

/// Enters the kernel as often as it can.
fn enters_kernel(block: &Block) -> Outcome {
    let signal = kernel::signal_create(Handle::NONE)?;
    loop {
        kernel::poll(signal.get(), 1)?;
        kernel::thread_info(Handle::NONE)?;
        drop(kernel::port_create(Handle::NONE)?);
        block.set_result(0, block.result(0) + 1);
    }
}

fn killed_in_the_kernel(suite: &Suite) -> Outcome {
    let mut random = Random::new(4);
    for _ in 0..20 {
        let child = on_all(suite, enters_kernel)?;
        child.start(enters_kernel)?;
        spin_until(|| child.block().result(0) > 0)?;
        shift(suite, &mut random, 20_000)?;
        check_equal!(child.kill()?.exit_code, -9);
        check_equal!(kernel::thread_info(child.thread.get())?.state, ThreadState::Dead as u8);
    }
    Ok(())
}

/// Makes a process on the quota in argument 0 whose one thread spins on the processor in argument 1, has signal 2 notified of its end, and goes on
/// until argument 3 is set.
fn creates(block: &Block) -> Outcome {
    let process = kernel::process_create(block.handle(0), b"grandchild\0\0\0\0\0\0")?;
    let region = kernel::region_create(block.handle(0), 1, airox_abi::RegionKind::Lazy)?;
    // `pause; jmp` back.
    let here = super::SHARED + 0x10_0000;
    kernel::region_map(region.get(), Handle::NONE, here, 0, 1, airox_abi::MapFlags::WRITE)?;
    // SAFETY: the page was just mapped for this alone.
    unsafe { (here as *mut u32).write_volatile(u32::from_le_bytes([0xf3, 0x90, 0xeb, 0xfc])) };
    kernel::region_map(region.get(), process.get(), here, 0, 1, airox_abi::MapFlags::EXECUTE)?;
    let thread = kernel::thread_create(process.get(), BELOW, Handle::NONE)?;
    kernel::thread_processor(thread.get(), block.argument(1))?;
    kernel::process_watch(process.get(), block.handle(2), 1)?;
    kernel::thread_start(thread.get(), here, 0, 0)?;
    block.set_result(0, 1);
    spin_until(|| block.argument(3) == 1)
}

fn the_creator_ends(suite: &Suite) -> Outcome {
    for by_exit in [false, true] {
        let child = child_on(suite, other(suite, 0)?, BELOW)?;
        child.grant(0, suite.root.quota, Rights::all())?;
        child.block().set_argument(1, count(suite)? - 1);
        let ended = signal_for(&child, 2, Rights::SEND)?;
        child.start(creates)?;
        suite.until(|| Ok(child.block().result(0) == 1))?;
        check_equal!(kernel::poll(ended.get(), 1)?, 0);
        if by_exit {
            child.block().set_argument(3, 1);
            check_equal!(child.wait()?.exit_code, 0);
        } else {
            child.kill()?;
        }
        check_equal!(kernel::wait(ended.get(), 1)?, 1);
    }
    Ok(())
}

/// Receives one call and spins without answering; result 0 tells.
fn receives_and_spins(block: &Block) -> Outcome {
    kernel::receive(block.handle(PORT))?;
    spins(block)
}

fn the_server_dies_elsewhere(suite: &Suite) -> Outcome {
    for round in 0..20 {
        let port = kernel::port_create(Handle::NONE)?;
        let (server, client) =
            (child_on(suite, other(suite, round)?, BELOW)?, child_on(suite, other(suite, round / 2)?, 50)?);
        server.grant(PORT, port.get(), Rights::RECEIVE)?;
        client.grant(PORT, port.get(), Rights::SEND)?;
        drop(port);
        server.start(receives_and_spins)?;
        client.start(actors::client)?;
        suite.until(|| Ok(server.block().result(0) > 0))?;
        server.kill()?;
        client.wait()?;
        check_equal!(client.block().result(0), Error::ServerDied as u64);
        client.finish()?;
    }
    Ok(())
}

/// The client is killed while a server elsewhere works for it; the server's answer goes nowhere and it serves the next.
fn the_client_dies_elsewhere(suite: &Suite) -> Outcome {
    for passive in [false, true] {
        let port = kernel::port_create(Handle::NONE)?;
        let server = child_on(suite, other(suite, 0)?, BELOW)?;
        server.grant(PORT, port.get(), Rights::RECEIVE)?;
        if passive {
            kernel::make_passive(server.thread.get())?;
        }
        server.start(crate::time::worker)?;
        server.await_state(suite, ThreadState::Receiving)?;
        for round in 0..20 {
            let client = child_on(suite, other(suite, round)?, BELOW)?;
            crate::time::calls(&client, &port, 300_000)?;
            suite.until(|| Ok(server.block().result(crate::time::BEGUN) == 2 * round + 1))?;
            client.kill()?;
            check_equal!(kernel::send(port.get(), &Message::word(0, 0))?.words[0], 0);
            check_equal!(server.block().result(crate::time::ENDED), 2 * round + 2);
        }
    }
    Ok(())
}
