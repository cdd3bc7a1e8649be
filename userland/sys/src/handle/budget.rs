//! Processor time, and who runs on it.

use super::{Budget, Process, Quota, Signal, Thread, TypedHandle};
use crate::call;
use airox_abi::info::BudgetInfo;
use airox_abi::{BudgetFlags, Error, Handle};

/// A budget goes when the last handle to it does, and threads bound to it stop then: whoever makes one for others keeps it.
impl Budget {
    /// So many ns in each period, of the first processor, charged to this process; threads wait when it has run out.
    pub fn create(budget_ns: u64, period_ns: u64) -> Result<Budget, Error> {
        Budget::create_on(None, 0, budget_ns, period_ns, BudgetFlags::empty())
    }

    /// Time of a processor, charged to `quota` (`None`: this process's).
    pub fn create_on(
        quota: Option<&Quota>,
        processor: u32,
        budget_ns: u64,
        period_ns: u64,
        flags: BudgetFlags,
    ) -> Result<Budget, Error> {
        let quota = quota.map_or(Handle::NONE, TypedHandle::raw);
        call::budget_create(quota, processor, budget_ns, period_ns, flags).map(Budget)
    }

    /// Changes it, also while threads run on it. What has been used of the present period stays used.
    pub fn set(&self, budget_ns: u64, period_ns: u64) -> Result<(), Error> {
        call::budget_set(self.0, budget_ns, period_ns)
    }

    /// Has the thread run on it from now on.
    pub fn bind(&self, thread: &Thread) -> Result<(), Error> {
        call::budget_bind(thread.0, self.0, false)
    }

    /// Has `bits` of `signal` notified whenever it runs out under a thread that would go on.
    pub fn watch(&self, signal: &Signal, bits: u64) -> Result<(), Error> {
        call::budget_watch(self.0, signal.0, bits)
    }

    /// State and statistics.
    pub fn budget_info(&self) -> Result<BudgetInfo, Error> {
        call::budget_info(self.0)
    }
}

impl Thread {
    /// Takes its own budget: from its next `receive` on it runs only on what its callers lend. A passive thread must wait for calls
    /// alone; a signal that wakes it brings no time.
    pub fn make_passive(&self) -> Result<(), Error> {
        call::budget_bind(self.0, Handle::NONE, true)
    }

    /// Has it run on its process's budget again.
    pub fn use_process_budget(&self) -> Result<(), Error> {
        call::budget_bind(self.0, Handle::NONE, false)
    }

    /// Moves it to a processor, onto that processor's own, unlimited time. Refused with [`Error::NoSuchResource`] if there is no such processor,
    /// and with [`Error::MissingRight`] if the process may not use it or its threads are made on a budget.
    pub fn set_processor(&self, processor: u32) -> Result<(), Error> {
        call::thread_processor(self.0, processor)
    }

    /// Sets the length of its turns among equals, in hundredths of the usual one, 1 to 10,000.
    pub fn set_weight(&self, weight: u16) -> Result<(), Error> {
        call::thread_weight(self.0, weight)
    }
}

impl Process {
    /// Has threads made in it from now on run on this budget.
    pub fn set_budget(&self, budget: &Budget) -> Result<(), Error> {
        call::process_budget(self.0, budget.0)
    }

    /// Sets the processors that its threads may be moved to: bit n for processor n. Threads made from now on start on the lowest of them. Each
    /// must exist ([`Error::NoSuchResource`]) and be one that this process may use ([`Error::MissingRight`]).
    pub fn set_processors(&self, processors: u64) -> Result<(), Error> {
        call::process_processors(self.0, processors)
    }
}
