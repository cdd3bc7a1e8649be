//! Budgets: processor time as an object. A thread runs only on one.
//!
//! A budget is a sporadic server: so much time in each period, and what is used comes back one period after its use began. The queue of
//! replenishments is that of Stanovich et al., "Defects of the POSIX sporadic server and how to correct them" (RTAS 2010): its amounts always add up to
//! the budget. Unlimited budgets, one for each processor, are for threads that nobody gave one.
//!
//! Threads may share a budget. A call lends the caller's to a server that has none of its own. When the last handle to a budget goes, the
//! budget goes, and threads that are bound to it stop until they are bound to another.

use crate::Result;
use crate::kernel::Kernel;
use crate::list::List;
use crate::machine::Machine;
use crate::quota::Quota;
use crate::signal::Signal;
use crate::slab::{Id, NONE, Weak};
use crate::thread::{Queue, State, Thread};
use airox_abi::fault::FaultKind;
use airox_abi::info::BudgetInfo;
use airox_abi::time::{MAX_PERIOD_NS, MIN_BUDGET_NS, WHOLE_PROCESSOR, budget_share};
use airox_abi::trace::EventKind;
use airox_abi::{BudgetFlags, Error, QuotaKind};
use arrayvec::ArrayVec;

/// Most pending replenishments; further ones are merged, which delays them.
const REFILLS: usize = 8;
/// A rest shorter than this part of the shortest budget is not worth a switch: it joins the next replenishment.
const REST: u64 = 5;

/// Time that can be used from a point in time on, both in ticks.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Refill {
    time: u64,
    amount: u64,
}

/// The replenishments of one budget, in order of time; at least one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Refills {
    queue: ArrayVec<Refill, REFILLS>,
    period: u64,
    /// Rests up to this are merged.
    rest: u64,
}

impl Refills {
    pub(crate) fn new(now: u64, budget: u64, period: u64, rest: u64) -> Refills {
        let mut refills = Refills { period, rest, ..Refills::default() };
        refills.push(now, budget);
        refills
    }

    /// When there is time to use, and how much of it.
    #[inline]
    pub(crate) fn next(&self) -> (u64, u64) {
        (self.queue[0].time, self.queue[0].amount)
    }

    /// What can be used at `now`, in ticks.
    pub(crate) fn available(&self, now: u64) -> u64 {
        self.queue.iter().filter(|refill| refill.time <= now).map(|refill| refill.amount).sum()
    }

    fn push(&mut self, time: u64, amount: u64) {
        let full = self.queue.is_full();
        match self.queue.last_mut() {
            Some(last) if last.time + last.amount >= time => last.amount += amount,
            // Later than it need be, never earlier.
            Some(last) if full => (last.time, last.amount) = (time, last.amount + amount),
            _ => self.queue.push(Refill { time, amount }),
        }
    }

    /// A thread can use the budget again, after none could: time not used before is not saved up.
    pub(crate) fn wake(&mut self, now: u64) {
        if self.queue[0].time >= now {
            return;
        }
        self.queue[0].time = now;
        while self.queue.get(1).is_some_and(|next| next.time <= now + self.queue[0].amount) {
            self.queue[0].amount += self.queue.remove(1).amount;
        }
    }

    /// `used` ticks were used: they come back a period after their use began. What was used beyond the budget, since a kernel entry took
    /// so long, is taken from the periods to come.
    pub(crate) fn consume(&mut self, mut used: u64) {
        let total: u64 = self.queue.iter().map(|refill| refill.amount).sum();
        if used > total {
            let periods = (used - 1) / total;
            used -= periods * total;
            for refill in &mut self.queue {
                refill.time += periods * self.period;
            }
        }
        while used > 0 {
            let first = self.queue.remove(0);
            let taken = used.min(first.amount);
            used -= taken;
            if taken < first.amount {
                // Room for it is there: one has just been taken.
                self.queue.insert(0, Refill { time: first.time + taken, amount: first.amount - taken });
            }
            self.push(first.time + self.period, taken);
        }
        while self.queue.len() > 1 && self.queue[0].amount <= self.rest {
            let rest = self.queue.remove(0).amount;
            self.queue[0].amount += rest;
        }
    }

    /// Changes budget and period; what is used stays used until its replenishment, at most one of the new periods.
    fn change(&mut self, now: u64, budget: u64, period: u64) {
        self.period = period;
        let pending = core::mem::take(&mut self.queue);
        let later = pending.iter().filter(|refill| refill.time > now);
        let mut left = budget.min(later.clone().map(|refill| refill.amount).sum());
        if left < budget {
            self.push(now, budget - left);
        }
        for refill in later {
            let amount = refill.amount.min(left);
            if amount > 0 {
                self.push(refill.time.min(now + period), amount);
                left -= amount;
            }
        }
    }
}

/// A budget.
#[derive(Default)]
pub(crate) struct Budget {
    pub(crate) processor: u32,
    fault: bool,
    pub(crate) refills: Refills,
    budget_ns: u64,
    period_ns: u64,
    /// Threads that run on it or could.
    competing: u32,
    /// Threads that could run if it had time left.
    pub(crate) parked: List,
    watcher: Option<(Weak<Signal>, u64)>,
    used_ticks: u64,
    overruns: u64,
    /// Millionths of a processor that are charged for it.
    charged: u32,
}

impl Budget {
    /// The budget of threads that have no other.
    pub(crate) fn unlimited(processor: u32) -> Budget {
        let refills = Refills::new(0, 1, 1, 0);
        Budget { processor, refills, budget_ns: MAX_PERIOD_NS, period_ns: MAX_PERIOD_NS, ..Budget::default() }
    }

    /// Millionths of a processor that it takes.
    pub(crate) const fn charged(&self) -> u32 {
        self.charged
    }

    /// Whether a thread may run on it now.
    #[inline]
    pub(crate) fn has_time(&self, now: u64) -> bool {
        self.refills.next().0 <= now
    }
}

impl<M: Machine> Kernel<M> {
    /// `budget_create`.
    pub(crate) fn create_budget(
        &mut self,
        quota: Id<Quota>,
        processor: u64,
        time: (u64, u64),
        flags: BudgetFlags,
    ) -> Result<Id<Budget>> {
        let (budget_ns, period_ns) = time;
        let charged = budget_share(budget_ns, period_ns).ok_or(Error::InvalidArgument)?;
        let processor = self.usable_processor(self.cpu.current_process, processor)?;
        self.promise(quota, processor, charged)?;
        let (budget, period) = (self.clock.span(budget_ns), self.clock.span(period_ns));
        let rest = self.clock.span(MIN_BUDGET_NS / REST);
        let budget = Budget {
            fault: flags.contains(BudgetFlags::FAULT),
            refills: Refills::new(self.machine.now(), budget, period, rest),
            budget_ns,
            period_ns,
            charged,
            ..Budget::unlimited(processor)
        };
        self.add_object(quota, budget).inspect_err(|_| self.take_back(quota, processor, charged))
    }

    /// Promises a share of a processor's time, which ends at the whole of it.
    fn promise(&mut self, quota: Id<Quota>, processor: u32, share: u32) -> Result<()> {
        let promised = self.processor(processor).promised + share;
        if promised > WHOLE_PROCESSOR {
            return Err(Error::QuotaExceeded);
        }
        self.charge(quota, QuotaKind::Time, share)?;
        self.processor_mut(processor).promised = promised;
        Ok(())
    }

    fn take_back(&mut self, quota: Id<Quota>, processor: u32, share: u32) {
        self.processor_mut(processor).promised -= share;
        self.uncharge(quota, QuotaKind::Time, share);
    }

    /// `budget_set`.
    pub(crate) fn set_budget(&mut self, id: Id<Budget>, budget_ns: u64, period_ns: u64) -> Result<()> {
        let wanted = budget_share(budget_ns, period_ns).ok_or(Error::InvalidArgument)?;
        let Budget { charged, processor, .. } = self.budgets[id];
        let quota = self.budgets.quota(id);
        if wanted > charged {
            self.promise(quota, processor, wanted - charged)?;
        } else {
            self.take_back(quota, processor, charged - wanted);
        }
        self.where_used(id, |kernel| kernel.change_refills(id, budget_ns, period_ns, wanted));
        Ok(())
    }

    /// Does something in the place of the processor on which a budget's time passes; where none passes, it does not matter where.
    fn where_used(&mut self, id: Id<Budget>, work: impl FnOnce(&mut Self)) {
        let processor = self.budgets[id].processor;
        let used = self.processor(processor).budget == self.budgets.weak(id);
        self.visit(if used { processor } else { self.cpu.number }, work);
    }

    fn change_refills(&mut self, id: Id<Budget>, budget_ns: u64, period_ns: u64, charged: u32) {
        let now = self.machine.now();
        let runs = self.cpu.budget == self.budgets.weak(id);
        if runs {
            self.charge_time(now);
        }
        let (budget, period) = (self.clock.span(budget_ns), self.clock.span(period_ns));
        let entry = &mut self.budgets[id];
        (entry.budget_ns, entry.period_ns, entry.charged) = (budget_ns, period_ns, charged);
        entry.refills.change(now, budget, period);
        self.replenish(id);
        if runs {
            self.use_budget(self.cpu.budget, now);
            self.cpu.reschedule = true;
        }
    }

    /// `budget_bind`, of a live thread: `None` makes the thread passive.
    pub(crate) fn bind_budget(&mut self, id: Id<Thread>, budget: Option<Weak<Budget>>) {
        self.threads[id].own_budget = budget.unwrap_or(Weak::NONE);
        let Some(budget) = budget else {
            // Goes on with the time it has until it receives.
            return;
        };
        self.take_off(id);
        self.dequeue(id);
        self.stop_competing(id);
        self.threads[id].budget = budget;
        if id == self.cpu.current {
            self.compete(id);
            self.cpu.reschedule = true;
        } else if self.threads[id].state == State::Ready {
            self.make_ready(id);
        }
        self.lend_on(id);
    }

    /// `budget_watch`.
    pub(crate) fn watch_budget(&mut self, id: Id<Budget>, signal: Id<Signal>, bits: u64) {
        self.budgets[id].watcher = Some((self.signals.weak(signal), bits));
    }

    /// `budget_info`.
    pub(crate) fn budget_info(&self, id: Id<Budget>) -> BudgetInfo {
        let budget = &self.budgets[id];
        let now = self.machine.now();
        let processor = self.processor(budget.processor);
        let running =
            if processor.budget == self.budgets.weak(id) { now.wrapping_sub(processor.budget_since) } else { 0 };
        BudgetInfo {
            number: id.number(),
            processor: budget.processor,
            budget_ns: budget.budget_ns,
            period_ns: budget.period_ns,
            available_ticks: budget.refills.available(now).saturating_sub(running),
            used_ticks: budget.used_ticks + running,
            overruns: budget.overruns,
        }
    }

    /// The last handle went.
    pub(crate) fn free_budget(&mut self, id: Id<Budget>) {
        for number in 0..self.processors {
            let reaper = self.processor(number).reaper;
            if self.threads[reaper].budget == self.budgets.weak(id) {
                // Processes end even if who ended them has lost its time.
                self.threads[reaper].budget = self.unlimited_budget(number);
            }
        }
        let timer = self.budget_timer(id);
        self.where_used(id, |kernel| {
            if kernel.cpu.budget == kernel.budgets.weak(id) {
                (kernel.cpu.budget_end, kernel.cpu.budget_close) = (u64::MAX, u64::MAX);
                kernel.cpu.reschedule = true;
            }
        });
        let Budget { charged, parked, processor, .. } = self.budgets[id];
        self.processor_mut(processor).timers.cancel(timer);
        self.arm_timer();
        self.take_back(self.budgets.quota(id), processor, charged);
        self.remove_object(id);
        self.unpark(parked);
    }

    /// Where a budget's replenishment is among the timers.
    pub(crate) fn budget_timer(&self, id: Id<Budget>) -> u32 {
        self.capacity.get(QuotaKind::Signals) + id.number()
    }

    /// Whether a thread has a budget with time left.
    #[inline]
    pub(crate) fn has_time(&self, thread: Id<Thread>, now: u64) -> bool {
        let budget = self.threads[thread].budget;
        self.is_unlimited(budget)
            || self.budgets.upgrade(budget).is_some_and(|budget| self.budgets[budget].has_time(now))
    }

    /// Of two budgets, which has time first; the first one of equals.
    pub(crate) fn earlier(&self, first: Weak<Budget>, second: Weak<Budget>) -> Weak<Budget> {
        let due = |budget| match self.budgets.upgrade(budget) {
            Some(_) if self.is_unlimited(budget) => 0,
            Some(budget) => self.budgets[budget].refills.next().0,
            None => u64::MAX,
        };
        if due(second) < due(first) { second } else { first }
    }

    /// Whether a budget is a processor's own: those were made first and stay for ever.
    #[inline(always)]
    pub(crate) fn is_unlimited(&self, budget: Weak<Budget>) -> bool {
        budget.id().number() < self.processors
    }

    /// The budget, if it has not gone and is limited.
    #[inline(always)]
    fn limited(&self, budget: Weak<Budget>) -> Option<Id<Budget>> {
        if self.is_unlimited(budget) { None } else { self.budgets.upgrade(budget) }
    }

    /// A thread can run, or runs, on its budget.
    #[inline(always)]
    pub(crate) fn compete(&mut self, thread: Id<Thread>) {
        let entry = &self.threads[thread];
        if !self.is_unlimited(entry.budget) || entry.competing != Weak::NONE {
            self.compete_limited(thread);
        }
    }

    #[cold]
    #[inline(never)]
    fn compete_limited(&mut self, thread: Id<Thread>) {
        let (weak, old) = (self.threads[thread].budget, self.threads[thread].competing);
        if weak == old {
            return;
        }
        self.stop_competing(thread);
        if let Some(id) = self.limited(weak) {
            self.threads[thread].competing = weak;
            let now = self.machine.now();
            let budget = &mut self.budgets[id];
            budget.competing += 1;
            if budget.competing == 1 {
                budget.refills.wake(now);
            }
        }
    }

    /// A thread can not run any more.
    #[cold]
    #[inline(never)]
    pub(crate) fn stop_competing(&mut self, thread: Id<Thread>) {
        let weak = core::mem::replace(&mut self.threads[thread].competing, Weak::NONE);
        if let Some(id) = self.budgets.upgrade(weak) {
            self.budgets[id].competing -= 1;
        }
    }

    /// The running thread's budget is another now.
    #[cold]
    #[inline(never)]
    pub(crate) fn change_budget(&mut self, budget: Weak<Budget>, now: u64) {
        self.charge_time(now);
        self.use_budget(budget, now);
    }

    /// Accounts the time that has passed on the running budget.
    pub(crate) fn charge_time(&mut self, now: u64) {
        let since = core::mem::replace(&mut self.cpu.budget_since, now);
        if let Some(id) = self.limited(self.cpu.budget) {
            let used = now.wrapping_sub(since);
            let budget = &mut self.budgets[id];
            budget.used_ticks += used;
            budget.refills.consume(used);
        }
    }

    /// From now on time passes on this budget.
    pub(crate) fn use_budget(&mut self, budget: Weak<Budget>, now: u64) {
        self.cpu.budget = budget;
        self.cpu.budget_since = now;
        let (end, rest) = self.limited(budget).map_or((u64::MAX, 0), |budget| {
            let refills = &self.budgets[budget].refills;
            (now + refills.next().1, refills.rest)
        });
        (self.cpu.budget_end, self.cpu.budget_close) = (end, end - rest);
        self.arm_timer();
    }

    /// The running budget's time is over.
    pub(crate) fn end_of_budget(&mut self, now: u64) {
        self.charge_time(now);
        (self.cpu.budget_end, self.cpu.budget_close) = (u64::MAX, u64::MAX);
        let Some(id) = self.budgets.upgrade(self.cpu.budget) else {
            return;
        };
        if self.budgets[id].has_time(now) {
            self.use_budget(self.cpu.budget, now);
            return;
        }
        let thread = self.cpu.current;
        let budget = &mut self.budgets[id];
        budget.overruns += 1;
        let (watcher, fault, next) = (budget.watcher, budget.fault, budget.refills.next().0);
        self.trace(EventKind::Budget, thread.number(), id.number(), next, 0);
        if let Some((signal, bits)) = watcher {
            self.notify_weak(signal, bits);
        }
        // Whom the time was only lent to is not to blame.
        let own = self.threads[thread].own_budget == self.cpu.budget;
        if fault && own && self.threads[thread].state == State::Running {
            self.fault(FaultKind::OutOfTime, 0, 0);
        }
        self.cpu.reschedule = true;
    }

    /// A thread that could run has no time: it waits for its budget's replenishment, if it has a budget at all.
    pub(crate) fn park(&mut self, thread: Id<Thread>) {
        let Some(id) = self.budgets.upgrade(self.threads[thread].budget) else {
            return;
        };
        self.compete(thread);
        // At the tail: of several that share a budget, who used it last comes after those that found none left.
        self.budgets[id].parked.insert(&mut self.threads, thread, NONE);
        self.threads[thread].queue = Queue::Budget;
        let Budget { processor, refills, .. } = &self.budgets[id];
        let (number, due) = (*processor, refills.next().0);
        let timer = self.budget_timer(id);
        self.processor_mut(number).timers.set(timer, due);
        if number == self.cpu.number {
            self.arm_timer();
        } else {
            self.kick(number);
        }
    }

    /// A budget may have time again.
    pub(crate) fn replenish(&mut self, id: Id<Budget>) {
        // Whoever still finds none is parked again.
        let parked = core::mem::replace(&mut self.budgets[id].parked, List::EMPTY);
        self.unpark(parked);
    }

    /// Threads that are in a budget's queue no more look for time again.
    fn unpark(&mut self, parked: List) {
        let mut link = parked.first;
        while let Some(thread) = Id::<Thread>::from_link(link) {
            link = self.threads[thread].next;
            self.threads[thread].queue = Queue::None;
            self.make_ready(thread);
        }
    }
}

#[cfg(test)]
#[path = "tests/budget.rs"]
mod tests;
