//! Processor time.

use super::{address_mut, arg, handle};
use crate::stub::simple;
use airox_abi::info::BudgetInfo;
use airox_abi::{BudgetFlags, Error, Handle, SystemCall};

/// Makes a budget of so many ns in each period on a processor.
pub fn budget_create(
    quota: Handle,
    processor: u32,
    budget_ns: u64,
    period_ns: u64,
    flags: BudgetFlags,
) -> Result<Handle, Error> {
    let (processor, flags) = (u64::from(processor), u64::from(flags.bits()));
    let arguments = [arg(quota), processor, budget_ns, period_ns, flags, 0];
    simple(SystemCall::BudgetCreate, arguments).map(|values| handle(values[0]))
}

/// Changes a budget.
pub fn budget_set(budget: Handle, budget_ns: u64, period_ns: u64) -> Result<(), Error> {
    let arguments = [arg(budget), budget_ns, period_ns, 0, 0, 0];
    simple(SystemCall::BudgetSet, arguments).map(drop)
}

/// Has a thread run on a budget (`NONE`: its process's), or, if passive, on none of its own; a passive thread names no budget.
pub fn budget_bind(thread: Handle, budget: Handle, passive: bool) -> Result<(), Error> {
    let arguments = [arg(thread), arg(budget), u64::from(passive), 0, 0, 0];
    simple(SystemCall::BudgetBind, arguments).map(drop)
}

/// State and statistics of a budget.
pub fn budget_info(budget: Handle) -> Result<BudgetInfo, Error> {
    let mut info = BudgetInfo::default();
    let arguments = [arg(budget), address_mut(&mut info), 0, 0, 0, 0];
    simple(SystemCall::BudgetInfo, arguments).map(|_| info)
}

/// Has a signal notified whenever a budget runs out.
pub fn budget_watch(budget: Handle, signal: Handle, bits: u64) -> Result<(), Error> {
    let arguments = [arg(budget), arg(signal), bits, 0, 0, 0];
    simple(SystemCall::BudgetWatch, arguments).map(drop)
}

/// Has threads made in a process from now on run on a budget.
pub fn process_budget(process: Handle, budget: Handle) -> Result<(), Error> {
    let arguments = [arg(process), arg(budget), 0, 0, 0, 0];
    simple(SystemCall::ProcessBudget, arguments).map(drop)
}

/// Sets the length of a thread's turns among equals, in hundredths of the usual one.
pub fn thread_weight(thread: Handle, weight: u16) -> Result<(), Error> {
    let arguments = [arg(thread), u64::from(weight), 0, 0, 0, 0];
    simple(SystemCall::ThreadWeight, arguments).map(drop)
}
