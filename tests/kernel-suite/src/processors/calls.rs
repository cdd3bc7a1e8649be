//! `thread_processor`, `process_processors`, and the time that is promised of each processor.

use airox_abi::time::WHOLE_PROCESSOR;
use airox_abi::{BudgetFlags, Error, Handle, QuotaKind, QuotaLimits, Rights};

use super::{BELOW, all, count, on_two, processor_of};
use crate::actors;
use crate::block::Block;
use crate::child::Child;
use crate::failure::{Outcome, check, check_equal, check_error};
use crate::kernel;
use crate::registry::Test;
use crate::suite::Suite;
use crate::time::{MS, budget, child_on};

/// The tests.
pub const TESTS: &[Test] = &[
    Test::new("processor", "numbers_out_of_range", numbers_out_of_range),
    Test::new("processor", "masks_out_of_range", masks_out_of_range),
    Test::new("processor", "limited_time_has_no_way_out", limited_time_has_no_way_out),
    Test::new("processor", "dead_threads_stay", dead_threads_stay),
    Test::new("processor", "a_move_ends_a_budget", a_move_ends_a_budget),
    Test::new("processor", "time_of_each_is_promised_once", time_of_each_is_promised_once),
    on_two("processor", "the_mask_holds", the_mask_holds),
    on_two("processor", "nobody_gives_what_it_may_not_use", nobody_gives_what_it_may_not_use),
    on_two("processor", "threads_start_on_the_lowest", threads_start_on_the_lowest),
    on_two("processor", "processes_inherit_the_mask", processes_inherit_the_mask),
    on_two("processor", "budgets_choose_the_processor", budgets_choose_the_processor),
    on_two("processor", "nobody_makes_budgets_where_it_may_not_run", nobody_makes_budgets_where_it_may_not_run),
];

fn numbers_out_of_range(suite: &Suite) -> Outcome {
    let processors = count(suite)?;
    check!((1..=64).contains(&processors), "{processors} processors");
    let child = Child::new(suite)?;
    let thread = child.thread.get();
    for number in [processors, 63 + processors, 64, 255, 256, 1 << 32, u64::MAX] {
        check_error!(kernel::thread_processor(thread, number), Error::NoSuchResource);
    }
    check_equal!(processor_of(thread)?, 0);
    for number in 0..processors {
        kernel::thread_processor(thread, number)?;
        check_equal!(processor_of(thread)?, number);
    }
    Ok(())
}

fn masks_out_of_range(suite: &Suite) -> Outcome {
    let (processors, all) = (count(suite)?, all(suite)?);
    let child = Child::new(suite)?;
    let process = child.process.get();
    check_equal!(kernel::process_info(Handle::NONE)?.processors, all);
    let beyond = 1u64.checked_shl(processors as u32).unwrap_or(0);
    for mask in [0, beyond, beyond | 1, u64::MAX << 1, u64::MAX] {
        if mask != all {
            check_error!(kernel::process_processors(process, mask), Error::NoSuchResource);
        }
    }
    check_equal!(kernel::process_info(process)?.processors, all);
    kernel::process_processors(process, 1)?;
    check_equal!(kernel::process_info(process)?.processors, 1);
    Ok(kernel::process_processors(process, all)?)
}

/// A process whose threads are made on a budget cannot get unlimited time for them.
fn limited_time_has_no_way_out(suite: &Suite) -> Outcome {
    let limited = budget(MS, 10 * MS)?;
    let child = Child::new(suite)?;
    kernel::process_budget(child.process.get(), limited.get())?;
    for number in 0..count(suite)? {
        check_error!(kernel::thread_processor(child.thread.get(), number), Error::MissingRight);
    }
    kernel::process_processors(child.process.get(), 1)?;
    let thread = child.start_thread(1, BELOW, actors::hog)?;
    suite.sleep(2 * MS)?;
    check!(crate::time::used(&limited)? > 0, "a new mask gave it unlimited time");
    check_error!(kernel::thread_processor(thread.get(), 0), Error::MissingRight);
    Ok(())
}

fn dead_threads_stay(suite: &Suite) -> Outcome {
    let child = Child::new(suite)?;
    child.kill()?;
    check_error!(kernel::thread_processor(child.thread.get(), 0), Error::Dead);
    Ok(())
}

fn a_move_ends_a_budget(suite: &Suite) -> Outcome {
    let limited = budget(MS, 1000 * MS)?;
    let hog = child_on(suite, 50, &limited)?;
    hog.start(actors::hog)?;
    suite.until(|| Ok(kernel::budget_info(limited.get())?.overruns == 1))?;
    let stopped = hog.block().result(0);
    for number in (0..count(suite)?).rev() {
        kernel::thread_processor(hog.thread.get(), number)?;
        let before = hog.block().result(0);
        suite.until(|| Ok(hog.block().result(0) > before))?;
    }
    check!(hog.block().result(0) > stopped, "it did not go on");
    check_equal!(kernel::budget_info(limited.get())?.overruns, 1);
    Ok(())
}

fn time_of_each_is_promised_once(suite: &Suite) -> Outcome {
    let processors = count(suite)?;
    // Where there are several, the quota could pay for one of them several times.
    let limits =
        QuotaLimits::default().with(QuotaKind::Resources, 4).with(QuotaKind::Time, WHOLE_PROCESSOR * processors as u32);
    let quota = kernel::quota_create(suite.root.quota, &limits)?;
    let create =
        |processor, length| kernel::budget_create(quota.get(), processor, length, 100 * MS, BudgetFlags::empty());
    let used = || kernel::quota_info(quota.get()).map(|[_, used]| used.get(QuotaKind::Time));
    for processor in 0..processors {
        let before = used()?;
        let first = create(processor, 60 * MS)?;
        check_error!(create(processor, 41 * MS), Error::QuotaExceeded);
        let second = create(processor, 40 * MS)?;
        check_equal!(kernel::budget_info(second.get())?.processor, processor as u32);
        check_error!(create(processor, MS), Error::QuotaExceeded);
        check_error!(kernel::budget_set(second.get(), 41 * MS, 100 * MS), Error::QuotaExceeded);
        kernel::budget_set(first.get(), 10 * MS, 100 * MS)?;
        kernel::budget_set(second.get(), 90 * MS, 100 * MS)?;
        check_equal!(used()? - before, WHOLE_PROCESSOR);
        // It is promised again once it is given back; the others' is not touched.
        drop(second);
        let third = create(processor, 90 * MS)?;
        check_error!(create(processor, MS), Error::QuotaExceeded);
        for next in processor + 1..processors {
            drop(create(next, 100 * MS)?);
        }
        drop((first, third));
        check_equal!(used()?, before);
    }
    check_error!(create(processors, MS), Error::NoSuchResource);
    Ok(())
}

fn the_mask_holds(suite: &Suite) -> Outcome {
    let processors = count(suite)?;
    let child = Child::new(suite)?;
    let (process, thread) = (child.process.get(), child.thread.get());
    for allowed in 0..processors {
        kernel::process_processors(process, 1 << allowed)?;
        for number in 0..processors {
            let moved = kernel::thread_processor(thread, number);
            check_equal!(moved, if number == allowed { Ok(()) } else { Err(Error::MissingRight) });
        }
        check_equal!(processor_of(thread)?, allowed);
        // Who does not exist is told first.
        check_error!(kernel::thread_processor(thread, processors), Error::NoSuchResource);
    }
    Ok(())
}

/// Restricts the process in argument 0 to the masks in arguments 1 and 2; results are the error codes.
fn restricts(block: &Block) -> Outcome {
    for index in [1, 2] {
        let result = kernel::process_processors(block.handle(0), block.argument(index));
        block.set_result(index, actors::code(&result));
    }
    Ok(())
}

fn nobody_gives_what_it_may_not_use(suite: &Suite) -> Outcome {
    let (agent, target) = (Child::new(suite)?, Child::new(suite)?);
    kernel::process_processors(agent.process.get(), 0b10)?;
    agent.grant(0, target.process.get(), Rights::CONTROL)?;
    agent.block().set_argument(1, 0b11);
    agent.block().set_argument(2, 0b10);
    agent.start(restricts)?;
    agent.wait()?;
    check_equal!([agent.block().result(1), agent.block().result(2)], [Error::MissingRight as u64, 0]);
    check_equal!(kernel::process_info(target.process.get())?.processors, 0b10);
    // Nor does it widen its own.
    let narrow = Child::new(suite)?;
    kernel::process_processors(narrow.process.get(), 0b10)?;
    narrow.grant(0, narrow.process.get(), Rights::CONTROL)?;
    narrow.block().set_argument(1, 0b01);
    narrow.block().set_argument(2, 0b11);
    narrow.start(restricts)?;
    narrow.wait()?;
    check_equal!([narrow.block().result(1), narrow.block().result(2)], [Error::MissingRight as u64; 2]);
    agent.finish()
}

fn threads_start_on_the_lowest(suite: &Suite) -> Outcome {
    let child = Child::new(suite)?;
    check_equal!(processor_of(child.thread.get())?, 0);
    for (index, processor) in (0..count(suite)?).rev().take(3).enumerate() {
        kernel::process_processors(child.process.get(), 1 << processor)?;
        let thread = child.start_thread(1 + index, BELOW, actors::sleeper)?;
        check_equal!(processor_of(thread.get())?, processor);
        suite.await_state(thread.get(), airox_abi::info::ThreadState::Waiting)?;
    }
    // Those that were there before stay where they are.
    check_equal!(processor_of(child.thread.get())?, 0);
    kernel::process_processors(child.process.get(), all(suite)? & !1)?;
    child.start(actors::sleeper)?;
    child.await_state(suite, airox_abi::info::ThreadState::Waiting)?;
    check_equal!(processor_of(child.thread.get())?, 0);
    Ok(())
}

/// Makes a process on the quota in argument 0; leaves its mask, its first thread's processor, and whether that can go to processor 0.
fn makes_a_process(block: &Block) -> Outcome {
    let process = kernel::process_create(block.handle(0), b"grandchild\0\0\0\0\0\0")?;
    let thread = kernel::thread_create(process.get(), 1, Handle::NONE)?;
    block.set_result(0, kernel::process_info(process.get())?.processors);
    block.set_result(1, processor_of(thread.get())?);
    block.set_result(2, actors::code(&kernel::thread_processor(thread.get(), 0)));
    block.set_result(3, processor_of(Handle::NONE)?);
    Ok(())
}

fn processes_inherit_the_mask(suite: &Suite) -> Outcome {
    let last = count(suite)? - 1;
    let child = Child::new(suite)?;
    kernel::process_processors(child.process.get(), 1 << last)?;
    kernel::thread_processor(child.thread.get(), last)?;
    child.grant(0, suite.root.quota, Rights::all())?;
    child.start(makes_a_process)?;
    child.wait()?;
    let found = [0, 1, 2, 3].map(|index| child.block().result(index));
    check_equal!(found, [1 << last, last, Error::MissingRight as u64, last]);
    child.finish()
}

fn budgets_choose_the_processor(suite: &Suite) -> Outcome {
    let child = Child::new(suite)?;
    let thread = child.thread.get();
    // A budget is authority of its own: it counts even where the mask would not let the thread.
    kernel::process_processors(child.process.get(), 1)?;
    child.start(super::spins)?;
    for processor in (0..count(suite)?).rev() {
        let there = kernel::budget_create(Handle::NONE, processor, 5 * MS, 10 * MS, BudgetFlags::empty())?;
        kernel::budget_bind(thread, there.get())?;
        check_equal!(processor_of(thread)?, processor);
        suite.until(|| Ok(kernel::budget_info(there.get())?.used_ticks > 0))?;
        kernel::budget_bind(thread, Handle::NONE)?;
        check_equal!(processor_of(thread)?, 0);
    }
    Ok(())
}

/// Makes a budget of each of the first two processors' time on the quota in argument 0; results are the error codes.
fn makes_budgets(block: &Block) -> Outcome {
    for processor in 0..2 {
        let made = kernel::budget_create(block.handle(0), processor, MS, 10 * MS, BudgetFlags::empty());
        block.set_result(processor as usize, actors::code(&made));
    }
    Ok(())
}

fn nobody_makes_budgets_where_it_may_not_run(suite: &Suite) -> Outcome {
    for allowed in 0..2 {
        let child = Child::new(suite)?;
        kernel::process_processors(child.process.get(), 1 << allowed)?;
        child.grant(0, suite.root.quota, Rights::CONTROL)?;
        child.start(makes_budgets)?;
        child.wait()?;
        let refused = child.block().result(1 - allowed);
        check_equal!((child.block().result(allowed), refused), (0, Error::MissingRight as u64));
        child.finish()?;
    }
    Ok(())
}
