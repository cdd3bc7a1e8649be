//! Several processors: who may run where, and that nothing one processor does is lost, done twice or seen too late on another.
//!
//! The suite's main thread stays on processor 0. Tests that need a second processor are left out on a machine that has one.
//!
//! On the instruction clock one processor at a time executes instructions: another one's turn comes when a timer fires anywhere, when one pauses or
//! when it halts. So whoever waits for another in a loop pauses ([`core::hint::spin_loop`]), and races change their moment by timers of random length.

pub mod budgets;
pub mod calls;
pub mod hostile;
pub mod mappings;
pub mod messages;
pub mod placement;
pub mod races;
pub mod stopping;

use core::hint::spin_loop;
use core::sync::atomic::{AtomicU64, Ordering};

use airox_abi::{Error, Handle, MapFlags, Rights};
use airox_kernel_suite::random::Random;

use crate::block::{Block, ChildFunction};
use crate::child::{Child, NORMAL, Options};
use crate::failure::{Failure, Outcome};
use crate::kernel::{self, Owned};
use crate::memory::Mapped;
use crate::registry::Test;
use crate::suite::{PATIENCE, Suite};

/// Below the suite and above the idle: what a child has that must never hold up the suite on its own processor.
pub const BELOW: u64 = NORMAL - 10;

/// A test that takes two processors.
const fn on_two(subject: &'static str, name: &'static str, function: fn(&Suite) -> Outcome) -> Test {
    Test::new(subject, name, function).on_processors(2)
}

/// How many processors there are.
fn count(suite: &Suite) -> Result<u64, Error> {
    Ok(suite.kernel_info()?.processors)
}

/// A processor that is not the suite's; neighbouring indices are different ones as far as there are.
fn other(suite: &Suite, index: u64) -> Result<u64, Error> {
    Ok(1 + index % (count(suite)? - 1))
}

/// A mask of all processors.
fn all(suite: &Suite) -> Result<u64, Error> {
    Ok(u64::MAX >> (u64::BITS as u64 - count(suite)?))
}

/// A child whose first thread runs on a processor.
fn child_on(suite: &Suite, processor: u64, priority: u64) -> Result<Child, Failure> {
    let child = Child::with(suite, Options { priority, ..Options::DEFAULT })?;
    kernel::thread_processor(child.thread.get(), processor)?;
    Ok(child)
}

/// A child that runs a function on a processor.
fn run_on(suite: &Suite, processor: u64, priority: u64, function: ChildFunction) -> Result<Child, Failure> {
    let child = child_on(suite, processor, priority)?;
    child.start(function)?;
    Ok(child)
}

/// Starts another thread of a child on a processor.
fn thread_on(
    suite: &Suite,
    child: &Child,
    index: usize,
    processor: u64,
    function: ChildFunction,
) -> Result<Owned, Failure> {
    kernel::process_processors(child.process.get(), 1 << processor)?;
    let thread = child.start_thread(index, BELOW, function)?;
    kernel::process_processors(child.process.get(), all(suite)?)?;
    Ok(thread)
}

/// Where a thread runs when it can.
fn processor_of(thread: Handle) -> Result<u64, Error> {
    Ok(u64::from(kernel::thread_info(thread)?.processor))
}

/// Waits without entering the kernel until a condition holds that another processor brings about.
#[track_caller]
fn spin_until(mut condition: impl FnMut() -> bool) -> Outcome {
    let location = core::panic::Location::caller();
    let deadline = kernel::now() + PATIENCE;
    while !condition() {
        if kernel::now() > deadline {
            return Err(Failure::new(format_args!("nothing happens at {}:{}", location.file(), location.line())));
        }
        spin_loop();
    }
    Ok(())
}

/// Lets a random time of at most so many ns pass, so that the next call comes at another moment of what other processors do.
fn shift(suite: &Suite, random: &mut Random, most: u64) -> Result<(), Error> {
    suite.sleep(1 + random.below(most))
}

/// Where children map memory that they share with the suite.
const SHARED: u64 = 0x3000_0000;

/// Memory that the suite and some children share, in the children at [`SHARED`].
fn share(children: &[&Child], pages: u64) -> Result<Mapped, Failure> {
    let memory = Mapped::new(pages)?;
    for child in children {
        kernel::region_map(memory.region(), child.process.get(), SHARED, 0, pages, MapFlags::WRITE)?;
    }
    Ok(memory)
}

/// A word of that memory in a child; it faults if the suite has not mapped it, or no longer.
fn shared(index: u64) -> &'static AtomicU64 {
    // SAFETY: 1. the suite maps memory there that is accessed by atomics only; 2. where it takes it away, the access faults, which ends the process.
    unsafe { &*((SHARED + 8 * index) as *const AtomicU64) }
}

/// Counts up in the first shared word for ever.
fn counts_shared(_: &Block) -> Outcome {
    loop {
        shared(0).fetch_add(1, Ordering::Relaxed);
        spin_loop();
    }
}

/// Runs for ever, on any processor; result 0 counts.
fn spins(block: &Block) -> Outcome {
    loop {
        block.set_result(0, block.result(0) + 1);
        if block.result(0).is_multiple_of(32) {
            spin_loop();
        }
    }
}

/// A signal of which a child has a handle as argument `index`.
fn signal_for(child: &Child, index: usize, rights: Rights) -> Result<Owned, Error> {
    let signal = kernel::signal_create(Handle::NONE)?;
    child.grant(index, signal.get(), rights)?;
    Ok(signal)
}
