//! Who runs: 256 fixed priorities, a bitmap of non-empty queues, O(1) everywhere.
//!
//! The running thread is in no queue. A thread preempted by a higher priority goes to the head of its queue with the rest of its turn, one whose
//! turn ended or that yields goes to the tail. A call that finds its server waiting switches to it without any queue.

use crate::kernel::Kernel;
use crate::list::List;
use crate::machine::Machine;
use crate::slab::{Id, NONE, Slab, Weak};
use crate::thread::{Queue, State, Thread, USUAL_WEIGHT};
use airox_abi::QuotaKind;
use airox_abi::layout::PRIORITIES;
use airox_abi::trace::EventKind;

/// A turn among threads of equal priority, in seconds' fractions: 10 ms.
const SLICES_PER_SECOND: u64 = 100;
/// [`armed`](crate::processor::Processor::armed) while the hardware timer is not to be touched.
const HELD: u64 = 0;
/// Ticks in which a thread that a timer has just woken is not interrupted by a less urgent one's: about what it takes to be back in ring 3.
const HOLD_OFF: u64 = 500;

/// The ready queues; links are in the threads.
pub(crate) struct Ready {
    queues: [List; PRIORITIES],
    /// Bit p of word p / 64: queue p is not empty.
    bitmap: [u64; PRIORITIES / 64],
    /// The highest priority with a ready thread, -1 if none.
    pub(crate) highest: i32,
}

impl Ready {
    pub(crate) const fn new() -> Ready {
        Ready { queues: [List::EMPTY; PRIORITIES], bitmap: [0; PRIORITIES / 64], highest: -1 }
    }

    /// The queue of a priority is not empty any more.
    #[inline(always)]
    fn set(&mut self, priority: usize) {
        self.bitmap[priority / 64] |= 1 << (priority % 64);
        self.highest = self.highest.max(priority as i32);
    }

    /// A thread joins the queue of its priority, which is empty, on the processor with this number.
    #[inline(always)]
    pub(crate) fn put_alone(&mut self, id: Id<Thread>, thread: &mut Thread, processor: u32) {
        let priority = thread.priority as usize;
        (thread.next, thread.previous) = (NONE, NONE);
        (thread.queue, thread.queue_processor, thread.turn_left) = (Queue::Ready, processor, 0);
        self.queues[priority] = List::of(id);
        self.set(priority);
    }

    /// The queue of a priority has become empty.
    fn clear(&mut self, priority: usize) {
        self.bitmap[priority / 64] &= !(1 << (priority % 64));
        if self.highest == priority as i32 {
            let word = self.bitmap.iter().rposition(|&word| word != 0);
            self.highest = word.map_or(-1, |word| (word * 64) as i32 + 63 - self.bitmap[word].leading_zeros() as i32);
        }
    }

    /// The queue of a priority.
    #[inline]
    pub(crate) const fn queue(&self, priority: u8) -> &List {
        &self.queues[priority as usize]
    }

    /// A thread joins the queue of its priority on the processor with this number.
    fn enqueue(&mut self, threads: &mut Slab<Thread>, thread: Id<Thread>, processor: u32, at_head: bool) {
        let entry = &mut threads[thread];
        let priority = entry.priority as usize;
        (entry.queue, entry.queue_processor) = (Queue::Ready, processor);
        let queue = &mut self.queues[priority];
        queue.insert(threads, thread, if at_head { queue.first } else { NONE });
        self.set(priority);
    }

    /// A thread leaves the queue of its priority.
    fn dequeue(&mut self, threads: &mut Slab<Thread>, thread: Id<Thread>) {
        let priority = threads[thread].priority as usize;
        self.queues[priority].remove(threads, thread);
        if self.queues[priority].is_empty() {
            self.clear(priority);
        }
    }
}

impl<M: Machine> Kernel<M> {
    /// The priority of the running thread; the idle thread's is below all.
    #[inline]
    fn running_priority(&self) -> i32 {
        if self.cpu.current == self.cpu.idle { -1 } else { i32::from(self.threads[self.cpu.current].priority) }
    }

    pub(crate) fn enqueue(&mut self, thread: Id<Thread>, at_head: bool) {
        let number = self.cpu.number;
        self.cpu.ready.enqueue(&mut self.threads, thread, number, at_head);
    }

    /// A thread is preempted with so much of its turn left: it goes on with it when it runs again.
    #[inline(never)]
    pub(crate) fn keep_turn(&mut self, thread: Id<Thread>, left: u64) {
        self.threads[thread].turn_left = left;
        self.enqueue(thread, left > 0);
        self.arm_timer();
    }

    /// Takes a thread out of its ready queue or its budget's, if it is in one.
    pub(crate) fn dequeue(&mut self, thread: Id<Thread>) {
        let Kernel { threads, budgets, cpu, others, .. } = self;
        let entry = &mut threads[thread];
        let processor = others[entry.queue_processor as usize].as_deref_mut().unwrap_or(cpu);
        let budget = budgets.upgrade(entry.budget);
        match core::mem::replace(&mut entry.queue, Queue::None) {
            Queue::None => {}
            Queue::Ready => processor.ready.dequeue(threads, thread),
            Queue::Budget => {
                if let Some(budget) = budget {
                    budgets[budget].parked.remove(threads, thread);
                }
            }
        }
    }

    /// A thread can run again: unless it is suspended it joins its queue and, if it is more urgent than the running one, gets
    /// the CPU at the end of this kernel entry.
    pub(crate) fn make_ready(&mut self, thread: Id<Thread>) {
        let entry = &mut self.threads[thread];
        entry.state = State::Ready;
        if entry.suspended {
            return;
        }
        let priority = i32::from(entry.priority);
        let running = self.cpu.current.number();
        self.trace(EventKind::Wake, running, thread.number(), 0, 0);
        self.compete(thread);
        let now = self.machine.now();
        if !self.has_time(thread, now) && !self.borrow_time(thread, now) {
            self.park(thread);
            return;
        }
        let home = self.home(thread);
        if home != self.cpu.number {
            self.make_ready_elsewhere(thread, home);
            return;
        }
        let running = self.running_priority();
        self.enqueue(thread, false);
        self.cpu.reschedule |= priority > running;
        if priority == running && self.cpu.slice_end == u64::MAX {
            self.cpu.slice_end = now + self.full_turn(self.cpu.current);
            self.arm_timer();
        }
    }

    /// A thread joins its queue on another processor, which looks at once if the thread is as urgent as what runs there.
    #[cold]
    #[inline(never)]
    fn make_ready_elsewhere(&mut self, thread: Id<Thread>, number: u32) {
        let Kernel { threads, others, cpu, .. } = self;
        let processor = others[number as usize].as_deref_mut().unwrap_or(cpu);
        processor.ready.enqueue(threads, thread, number, false);
        let idles = processor.current == processor.idle;
        let (waiting, running) = (threads[thread].priority, threads[processor.current].priority);
        // Equals take turns: the first to wait starts them.
        if idles || waiting > running || (waiting == running && processor.slice_end == u64::MAX) {
            self.kick(number);
        }
    }

    /// A thread's whole turn, in ticks.
    fn full_turn(&self, thread: Id<Thread>) -> u64 {
        let turn = self.clock.page.ticks_per_second / SLICES_PER_SECOND;
        turn * u64::from(self.threads[thread].weight) / u64::from(USUAL_WEIGHT)
    }

    /// The running thread has stopped being able to run (its state says why).
    #[inline]
    pub(crate) fn stop_running(&mut self) {
        self.cpu.reschedule = true;
    }

    /// At the end of a kernel entry: lets the most urgent ready thread run if need be.
    #[inline]
    pub(crate) fn finish_entry(&mut self) {
        if self.first_doomed != NONE {
            self.begin_ends();
        }
        if self.cpu.reschedule {
            let now = self.settled();
            self.pick_next(now);
        }
    }

    /// The time, at which the running thread's budget is not as good as used up: then that is what stops it, and not in silence who preempts it.
    #[inline]
    fn settled(&mut self) -> u64 {
        let now = self.machine.now();
        if now < self.cpu.budget_close { now } else { self.settle_budget(now) }
    }

    #[cold]
    fn settle_budget(&mut self, now: u64) -> u64 {
        if self.threads[self.cpu.current].state == State::Running {
            self.end_of_budget(now);
            if self.first_doomed != NONE {
                self.begin_ends();
            }
        }
        self.machine.now()
    }

    fn pick_next(&mut self, now: u64) {
        self.cpu.reschedule = false;
        let current = self.cpu.current;
        let runs = current != self.cpu.idle && self.threads[current].state == State::Running;
        let runnable = runs && !self.threads[current].suspended && self.keeps_time(now);
        let highest = self.highest_with_time(now);
        if runnable {
            let priority = i32::from(self.threads[current].priority);
            // Of equals, the reaper goes first.
            let reaps = self.cpu.ready.queue(priority as u8).first() == Some(self.cpu.reaper);
            if highest < priority || highest == priority && !reaps {
                // It may have just come down to equals that wait.
                if highest == priority && self.cpu.slice_end == u64::MAX {
                    self.cpu.slice_end = now + self.full_turn(current);
                    self.arm_timer();
                }
                return;
            }
        }
        let next = u8::try_from(highest).ok().and_then(|priority| self.cpu.ready.queue(priority).first());
        if let Some(next) = next {
            self.dequeue(next);
        }
        if runnable {
            // Its turn goes on when it runs again; otherwise whoever is interrupted often would never end one.
            self.threads[current].turn_left = match self.cpu.slice_end {
                u64::MAX => 0,
                end => end.saturating_sub(now).max(1),
            };
            self.threads[current].state = State::Ready;
            self.enqueue(current, true);
        } else if runs {
            self.leave_processor(current, now);
        }
        self.switch_to(next.unwrap_or(self.cpu.idle), now);
    }

    /// The running thread is suspended, has no time left, or none of this processor's.
    fn leave_processor(&mut self, current: Id<Thread>, now: u64) {
        self.threads[current].state = State::Ready;
        let home = self.home(current);
        if self.threads[current].suspended {
            // Until it is resumed.
        } else if home != self.cpu.number && self.has_time(current, now) {
            self.compete(current);
            self.make_ready_elsewhere(current, home);
        } else {
            self.park(current);
        }
    }

    /// Whether the running thread has time to go on; it may have been lent some or lost it.
    fn keeps_time(&mut self, now: u64) -> bool {
        let current = self.cpu.current;
        if self.threads[current].budget != self.cpu.budget {
            if self.home(current) != self.cpu.number {
                return false;
            }
            self.compete(current);
            self.change_budget(self.threads[current].budget, now);
        }
        self.has_time(current, now) || (self.borrow_time(current, now) && self.home(current) == self.cpu.number)
    }

    /// The highest priority with a thread that has time to run, -1 if there is none. Threads without wait for it elsewhere from now on.
    fn highest_with_time(&mut self, now: u64) -> i32 {
        loop {
            let highest = self.cpu.ready.highest;
            let first = u8::try_from(highest).ok().and_then(|priority| self.cpu.ready.queue(priority).first());
            let Some(thread) = first else {
                return highest;
            };
            if self.has_time(thread, now) {
                return highest;
            }
            self.dequeue(thread);
            if !self.borrow_time(thread, now) {
                self.park(thread);
            } else if self.home(thread) == self.cpu.number {
                self.enqueue(thread, true);
                return highest;
            } else {
                self.make_ready(thread);
            }
        }
    }

    /// The running thread gives way to others of its priority.
    pub(crate) fn rotate(&mut self) {
        let now = self.settled();
        let current = self.cpu.current;
        if current == self.cpu.idle || self.threads[current].state != State::Running {
            return;
        }
        let priority = self.threads[current].priority;
        if !self.cpu.ready.queue(priority).is_empty() {
            self.threads[current].state = State::Ready;
            self.enqueue(current, false);
            self.pick_next(now);
        }
    }

    /// Lets `next`, which is in no queue, run now, with a turn of its own; the running thread has already been put where it belongs.
    #[inline]
    pub(crate) fn switch_to(&mut self, next: Id<Thread>, now: u64) {
        self.run(next, now);
        let shares = next != self.cpu.idle && !self.cpu.ready.queue(self.threads[next].priority).is_empty();
        if shares || self.cpu.slice_end != u64::MAX {
            self.cpu.slice_end = if shares {
                let left = core::mem::take(&mut self.threads[next].turn_left);
                let turn = if left == 0 { self.full_turn(next) } else { left };
                self.cpu.last_switch + turn
            } else {
                u64::MAX
            };
            self.arm_timer();
        }
    }

    /// Makes `next` the running thread.
    #[inline]
    fn run(&mut self, next: Id<Thread>, now: u64) {
        let elapsed = now.wrapping_sub(self.cpu.last_switch);
        self.cpu.last_switch = now;
        let current = self.cpu.current;
        let old = &mut self.threads[current];
        old.cpu_ticks = old.cpu_ticks.wrapping_add(elapsed);
        if old.competing != Weak::NONE && (old.state != State::Ready || old.suspended) {
            self.stop_competing(current);
        }
        let entry = &mut self.threads[next];
        entry.state = State::Running;
        let (process, budget) = (entry.process, entry.budget);
        self.cpu.current = next;
        if budget != self.cpu.budget {
            self.change_budget(budget, now);
        }
        self.enter_process();
        self.trace(EventKind::Switch, next.number(), process.number(), 0, 0);
    }

    /// The rest of a switch: the running thread may be another process's.
    #[inline(always)]
    pub(crate) fn enter_process(&mut self) {
        let Thread { process, has_io_ports, .. } = self.threads[self.cpu.current];
        self.cpu.switches = self.cpu.switches.wrapping_add(1);
        if process != self.cpu.current_process {
            self.cpu.current_process = process;
            if has_io_ports | self.cpu.io_ports_loaded {
                self.load_io_ports(process);
            }
        }
    }

    /// A thread that has just become able to run, while the running one has just stopped: switch directly if it is the most urgent.
    ///
    /// Among equals it takes over the rest of the turn, not a new one: two that call each other must not keep out a third.
    #[inline]
    pub(crate) fn hand_over(&mut self, next: Id<Thread>) {
        self.compete(next);
        let entry = &self.threads[next];
        let (priority, highest) = (i32::from(entry.priority), self.cpu.ready.highest);
        let now = self.machine.now();
        let can_run = !entry.suspended && self.has_time(next, now) && self.home(next) == self.cpu.number;
        if can_run && priority > highest {
            self.cpu.reschedule = false;
            self.switch_to(next, now);
        } else if can_run && priority == highest && entry.priority == self.threads[self.cpu.current].priority {
            self.cpu.reschedule = false;
            self.run(next, now);
        } else {
            self.make_ready(next);
            self.cpu.reschedule = true;
        }
    }

    /// Programs the hardware timer for the earliest of timers, the end of the turn and that of the budget. Another processor's it can't: that one
    /// does it when it goes on.
    pub(crate) fn arm_timer(&mut self) {
        self.arm_timer_after(0);
    }

    /// As [`Self::arm_timer`], but no timer before this moment.
    #[inline]
    fn arm_timer_after(&mut self, moment: u64) {
        let cpu = &self.cpu;
        let due = cpu.timers.earliest().max(moment).min(cpu.slice_end).min(cpu.budget_end);
        if due != cpu.armed && cpu.armed != HELD && cpu.number == self.here {
            self.cpu.armed = due;
            self.machine.arm_timer(due);
        }
    }

    /// The hardware timer fired.
    pub fn timer(&mut self) {
        self.interrupts += 1;
        let running = self.cpu.current.number();
        self.trace(EventKind::Timer, running, 0, self.cpu.armed, 0);
        self.cpu.armed = HELD;
        let now = self.machine.now();
        if let Some(owner) = self.cpu.timers.take_due(now) {
            let owner = if self.cpu.timers.earliest() <= now { self.more_urgent(owner) } else { owner };
            self.expire(owner);
        }
        // What has become due meanwhile is seen to as well, once: budgets may be due again as fast as they are replenished.
        let now = self.machine.now();
        let mut hold = 0;
        if self.cpu.timers.earliest() < now + HOLD_OFF {
            hold = self.take_others(now);
        }
        if now >= self.cpu.budget_end {
            self.end_of_budget(now);
        }
        if now >= self.cpu.slice_end {
            self.cpu.slice_end = u64::MAX;
            self.rotate();
        }
        self.finish_entry();
        self.cpu.armed = u64::MAX;
        self.arm_timer_after(hold);
    }

    /// A timer, which has left the queue, wakes who waits for it.
    #[inline(always)]
    fn expire(&mut self, owner: u32) {
        match owner.checked_sub(self.capacity.get(QuotaKind::Signals)) {
            None => {
                let signal = Id::new(owner);
                self.notify_and_switch(signal, self.signals[signal].timer_bits);
            }
            Some(budget) => self.replenish(Id::new(budget)),
        }
    }

    /// How urgent a timer is: as the thread it wakes, or most of all where that is not a matter of one thread of this processor.
    fn urgency(&self, owner: u32) -> i32 {
        if owner >= self.capacity.get(QuotaKind::Signals) {
            return i32::MAX;
        }
        let waiter = self.signals[Id::new(owner)].waiter.map(|(thread, _)| thread);
        let waiter = waiter.filter(|&thread| self.home(thread) == self.cpu.number);
        waiter.map_or(i32::MAX, |thread| self.threads[thread].priority.into())
    }

    /// Of two timers that are due, one taken and the first in the queue, takes the more urgent instead.
    #[cold]
    #[inline(never)]
    fn more_urgent(&mut self, taken: u32) -> u32 {
        let other = self.cpu.timers.first().filter(|&other| self.urgency(other) > self.urgency(taken));
        if other.is_some() { self.cpu.timers.replace_first(taken) } else { taken }
    }

    /// Sees to the timers that are due. One that is due now or soon and less urgent than what is to run waits a moment, so that it does not interrupt
    /// what has just been woken: returns until when, 0 if there is none.
    #[cold]
    #[inline(never)]
    fn take_others(&mut self, now: u64) -> u64 {
        while let Some(first) = self.cpu.timers.first().filter(|_| self.cpu.timers.earliest() < now + HOLD_OFF) {
            if self.urgency(first) < self.running_priority().max(self.cpu.ready.highest) {
                return now + HOLD_OFF;
            }
            let Some(owner) = self.cpu.timers.take_due(now) else { break };
            self.expire(owner);
        }
        0
    }

    /// Whether the hardware timer is due: a kernel entry that can be left now, and begun anew, is.
    #[inline]
    pub(crate) fn is_late(&self) -> bool {
        self.machine.now() >= self.cpu.armed
    }
}

#[cfg(test)]
#[path = "tests/scheduler.rs"]
mod tests;
