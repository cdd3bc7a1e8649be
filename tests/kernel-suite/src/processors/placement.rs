//! A thread runs where it is put, at the same time as others elsewhere.

use core::sync::atomic::Ordering;

use airox_abi::info::ThreadState;
use airox_abi::{Handle, Rights};

use super::{
    BELOW, all, child_on, count, on_two, other, processor_of, run_on, share, shared, signal_for, spin_until, spins,
};
use crate::block::Block;
use crate::child::NORMAL;
use crate::failure::{Outcome, check, check_equal};
use crate::kernel;
use crate::registry::Test;
use crate::suite::Suite;

/// The tests.
pub const TESTS: &[Test] = &[
    on_two("processors", "each_runs_its_own_thread", each_runs_its_own_thread),
    on_two("processors", "they_run_at_the_same_time", they_run_at_the_same_time),
    on_two("processors", "two_others_run_at_the_same_time", two_others_run_at_the_same_time),
    on_two("processors", "a_running_thread_is_moved", a_running_thread_is_moved),
    on_two("processors", "a_waiting_thread_is_moved", a_waiting_thread_is_moved),
    on_two("processors", "a_thread_moves_itself", a_thread_moves_itself),
    on_two("processors", "a_processor_has_its_own_queue", a_processor_has_its_own_queue),
    on_two("processors", "equals_take_turns_elsewhere", equals_take_turns_elsewhere),
];

/// Exchanges in a ping-pong.
const ROUNDS: u64 = 1000;

fn each_runs_its_own_thread(suite: &Suite) -> Outcome {
    for processor in 0..count(suite)? {
        let child = run_on(suite, processor, BELOW, spins)?;
        check_equal!(processor_of(child.thread.get())?, processor);
        suite.until(|| Ok(child.block().result(0) > 1000))?;
        check_equal!(kernel::thread_info(child.thread.get())?.state != ThreadState::Running as u8, processor == 0);
    }
    Ok(())
}

/// Answers each number in the first shared word by the same in the second.
fn echoes(_: &Block) -> Outcome {
    for number in 1..=ROUNDS {
        spin_until(|| shared(0).load(Ordering::Acquire) == number)?;
        shared(1).store(number, Ordering::Release);
    }
    Ok(())
}

/// The other side.
fn asks(_: &Block) -> Outcome {
    for number in 1..=ROUNDS {
        shared(0).store(number, Ordering::Release);
        spin_until(|| shared(1).load(Ordering::Acquire) == number)?;
    }
    Ok(())
}

/// The suite never enters the kernel meanwhile, and is the more urgent: on its own processor the child would never run.
fn they_run_at_the_same_time(suite: &Suite) -> Outcome {
    for index in 0..count(suite)? - 1 {
        let child = child_on(suite, other(suite, index)?, BELOW)?;
        let memory = share(&[&child], 1)?;
        child.start(echoes)?;
        for number in 1..=ROUNDS {
            memory.word(0).store(number, Ordering::Release);
            spin_until(|| memory.word(8).load(Ordering::Acquire) == number)?;
        }
        child.finish()?;
    }
    Ok(())
}

fn two_others_run_at_the_same_time(suite: &Suite) -> Outcome {
    let (asker, echo) = (child_on(suite, other(suite, 0)?, NORMAL)?, child_on(suite, other(suite, 1)?, NORMAL)?);
    let memory = share(&[&asker, &echo], 1)?;
    asker.start(asks)?;
    echo.start(echoes)?;
    if count(suite)? > 2 {
        // This processor has nothing to do with it.
        spin_until(|| memory.word(8).load(Ordering::Acquire) == ROUNDS)?;
    }
    asker.kill()?;
    Ok(())
}

fn a_running_thread_is_moved(suite: &Suite) -> Outcome {
    let child = run_on(suite, other(suite, 0)?, BELOW, spins)?;
    for round in 0..200 {
        let processor = round % count(suite)?;
        kernel::thread_processor(child.thread.get(), processor)?;
        check_equal!(processor_of(child.thread.get())?, processor);
        let before = child.block().result(0);
        if processor == 0 {
            suite.until(|| Ok(child.block().result(0) > before))?;
        } else {
            spin_until(|| child.block().result(0) > before)?;
        }
    }
    Ok(())
}

/// Counts in result 0 how often signal 1 was notified, and leaves in result 1 where it was then.
fn counts_signals(block: &Block) -> Outcome {
    loop {
        kernel::wait(block.handle(1), u64::MAX)?;
        block.set_result(1, processor_of(Handle::NONE)?);
        block.set_result(0, block.result(0) + 1);
    }
}

fn a_waiting_thread_is_moved(suite: &Suite) -> Outcome {
    let child = child_on(suite, 0, BELOW)?;
    let signal = signal_for(&child, 1, Rights::RECEIVE)?;
    child.start(counts_signals)?;
    for round in 1..=200 {
        child.await_state(suite, ThreadState::Waiting)?;
        let processor = round % count(suite)?;
        kernel::thread_processor(child.thread.get(), processor)?;
        kernel::notify(signal.get(), 1)?;
        suite.until(|| Ok(child.block().result(0) == round))?;
        check_equal!(child.block().result(1), processor);
    }
    Ok(())
}

/// Goes round all processors in the mask of argument 1 with its own handle, argument 0.
fn wanders(block: &Block) -> Outcome {
    for round in 0..ROUNDS {
        let processor = round % u64::from(block.argument(1).count_ones());
        // By its handle, and without one.
        let thread = if round / 2 % 2 == 0 { block.handle(0) } else { Handle::NONE };
        kernel::thread_processor(thread, processor)?;
        check_equal!(processor_of(Handle::NONE)?, processor);
        block.set_result(0, round);
    }
    Ok(())
}

fn a_thread_moves_itself(suite: &Suite) -> Outcome {
    let child = child_on(suite, 0, BELOW)?;
    child.grant(0, child.thread.get(), Rights::CONTROL)?;
    child.block().set_argument(1, all(suite)?);
    child.start(wanders)?;
    child.finish()
}

/// A less urgent thread waits for the more urgent one of its own processor only.
fn a_processor_has_its_own_queue(suite: &Suite) -> Outcome {
    let there = other(suite, 0)?;
    let urgent = run_on(suite, there, 60, spins)?;
    let (beside, below) = (run_on(suite, 0, 40, spins)?, run_on(suite, there, 40, spins)?);
    suite.sleep(5_000_000)?;
    check!(urgent.block().result(0) > 0, "the urgent one did not run");
    check!(beside.block().result(0) > 0, "one processor's thread waits for another's");
    check_equal!(below.block().result(0), 0);
    check_equal!(kernel::thread_info(below.thread.get())?.state, ThreadState::Ready as u8);
    kernel::thread_suspend(urgent.thread.get())?;
    spin_until(|| below.block().result(0) > 0)
}

fn equals_take_turns_elsewhere(suite: &Suite) -> Outcome {
    let there = other(suite, 0)?;
    let hogs = [run_on(suite, there, 50, spins)?, run_on(suite, there, 50, spins)?];
    suite.until(|| Ok(hogs.iter().all(|hog| hog.block().result(0) > 0)))?;
    // One that is put there takes its turn too.
    let third = run_on(suite, 0, 50, spins)?;
    suite.sleep(1_000_000)?;
    kernel::thread_processor(third.thread.get(), there)?;
    let before = third.block().result(0);
    suite.until(|| Ok(third.block().result(0) > before))
}
