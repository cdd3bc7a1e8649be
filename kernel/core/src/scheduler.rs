//! Who runs: 256 fixed priorities, a bitmap of non-empty queues, O(1) everywhere.
//!
//! The running thread is in no queue. A thread preempted by a higher priority goes to the head of its queue with the rest of its turn, one whose
//! turn ended or that yields goes to the tail. A call that finds its server waiting switches to it without any queue.

use crate::kernel::Kernel;
use crate::machine::Machine;
use crate::process::Process;
use crate::slab::{Id, NONE};
use crate::thread::{State, Thread};
use airox_abi::layout::PRIORITIES;
use airox_abi::trace::EventKind;

/// A turn among threads of equal priority, in seconds' fractions: 10 ms.
const SLICES_PER_SECOND: u64 = 100;

/// The ready queues; links are in the threads.
pub(crate) struct Ready {
    heads: [u32; PRIORITIES],
    tails: [u32; PRIORITIES],
    /// Bit p of word p / 64: queue p is not empty.
    bitmap: [u64; PRIORITIES / 64],
}

impl Ready {
    pub(crate) const fn new() -> Ready {
        Ready {
            heads: [NONE; PRIORITIES],
            tails: [NONE; PRIORITIES],
            bitmap: [0; PRIORITIES / 64],
        }
    }

    /// The highest priority with a ready thread, -1 if none.
    #[inline(always)]
    pub(crate) fn highest(&self) -> i32 {
        let [a, b, c, d] = self.bitmap;
        if a | b | c | d == 0 {
            -1
        } else {
            self.highest_of_some()
        }
    }

    /// [`Ready::highest`] where some thread is ready.
    #[inline(never)]
    fn highest_of_some(&self) -> i32 {
        for word in (0..PRIORITIES / 64).rev() {
            if self.bitmap[word] != 0 {
                return (word * 64) as i32 + 63 - self.bitmap[word].leading_zeros() as i32;
            }
        }
        -1
    }

    #[cfg(test)]
    pub(crate) fn head(&self, priority: u8) -> u32 {
        self.heads[priority as usize]
    }

    #[inline]
    fn is_empty(&self, priority: u8) -> bool {
        self.heads[priority as usize] == NONE
    }
}

impl<M: Machine> Kernel<M> {
    /// The priority of the running thread; the idle thread's is below all.
    #[inline]
    fn running_priority(&self) -> i32 {
        if self.current == self.idle {
            -1
        } else {
            i32::from(self.threads[self.current].priority)
        }
    }

    fn enqueue(&mut self, thread: Id<Thread>, at_head: bool) {
        let priority = self.threads[thread].priority as usize;
        let (head, tail) = (self.ready.heads[priority], self.ready.tails[priority]);
        let (next, previous) = if at_head { (head, NONE) } else { (NONE, tail) };
        let entry = &mut self.threads[thread];
        (entry.next, entry.previous) = (next, previous);
        entry.queued = true;
        match Id::from_link(next) {
            Some(next) => self.threads[next].previous = thread.number(),
            None => self.ready.tails[priority] = thread.number(),
        }
        match Id::from_link(previous) {
            Some(previous) => self.threads[previous].next = thread.number(),
            None => self.ready.heads[priority] = thread.number(),
        }
        self.ready.bitmap[priority / 64] |= 1 << (priority % 64);
    }

    /// Takes a thread out of its ready queue, if it is in one.
    pub(crate) fn dequeue(&mut self, thread: Id<Thread>) {
        let entry = &mut self.threads[thread];
        if !entry.queued {
            return;
        }
        entry.queued = false;
        let (next, previous, priority) = (entry.next, entry.previous, entry.priority as usize);
        match Id::from_link(next) {
            Some(next) => self.threads[next].previous = previous,
            None => self.ready.tails[priority] = previous,
        }
        match Id::from_link(previous) {
            Some(previous) => self.threads[previous].next = next,
            None => self.ready.heads[priority] = next,
        }
        if self.ready.heads[priority] == NONE {
            self.ready.bitmap[priority / 64] &= !(1 << (priority % 64));
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
        self.enqueue(thread, false);
        let running = self.running_priority();
        if priority > running {
            self.reschedule = true;
        } else if priority == running && self.slice_end == u64::MAX {
            self.slice_end = self.machine.now() + self.full_turn();
            self.arm_timer();
        }
    }

    /// A whole turn, in ticks.
    fn full_turn(&self) -> u64 {
        self.clock.ticks_per_second / SLICES_PER_SECOND
    }

    /// The running thread has stopped being able to run (its state says why).
    #[inline]
    pub(crate) fn stop_running(&mut self) {
        self.reschedule = true;
    }

    /// At the end of a kernel entry: lets the most urgent ready thread run if need be.
    #[inline]
    pub(crate) fn finish_entry(&mut self) {
        if self.first_doomed != NONE {
            self.destroy_doomed();
        }
        if self.reschedule {
            self.pick_next();
        }
    }

    fn pick_next(&mut self) {
        self.reschedule = false;
        let current = self.current;
        let highest = self.ready.highest();
        let runnable = current != self.idle
            && self.threads[current].state == State::Running
            && !self.threads[current].suspended;
        if runnable {
            let priority = i32::from(self.threads[current].priority);
            if highest <= priority {
                // It may have just come down to equals that wait.
                if highest == priority && self.slice_end == u64::MAX {
                    self.slice_end = self.machine.now() + self.full_turn();
                    self.arm_timer();
                }
                return;
            }
            // Its turn goes on when it runs again; otherwise whoever is interrupted often would never end one.
            self.threads[current].turn_left = match self.slice_end {
                u64::MAX => 0,
                end => end.saturating_sub(self.machine.now()).max(1),
            };
            self.threads[current].state = State::Ready;
            self.enqueue(current, true);
        } else if current != self.idle && self.threads[current].state == State::Running {
            self.threads[current].state = State::Ready;
        }
        let next = match Id::from_link(if highest < 0 {
            NONE
        } else {
            self.ready.heads[highest as usize]
        }) {
            Some(next) => {
                self.dequeue(next);
                next
            }
            None => self.idle,
        };
        self.switch_to(next);
    }

    /// The running thread gives way to others of its priority.
    pub(crate) fn rotate(&mut self) {
        let current = self.current;
        if current == self.idle || self.threads[current].state != State::Running {
            return;
        }
        if !self.ready.is_empty(self.threads[current].priority) {
            self.threads[current].state = State::Ready;
            self.enqueue(current, false);
            let highest = self.ready.highest();
            let next = Id::new(self.ready.heads[highest as usize]);
            self.dequeue(next);
            self.reschedule = false;
            self.switch_to(next);
        }
    }

    /// Lets `next`, which is in no queue, run now, with a turn of its own; the running thread has already been put where it belongs.
    #[inline]
    pub(crate) fn switch_to(&mut self, next: Id<Thread>) {
        self.run(next);
        let shares = next != self.idle && !self.ready.is_empty(self.threads[next].priority);
        if shares || self.slice_end != u64::MAX {
            self.slice_end = if shares {
                let left = core::mem::take(&mut self.threads[next].turn_left);
                let turn = if left == 0 { self.full_turn() } else { left };
                self.last_switch + turn
            } else {
                u64::MAX
            };
            self.arm_timer();
        }
    }

    /// Makes `next` the running thread.
    #[inline]
    fn run(&mut self, next: Id<Thread>) {
        let now = self.machine.now();
        let elapsed = now.wrapping_sub(self.last_switch);
        self.last_switch = now;
        self.threads[self.current].cpu_ticks += elapsed;
        self.current = next;
        let entry = &mut self.threads[next];
        entry.state = State::Running;
        let process = entry.process;
        self.enter_process(process);
        self.trace(EventKind::Switch, next.number(), process.number(), 0, 0);
    }

    /// The rest of a switch: the running thread is this process's.
    #[inline(always)]
    pub(crate) fn enter_process(&mut self, process: Id<Process>) {
        self.statistics.switches = self.statistics.switches.wrapping_add(1);
        if process != self.current_process {
            self.current_process = process;
            self.switch_io_ports(process);
        }
    }

    /// A thread that has just become able to run, while the running one has just stopped: switch directly if it is the most urgent.
    ///
    /// Among equals it takes over the rest of the turn, not a new one: two that call each other must not keep out a third.
    #[inline]
    pub(crate) fn hand_over(&mut self, next: Id<Thread>) {
        let entry = &self.threads[next];
        let (priority, highest) = (i32::from(entry.priority), self.ready.highest());
        if !entry.suspended && priority > highest {
            self.reschedule = false;
            self.switch_to(next);
        } else if !entry.suspended
            && priority == highest
            && entry.priority == self.threads[self.current].priority
        {
            self.reschedule = false;
            self.run(next);
        } else {
            self.make_ready(next);
            self.reschedule = true;
        }
    }

    /// Programs the hardware timer for the earliest of timers and slice end.
    pub(crate) fn arm_timer(&mut self) {
        let due = self.timers.earliest().min(self.slice_end);
        if due != self.armed {
            self.armed = due;
            self.machine.arm_timer(due);
        }
    }

    /// The hardware timer fired.
    pub fn timer(&mut self) {
        self.statistics.interrupts += 1;
        self.armed = u64::MAX;
        let now = self.machine.now();
        while let Some(signal) = self.timers.take_due(now) {
            let bits = self.signals[signal].timer_bits;
            self.notify(signal, bits);
        }
        if now >= self.slice_end {
            self.slice_end = u64::MAX;
            self.rotate();
        }
        self.arm_timer();
        self.finish_entry();
    }
}

#[cfg(test)]
#[path = "tests/scheduler.rs"]
mod tests;
