//! What happens when a budget runs out.

use airox_abi::fault::{FaultAction, FaultKind};
use airox_abi::info::ThreadState;
use airox_abi::message::MessageKind;
use airox_abi::{BudgetFlags, Error, Handle, Rights};

use super::{MS, budget, child_at, child_on, cpu_time, used};
use crate::actors;
use crate::child::{Child, Options};
use crate::failure::{Outcome, check, check_equal, check_error};
use crate::faults::{act, fault_port};
use crate::kernel;
use crate::registry::Test;
use crate::suite::Suite;

/// The tests.
pub const TESTS: &[Test] = &[
    Test::new("exhaustion", "a_hog_gets_its_share", a_hog_gets_its_share),
    Test::new("exhaustion", "a_hog_in_the_kernel_too", a_hog_in_the_kernel_too),
    Test::new("exhaustion", "the_smallest_budget", the_smallest_budget),
    Test::new("exhaustion", "nothing_is_saved_up", nothing_is_saved_up),
    Test::new("exhaustion", "as_a_fault", as_a_fault),
    Test::new("exhaustion", "as_a_fault_nobody_handles", as_a_fault_nobody_handles),
    Test::new("exhaustion", "resumed_without_more_time", resumed_without_more_time),
    Test::new("exhaustion", "watchers_are_told", watchers_are_told),
    Test::new("exhaustion", "watchers_and_badges", watchers_and_badges),
    Test::new("exhaustion", "suspended_meanwhile", suspended_meanwhile),
];

/// A tenth of the time, for half a second, while a less urgent thread gets the rest.
fn share_of(suite: &Suite, function: crate::block::ChildFunction) -> Outcome {
    let tenth = budget(MS, 10 * MS)?;
    let (hog, other) = (child_on(suite, 60, &tenth)?, child_at(suite, 40)?);
    let start = kernel::now();
    hog.start(function)?;
    other.start(actors::hog)?;
    suite.sleep(500 * MS)?;
    let elapsed = kernel::now() - start;
    let (share, rest) = (cpu_time(hog.thread.get())?, cpu_time(other.thread.get())?);
    check!(share > elapsed / 20 && share < elapsed / 6, "{share} of {elapsed} ns");
    check!(rest > elapsed / 2, "the other one got {rest} of {elapsed} ns");
    check!(used(&tenth)?.abs_diff(share) < MS, "{share} ns are not accounted");
    let overruns = kernel::budget_info(tenth.get())?.overruns;
    check!(overruns > 10 && overruns < 60, "{overruns} overruns");
    Ok(())
}

fn a_hog_gets_its_share(suite: &Suite) -> Outcome {
    share_of(suite, actors::hog)
}

/// Enters the kernel as often as it can.
fn enters_kernel(_: &crate::block::Block) -> Outcome {
    loop {
        kernel::thread_info(Handle::NONE)?;
        kernel::thread_yield()?;
    }
}

fn a_hog_in_the_kernel_too(suite: &Suite) -> Outcome {
    share_of(suite, enters_kernel)
}

fn the_smallest_budget(suite: &Suite) -> Outcome {
    // An emulator that pauses while the hog runs makes it use many periods at once.
    let mut outcome = smallest_budget(suite);
    for _ in 0..3 {
        if outcome.is_ok() {
            break;
        }
        outcome = smallest_budget(suite);
    }
    outcome
}

fn smallest_budget(suite: &Suite) -> Outcome {
    let smallest = budget(5_000, 50_000)?;
    let (hog, other) = (child_on(suite, 60, &smallest)?, child_at(suite, 40)?);
    let start = kernel::now();
    hog.start(actors::hog)?;
    other.start(actors::hog)?;
    suite.sleep(300 * MS)?;
    let elapsed = kernel::now() - start;
    let share = cpu_time(hog.thread.get())?;
    check!(share > 0 && share < elapsed / 5, "{share} of {elapsed} ns");
    check!(other.block().result(0) > 0, "nobody else can run");
    Ok(())
}

fn nothing_is_saved_up(suite: &Suite) -> Outcome {
    let slow = budget(5 * MS, 500 * MS)?;
    let hog = child_on(suite, 50, &slow)?;
    suite.sleep(50 * MS)?;
    hog.start(actors::hog)?;
    suite.until(|| Ok(kernel::budget_info(slow.get())?.overruns == 1))?;
    let share = used(&slow)?;
    suite.sleep(50 * MS)?;
    check_equal!(used(&slow)?, share);
    check_equal!(kernel::budget_info(slow.get())?.available_ticks, 0);
    Ok(())
}

fn faulting(length: u64, period: u64) -> Result<kernel::Owned, Error> {
    kernel::budget_create(Handle::NONE, 0, length, period, BudgetFlags::FAULT)
}

fn as_a_fault(suite: &Suite) -> Outcome {
    let (port, sender) = fault_port()?;
    let short = faulting(2 * MS, 3_600_000 * MS)?;
    let options = Options { priority: 50, fault_port: sender.get(), ..Options::DEFAULT };
    let child = Child::with(suite, options)?;
    kernel::budget_bind(child.thread.get(), short.get())?;
    child.start(actors::hog)?;
    for round in 1..4 {
        let message = child.expect_message(port.get())?;
        check_equal!(message.tag.kind(), MessageKind::Fault);
        check_equal!(message.tag.label(), FaultKind::OutOfTime as u16);
        check_equal!(kernel::budget_info(short.get())?.overruns, round);
        let before = child.block().result(0);
        let spent = used(&short)?;
        kernel::budget_set(short.get(), spent + 2 * MS, 3_600_000 * MS)?;
        act(FaultAction::Resume)?;
        suite.until(|| Ok(child.block().result(0) > before))?;
    }
    Ok(())
}

fn as_a_fault_nobody_handles(suite: &Suite) -> Outcome {
    let short = faulting(2 * MS, 1000 * MS)?;
    let child = child_on(suite, 50, &short)?;
    child.start(actors::hog)?;
    let info = child.wait()?;
    check_equal!((info.faulted, info.exit_code), (1, -(FaultKind::OutOfTime as i64)));
    Ok(())
}

fn resumed_without_more_time(suite: &Suite) -> Outcome {
    let (port, sender) = fault_port()?;
    let short = faulting(2 * MS, 40 * MS)?;
    let options = Options { priority: 50, fault_port: sender.get(), ..Options::DEFAULT };
    let child = Child::with(suite, options)?;
    kernel::budget_bind(child.thread.get(), short.get())?;
    let start = kernel::now();
    child.start(actors::hog)?;
    for _ in 0..3 {
        child.expect_message(port.get())?;
        act(FaultAction::Resume)?;
    }
    // It waits for each replenishment, then runs out again.
    check!(kernel::now() - start >= 80 * MS, "it got time early");
    Ok(())
}

fn watchers_are_told(suite: &Suite) -> Outcome {
    let watched = budget(2 * MS, 20 * MS)?;
    let signal = kernel::signal_create(Handle::NONE)?;
    kernel::budget_watch(watched.get(), signal.get(), 0b100)?;
    let child = child_on(suite, 50, &watched)?;
    child.start(actors::hog)?;
    for round in 1..4 {
        check_equal!(kernel::wait(signal.get(), u64::MAX)?, 0b100);
        check_equal!(kernel::budget_info(watched.get())?.overruns, round);
    }
    // Who waits in time causes no overrun.
    let calm = budget(50 * MS, 100 * MS)?;
    kernel::budget_watch(calm.get(), signal.get(), 0b1000)?;
    let sleeper = child_on(suite, 50, &calm)?;
    sleeper.start(actors::sleeper)?;
    sleeper.await_state(suite, ThreadState::Waiting)?;
    check_equal!(kernel::poll(signal.get(), 0b1000)?, 0);
    // A signal that is gone is no trouble.
    drop(signal);
    let overruns = kernel::budget_info(watched.get())?.overruns;
    suite.until(|| Ok(kernel::budget_info(watched.get())?.overruns > overruns))
}

fn watchers_and_badges(_: &Suite) -> Outcome {
    let watched = budget(2 * MS, 20 * MS)?;
    let signal = kernel::signal_create(Handle::NONE)?;
    let badged = kernel::handle_copy(signal.get(), Rights::SEND, 0b110)?;
    for bits in [1, 0b111, 1 << 63] {
        check_error!(kernel::budget_watch(watched.get(), badged.get(), bits), Error::MissingRight);
    }
    Ok(kernel::budget_watch(watched.get(), badged.get(), 0b10)?)
}

fn suspended_meanwhile(suite: &Suite) -> Outcome {
    let short = budget(2 * MS, 30 * MS)?;
    let child = child_on(suite, 50, &short)?;
    child.start(actors::hog)?;
    suite.until(|| Ok(kernel::budget_info(short.get())?.overruns > 0))?;
    kernel::thread_suspend(child.thread.get())?;
    let stopped = child.block().result(0);
    suite.sleep(60 * MS)?;
    check_equal!(child.block().result(0), stopped);
    kernel::thread_resume(child.thread.get())?;
    suite.until(|| Ok(child.block().result(0) > stopped))
}
