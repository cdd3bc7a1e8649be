//! The usual round trip, without detours: a call finds its one server waiting, the server answers and waits again.
//!
//! The message stays in the registers: the entry stub keeps them while the functions here look whether everything is as usual and,
//! if so, switch threads. If not, they return `None`, nothing has happened, and the general path ([`crate::port`]) does the work.
//!
//! What "usual" means, and why nothing else needs a look:
//! - The message carries no handles and no leases, and no events are being recorded.
//! - Exactly one thread waits to receive at the port, so the port's queue is empty afterwards.
//! - Caller and server use the same budget: the server has the caller's lent, or both have the same. Then no account has to be settled,
//!   and the time that was left to one is left to the other.
//! - A call runs at the priority of its caller at least, so at a call nobody ready is more urgent than the server. At a reply, the ready
//!   queues are asked. A turn among equals goes on only from one to another of the same priority.

use crate::context::Context;
use crate::kernel::Kernel;
use crate::machine::Machine;
use crate::process::Process;
use crate::slab::{Id, NONE, Weak};
use crate::thread::{State, Thread};
use airox_abi::Rights;
use airox_abi::message::Tag;

/// Who runs now, with what in `rdi`.
#[derive(Clone, Copy, Debug)]
pub struct FastSwitch {
    /// The context of the thread that runs now. All of its registers but the message's have to be restored from there.
    pub context: *mut Context,
    /// The badge of a call, 0 of a reply.
    pub badge: u64,
}

/// Ends the account of the thread that stops and lets the other run; returns the other's process.
#[inline(always)]
fn hand_over(last_switch: &mut u64, now: u64, from: &mut Thread, to: &mut Thread) -> Id<Process> {
    from.cpu_ticks += now.wrapping_sub(*last_switch);
    *last_switch = now;
    to.state = State::Running;
    to.process
}

impl<M: Machine> Kernel<M> {
    /// `call` by the running thread, of the port with this handle.
    #[inline]
    pub fn fast_call(&mut self, claim: u64, tag: Tag) -> Option<FastSwitch> {
        if tag.has_extension() || self.trace.on {
            return None;
        }
        let caller = self.cpu.current;
        let (port_id, badge) = self.find_port(claim, Rights::SEND).ok()?;
        let port = &mut self.ports[port_id];
        let link = port.first_receiver;
        if link == NONE || link != port.last_receiver {
            return None;
        }
        let receiver = Id::new(link);
        let ((generation, from), (_, to)) = self.threads.pair(caller, receiver)?;
        let priority = to.base_priority.max(from.priority);
        if to.suspended || (priority != from.priority && self.cpu.slice_end != u64::MAX) {
            return None;
        }
        if to.own_budget == Weak::NONE {
            to.budget = from.budget;
        } else if to.own_budget != from.budget {
            return None;
        }
        to.priority = priority;
        port.servant = link;
        (port.first_receiver, port.last_receiver) = (NONE, NONE);
        (from.call_badge, from.calling) = (badge, port_id);
        from.lease_count = 0;
        from.state = State::AwaitingReply;
        to.reply_to = Some(caller.weak(generation));
        to.competing = core::mem::replace(&mut from.competing, Weak::NONE);
        let process = hand_over(&mut self.cpu.last_switch, self.machine.now(), from, to);
        let context: *mut Context = &mut to.context;
        self.cpu.current = receiver;
        self.enter_process(process);
        Some(FastSwitch { context, badge })
    }

    /// `reply_receive` by the running thread, at the port with this handle.
    #[inline]
    pub fn fast_reply_receive(&mut self, claim: u64, tag: Tag) -> Option<FastSwitch> {
        if tag.has_extension() || self.trace.on {
            return None;
        }
        let server = self.cpu.current;
        let weak = self.threads[server].reply_to?;
        let (port_id, _) = self.find_port(claim, Rights::RECEIVE).ok()?;
        let port = &mut self.ports[port_id];
        if port.first_sender & port.first_receiver != NONE {
            return None;
        }
        if let Some(signal) = port.signal
            && self.signals[self.signals.upgrade(signal)?].bits != 0
        {
            return None;
        }
        let caller = weak.id();
        let highest = self.cpu.ready.highest();
        let ((_, from), (generation, to)) = self.threads.pair(server, caller)?;
        let priority = i32::from(to.priority);
        if generation != weak.generation()
            || to.state != State::AwaitingReply
            || to.fault.is_some()
            || to.suspended
            || to.budget != from.budget
            || priority < highest
            || (to.priority != from.priority
                && (priority == highest || self.cpu.slice_end != u64::MAX))
        {
            return None;
        }
        from.reply_to = None;
        from.priority = from.base_priority;
        from.budget = from.own_budget;
        from.state = State::Receiving(port_id);
        (from.next, from.previous) = (NONE, NONE);
        (port.first_receiver, port.last_receiver) = (server.number(), server.number());
        to.competing = core::mem::replace(&mut from.competing, Weak::NONE);
        let process = hand_over(&mut self.cpu.last_switch, self.machine.now(), from, to);
        let context: *mut Context = &mut to.context;
        self.cpu.current = caller;
        self.enter_process(process);
        Some(FastSwitch { context, badge: 0 })
    }
}
