//! Processes: an address space, the handles it owns and a quota; destroyed as a whole.
//!
//! A process ends with its creator: whoever is killed or crashes leaves no orphans that hold what it was given.
//!
//! The end of a process is decided (`doom_process`) anywhere in the kernel and carried out once, at the end of the kernel entry: so the end of one
//! process can bring about another's without recursion, and no code above has to expect that the running thread is suddenly gone.

use crate::Result;
use crate::budget::Budget;
use crate::kernel::Kernel;
use crate::machine::{Frame, Machine};
use crate::object::Object;
use crate::quota::Quota;
use crate::signal::Signal;
use crate::slab::{Id, NONE, Weak};
use airox_abi::info::{EXIT_CREATOR_ENDED, ProcessInfo, ThreadState};
use airox_abi::layout::NAME_LENGTH;
use airox_abi::trace::EventKind;
use airox_abi::{Error, Rights};

/// Most signals that can watch one process's end.
const WATCHERS: usize = 4;
/// Most I/O port ranges one process can use.
pub(crate) const PORT_RANGES: usize = 16;

/// A process's name, padded with zeros.
pub(crate) type Name = [u8; NAME_LENGTH];

/// A process.
#[derive(Default)]
pub(crate) struct Process {
    pub(crate) name: [u8; NAME_LENGTH],
    pub(crate) alive: bool,
    /// Who made it; `None` for the root task.
    creator: Option<Weak<Process>>,
    /// Its end is decided: next in the list of such processes.
    doomed: Option<(i64, bool)>,
    next_doomed: u32,
    pub(crate) root: Frame,
    /// Frames its page tables take.
    pub(crate) table_frames: u32,
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
    pub(crate) first_mapping: u32,
    pub(crate) first_thread: u32,
    pub(crate) threads: u32,
    pub(crate) io_ports: [(u16, u16); PORT_RANGES],
    pub(crate) io_port_count: u8,
    watchers: [Option<(Weak<Signal>, u64)>; WATCHERS],
    exit_code: i64,
    faulted: bool,
    /// CPU time of threads that have ended.
    pub(crate) cpu_ticks: u64,
}

impl Process {
    pub(crate) fn new(name: [u8; NAME_LENGTH], root: Frame, quota: Id<Quota>, max_priority: u8) -> Process {
        Process {
            name,
            alive: true,
            next_doomed: NONE,
            root,
            table_frames: 1,
            quota,
            max_priority,
            first_capability: NONE,
            first_mapping: NONE,
            first_thread: NONE,
            ..Process::default()
        }
    }
}

impl<M: Machine> Kernel<M> {
    /// An empty process that sees the clock page and nothing else.
    pub(crate) fn create_process(
        &mut self,
        quota: Id<Quota>,
        name: Name,
        creator: Option<Id<Process>>,
    ) -> Result<Id<Process>> {
        let root = self.allocate_table(quota)?;
        self.machine.init_address_space(root);
        let mut process = Process::new(name, root, quota, u8::MAX);
        process.creator = creator.map(|creator| self.processes.weak(creator));
        (process.budget, process.processors) = (self.cpu.budget, u64::MAX >> (u64::BITS - self.processors));
        if let Some(creator) = creator {
            let Process { budget, processors, max_priority, .. } = self.processes[creator];
            (process.budget, process.processors, process.max_priority) = (budget, processors, max_priority);
        }
        let id = self.add_object(quota, process).inspect_err(|_| self.free_table(quota, root))?;
        self.use_quota(quota);
        if let Err(error) = self.map_clock_page(id) {
            self.doom_process(id, 0, false);
            return Err(error);
        }
        Ok(id)
    }

    /// Decides that a process ends. Carried out by [`Self::destroy_doomed`].
    pub(crate) fn doom_process(&mut self, id: Id<Process>, code: i64, faulted: bool) {
        let process = &mut self.processes[id];
        if process.alive && process.doomed.is_none() {
            process.doomed = Some((code, faulted));
            process.next_doomed = core::mem::replace(&mut self.first_doomed, id.number());
        }
    }

    /// Ends the processes whose end is decided, and those whose end follows from it.
    #[inline]
    pub(crate) fn destroy_doomed(&mut self) {
        while let Some(id) = Id::from_link(self.first_doomed) {
            self.first_doomed = self.processes[id].next_doomed;
            self.destroy_process(id);
        }
    }

    #[cold]
    fn destroy_process(&mut self, id: Id<Process>) {
        let (code, faulted) = self.processes[id].doomed.unwrap_or((0, false));
        let process = &mut self.processes[id];
        process.alive = false;
        process.exit_code = code;
        process.faulted = faulted;
        process.io_port_count = 0;
        // Its own handles may be the last that name it, and go below: it must stay until all is done.
        self.processes.retain(id);
        while let Some(thread) = Id::from_link(self.processes[id].first_thread) {
            self.kill_thread(thread);
        }
        let root = self.processes[id].root;
        self.machine.leave_address_space(root);
        while self.processes[id].first_capability != NONE {
            self.delete_capability(self.processes[id].first_capability);
        }
        self.free_tables(id);
        self.doom_created_by(id);
        let name = self.processes[id].name.first_chunk().map_or(0, |&bytes| u64::from_le_bytes(bytes));
        self.trace(EventKind::Exit, id.number(), u32::from(faulted), code as u64, name);
        for (signal, bits) in core::mem::take(&mut self.processes[id].watchers).into_iter().flatten() {
            self.notify_weak(signal, bits);
        }
        self.leave_quota(self.processes[id].quota);
        self.release(Object::Process(id), Rights::empty(), false);
    }

    fn doom_created_by(&mut self, creator: Id<Process>) {
        let creator = self.processes.weak(creator);
        for index in 0..self.processes.slots() {
            let created = self.processes.at(index).filter(|&id| self.processes[id].creator == Some(creator));
            if let Some(created) = created {
                self.doom_process(created, EXIT_CREATOR_ENDED, false);
            }
        }
    }

    pub(crate) fn free_process_if_unused(&mut self, id: Id<Process>) {
        if self.processes.references(id) == 0 && !self.processes[id].alive {
            self.remove_object(id);
        }
    }

    /// `process_watch`.
    pub(crate) fn watch_process(&mut self, id: Id<Process>, signal: Id<Signal>, bits: u64) -> Result<()> {
        if !self.processes[id].alive {
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
            state: ThreadState::Dead as u8,
            priority: 0,
            max_priority: process.max_priority,
            faulted: u8::from(process.faulted),
            reserved: [0; 4],
            exit_code: process.exit_code,
            processors: process.processors,
            cpu_ticks: process.cpu_ticks,
            limits: quota.limits,
            used: quota.used,
        };
        if process.alive {
            info.state = ThreadState::Suspended as u8;
        }
        let mut link = process.first_thread;
        while let Some(thread) = Id::from_link(link) {
            let thread_info = self.thread_info(thread);
            info.state = info.state.max(thread_info.state);
            info.priority = info.priority.max(thread_info.priority);
            info.cpu_ticks += thread_info.cpu_ticks;
            link = self.threads[thread].next_in_process;
        }
        info
    }
}
