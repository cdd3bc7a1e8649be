//! Who runs: the most urgent thread, at once; equals take turns; nobody can keep the CPU.

use airox_abi::info::ThreadState;
use airox_abi::{Handle, Rights};

use crate::actors;
use crate::block::Block;
use crate::child::{Child, NORMAL, Options};
use crate::failure::{Failure, Outcome, check, check_equal};
use crate::kernel;
use crate::registry::Test;
use crate::suite::Suite;

/// The tests.
pub const TESTS: &[Test] = &[
    Test::new("preemption", "a_hog_cannot_hold_up_a_timer", a_hog_cannot_hold_up_a_timer),
    Test::new("preemption", "a_hog_in_the_kernel_neither", a_hog_in_the_kernel_neither),
    Test::new("preemption", "equals_take_turns", equals_take_turns),
    Test::new("preemption", "less_urgent_threads_wait", less_urgent_threads_wait),
    Test::new("preemption", "woken_above_runs_at_once", woken_above_runs_at_once),
    Test::new("preemption", "woken_below_waits", woken_below_waits),
    Test::new("preemption", "priority_takes_effect_at_once", priority_takes_effect_at_once),
    Test::new("preemption", "cpu_time_is_told", cpu_time_is_told),
];

fn child_at(suite: &Suite, priority: u64) -> Result<Child, Failure> {
    Ok(Child::with(suite, Options { priority, ..Options::DEFAULT })?)
}

/// Longest a timer of a more urgent thread may be late, in ns. It is a few microseconds on a machine to itself; the
/// rest is room for an emulator that is itself interrupted.
const LATENESS: u64 = 20_000_000;

fn sleep_beside(suite: &Suite, child: &Child) -> Outcome {
    for delay in [10_000, 100_000, 1_000_000, 3_000_000, 15_000_000] {
        let before = child.block().result(0);
        let deadline = kernel::now() + delay;
        suite.sleep(delay)?;
        let late = kernel::now().saturating_sub(deadline);
        check!(late < LATENESS, "a timer of {delay} ns was {late} ns late");
        check!(delay < 1_000_000 || child.block().result(0) > before, "the hog did not run");
    }
    Ok(())
}

fn a_hog_cannot_hold_up_a_timer(suite: &Suite) -> Outcome {
    let hog = child_at(suite, 50)?;
    hog.start(actors::hog)?;
    sleep_beside(suite, &hog)
}

/// Enters the kernel as often as it can.
fn enters_kernel(block: &Block) -> Outcome {
    let signal = kernel::signal_create(Handle::NONE)?;
    loop {
        kernel::poll(signal.get(), 1)?;
        kernel::notify(signal.get(), 1)?;
        kernel::thread_info(Handle::NONE)?;
        block.set_result(0, block.result(0) + 1);
    }
}

fn a_hog_in_the_kernel_neither(suite: &Suite) -> Outcome {
    let hog = child_at(suite, 50)?;
    hog.start(enters_kernel)?;
    sleep_beside(suite, &hog)
}

fn equals_take_turns(suite: &Suite) -> Outcome {
    let hogs = [child_at(suite, 50)?, child_at(suite, 50)?, child_at(suite, 50)?];
    for hog in &hogs {
        hog.start(actors::hog)?;
    }
    suite.sleep(300_000_000)?;
    for hog in &hogs {
        kernel::thread_suspend(hog.thread.get())?;
    }
    let mut ticks = [0; 3];
    for (ticks, hog) in ticks.iter_mut().zip(&hogs) {
        *ticks = kernel::thread_info(hog.thread.get())?.cpu_ticks;
    }
    let (least, most) = (ticks[0].min(ticks[1]).min(ticks[2]), ticks[0].max(ticks[1]).max(ticks[2]));
    check!(least > 0 && most / 2 <= least, "their shares are {ticks:?}");
    Ok(())
}

fn less_urgent_threads_wait(suite: &Suite) -> Outcome {
    let (urgent, other) = (child_at(suite, 60)?, child_at(suite, 40)?);
    urgent.start(actors::hog)?;
    other.start(actors::hog)?;
    suite.sleep(50_000_000)?;
    check_equal!(other.block().result(0), 0);
    check!(urgent.block().result(0) > 0, "the urgent one did not run");
    // Once the urgent one stops, the other one runs.
    kernel::thread_suspend(urgent.thread.get())?;
    suite.until(|| Ok(other.block().result(0) > 0))
}

/// Counts in result 0 how often signal 1 was notified.
fn counts_signals(block: &Block) -> Outcome {
    loop {
        kernel::wait(block.handle(1), u64::MAX)?;
        block.set_result(0, block.result(0) + 1);
    }
}

fn woken_above_runs_at_once(suite: &Suite) -> Outcome {
    let signal = kernel::signal_create(Handle::NONE)?;
    let child = child_at(suite, NORMAL + 10)?;
    child.grant(1, signal.get(), Rights::RECEIVE)?;
    child.start(counts_signals)?;
    for count in 1..50 {
        check_equal!(kernel::thread_info(child.thread.get())?.state, ThreadState::Waiting as u8);
        kernel::notify(signal.get(), 1)?;
        check_equal!(child.block().result(0), count);
    }
    Ok(())
}

fn woken_below_waits(suite: &Suite) -> Outcome {
    let signal = kernel::signal_create(Handle::NONE)?;
    let child = child_at(suite, NORMAL - 10)?;
    child.grant(1, signal.get(), Rights::RECEIVE)?;
    child.start(counts_signals)?;
    child.await_state(suite, ThreadState::Waiting)?;
    kernel::notify(signal.get(), 1)?;
    check_equal!(kernel::thread_info(child.thread.get())?.state, ThreadState::Ready as u8);
    check_equal!(child.block().result(0), 0);
    suite.until(|| Ok(child.block().result(0) == 1))
}

fn priority_takes_effect_at_once(suite: &Suite) -> Outcome {
    let child = child_at(suite, 10)?;
    child.start(leaves_a_mark)?;
    check_equal!(child.block().result(0), 0);
    kernel::thread_priority(child.thread.get(), NORMAL + 1)?;
    // It ran until it waited, before the call returned.
    check_equal!(child.block().result(0), 1);
    // Lowering oneself lets the others run at once.
    let other = child_at(suite, 20)?;
    other.start(leaves_a_mark)?;
    kernel::thread_priority(suite.root.thread, 15)?;
    let ran = other.block().result(0);
    kernel::thread_priority(suite.root.thread, NORMAL)?;
    check_equal!(ran, 1);
    Ok(())
}

fn leaves_a_mark(block: &Block) -> Outcome {
    block.set_result(0, 1);
    actors::sleeper(block)
}

fn cpu_time_is_told(suite: &Suite) -> Outcome {
    let (hog, sleeper) = (child_at(suite, 50)?, child_at(suite, 50)?);
    hog.start(actors::hog)?;
    sleeper.start(actors::sleeper)?;
    let start = kernel::ticks();
    suite.sleep(20_000_000)?;
    let elapsed = kernel::ticks() - start;
    let used = kernel::thread_info(hog.thread.get())?.cpu_ticks;
    check!(used > elapsed / 2 && used <= elapsed, "{used} of {elapsed} ticks");
    let idle = kernel::thread_info(sleeper.thread.get())?.cpu_ticks;
    check!(idle < elapsed / 4, "the sleeper used {idle} of {elapsed} ticks");
    Ok(())
}
