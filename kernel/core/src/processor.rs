//! What belongs to one processor, and how one processor reaches another.
//!
//! One processor at a time is in the kernel: [`Kernel::cpu`] is its own, all others lie in [`Kernel::others`]. It may put a thread into another's
//! ready queue and interrupt it ([`Kernel::kick`]). What changes the thread that runs there, or whose time passes there, is done in the other's
//! place, while it stands still in front of the kernel ([`Kernel::visit`]).
//!
//! A thread runs where its budget's time is: processors have no balance of their own, and a server without a budget runs where its caller does.

use crate::Result;
use crate::budget::Budget;
use crate::kernel::Kernel;
use crate::machine::Machine;
use crate::process::Process;
use crate::scheduler::Ready;
use crate::slab::{Id, NONE, Weak};
use crate::thread::{State, Thread};
use crate::timers::Timers;
use crate::trace::Ring;
use airox_abi::Error;
use alloc::boxed::Box;
use alloc::vec::Vec;

/// One processor.
pub(crate) struct Processor {
    pub(crate) number: u32,
    pub(crate) current: Id<Thread>,
    pub(crate) current_process: Id<Process>,
    pub(crate) idle: Id<Thread>,
    /// The thread that ends processes, in steps: see [`crate::process`].
    pub(crate) reaper: Id<Thread>,
    /// The processes it ends.
    pub(crate) first_ending: u32,
    /// Someone more urgent may be ready, or the running thread has stopped.
    pub(crate) reschedule: bool,
    /// Some process's I/O ports are open to ring 3.
    pub(crate) io_ports_loaded: bool,
    /// Since when the running thread runs.
    pub(crate) last_switch: u64,
    /// When the running thread's turn among equals ends.
    pub(crate) slice_end: u64,
    /// What the hardware timer is set to.
    pub(crate) armed: u64,
    /// Whose time passes: a server that runs on its caller's budget changes nothing here.
    pub(crate) budget: Weak<Budget>,
    /// Since when it passes unaccounted.
    pub(crate) budget_since: u64,
    /// When the budget runs out.
    pub(crate) budget_end: u64,
    /// When what is left of it begins to be too short to be worth a switch.
    pub(crate) budget_close: u64,
    pub(crate) ready: Ready,
    /// Of signals whose timers were set here, and of budgets of this processor's time.
    pub(crate) timers: Timers,
    pub(crate) switches: u64,
    /// Millionths of its time that are promised to budgets.
    pub(crate) promised: u32,
    pub(crate) ring: Ring,
}

impl Processor {
    /// Memory it takes, apart from its timers.
    pub(crate) const BYTES: usize = size_of::<Processor>() + Ring::BYTES;

    /// A processor that idles, with room for one timer for each of `timers` owners.
    pub(crate) fn new(
        number: u32,
        [idle, reaper]: [Id<Thread>; 2],
        process: Id<Process>,
        budget: Weak<Budget>,
        timers: u32,
        now: u64,
    ) -> Box<Processor> {
        Box::new(Processor {
            number,
            current: idle,
            current_process: process,
            idle,
            reaper,
            first_ending: NONE,
            reschedule: true,
            io_ports_loaded: false,
            last_switch: now,
            slice_end: u64::MAX,
            armed: u64::MAX,
            budget,
            budget_since: now,
            budget_end: u64::MAX,
            budget_close: u64::MAX,
            ready: Ready::new(),
            timers: Timers::new(timers),
            switches: 0,
            promised: 0,
            ring: Ring::new(),
        })
    }
}

/// The processors that are not in the kernel, by number; the place of the one that is is empty.
pub(crate) type Others = Vec<Option<Box<Processor>>>;

impl<M: Machine> Kernel<M> {
    /// This processor runs the kernel from now on.
    #[inline(always)]
    pub fn enter(&mut self, number: u32) {
        if self.cpu.number != number {
            self.here = number;
            self.take_place_of(number);
        }
    }

    /// Acts as another processor, or as itself again.
    #[inline(never)]
    fn take_place_of(&mut self, number: u32) {
        if let Some(next) = self.others[number as usize].take() {
            let last = core::mem::replace(&mut self.cpu, next);
            let place = last.number as usize;
            self.others[place] = Some(last);
        }
    }

    /// Where a processor's state is; it never moves. For the entry stubs.
    #[must_use]
    pub fn processor_address(&self, number: u32) -> u64 {
        core::ptr::from_ref(self.processor(number)).expose_provenance() as u64
    }

    /// A processor by its number.
    pub(crate) fn processor(&self, number: u32) -> &Processor {
        self.others[number as usize].as_deref().unwrap_or(&self.cpu)
    }

    /// As [`Self::processor`].
    pub(crate) fn processor_mut(&mut self, number: u32) -> &mut Processor {
        self.others[number as usize].as_deref_mut().unwrap_or(&mut self.cpu)
    }

    /// All processors.
    pub(crate) fn all_processors(&self) -> impl Iterator<Item = &Processor> {
        (0..self.processors).map(|number| self.processor(number))
    }

    /// Whether a thread is the kernel's own.
    pub(crate) fn is_own(&self, thread: Id<Thread>) -> bool {
        self.all_processors().any(|processor| [processor.idle, processor.reaper].contains(&thread))
    }

    /// The processor whose time a thread runs on: this one if it has none.
    #[inline(always)]
    pub(crate) fn home(&self, thread: Id<Thread>) -> u32 {
        let budget = self.threads[thread].budget;
        if budget == self.cpu.budget { self.cpu.number } else { self.home_of(budget) }
    }

    fn home_of(&self, budget: Weak<Budget>) -> u32 {
        self.budgets.upgrade(budget).map_or(self.cpu.number, |budget| self.budgets[budget].processor)
    }

    /// The processor a thread runs on now, if it runs.
    pub(crate) fn runs_on(&self, thread: Id<Thread>) -> Option<&Processor> {
        let runs = self.threads[thread].state == State::Running;
        self.all_processors().find(|processor| runs && processor.current == thread)
    }

    /// The processor a thread runs on now, if it is another.
    pub(crate) fn runs_elsewhere(&self, thread: Id<Thread>) -> Option<u32> {
        if thread == self.cpu.current {
            return None;
        }
        self.runs_on(thread).map(|processor| processor.number)
    }

    /// A processor's own time, that of its idle thread.
    pub(crate) fn unlimited_budget(&self, number: u32) -> Weak<Budget> {
        self.threads[self.processor(number).idle].budget
    }

    /// Another processor has to look again who runs and when its timer has to fire.
    pub(crate) fn kick(&mut self, number: u32) {
        self.processor_mut(number).reschedule = true;
        if number != self.here {
            self.machine.interrupt_processor(number);
        }
    }

    /// This processor was kicked, or somebody acted in its place.
    pub fn kicked(&mut self) {
        self.cpu.reschedule = true;
        self.arm_timer();
        self.finish_entry();
    }

    /// Does in another processor's place what only it itself can do, while it stands still. Its hardware learns of it when it goes on.
    pub(crate) fn visit<R>(&mut self, number: u32, work: impl FnOnce(&mut Self) -> R) -> R {
        let own = self.cpu.number;
        if number == own {
            return work(self);
        }
        if number != self.here {
            self.machine.stop_processor(number);
        }
        self.take_place_of(number);
        let result = work(self);
        self.cpu.reschedule = true;
        self.take_place_of(own);
        self.arm_timer();
        result
    }

    /// `thread_processor`.
    pub(crate) fn move_thread(&mut self, thread: Id<Thread>, number: u64) -> Result<()> {
        let process = self.threads[thread].process;
        let number = self.usable_processor(process, number)?;
        if !self.is_unlimited(self.processes[process].budget) {
            return Err(Error::MissingRight);
        }
        self.bind_budget(thread, Some(self.unlimited_budget(number)));
        Ok(())
    }

    /// A processor that exists, and that a process may use.
    pub(crate) fn usable_processor(&self, process: Id<Process>, number: u64) -> Result<u32> {
        if number >= u64::from(self.processors) {
            return Err(Error::NoSuchResource);
        }
        let allowed = self.processes[process].processors & 1 << number != 0;
        if allowed { Ok(number as u32) } else { Err(Error::MissingRight) }
    }

    /// `process_processors`.
    pub(crate) fn restrict_processors(&mut self, process: Id<Process>, processors: u64) -> Result<()> {
        let existing = u64::MAX >> (u64::BITS - self.processors);
        if processors == 0 || processors & !existing != 0 {
            return Err(Error::NoSuchResource);
        }
        if processors & !self.processes[self.cpu.current_process].processors != 0 {
            return Err(Error::MissingRight);
        }
        self.processes[process].processors = processors;
        if self.is_unlimited(self.processes[process].budget) {
            self.processes[process].budget = self.unlimited_budget(processors.trailing_zeros());
        }
        Ok(())
    }

    /// A thread that runs on another processor stops there: it could run from now on, but is in no queue.
    pub(crate) fn take_off(&mut self, thread: Id<Thread>) {
        if let Some(number) = self.runs_elsewhere(thread) {
            self.visit(number, |kernel| {
                kernel.threads[thread].state = State::Ready;
                let idle = kernel.cpu.idle;
                kernel.switch_to(idle, kernel.machine.now());
            });
        }
    }
}
