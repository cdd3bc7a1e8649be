//! What processors do to each other: nothing that a real-time thread would notice.

use airox_abi::info::ThreadState;
use airox_abi::{Handle, MapFlags, QuotaLimits, RegionKind, Rights};
use airox_kernel_suite::random::Random;

use super::{count, on_two, run_on, spins};
use crate::block::Block;
use crate::child::{Child, NORMAL, Options};
use crate::failure::{Failure, Outcome, check};
use crate::kernel::{self, Owned};
use crate::registry::Test;
use crate::storm::{self, CALLS, CHILD_PRIORITY, FIRST_HANDLE, MADE, PROCESSORS, SCRATCH, SCRATCH_PAGES, SEED};
use crate::suite::Suite;
use crate::time::MS;

/// The tests.
pub const TESTS: &[Test] = &[on_two("processors", "a_storm_elsewhere_delays_nobody", a_storm_elsewhere_delays_nobody)];

const PERIODS: u64 = 100;
/// Longest the periodic thread may be late, in ns, which are instructions of all processors together: the longest entry of each other one, and a wide
/// margin.
const LATENESS: u64 = 200_000;

/// Wakes every millisecond by the timer of signal 1: result 0 is the periods so far, result 1 the worst lateness in ns.
fn keeps_a_period(block: &Block) -> Outcome {
    let mut due = kernel::now();
    for period in 1..=PERIODS {
        due += MS;
        kernel::timer_set(block.handle(1), due, 1)?;
        kernel::wait(block.handle(1), 1)?;
        block.set_result(1, block.result(1).max(kernel::now().saturating_sub(due)));
        block.set_result(0, period);
    }
    Ok(())
}

/// A child that makes random calls on a processor, with all authority over itself and some objects, on a quota of its own.
fn storm_on(suite: &Suite, processor: u64, seed: u64) -> Result<(Child, Owned), Failure> {
    let limits = QuotaLimits([1500, 96, 3, 6, 4, 6, 24, 4, 4, 0]);
    let quota = kernel::quota_create(suite.root.quota, &limits)?;
    let options = Options { quota: quota.get(), priority: CHILD_PRIORITY, fault_port: Handle::NONE };
    let child = Child::with(suite, options)?;
    let process = child.process.get();
    kernel::process_priority(process, CHILD_PRIORITY)?;
    kernel::process_processors(process, 1 << processor)?;
    kernel::thread_processor(child.thread.get(), processor)?;
    let scratch = kernel::region_create(quota.get(), SCRATCH_PAGES, RegionKind::Lazy)?;
    kernel::region_map(scratch.get(), process, SCRATCH, 0, SCRATCH_PAGES, MapFlags::WRITE)?;
    let (port, signal) = (kernel::port_create(quota.get())?, kernel::signal_create(quota.get())?);
    let granted = [process, child.thread.get(), quota.get(), port.get(), signal.get(), scratch.get()];
    for (slot, handle) in granted.into_iter().enumerate() {
        child.grant(FIRST_HANDLE + slot, handle, Rights::all())?;
    }
    child.block().set_argument(SEED, seed);
    child.block().set_argument(CALLS, u64::MAX);
    child.block().set_argument(PROCESSORS, count(suite)?);
    child.start(storm::storms)?;
    Ok((child, quota))
}

fn a_storm_elsewhere_delays_nobody(suite: &Suite) -> Outcome {
    let mut random = Random::new(suite.options.seed.unwrap_or(1));
    // The last one is the periodic thread's own if there are four, else it shares it with what is less urgent.
    let last = count(suite)? - 1;
    let options = Options { priority: NORMAL + 50, ..Options::DEFAULT };
    let periodic = Child::with(suite, options)?;
    kernel::thread_processor(periodic.thread.get(), last)?;
    let _timer = super::signal_for(&periodic, 1, Rights::RECEIVE)?;
    let _loop = run_on(suite, 2.min(last), CHILD_PRIORITY, spins)?;
    let mut stormy = storm_on(suite, 1, random.next())?;
    periodic.start(keeps_a_period)?;
    let mut made = 0;
    while periodic.block().result(0) < PERIODS {
        suite.sleep(MS / 2)?;
        let state = kernel::thread_info(stormy.0.thread.get())?.state;
        let stuck = ![ThreadState::Running as u8, ThreadState::Ready as u8].contains(&state);
        if stuck {
            // It has ended, or waits for what never comes.
            made += stormy.0.block().result(MADE).min(100_000);
            drop(stormy);
            stormy = storm_on(suite, 1, random.next())?;
        }
    }
    made += stormy.0.block().result(MADE).min(100_000);
    drop(stormy);
    let worst = periodic.block().result(1);
    periodic.finish()?;
    check!(worst <= LATENESS, "a period began {worst} ns late");
    check!(made > 500, "the storm made only {made} calls");
    Ok(())
}
