//! What one processor unmaps, no other one reads or writes any more, though its translation buffer knew the page.

use core::hint::spin_loop;
use core::sync::atomic::Ordering;

use airox_abi::fault::FaultAction;
use airox_abi::layout::PAGE_SIZE;
use airox_abi::{Error, Handle, MapFlags, RegionKind, Rights};
use airox_kernel_suite::random::Random;

use super::{
    BELOW, SHARED, child_on, count, counts_shared, on_two, other, run_on, share, shared, shift, spin_until, thread_on,
};
use crate::block::{Block, ChildFunction};
use crate::child::{Child, Options};
use crate::failure::{Failure, Outcome, check, check_equal};
use crate::faults::{act, fault_port};
use crate::kernel::{self, Owned};
use crate::memory::Mapped;
use crate::registry::Test;
use crate::suite::Suite;

/// The tests.
pub const TESTS: &[Test] = &[
    on_two("processors", "nothing_is_written_after_unmap", nothing_is_written_after_unmap),
    on_two("processors", "nothing_is_read_after_unmap", nothing_is_read_after_unmap),
    on_two("processors", "nothing_is_written_after_revoke", nothing_is_written_after_revoke),
    on_two("processors", "nothing_is_written_to_read_only", nothing_is_written_to_read_only),
    on_two("processors", "two_threads_of_a_process", two_threads_of_a_process),
    on_two("processors", "freed_memory_is_left_alone", freed_memory_is_left_alone),
    on_two("processors", "a_dead_process_leaves_memory_alone", a_dead_process_leaves_memory_alone),
    on_two("processors", "first_touch_of_a_page_by_two", first_touch_of_a_page_by_two),
];

const ROUNDS: u64 = 200;

/// A child on another processor whose faults come to a port, and memory it shares.
struct Watched {
    child: Child,
    memory: Mapped,
    port: Owned,
    _sender: Owned,
}

fn watched(suite: &Suite, index: u64, function: ChildFunction) -> Result<Watched, Failure> {
    let (port, sender) = fault_port()?;
    let child = Child::with(suite, Options { priority: BELOW, fault_port: sender.get(), ..Options::DEFAULT })?;
    kernel::thread_processor(child.thread.get(), other(suite, index)?)?;
    let memory = share(&[&child], 1)?;
    child.start(function)?;
    Ok(Watched { child, memory, port, _sender: sender })
}

impl Watched {
    fn word(&self, index: u64) -> u64 {
        self.memory.word(8 * index).load(Ordering::Acquire)
    }

    /// Unmaps the memory from the child.
    fn unmap(&self) -> Result<(), Error> {
        // SAFETY: the suite's own mapping stays.
        unsafe { kernel::region_unmap(self.child.process.get(), SHARED) }
    }

    /// The child has faulted: maps the memory again and has it go on.
    fn map_again(&self) -> Outcome {
        self.child.expect_message(self.port.get())?;
        kernel::region_map(self.memory.region(), self.child.process.get(), SHARED, 0, 1, MapFlags::WRITE)?;
        Ok(act(FaultAction::Resume)?)
    }

    /// The counting child counts; after a random time something takes the memory away, and nothing more is counted.
    fn stops_counting(&self, suite: &Suite, random: &mut Random, take: impl FnOnce() -> Result<(), Error>) -> Outcome {
        let before = self.word(0);
        spin_until(|| self.word(0) > before)?;
        shift(suite, random, 5_000)?;
        take()?;
        let last = self.word(0);
        for _ in 0..20 {
            spin_loop();
        }
        check_equal!(self.word(0), last);
        shift(suite, random, 5_000)?;
        check_equal!(self.word(0), last);
        Ok(())
    }
}

fn nothing_is_written_after_unmap(suite: &Suite) -> Outcome {
    let mut random = Random::new(1);
    for index in 0..count(suite)? - 1 {
        let watched = watched(suite, index, counts_shared)?;
        for _ in 0..ROUNDS {
            watched.stops_counting(suite, &mut random, || watched.unmap())?;
            watched.map_again()?;
        }
    }
    Ok(())
}

/// Copies the first shared word to result 0 for ever.
fn watches_shared(block: &Block) -> Outcome {
    loop {
        block.set_result(0, shared(0).load(Ordering::Relaxed));
        block.set_result(1, block.result(1) + 1);
        spin_loop();
    }
}

fn nothing_is_read_after_unmap(suite: &Suite) -> Outcome {
    let mut random = Random::new(2);
    let watched = watched(suite, 0, watches_shared)?;
    let block = watched.child.block();
    for round in 1..=ROUNDS {
        watched.memory.word(0).store(2 * round, Ordering::Release);
        spin_until(|| block.result(0) == 2 * round)?;
        shift(suite, &mut random, 5_000)?;
        watched.unmap()?;
        watched.memory.word(0).store(2 * round + 1, Ordering::Release);
        for _ in 0..20 {
            spin_loop();
        }
        let looked = block.result(1);
        shift(suite, &mut random, 5_000)?;
        check!(block.result(1) <= looked + 1, "it reads on");
        check_equal!(block.result(0), 2 * round);
        watched.memory.word(0).store(2 * round, Ordering::Release);
        watched.map_again()?;
    }
    Ok(())
}

fn nothing_is_written_after_revoke(suite: &Suite) -> Outcome {
    let mut random = Random::new(3);
    let watched = watched(suite, 0, counts_shared)?;
    watched.unmap()?;
    for _ in 0..ROUNDS {
        watched.child.expect_message(watched.port.get())?;
        let lent = kernel::handle_copy(watched.memory.region(), Rights::all(), 0)?;
        kernel::region_map(lent.get(), watched.child.process.get(), SHARED, 0, 1, MapFlags::WRITE)?;
        act(FaultAction::Resume)?;
        watched.stops_counting(suite, &mut random, || kernel::handle_revoke(lent.get()))?;
    }
    Ok(())
}

fn nothing_is_written_to_read_only(suite: &Suite) -> Outcome {
    let mut random = Random::new(4);
    let watched = watched(suite, 0, counts_shared)?;
    let process = watched.child.process.get();
    for _ in 0..ROUNDS {
        watched.stops_counting(suite, &mut random, || {
            watched.unmap()?;
            kernel::region_map(watched.memory.region(), process, SHARED, 0, 1, MapFlags::empty())
        })?;
        watched.child.expect_message(watched.port.get())?;
        // It may have faulted in between, when nothing was mapped.
        watched.unmap()?;
        kernel::region_map(watched.memory.region(), process, SHARED, 0, 1, MapFlags::WRITE)?;
        act(FaultAction::Resume)?;
    }
    Ok(())
}

/// Waits until the other thread counts, takes its memory away and leaves in result 1 what was counted then, plus one; ends when argument 1 is set.
fn unmaps_its_own(block: &Block) -> Outcome {
    spin_until(|| shared(0).load(Ordering::Acquire) > 0)?;
    // SAFETY: the other thread's fault stops it.
    unsafe { kernel::region_unmap(Handle::NONE, SHARED) }?;
    block.set_result(1, 1);
    spin_until(|| block.argument(1) == 1)
}

fn two_threads_of_a_process(suite: &Suite) -> Outcome {
    let mut random = Random::new(5);
    for round in 0..30 {
        let (port, sender) = fault_port()?;
        let child = Child::with(suite, Options { priority: BELOW, fault_port: sender.get(), ..Options::DEFAULT })?;
        kernel::thread_processor(child.thread.get(), other(suite, round)?)?;
        let memory = share(&[&child], 1)?;
        // On another one than the first thread, if need be the suite's.
        let second = if count(suite)? > 2 { other(suite, round + 1)? } else { 0 };
        let _thread = thread_on(suite, &child, 1, second, counts_shared)?;
        child.start(unmaps_its_own)?;
        suite.until(|| Ok(child.block().result(1) == 1))?;
        let last = memory.word(0).load(Ordering::Acquire);
        shift(suite, &mut random, 20_000)?;
        check_equal!(memory.word(0).load(Ordering::Acquire), last);
        child.expect_message(port.get())?;
        act(FaultAction::Suspend)?;
        child.block().set_argument(1, 1);
        child.finish()?;
    }
    Ok(())
}

/// Fresh memory is zero, and stays what it is made.
fn is_left_alone(suite: &Suite, random: &mut Random) -> Outcome {
    const PAGES: u64 = 16;
    let fresh = Mapped::new(PAGES)?;
    for pattern in [0, random.next()] {
        for page in 0..PAGES {
            fresh.word(page * PAGE_SIZE).fetch_xor(pattern, Ordering::AcqRel);
        }
        shift(suite, random, 10_000)?;
        for page in 0..PAGES {
            check_equal!(fresh.word(page * PAGE_SIZE).load(Ordering::Acquire), pattern);
        }
    }
    Ok(())
}

fn freed_memory_is_left_alone(suite: &Suite) -> Outcome {
    let mut random = Random::new(6);
    let watched = watched(suite, 0, counts_shared)?;
    let process = watched.child.process.get();
    for _ in 0..ROUNDS {
        let before = watched.word(0);
        spin_until(|| watched.word(0) > before)?;
        watched.unmap()?;
        watched.child.expect_message(watched.port.get())?;
        // It writes to memory that has no other owner, which goes with its mapping.
        let region = kernel::region_create(Handle::NONE, 1, RegionKind::Lazy)?;
        kernel::region_map(region.get(), process, SHARED, 0, 1, MapFlags::WRITE)?;
        drop(region);
        act(FaultAction::Resume)?;
        shift(suite, &mut random, 20_000)?;
        watched.unmap()?;
        is_left_alone(suite, &mut random)?;
        watched.map_again()?;
    }
    Ok(())
}

fn a_dead_process_leaves_memory_alone(suite: &Suite) -> Outcome {
    let mut random = Random::new(7);
    for round in 0..50 {
        let child = child_on(suite, other(suite, round)?, BELOW)?;
        drop(share(&[&child], 1)?);
        child.start(counts_shared)?;
        shift(suite, &mut random, 20_000)?;
        kernel::process_kill(child.process.get(), 0)?;
        is_left_alone(suite, &mut random)?;
    }
    Ok(())
}

const PAGES: u64 = 64;

/// Adds one to the first word of every shared page.
fn touches_all(_: &Block) -> Outcome {
    for page in 0..PAGES {
        shared(page * PAGE_SIZE / 8).fetch_add(1, Ordering::Relaxed);
        spin_loop();
    }
    Ok(())
}

fn first_touch_of_a_page_by_two(suite: &Suite) -> Outcome {
    for round in 0..20 {
        let children = [
            run_on(suite, 0, BELOW, super::spins)?,
            child_on(suite, other(suite, round)?, BELOW)?,
            child_on(suite, other(suite, round + 1)?, BELOW)?,
        ];
        let memory = share(&[&children[1], &children[2]], PAGES)?;
        children[1].start(touches_all)?;
        children[2].start(touches_all)?;
        for page in 0..PAGES {
            memory.word(page * PAGE_SIZE).fetch_add(1, Ordering::Relaxed);
            spin_loop();
        }
        let [_beside, first, second] = children;
        first.finish()?;
        second.finish()?;
        for page in 0..PAGES {
            check_equal!(memory.word(page * PAGE_SIZE).load(Ordering::Acquire), 3);
        }
    }
    Ok(())
}
