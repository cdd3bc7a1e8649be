//! Budgets as objects: what is accepted, who is charged, who shares, what a change or a loss does.

use airox_abi::info::ThreadState;
use airox_abi::{BudgetFlags, Error, Handle, QuotaKind, QuotaLimits, Rights};

use super::{MS, budget, child_at, child_on, cpu_time, used};
use crate::actors::{self, PORT};
use crate::block::Block;
use crate::child::{Child, Options};
use crate::failure::{Outcome, check, check_equal, check_error};
use crate::kernel;
use crate::registry::Test;
use crate::suite::Suite;

/// The tests.
pub const TESTS: &[Test] = &[
    Test::new("budget", "arguments_out_of_range", arguments_out_of_range),
    Test::new("budget", "the_quota_is_charged", the_quota_is_charged),
    Test::new("budget", "a_dead_owner_gives_it_back", a_dead_owner_gives_it_back),
    Test::new("budget", "dead_threads_take_none", dead_threads_take_none),
    Test::new("budget", "threads_share_one", threads_share_one),
    Test::new("budget", "changed_while_its_thread_runs", changed_while_its_thread_runs),
    Test::new("budget", "a_shorter_period_counts_at_once", a_shorter_period_counts_at_once),
    Test::new("budget", "lost_while_running", lost_while_running),
    Test::new("budget", "lost_while_out_of_time", lost_while_out_of_time),
    Test::new("budget", "lost_while_waiting", lost_while_waiting),
    Test::new("budget", "closed_by_its_own_thread", closed_by_its_own_thread),
    Test::new("budget", "inherited_by_threads", inherited_by_threads),
    Test::new("budget", "inherited_by_processes", inherited_by_processes),
    Test::new("budget", "weights_divide_time", weights_divide_time),
    Test::new("budget", "weights_out_of_range", weights_out_of_range),
];

const HOUR: u64 = 3_600_000_000_000;

fn arguments_out_of_range(_: &Suite) -> Outcome {
    let create = |processor, length, period| {
        kernel::budget_create(Handle::NONE, processor, length, period, BudgetFlags::empty())
    };
    for (length, period) in
        [(0, MS), (4_999, MS), (5_000, 49_999), (MS + 1, MS), (MS, HOUR + 1), (MS, u64::MAX), (u64::MAX, u64::MAX)]
    {
        check_error!(create(0, length, period), Error::InvalidArgument);
    }
    for processor in [64, 1 << 32, u64::MAX] {
        check_error!(create(processor, MS, 10 * MS), Error::NoSuchResource);
    }
    for flags in [2, 1 << 31] {
        let flags = BudgetFlags::from_bits_retain(flags);
        check_error!(kernel::budget_create(Handle::NONE, 0, MS, 10 * MS, flags), Error::InvalidArgument);
    }
    let least = create(0, 5_000, 50_000)?;
    for (length, period) in [(4_999, MS), (MS + 1, MS), (MS, HOUR + 1)] {
        check_error!(kernel::budget_set(least.get(), length, period), Error::InvalidArgument);
    }
    let info = kernel::budget_info(least.get())?;
    check_equal!((info.budget_ns, info.period_ns), (5_000, 50_000));
    check_equal!((info.used_ticks, info.overruns), (0, 0));
    check!(info.available_ticks > 0, "nothing to use at first");
    Ok(kernel::budget_set(least.get(), HOUR, HOUR)?)
}

fn the_quota_is_charged(suite: &Suite) -> Outcome {
    let limits = QuotaLimits::default().with(QuotaKind::Resources, 2).with(QuotaKind::Time, 500_000);
    let quota = kernel::quota_create(suite.root.quota, &limits)?;
    let time = || kernel::quota_info(quota.get()).map(|[_, used]| used.get(QuotaKind::Time));
    let create = |length, period| kernel::budget_create(quota.get(), 0, length, period, BudgetFlags::empty());
    let first = create(MS, 3 * MS)?;
    check_equal!(time()?, 333_334);
    check_error!(create(MS, 3 * MS), Error::QuotaExceeded);
    check_equal!(time()?, 333_334);
    kernel::budget_set(first.get(), MS, 10 * MS)?;
    check_equal!(time()?, 100_000);
    let second = create(4 * MS, 10 * MS)?;
    check_equal!(time()?, 500_000);
    check_error!(kernel::budget_set(first.get(), MS + 1, 10 * MS), Error::QuotaExceeded);
    check_equal!(kernel::budget_info(first.get())?.budget_ns, MS);
    drop(second);
    check_equal!(time()?, 100_000);
    kernel::budget_set(first.get(), 5 * MS, 10 * MS)?;
    check_equal!(time()?, 500_000);
    // A copy keeps it alive.
    let copy = kernel::handle_copy(first.get(), Rights::READ, 0)?;
    drop(first);
    check_equal!(time()?, 500_000);
    drop(copy);
    check_equal!(kernel::quota_info(quota.get())?[1], QuotaLimits::default());
    Ok(())
}

/// Makes a budget on the quota in argument 0, keeps it, and waits.
fn keeps_a_budget(block: &Block) -> Outcome {
    let made = kernel::budget_create(block.handle(0), 0, MS, 10 * MS, BudgetFlags::empty())?;
    core::mem::forget(made);
    actors::sleeper(block)
}

fn a_dead_owner_gives_it_back(suite: &Suite) -> Outcome {
    let limits = QuotaLimits::default().with(QuotaKind::Resources, 1).with(QuotaKind::Time, 100_000);
    let quota = kernel::quota_create(suite.root.quota, &limits)?;
    let child = Child::new(suite)?;
    child.grant(0, quota.get(), Rights::all())?;
    child.start(keeps_a_budget)?;
    child.await_state(suite, ThreadState::Waiting)?;
    let used = || kernel::quota_info(quota.get()).map(|[_, used]| used);
    check_equal!(used()?, limits);
    child.kill()?;
    suite.until(|| Ok(used()? == QuotaLimits::default()))
}

fn dead_threads_take_none(suite: &Suite) -> Outcome {
    let some = budget(MS, 10 * MS)?;
    let child = Child::new(suite)?;
    child.kill()?;
    let thread = child.thread.get();
    check_error!(kernel::budget_bind(thread, some.get()), Error::Dead);
    check_error!(kernel::budget_bind(thread, Handle::NONE), Error::Dead);
    check_error!(kernel::make_passive(thread), Error::Dead);
    check_error!(kernel::thread_weight(thread, 100), Error::Dead);
    Ok(())
}

fn threads_share_one(suite: &Suite) -> Outcome {
    let shared = budget(3 * MS, 10 * MS)?;
    let hogs = [child_on(suite, 50, &shared)?, child_on(suite, 50, &shared)?, child_on(suite, 50, &shared)?];
    let start = kernel::now();
    for hog in &hogs {
        hog.start(actors::hog)?;
    }
    suite.sleep(400 * MS)?;
    let elapsed = kernel::now() - start;
    let mut shares = [0; 3];
    for (share, hog) in shares.iter_mut().zip(&hogs) {
        *share = cpu_time(hog.thread.get())?;
    }
    let sum: u64 = shares.iter().sum();
    check!(sum < elapsed / 2, "{shares:?} of {elapsed} ns");
    check!(sum > elapsed / 6, "{shares:?} of {elapsed} ns");
    check!(used(&shared)?.abs_diff(sum) < MS, "{sum} ns are not accounted");
    check!(shares.iter().all(|share| *share > sum / 10), "somebody starves: {shares:?}");
    Ok(())
}

fn changed_while_its_thread_runs(suite: &Suite) -> Outcome {
    let changing = budget(900 * MS, 1000 * MS)?;
    let hog = child_on(suite, 50, &changing)?;
    hog.start(actors::hog)?;
    suite.until(|| Ok(used(&changing)? > 10 * MS))?;
    // Down: more is used already than it has now.
    kernel::budget_set(changing.get(), MS, 1000 * MS)?;
    check_equal!(kernel::budget_info(changing.get())?.available_ticks, 0);
    let stopped = hog.block().result(0);
    suite.sleep(30 * MS)?;
    check_equal!(hog.block().result(0), stopped);
    // Up: it goes on at once.
    kernel::budget_set(changing.get(), 800 * MS, 1000 * MS)?;
    suite.sleep(20 * MS)?;
    check!(hog.block().result(0) > stopped, "more time does not help");
    Ok(())
}

fn a_shorter_period_counts_at_once(suite: &Suite) -> Outcome {
    let changing = budget(10 * MS, HOUR)?;
    let hog = child_on(suite, 50, &changing)?;
    hog.start(actors::hog)?;
    suite.until(|| Ok(kernel::budget_info(changing.get())?.overruns == 1))?;
    let stopped = hog.block().result(0);
    suite.sleep(30 * MS)?;
    check_equal!(hog.block().result(0), stopped);
    kernel::budget_set(changing.get(), 10 * MS, 20 * MS)?;
    suite.until(|| Ok(hog.block().result(0) > stopped))
}

/// Takes the child's budget away, sees it stop, and gives it another.
fn goes_on_with_another(suite: &Suite, child: &Child, lost: kernel::Owned) -> Outcome {
    kernel::handle_revoke(lost.get())?;
    drop(lost);
    let before = child.block().result(0);
    suite.sleep(30 * MS)?;
    check_equal!(child.block().result(0), before);
    let other = budget(50 * MS, 100 * MS)?;
    kernel::budget_bind(child.thread.get(), other.get())?;
    suite.until(|| Ok(child.block().result(0) > before))?;
    check!(used(&other)? > 0, "it runs on something else");
    Ok(())
}

fn lost_while_running(suite: &Suite) -> Outcome {
    let lost = budget(90 * MS, 100 * MS)?;
    let hog = child_on(suite, 50, &lost)?;
    let copy = kernel::handle_copy(lost.get(), Rights::all(), 0)?;
    // Bound by a copy that goes first: the budget is still there.
    kernel::budget_bind(hog.thread.get(), copy.get())?;
    drop(copy);
    hog.start(actors::hog)?;
    suite.until(|| Ok(hog.block().result(0) > 0))?;
    goes_on_with_another(suite, &hog, lost)
}

fn lost_while_out_of_time(suite: &Suite) -> Outcome {
    let lost = budget(MS, 1000 * MS)?;
    let hog = child_on(suite, 50, &lost)?;
    hog.start(actors::hog)?;
    suite.until(|| Ok(kernel::budget_info(lost.get())?.overruns == 1))?;
    goes_on_with_another(suite, &hog, lost)
}

/// Counts in result 0 how often signal 1 was notified.
fn counts_signals(block: &Block) -> Outcome {
    loop {
        kernel::wait(block.handle(1), u64::MAX)?;
        block.set_result(0, block.result(0) + 1);
    }
}

fn lost_while_waiting(suite: &Suite) -> Outcome {
    let lost = budget(90 * MS, 100 * MS)?;
    let signal = kernel::signal_create(Handle::NONE)?;
    let child = child_on(suite, 50, &lost)?;
    child.grant(1, signal.get(), Rights::RECEIVE)?;
    child.start(counts_signals)?;
    child.await_state(suite, ThreadState::Waiting)?;
    drop(lost);
    kernel::notify(signal.get(), 1)?;
    child.await_state(suite, ThreadState::Ready)?;
    suite.sleep(10 * MS)?;
    check_equal!(child.block().result(0), 0);
    kernel::budget_bind(child.thread.get(), Handle::NONE)?;
    suite.until(|| Ok(child.block().result(0) == 1))
}

/// Closes handle 0, the last to its budget, and would leave a mark then.
fn closes_its_budget(block: &Block) -> Outcome {
    block.set_result(0, 1);
    kernel::handle_close(block.handle(PORT))?;
    block.set_result(0, 2);
    actors::sleeper(block)
}

fn closed_by_its_own_thread(suite: &Suite) -> Outcome {
    let own = budget(50 * MS, 100 * MS)?;
    let child = child_on(suite, 50, &own)?;
    child.grant(PORT, own.get(), Rights::all())?;
    // The child's copy is the last one.
    let thread = child.thread.get();
    drop(own);
    child.start(closes_its_budget)?;
    suite.until(|| Ok(child.block().result(0) == 1))?;
    suite.sleep(10 * MS)?;
    check_equal!(child.block().result(0), 1);
    kernel::budget_bind(thread, Handle::NONE)?;
    suite.until(|| Ok(child.block().result(0) == 2))
}

fn inherited_by_threads(suite: &Suite) -> Outcome {
    let inherited = budget(50 * MS, 100 * MS)?;
    let child = child_at(suite, 50)?;
    kernel::process_budget(child.process.get(), inherited.get())?;
    // The first thread was made before.
    child.start(actors::hog)?;
    suite.sleep(10 * MS)?;
    check_equal!(used(&inherited)?, 0);
    let second = child.start_thread(1, 60, actors::hog)?;
    suite.sleep(10 * MS)?;
    check!(used(&inherited)? > 0, "it runs on another");
    // 0 means the process's.
    kernel::thread_suspend(second.get())?;
    let before = used(&inherited)?;
    kernel::budget_bind(child.thread.get(), Handle::NONE)?;
    suite.sleep(10 * MS)?;
    check!(used(&inherited)? > before, "0 is not the process's budget");
    Ok(())
}

/// Makes a process with a thread that runs into nothing, and waits for its end.
fn makes_a_process(block: &Block) -> Outcome {
    let process = kernel::process_create(block.handle(0), b"grandchild\0\0\0\0\0\0")?;
    let ended = kernel::signal_create(Handle::NONE)?;
    kernel::process_watch(process.get(), ended.get(), 1)?;
    let thread = kernel::thread_create(process.get(), 60, Handle::NONE)?;
    block.set_result(0, 1);
    kernel::wait(block.handle(1), 1)?;
    kernel::thread_start(thread.get(), 0x5000_0000, 0x6000_0000, 0)?;
    kernel::wait(ended.get(), 1)?;
    Ok(())
}

fn inherited_by_processes(suite: &Suite) -> Outcome {
    let inherited = budget(50 * MS, 100 * MS)?;
    let go = kernel::signal_create(Handle::NONE)?;
    let child = Child::with(suite, Options { priority: 50, ..Options::DEFAULT })?;
    kernel::process_budget(child.process.get(), inherited.get())?;
    child.grant(0, suite.root.quota, Rights::all())?;
    child.grant(1, go.get(), Rights::RECEIVE)?;
    child.start(makes_a_process)?;
    suite.until(|| Ok(child.block().result(0) == 1))?;
    // The child's own thread was made before; only the grandchild can use it.
    check_equal!(used(&inherited)?, 0);
    kernel::notify(go.get(), 1)?;
    child.finish()?;
    check!(used(&inherited)? > 0, "the grandchild runs on another");
    Ok(())
}

fn weights_divide_time(suite: &Suite) -> Outcome {
    let hogs = [child_at(suite, 50)?, child_at(suite, 50)?];
    kernel::thread_weight(hogs[1].thread.get(), 300)?;
    for hog in &hogs {
        hog.start(actors::hog)?;
    }
    suite.sleep(600 * MS)?;
    let shares = [cpu_time(hogs[0].thread.get())?, cpu_time(hogs[1].thread.get())?];
    check!(shares[1] > shares[0] * 3 / 2 && shares[1] < shares[0] * 6, "1:3 is {shares:?}");
    Ok(())
}

fn weights_out_of_range(suite: &Suite) -> Outcome {
    let child = Child::new(suite)?;
    for weight in [0, 10_001, 1 << 16 | 100, 1 << 32 | 100, u64::MAX] {
        check_error!(kernel::thread_weight(child.thread.get(), weight), Error::InvalidArgument);
    }
    kernel::thread_weight(child.thread.get(), 1)?;
    Ok(kernel::thread_weight(child.thread.get(), 10_000)?)
}
