//! Processor time of another processor: its end, its changes, its loss, and what is lent from one processor to another.

use airox_abi::info::ThreadState;
use airox_abi::{BudgetFlags, Error, Handle, Rights};
use airox_kernel_suite::random::Random;

use super::{BELOW, child_on, count, on_two, other, processor_of, run_on, shift, spin_until, spins};
use crate::actors::{self, PORT};
use crate::block::Block;
use crate::child::Child;
use crate::failure::{Failure, Outcome, check, check_equal};
use crate::kernel::{self, Owned};
use crate::registry::Test;
use crate::suite::Suite;
use crate::time::{self, ANSWERED_AT, BEGUN, CALLED_AT, CODE, ENDED, MS, used};

/// The tests.
pub const TESTS: &[Test] = &[
    on_two("processors", "a_budget_runs_out_elsewhere", a_budget_runs_out_elsewhere),
    on_two("processors", "a_fault_by_a_budget_elsewhere", a_fault_by_a_budget_elsewhere),
    on_two("processors", "a_budget_changes_elsewhere", a_budget_changes_elsewhere),
    on_two("processors", "rebound_while_it_runs", rebound_while_it_runs),
    on_two("processors", "a_budget_is_lost_elsewhere", a_budget_is_lost_elsewhere),
    on_two("processors", "two_share_a_budget_from_two", two_share_a_budget_from_two),
    on_two("processors", "the_end_of_a_chain_dies", the_end_of_a_chain_dies),
    on_two("processors", "priority_is_lent_across", priority_is_lent_across),
    on_two("processors", "many_budgets_come_and_go", many_budgets_come_and_go),
];

/// A budget of a processor.
fn budget_of(processor: u64, length: u64, period: u64) -> Result<Owned, Error> {
    kernel::budget_create(Handle::NONE, processor, length, period, BudgetFlags::empty())
}

/// A child that spins on a budget.
fn spins_on(suite: &Suite, budget: &Owned) -> Result<Child, Failure> {
    let child = time::child_on(suite, 50, budget)?;
    child.start(spins)?;
    suite.until(|| Ok(child.block().result(0) > 0))?;
    Ok(child)
}

/// Nothing happens in the child from now on.
fn stands_still(suite: &Suite, child: &Child, nanoseconds: u64) -> Outcome {
    let before = child.block().result(0);
    suite.sleep(nanoseconds)?;
    check_equal!(child.block().result(0), before);
    Ok(())
}

fn goes_on(child: &Child) -> Outcome {
    let before = child.block().result(0);
    spin_until(|| child.block().result(0) > before)
}

fn a_budget_runs_out_elsewhere(suite: &Suite) -> Outcome {
    let limited = budget_of(other(suite, 0)?, MS / 5, 2 * MS)?;
    let signal = kernel::signal_create(Handle::NONE)?;
    kernel::budget_watch(limited.get(), signal.get(), 1)?;
    let start = kernel::now();
    let child = spins_on(suite, &limited)?;
    suite.sleep(20 * MS)?;
    let elapsed = kernel::now() - start;
    let share = used(&limited)?;
    check!(share < elapsed / 8 && share > elapsed / 20, "{share} ns of {elapsed} ns");
    check!(kernel::budget_info(limited.get())?.overruns >= 5, "it ran out too rarely");
    check_equal!(kernel::poll(signal.get(), 1)?, 1);
    check_equal!(processor_of(child.thread.get())?, other(suite, 0)?);
    Ok(())
}

fn a_fault_by_a_budget_elsewhere(suite: &Suite) -> Outcome {
    let strict = kernel::budget_create(Handle::NONE, other(suite, 0)?, MS / 5, 100 * MS, BudgetFlags::FAULT)?;
    let child = time::child_on(suite, 50, &strict)?;
    child.start(spins)?;
    check_equal!(child.wait()?.faulted, 1);
    Ok(())
}

fn a_budget_changes_elsewhere(suite: &Suite) -> Outcome {
    let changing = budget_of(other(suite, 0)?, 90 * MS, 100 * MS)?;
    let child = spins_on(suite, &changing)?;
    suite.until(|| Ok(used(&changing)? > MS))?;
    for _ in 0..5 {
        // Less than is used already, while it runs.
        kernel::budget_set(changing.get(), MS, 100 * MS)?;
        check_equal!(kernel::budget_info(changing.get())?.available_ticks, 0);
        stands_still(suite, &child, MS)?;
        kernel::budget_set(changing.get(), 90 * MS, 100 * MS)?;
        goes_on(&child)?;
    }
    Ok(())
}

fn rebound_while_it_runs(suite: &Suite) -> Outcome {
    let mut random = Random::new(1);
    let processors = count(suite)?;
    let first = budget_of(other(suite, 0)?, 10 * MS, 20 * MS)?;
    let child = spins_on(suite, &first)?;
    for round in 0..200 {
        let processor = random.below(processors);
        let next = budget_of(processor, 10 * MS, 20 * MS)?;
        kernel::budget_bind(child.thread.get(), next.get())?;
        check_equal!(processor_of(child.thread.get())?, processor);
        shift(suite, &mut random, 20_000)?;
        suite.until(|| Ok(used(&next)? > 0))?;
        // Bound to another one before this one goes, or after, or to none at all.
        match round % 3 {
            0 => kernel::budget_bind(child.thread.get(), first.get())?,
            1 => kernel::budget_bind(child.thread.get(), Handle::NONE)?,
            _ => {}
        }
    }
    Ok(())
}

fn a_budget_is_lost_elsewhere(suite: &Suite) -> Outcome {
    let mut random = Random::new(2);
    let first = budget_of(other(suite, 0)?, 10 * MS, 20 * MS)?;
    let child = spins_on(suite, &first)?;
    for round in 0..100 {
        let lost = budget_of(other(suite, round)?, 10 * MS, 20 * MS)?;
        kernel::budget_bind(child.thread.get(), lost.get())?;
        goes_on(&child)?;
        shift(suite, &mut random, 10_000)?;
        drop(lost);
        stands_still(suite, &child, 20_000)?;
        kernel::budget_bind(child.thread.get(), first.get())?;
        suite.until(|| Ok(kernel::thread_info(child.thread.get())?.state == ThreadState::Running as u8))?;
    }
    Ok(())
}

/// Threads of one budget share its processor, wherever they were.
fn two_share_a_budget_from_two(suite: &Suite) -> Outcome {
    let shared = budget_of(other(suite, 0)?, 2 * MS, 10 * MS)?;
    let children = [run_on(suite, 0, BELOW, spins)?, run_on(suite, other(suite, 1)?, BELOW, spins)?];
    for child in &children {
        kernel::budget_bind(child.thread.get(), shared.get())?;
        check_equal!(processor_of(child.thread.get())?, other(suite, 0)?);
    }
    let start = kernel::now();
    suite.sleep(30 * MS)?;
    let elapsed = kernel::now() - start;
    check!(used(&shared)? < elapsed / 3, "{} ns of {elapsed} ns", used(&shared)?);
    kernel::budget_bind(children[0].thread.get(), Handle::NONE)?;
    check_equal!(processor_of(children[0].thread.get())?, 0);
    Ok(())
}

/// Receives one call, spins without answering; result 0 counts.
fn receives_and_spins(block: &Block) -> Outcome {
    kernel::receive(block.handle(PORT))?;
    spins(block)
}

/// A calls B, B calls C, on the time A lends from its processor; C dies. B is told, answers A on A's time, and waits again.
fn the_end_of_a_chain_dies(suite: &Suite) -> Outcome {
    for round in 0..10 {
        let (front, back) = (kernel::port_create(Handle::NONE)?, kernel::port_create(Handle::NONE)?);
        let there = other(suite, round)?;
        let last = child_on(suite, 0, BELOW)?;
        last.grant(PORT, back.get(), Rights::RECEIVE)?;
        kernel::make_passive(last.thread.get())?;
        last.start(receives_and_spins)?;
        last.await_state(suite, ThreadState::Receiving)?;
        let middle = time::worker_between(suite, BELOW, &front, &back, true)?;
        drop(back);
        let lender = budget_of(there, 50 * MS, 100 * MS)?;
        let client = time::child_on(suite, BELOW, &lender)?;
        time::calls(&client, &front, 10_000)?;
        spin_until(|| last.block().result(0) > 0)?;
        check_equal!([processor_of(last.thread.get())?, processor_of(middle.thread.get())?], [there, there]);
        check_equal!(kernel::thread_info(last.thread.get())?.state, ThreadState::Running as u8);
        last.kill()?;
        client.wait()?;
        check_equal!(client.block().result(CODE), 0);
        check_equal!(middle.block().result(2), Error::ServerDied as u64);
        check_equal!((middle.block().result(BEGUN), middle.block().result(ENDED)), (1, 1));
        middle.await_state(suite, ThreadState::Receiving)?;
        check!(used(&lender)? > 10_000, "the work was not done on the client's time");
        client.finish()?;
    }
    Ok(())
}

/// A server on another processor works for a caller on this one, while a third thread, more urgent than the server, keeps that processor: only what
/// the caller lends lets the server go on.
fn priority_is_lent_across(suite: &Suite) -> Outcome {
    const WORK: u64 = 5_000_000;
    for with_low in [false, true] {
        let there = other(suite, 0)?;
        let port = kernel::port_create(Handle::NONE)?;
        let server = child_on(suite, there, 10)?;
        server.grant(PORT, port.get(), Rights::RECEIVE)?;
        server.start(time::worker)?;
        server.await_state(suite, ThreadState::Receiving)?;
        let low = child_on(suite, 0, 20)?;
        if with_low {
            time::calls(&low, &port, WORK)?;
            suite.until(|| Ok(server.block().result(BEGUN) == 1))?;
        }
        let middle = run_on(suite, there, 40, spins)?;
        suite.sleep(2 * MS)?;
        check_equal!(server.block().result(ENDED), 0);
        check!(middle.block().result(0) > 0, "the one in between does not run");
        let high = child_on(suite, 0, 60)?;
        time::calls(&high, &port, WORK)?;
        high.wait()?;
        check_equal!(high.block().result(CODE), 0);
        let waited = high.block().result(ANSWERED_AT) - high.block().result(CALLED_AT);
        check!(waited < 5 * WORK, "it waited {waited} ns");
        // And not longer than it was lent.
        suite.sleep(MS)?;
        check_equal!(u64::from(kernel::thread_info(server.thread.get())?.priority), 10);
        let before = middle.block().result(0);
        spin_until(|| middle.block().result(0) > before)?;
        high.finish()?;
    }
    Ok(())
}

/// Makes, uses and drops budgets on all processors, with threads that run, wait or are suspended there.
fn many_budgets_come_and_go(suite: &Suite) -> Outcome {
    let mut random = Random::new(3);
    let processors = count(suite)?;
    let children =
        [run_on(suite, 0, BELOW, spins)?, run_on(suite, 1, BELOW, spins)?, Child::run(suite, actors::sleeper)?];
    let mut budgets: [Option<Owned>; 6] = [const { None }; 6];
    for _ in 0..3000 {
        let index = random.below(6) as usize;
        let thread = children[random.below(3) as usize].thread.get();
        match random.below(8) {
            0 => {
                budgets[index] = None;
                budgets[index] = Some(budget_of(random.below(processors), 5_000 + random.below(100_000), MS)?);
            }
            1 => budgets[index] = None,
            2 => kernel::budget_bind(thread, Handle::NONE)?,
            3 => kernel::thread_processor(thread, random.below(processors))?,
            4 => {
                kernel::thread_suspend(thread)?;
                shift(suite, &mut random, 5_000)?;
                kernel::thread_resume(thread)?;
            }
            5 => shift(suite, &mut random, 5_000)?,
            choice => {
                if let Some(budget) = &budgets[index] {
                    match choice {
                        6 => kernel::budget_bind(thread, budget.get())?,
                        _ => kernel::budget_set(budget.get(), 5_000 + random.below(100_000), MS)?,
                    }
                }
            }
        }
    }
    for child in &children[..2] {
        kernel::budget_bind(child.thread.get(), Handle::NONE)?;
        let before = child.block().result(0);
        suite.until(|| Ok(child.block().result(0) > before))?;
    }
    Ok(())
}
