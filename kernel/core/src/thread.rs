//! Threads: registers, priority and fault port.

use crate::Result;
use crate::budget::Budget;
use crate::context::Context;
use crate::fault::Fault;
use crate::kernel::Kernel;
use crate::machine::Machine;
use crate::port::Port;
use crate::process::Process;
use crate::signal::Signal;
use crate::slab::{Id, NONE, Weak};
use airox_abi::Error;
use airox_abi::info::{Registers, ThreadInfo, ThreadState};
use airox_abi::message::{Lease, MAX_LEASES};

/// The weight of a thread that was given none.
pub(crate) const USUAL_WEIGHT: u16 = 100;

/// [`State::Running`], [`State::AwaitingReply`], [`State::Receiving`], for the entry stubs.
pub(crate) const RUNNING: u32 = 2;
pub(crate) const AWAITING_REPLY: u32 = 4;
pub(crate) const RECEIVING: u32 = 5;

/// What a thread is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[repr(u32)]
pub(crate) enum State {
    /// Created, never started.
    #[default]
    New = 0,
    /// Could run: in its ready queue, unless suspended.
    Ready = 1,
    /// Runs.
    Running = RUNNING,
    /// In a port's queue of senders.
    Sending(Id<Port>) = 3,
    /// Its message was received; waits for the answer.
    AwaitingReply = AWAITING_REPLY,
    /// In a port's queue of receivers.
    Receiving(Id<Port>) = RECEIVING,
    /// In `wait`.
    Waiting(Id<Signal>) = 6,
    /// Has ended; the entry lives on while handles name it.
    Dead = 7,
}

/// The queue a thread is in that is not a port's.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Queue {
    #[default]
    None,
    /// The ready queue of its priority.
    Ready,
    /// Its budget's, until there is time again.
    Budget,
}

/// A thread.
#[derive(Default)]
pub(crate) struct Thread {
    /// Saved registers; the entry stubs know its address.
    pub(crate) context: Context,
    /// What names it while it lives.
    pub(crate) identity: Weak<Thread>,
    pub(crate) state: State,
    pub(crate) process: Id<Process>,
    /// What it runs with: its own or, if more urgent, that of whom it serves.
    pub(crate) priority: u8,
    pub(crate) base_priority: u8,
    /// What it runs on: its own budget or a caller's.
    pub(crate) budget: Weak<Budget>,
    /// `NONE` for a passive thread.
    pub(crate) own_budget: Weak<Budget>,
    /// The limited budget that counts it among those that run on it or could.
    pub(crate) competing: Weak<Budget>,
    /// Length of its turns among equals, in hundredths of the usual one.
    pub(crate) weight: u16,
    /// Stays off the ready queue until resumed, whatever its state.
    pub(crate) suspended: bool,
    /// What is left of its turn among equals, in ticks, if it was preempted; 0 for a whole one.
    pub(crate) turn_left: u64,
    pub(crate) queue: Queue,
    /// The processor whose ready queue it is in, or was last.
    pub(crate) queue_processor: u32,
    /// Links of the one queue it can be in: ready, budget, senders or receivers.
    pub(crate) next: u32,
    pub(crate) previous: u32,
    /// Its process has I/O ports: its switches take the general path.
    pub(crate) has_io_ports: bool,
    /// The caller it owes an answer.
    pub(crate) reply_to: Weak<Thread>,
    /// The port it last received by, while it is busy with that message without owing an answer.
    pub(crate) serving: Option<Id<Port>>,
    /// The port of its call that has not been answered.
    pub(crate) calling: Id<Port>,
    /// Badge of the handle it called by.
    pub(crate) call_badge: u64,
    pub(crate) lease_count: u8,
    pub(crate) leases: [Lease; MAX_LEASES],
    /// Whether its handler has not answered its last fault yet.
    pub(crate) faulted: bool,
    pub(crate) last_fault: Option<Fault>,
    pub(crate) fault_port: Option<(Weak<Port>, u64)>,
    pub(crate) cpu_ticks: u64,
    pub(crate) next_in_process: u32,
}

impl Thread {
    pub(crate) fn new(process: Id<Process>, address_space: u64, priority: u8) -> Thread {
        Thread {
            context: Context::new(address_space),
            process,
            priority,
            base_priority: priority,
            weight: USUAL_WEIGHT,
            next: NONE,
            previous: NONE,
            next_in_process: NONE,
            ..Thread::default()
        }
    }

    /// The fault its handler has not answered.
    #[inline]
    pub(crate) fn fault(&self) -> Option<&Fault> {
        self.last_fault.as_ref().filter(|_| self.faulted)
    }

    /// Its state in the terms programs know.
    pub(crate) const fn public_state(&self) -> ThreadState {
        match self.state {
            State::Dead => ThreadState::Dead,
            _ if self.faulted => ThreadState::Faulted,
            State::New => ThreadState::Suspended,
            State::Ready if self.suspended => ThreadState::Suspended,
            State::Ready => ThreadState::Ready,
            State::Running => ThreadState::Running,
            State::Sending(_) => ThreadState::Sending,
            State::AwaitingReply => ThreadState::AwaitingReply,
            State::Receiving(_) => ThreadState::Receiving,
            State::Waiting(_) => ThreadState::Waiting,
        }
    }
}

impl<M: Machine> Kernel<M> {
    pub(crate) fn create_thread(&mut self, process: Id<Process>, priority: u8) -> Result<Id<Thread>> {
        let target = &self.processes[process];
        let (quota, budget) = (target.quota, target.budget);
        let mut thread = Thread::new(process, target.root.address(), priority);
        (thread.budget, thread.own_budget) = (budget, budget);
        (thread.has_io_ports, thread.next_in_process) = (!target.io_ports.is_empty(), target.first_thread);
        let id = self.add_object(quota, thread)?;
        self.threads[id].identity = self.threads.weak(id);
        let target = &mut self.processes[process];
        target.threads += 1;
        target.first_thread = id.number();
        Ok(id)
    }

    /// `thread_start`, of a live thread.
    pub(crate) fn start_thread(&mut self, id: Id<Thread>, entry: u64, stack: u64, argument: u64) -> Result<()> {
        if self.threads[id].state != State::New {
            return Err(Error::WrongState);
        }
        if entry >= airox_abi::layout::USER_END {
            return Err(Error::InvalidAddress);
        }
        let context = &mut self.threads[id].context;
        context.ip = entry;
        context.sp = stack;
        context.rdi = argument;
        self.make_ready(id);
        Ok(())
    }

    /// `thread_suspend`, of a live thread.
    pub(crate) fn suspend_thread(&mut self, id: Id<Thread>) {
        self.take_off(id);
        self.threads[id].suspended = true;
        self.dequeue(id);
        if self.threads[id].state == State::Ready {
            self.stop_competing(id);
        }
        if id == self.cpu.current {
            self.stop_running();
        }
    }

    /// `thread_resume`, of a live thread.
    pub(crate) fn resume_thread(&mut self, id: Id<Thread>) -> Result<()> {
        if self.threads[id].state == State::New {
            return Err(Error::WrongState);
        }
        if core::mem::take(&mut self.threads[id].suspended) && self.threads[id].state == State::Ready {
            self.make_ready(id);
        }
        Ok(())
    }

    /// `thread_priority`, of a live thread; takes effect at once, also for the place in a queue.
    pub(crate) fn set_priority(&mut self, id: Id<Thread>, priority: u8) {
        self.threads[id].base_priority = priority;
        // While it serves a call it is at least as urgent as its caller.
        let served = self.served(id);
        let inherited = served.map_or(0, |(caller, _)| self.threads[caller].priority);
        self.change_priority(id, priority.max(inherited));
        self.lend_on(id);
    }

    /// Changes what a thread runs with, and its place in the queue it waits in.
    pub(crate) fn change_priority(&mut self, id: Id<Thread>, priority: u8) {
        let is_ready = self.threads[id].queue == Queue::Ready;
        if is_ready {
            self.dequeue(id);
        }
        self.threads[id].priority = priority;
        if is_ready {
            self.make_ready(id);
        }
        if let State::Sending(port) = self.threads[id].state {
            self.unlink_sender(port, id);
            self.link_sender(port, id);
        }
        if id == self.cpu.current {
            // Something more urgent may be ready now.
            self.cpu.reschedule = true;
        } else if let Some(processor) = self.runs_elsewhere(id) {
            self.kick(processor);
        }
    }

    /// Whether its registers may be looked at: it neither runs nor could run.
    fn is_stopped(&self, id: Id<Thread>) -> Result<()> {
        let thread = &self.threads[id];
        match thread.state {
            State::Dead => Err(Error::Dead),
            State::New => Ok(()),
            _ if thread.suspended || thread.faulted => Ok(()),
            _ => Err(Error::WrongState),
        }
    }

    pub(crate) fn read_registers(&self, id: Id<Thread>) -> Result<Registers> {
        self.is_stopped(id)?;
        Ok(self.threads[id].context.registers())
    }

    pub(crate) fn write_registers(&mut self, id: Id<Thread>, registers: &Registers) -> Result<()> {
        self.is_stopped(id)?;
        let thread = &self.threads[id];
        // In the middle of a wait, the registers hold the wait's arguments.
        if !thread.faulted && !matches!(thread.state, State::New | State::Ready) {
            return Err(Error::WrongState);
        }
        if registers.rip >= airox_abi::layout::USER_END {
            return Err(Error::InvalidAddress);
        }
        self.threads[id].context.set_registers(registers);
        Ok(())
    }

    pub(crate) fn thread_info(&self, id: Id<Thread>) -> ThreadInfo {
        let thread = &self.threads[id];
        let running = self.runs_on(id).map_or(0, |processor| self.machine.now().wrapping_sub(processor.last_switch));
        ThreadInfo {
            number: id.number(),
            process: thread.process.number(),
            state: thread.public_state() as u8,
            priority: thread.base_priority,
            processor: self.home(id) as u8,
            reserved: [0; 5],
            cpu_ticks: thread.cpu_ticks + running,
        }
    }

    /// `thread_exit`: the last thread ends its process.
    pub(crate) fn exit_thread(&mut self) {
        let process = self.cpu.current_process;
        if self.processes[process].threads == 1 {
            self.doom_process(process, 0, false);
        } else {
            self.kill_thread(self.cpu.current);
        }
    }

    /// Ends a thread: out of every queue, callers it owes an answer learn `ServerDied`.
    pub(crate) fn kill_thread(&mut self, id: Id<Thread>) {
        self.take_off(id);
        match self.threads[id].state {
            State::Sending(port) => self.unlink_sender(port, id),
            State::Receiving(port) => self.unlink_receiver(port, id),
            State::Waiting(signal) => {
                self.signals[signal].waiter = None;
                self.free_signal_if_unused(signal);
            }
            State::Dead => return,
            State::AwaitingReply => self.forsake(id),
            State::New | State::Ready | State::Running => self.dequeue(id),
        }
        self.stop_competing(id);
        if id == self.cpu.current {
            let idle = self.cpu.idle;
            self.threads[id].state = State::Dead;
            self.switch_to(idle, self.machine.now());
            self.cpu.reschedule = true;
        }
        let thread = &mut self.threads[id];
        thread.state = State::Dead;
        thread.faulted = false;
        let (process, next, ticks) = (thread.process, thread.next_in_process, thread.cpu_ticks);
        let caller = core::mem::replace(&mut thread.reply_to, Weak::NONE);
        self.abandon_caller(caller, Error::ServerDied);
        match self.threads_of(process).take_while(|&other| other != id).last() {
            Some(before) => self.threads[before].next_in_process = next,
            None => self.processes[process].first_thread = next,
        }
        let process = &mut self.processes[process];
        process.threads -= 1;
        process.cpu_ticks += ticks;
        self.free_thread_if_unused(id);
    }

    /// The live threads of a process, the youngest first.
    pub(crate) fn threads_of(&self, process: Id<Process>) -> impl Iterator<Item = Id<Thread>> {
        let first = Id::from_link(self.processes[process].first_thread);
        core::iter::successors(first, |&thread| Id::from_link(self.threads[thread].next_in_process))
    }

    pub(crate) fn free_thread_if_unused(&mut self, id: Id<Thread>) {
        if self.threads.references(id) == 0 && self.threads[id].state == State::Dead {
            self.remove_object(id);
        }
    }
}
