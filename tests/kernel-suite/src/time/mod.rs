//! Processor time: budgets, and what calls lend.
//!
//! An emulator on a busy computer loses time at any moment, so these tests compare shares and the order of events, with room for some tens of
//! milliseconds that went elsewhere.

pub mod budgets;
pub mod exhaustion;
pub mod inversion;
pub mod lending;

use airox_abi::{BudgetFlags, Error, Handle, Rights};

use crate::actors::{self, PORT};
use crate::block::Block;
use crate::child::{Child, Options};
use crate::failure::{Failure, Outcome};
use crate::kernel::{self, Message, Owned};
use crate::suite::Suite;

/// A millisecond, in ns.
pub const MS: u64 = 1_000_000;

/// A budget that suspends.
pub fn budget(budget: u64, period: u64) -> Result<Owned, Error> {
    kernel::budget_create(Handle::NONE, 0, budget, period, BudgetFlags::empty())
}

/// What has been used of a budget, in ns.
pub fn used(budget: &Owned) -> Result<u64, Error> {
    Ok(kernel::nanoseconds(kernel::budget_info(budget.get())?.used_ticks))
}

/// CPU time a thread has used, in ns.
pub fn cpu_time(thread: Handle) -> Result<u64, Error> {
    Ok(kernel::nanoseconds(kernel::thread_info(thread)?.cpu_ticks))
}

pub fn child_at(suite: &Suite, priority: u64) -> Result<Child, Failure> {
    let options = Options { priority, ..Options::DEFAULT };
    Ok(Child::with(suite, options)?)
}

/// A child whose first thread runs on a budget.
pub fn child_on(suite: &Suite, priority: u64, budget: &Owned) -> Result<Child, Failure> {
    let child = child_at(suite, priority)?;
    kernel::budget_bind(child.thread.get(), budget.get())?;
    Ok(child)
}

/// Uses so many ns of its own CPU time.
pub fn work(nanoseconds: u64) -> Result<(), Error> {
    let end = cpu_time(Handle::NONE)? + nanoseconds;
    while cpu_time(Handle::NONE)? < end {}
    Ok(())
}

/// Calls that a [`worker`] has begun, and ended.
pub const BEGUN: usize = 0;
pub const ENDED: usize = 1;

/// Works for each call as many ns as it says; a call with handle 1 set is passed on there first.
pub fn worker(block: &Block) -> Outcome {
    let port = block.handle(PORT);
    let mut message = kernel::receive(port)?;
    loop {
        block.set_result(BEGUN, block.result(BEGUN) + 1);
        if !block.handle(1).is_none() {
            let answer = kernel::send(block.handle(1), &message);
            block.set_result(2, actors::code(&answer));
        }
        work(message.words[0])?;
        block.set_result(ENDED, block.result(ENDED) + 1);
        message = kernel::reply_receive(port, &message)?;
    }
}

/// A worker that waits at a port already, passive or on its process's time.
pub fn worker_at(suite: &Suite, priority: u64, port: &Owned, passive: bool) -> Result<Child, Failure> {
    let worker_child = prepared_worker(suite, priority, port)?;
    begin(suite, &worker_child, passive)?;
    Ok(worker_child)
}

/// A worker that passes calls on to another port first.
pub fn worker_between(
    suite: &Suite,
    priority: u64,
    port: &Owned,
    onward: &Owned,
    passive: bool,
) -> Result<Child, Failure> {
    let child = prepared_worker(suite, priority, port)?;
    child.grant(1, onward.get(), Rights::SEND)?;
    begin(suite, &child, passive)?;
    Ok(child)
}

fn prepared_worker(suite: &Suite, priority: u64, port: &Owned) -> Result<Child, Failure> {
    let child = child_at(suite, priority)?;
    child.grant(PORT, port.get(), Rights::RECEIVE)?;
    Ok(child)
}

fn begin(suite: &Suite, child: &Child, passive: bool) -> Outcome {
    if passive {
        kernel::make_passive(child.thread.get())?;
    }
    child.start(worker)?;
    child.await_state(suite, airox_abi::info::ThreadState::Receiving)
}

/// Results of a [`caller`].
pub const CODE: usize = 0;
pub const CALLED_AT: usize = 1;
pub const ANSWERED_AT: usize = 2;

/// Calls once with the work in argument 2; leaves the error, and when it called and had the answer.
pub fn caller(block: &Block) -> Outcome {
    block.set_result(CALLED_AT, kernel::now());
    let result = kernel::send(block.handle(PORT), &Message::word(0, block.argument(2)));
    block.set_result(ANSWERED_AT, kernel::now());
    block.set_result(CODE, actors::code(&result));
    Ok(())
}

/// Makes a child a [`caller`] of a port and starts it.
pub fn calls(child: &Child, port: &Owned, work: u64) -> Outcome {
    child.grant(PORT, port.get(), Rights::SEND)?;
    child.block().set_argument(2, work);
    Ok(child.start(caller)?)
}
