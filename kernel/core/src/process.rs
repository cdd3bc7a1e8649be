//! Processes: an address space, the handles it owns and a quota; destroyed as a whole.
//!
//! A process ends with its creator: whoever is killed or crashes leaves no orphans that hold what it was given.
//!
//! The end of a process is decided (`doom_process`) anywhere in the kernel and begins at the end of the kernel entry: so the end of one process can
//! bring about another's without recursion, and no code above has to expect that the running thread is suddenly gone. It is done in steps, each of
//! which is short. The first comes at once; for the others each processor has a thread, the reaper, that goes before the one that ended the process
//! and takes its time: so nobody gets time by ending processes, and who ends one finds all it had returned. The reaper is a ring-3 thread without memory:
//! whenever it runs, it faults, and the kernel does the next step.

use crate::Result;
use crate::budget::Budget;
use crate::kernel::Kernel;
use crate::machine::{Frame, Machine, PORT_RANGES};
use crate::object::Object;
use crate::quota::Quota;
use crate::region::Mapping;
use crate::signal::Signal;
use crate::slab::{Id, NONE, Weak};
use crate::thread::State;
use airox_abi::info::{EXIT_CREATOR_ENDED, ProcessInfo, ThreadState};
use airox_abi::layout::{MAX_MAPPINGS, NAME_LENGTH};
use airox_abi::trace::EventKind;
use airox_abi::{Error, Rights};
use arrayvec::ArrayVec;

/// Most signals that can watch one process's end.
const WATCHERS: usize = 4;
/// After this time in a kernel entry no further step of the end of a process is taken.
const STEPS_NS: u64 = 1_000;
/// Slots that are looked at for processes that an ending one made, in one step.
const PROCESSES_AT_ONCE: u32 = 64;

/// A process's name, padded with zeros.
pub(crate) type Name = [u8; NAME_LENGTH];

/// A process.
#[derive(Default)]
pub(crate) struct Process {
    pub(crate) name: Name,
    pub(crate) alive: bool,
    /// Who made it; the kernel's own process, for the root task.
    creator: Weak<Process>,
    /// Its end is decided, and not over yet.
    pub(crate) ending: bool,
    /// Next in the list of such processes.
    next_ending: u32,
    /// It has ended so far that no processor uses its address space any more.
    pub(crate) left: bool,
    /// While it ends: slots of processes that have been looked at for those it made.
    seen: u32,
    pub(crate) root: Frame,
    /// The highest address that has page tables.
    pub(crate) table_last: u64,
    pub(crate) resident_pages: u32,
    pub(crate) quota: Id<Quota>,
    /// What threads made in it run on.
    pub(crate) budget: Weak<Budget>,
    pub(crate) max_priority: u8,
    /// Bit n: its threads may be moved to processor n.
    pub(crate) processors: u64,
    pub(crate) first_capability: u32,
    /// Capabilities it can name: all but mappings.
    pub(crate) handle_count: u32,
    /// In order of address.
    pub(crate) mappings: ArrayVec<Id<Mapping>, MAX_MAPPINGS>,
    /// Place among them of the one that was looked for last.
    pub(crate) recent_mapping: usize,
    pub(crate) first_thread: u32,
    pub(crate) threads: u32,
    pub(crate) io_ports: ArrayVec<(u16, u16), PORT_RANGES>,
    watchers: [Option<(Weak<Signal>, u64)>; WATCHERS],
    exit_code: i64,
    faulted: bool,
    /// CPU time of threads that have ended.
    pub(crate) cpu_ticks: u64,
}

impl Process {
    pub(crate) fn new(name: Name, root: Frame, quota: Id<Quota>, max_priority: u8) -> Process {
        Process {
            name,
            alive: true,
            next_ending: NONE,
            root,
            quota,
            max_priority,
            first_capability: NONE,
            first_thread: NONE,
            ..Process::default()
        }
    }
}

impl<M: Machine> Kernel<M> {
    /// An empty process that sees the clock page and nothing else.
    pub(crate) fn create_process(&mut self, quota: Id<Quota>, name: Name, creator: Id<Process>) -> Result<Id<Process>> {
        let root = self.allocate_table(quota)?;
        self.machine.init_address_space(root);
        let Process { budget, processors, max_priority, .. } = self.processes[creator];
        let mut process = Process::new(name, root, quota, max_priority);
        (process.creator, process.budget, process.processors) = (self.processes.weak(creator), budget, processors);
        let id = self.add_object(quota, process).inspect_err(|_| self.free_table(quota, root))?;
        self.use_quota(quota);
        self.map_clock_page(id).inspect_err(|_| self.doom_process(id, 0, false))?;
        Ok(id)
    }

    /// Decides that a process ends. Carried out from [`Self::begin_ends`] on.
    pub(crate) fn doom_process(&mut self, id: Id<Process>, code: i64, faulted: bool) {
        let process = &mut self.processes[id];
        if process.alive && !process.ending {
            (process.ending, process.exit_code, process.faulted) = (true, code, faulted);
            process.next_ending = core::mem::replace(&mut self.first_doomed, id.number());
        }
    }

    /// Begins to end the processes whose end is decided. What is not done at once the reaper does, which takes over the running thread's priority and
    /// time, and goes before it.
    #[cold]
    #[inline(never)]
    pub(crate) fn begin_ends(&mut self) {
        let reaper = self.cpu.reaper;
        let (priority, budget) = (self.threads[self.cpu.current].priority, self.cpu.budget);
        self.take_doomed();
        if self.cpu.current == reaper {
            self.threads[reaper].priority = self.reaper_priority();
            return;
        }
        self.end_some();
        self.take_doomed();
        if self.cpu.first_ending == NONE {
            return;
        }
        self.dequeue(reaper);
        self.stop_competing(reaper);
        let gone = self.budgets.upgrade(budget).is_none();
        let budget = if gone { self.unlimited_budget(self.cpu.number) } else { budget };
        let entry = &mut self.threads[reaper];
        (entry.state, entry.base_priority, entry.budget) = (State::Ready, entry.base_priority.max(priority), budget);
        self.threads[reaper].priority = self.reaper_priority();
        self.compete(reaper);
        self.enqueue(reaper, true);
        self.cpu.reschedule = true;
    }

    /// Processes whose end is decided are dead from now on, and are this processor's to end.
    fn take_doomed(&mut self) {
        while let Some(id) = Id::from_link(self.first_doomed) {
            let process = &mut self.processes[id];
            process.alive = false;
            process.io_ports.clear();
            let next = core::mem::replace(&mut self.cpu.first_ending, id.number());
            self.first_doomed = core::mem::replace(&mut process.next_ending, next);
            // Its own handles may be the last that name it: it must stay until all is done.
            self.processes.retain(id);
            if self.cpu.current_process == id {
                self.kill_thread(self.cpu.current);
            }
        }
    }

    /// The reaper runs: some more steps, or it waits for the next process to end.
    pub(crate) fn reap(&mut self) {
        self.end_some();
        let reaper = self.cpu.reaper;
        if self.cpu.first_ending == NONE && self.first_doomed == NONE {
            (self.threads[reaper].state, self.threads[reaper].base_priority) = (State::New, 0);
        }
        self.threads[reaper].priority = self.reaper_priority();
        // It has stopped, or may be less urgent now.
        self.cpu.reschedule = true;
    }

    /// What the reaper runs with: that of who ended the process; but while there are threads to end, no less than theirs, or they could keep it from it.
    fn reaper_priority(&self) -> u8 {
        let base = self.threads[self.cpu.reaper].base_priority;
        let ending = Id::from_link(self.cpu.first_ending).map(|id| &self.processes[id]);
        ending.filter(|process| process.first_thread != NONE).map_or(base, |process| base.max(process.max_priority))
    }

    /// Takes steps for as long as a kernel entry may.
    fn end_some(&mut self) {
        let end = self.machine.now() + self.clock.span(STEPS_NS);
        while let Some(id) = Id::from_link(self.cpu.first_ending) {
            self.end_step(id);
            if self.machine.now() >= end {
                return;
            }
        }
    }

    /// A small part of the end of a process: one of its threads, one of its capabilities or a part of it, some of its page tables.
    fn end_step(&mut self, id: Id<Process>) {
        let Process { first_thread, first_capability: index, root, .. } = self.processes[id];
        if let Some(thread) = Id::from_link(first_thread) {
            return self.kill_thread(thread);
        }
        if !core::mem::replace(&mut self.processes[id].left, true) {
            return self.machine.leave_address_space(root);
        }
        if index != NONE {
            if self.prepare_delete(index) {
                self.delete_prepared(index);
            }
            return;
        }
        if !self.doom_created_by(id) || !self.free_table_step(id) {
            return;
        }
        let process = &mut self.processes[id];
        process.ending = false;
        self.cpu.first_ending = process.next_ending;
        let (code, faulted, quota) = (process.exit_code, process.faulted, process.quota);
        let watchers = core::mem::take(&mut process.watchers);
        let name = process.name.first_chunk().map_or(0, |&bytes| u64::from_le_bytes(bytes));
        self.trace(EventKind::Exit, id.number(), u32::from(faulted), code as u64, name);
        for (signal, bits) in watchers.into_iter().flatten() {
            self.notify_weak(signal, bits);
        }
        self.leave_quota(quota);
        self.release(Object::Process(id), Rights::empty(), false);
    }

    /// Decides the end of some of the processes that an ending one made. Returns whether that was all.
    fn doom_created_by(&mut self, id: Id<Process>) -> bool {
        let (creator, first) = (self.processes.weak(id), self.processes[id].seen);
        let last = (first + PROCESSES_AT_ONCE).min(self.processes.slots());
        for index in first..last {
            let created = self.processes.at(index).filter(|&id| self.processes[id].creator == creator);
            if let Some(created) = created {
                self.doom_process(created, EXIT_CREATOR_ENDED, false);
            }
        }
        self.processes[id].seen = last;
        last == self.processes.slots()
    }

    pub(crate) fn free_process_if_unused(&mut self, id: Id<Process>) {
        if self.processes.references(id) == 0 && !self.processes[id].alive {
            self.remove_object(id);
        }
    }

    /// `process_watch`.
    pub(crate) fn watch_process(&mut self, id: Id<Process>, signal: Id<Signal>, bits: u64) -> Result<()> {
        if !self.processes[id].alive && !self.processes[id].ending {
            self.notify(signal, bits);
            return Ok(());
        }
        let weak = self.signals.weak(signal);
        let signals = &self.signals;
        let free = self.processes[id]
            .watchers
            .iter_mut()
            .find(|watcher| watcher.is_none_or(|(signal, _)| signals.upgrade(signal).is_none()))
            .ok_or(Error::Busy)?;
        *free = Some((weak, bits));
        Ok(())
    }

    pub(crate) fn process_info(&self, id: Id<Process>) -> ProcessInfo {
        let process = &self.processes[id];
        let quota = &self.quotas[process.quota];
        let mut info = ProcessInfo {
            name: process.name,
            number: id.number(),
            threads: process.threads,
            handles: process.handle_count,
            resident_pages: process.resident_pages,
            state: if process.alive { ThreadState::Suspended } else { ThreadState::Dead } as u8,
            max_priority: process.max_priority,
            faulted: u8::from(process.faulted),
            exit_code: process.exit_code,
            processors: process.processors,
            cpu_ticks: process.cpu_ticks,
            limits: quota.limits,
            used: quota.used,
            ..ProcessInfo::default()
        };
        for thread in self.threads_of(id) {
            let thread_info = self.thread_info(thread);
            info.state = info.state.max(thread_info.state);
            info.priority = info.priority.max(thread_info.priority);
            info.cpu_ticks += thread_info.cpu_ticks;
        }
        info
    }
}
