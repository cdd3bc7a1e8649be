//! Switches without queues, where nothing unusual is going on: a signal's waiter that preempts, a fault whose handler waits, the handler's word that
//! the thread may go on. Each function first looks whether all is as usual; if not it returns `None`, nothing has happened, and the general path
//! does the work. If so it does what the general path would.
//!
//! (Calls and answers that fit into registers have an even shorter path, in the entry stubs: see [`crate::fast_path`].)

use crate::kernel::Kernel;
use crate::list::List;
use crate::machine::Machine;
use crate::port::Port;
use crate::processor::Processor;
use crate::signal::Signal;
use crate::slab::{Id, NONE, Weak};
use crate::thread::{State, Thread};
use airox_abi::fault::FaultAction;
use airox_abi::message::{MessageKind, Tag};

/// Ends the account of the thread that stops and lets the other run.
#[inline(always)]
fn pass(cpu: &mut Processor, now: u64, from: &mut Thread, to: &mut Thread, next: Id<Thread>) {
    let elapsed = now.wrapping_sub(cpu.last_switch);
    from.cpu_ticks = from.cpu_ticks.wrapping_add(elapsed);
    cpu.last_switch = now;
    cpu.current = next;
    to.state = State::Running;
}

impl<M: Machine> Kernel<M> {
    /// What `notify` and the scheduler do when a waiter preempts the running thread and both run on the processor's own budget.
    #[inline(always)]
    pub(crate) fn switch_to_waiter(&mut self, id: Id<Signal>, bits: u64) -> Option<()> {
        let cpu = &mut self.cpu;
        if self.tracing | cpu.reschedule {
            return None;
        }
        // Without a handle to it, it goes with its waiter.
        let named = self.signals.references(id) > 0;
        let signal = &mut self.signals[id];
        let (thread, mask) = signal.waiter.filter(|_| named)?;
        let pending = signal.bits | bits;
        let (current, idle) = (cpu.current, cpu.current == cpu.idle);
        let (old, new) = self.threads.pair(current, thread)?;
        if pending & mask == 0
            || new.suspended
            || new.budget != cpu.budget
            || old.budget != cpu.budget
            || new.budget.id().number() >= self.processors
            || (!idle && new.priority <= old.priority)
        {
            return None;
        }
        (signal.bits, signal.waiter) = (pending & !mask, None);
        new.context.complete(pending & mask);
        let now = self.machine.now();
        // A turn going on means that equals of the running thread wait: without one its queue is empty.
        let turn_end = core::mem::replace(&mut cpu.slice_end, u64::MAX);
        if !idle {
            old.state = State::Ready;
            if turn_end == u64::MAX {
                cpu.ready.put_alone(current, old, cpu.number);
            }
        }
        pass(cpu, now, old, new, thread);
        if turn_end != u64::MAX {
            self.keep_turn(current, turn_end.saturating_sub(now));
        }
        self.enter_process();
        Some(())
    }

    /// The running thread's fault, told to a port where exactly one thread waits, which runs on the same budget.
    #[inline]
    pub(crate) fn fault_at_once(&mut self, id: Id<Port>, badge: u64) -> Option<()> {
        let cpu = &mut self.cpu;
        let sender = cpu.current;
        let port = &mut self.ports[id];
        let receiver = port.receivers.first()?;
        if self.tracing || port.receivers.last != receiver.number() {
            return None;
        }
        let (from, to) = self.threads.pair(sender, receiver)?;
        let priority = to.base_priority.max(from.priority);
        let own_budget = to.own_budget;
        if to.suspended
            || (own_budget != Weak::NONE && own_budget != from.budget)
            || (priority != from.priority && cpu.slice_end != u64::MAX)
        {
            return None;
        }
        let fault = from.fault()?;
        to.context.words = fault.words(&from.context, sender);
        to.context.tag = Tag::new(fault.kind as u16).with_kind(MessageKind::Fault);
        (to.context.rdi, to.context.rax) = (badge, 0);
        (port.servant, port.receivers) = (receiver.number(), List::EMPTY);
        (from.call_badge, from.calling, from.lease_count) = (badge, id, 0);
        from.state = State::AwaitingReply;
        (to.reply_to, to.priority, to.budget) = (from.identity, priority, from.budget);
        to.competing = core::mem::replace(&mut from.competing, Weak::NONE);
        pass(cpu, self.machine.now(), from, to, receiver);
        self.enter_process();
        Some(())
    }

    /// The running thread's word that a faulted thread may go on; and nothing waits at the port where it receives next.
    #[inline]
    pub(crate) fn resume_at_once(&mut self, id: Id<Port>, caller: Id<Thread>) -> Option<()> {
        let cpu = &mut self.cpu;
        let server = cpu.current;
        let port = &mut self.ports[id];
        let pending = self.signals.upgrade(port.signal);
        if self.tracing
            || port.senders.first & port.receivers.first != NONE
            || pending.is_some_and(|signal| self.signals[signal].bits != 0)
        {
            return None;
        }
        let (from, to) = self.threads.pair(server, caller)?;
        let (priority, highest) = (i32::from(to.priority), cpu.ready.highest);
        if to.suspended
            || to.budget != from.budget
            || !to.faulted
            || from.context.tag.label() != FaultAction::Resume as u16
            || (to.priority != from.priority && (priority <= highest || cpu.slice_end != u64::MAX))
        {
            return None;
        }
        to.faulted = false;
        (from.reply_to, from.priority, from.budget) = (Weak::NONE, from.base_priority, from.own_budget);
        from.state = State::Receiving(id);
        (from.next, from.previous) = (NONE, NONE);
        port.receivers = List::of(server);
        to.competing = core::mem::replace(&mut from.competing, Weak::NONE);
        pass(cpu, self.machine.now(), from, to, caller);
        self.enter_process();
        Some(())
    }
}
