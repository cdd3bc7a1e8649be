//! The usual round trip, without detours: a call finds its one server waiting, the server answers and waits again.
//!
//! Each function first looks whether everything is as usual. If not it returns `None`, nothing has happened, and the general path
//! ([`crate::port`]) does the work. If so, it does exactly what the general path would do, but looks every object up once.

use crate::context::Context;
use crate::kernel::Kernel;
use crate::machine::Machine;
use crate::port::Port;
use crate::process::Process;
use crate::signal::Signal;
use crate::slab::{Id, NONE, Slab, Weak};
use crate::thread::{State, Thread};
use airox_abi::Rights;
use airox_abi::message::MessageKind;

/// Whether `to` may run at once in place of `from`, which stops, where `highest` is the most urgent ready priority, without a change to anyone's turn: the general path's
/// `hand_over` where that neither queues a thread nor touches the timer.
#[inline(always)]
fn takes_over(highest: i32, no_turn: bool, from: &Thread, to: &Thread) -> bool {
    let priority = i32::from(to.priority);
    !to.suspended
        && ((priority > highest && no_turn)
            || (priority == highest && from.priority == to.priority))
}

/// Copies a message between the registers of two threads.
#[inline(always)]
fn copy_message(from: &Thread, to: &mut Thread, badge: u64) {
    to.context.words = from.context.words;
    to.context.tag = from.context.tag.with_kind(MessageKind::Call);
    to.context.rdi = badge;
    to.context.rax = 0;
}

/// Ends the account of the thread that stops and lets the other run; returns the other's process.
#[inline(always)]
fn hand_over(last_switch: &mut u64, now: u64, from: &mut Thread, to: &mut Thread) -> Id<Process> {
    from.cpu_ticks += now.wrapping_sub(*last_switch);
    *last_switch = now;
    to.state = State::Running;
    to.process
}

/// Whether a receiver would find something at the port, or other receivers before it.
#[inline(always)]
fn has_work(port: &Port, signals: &Slab<Signal>) -> bool {
    let bits = |signal: Weak<Signal>| Some(signals[signals.upgrade(signal)?].bits);
    port.first_sender & port.first_receiver != NONE
        || port.signal.is_some_and(|signal| bits(signal) != Some(0))
}

impl<M: Machine> Kernel<M> {
    /// Whether nothing is going on that the general path would have to see to.
    #[inline(always)]
    fn all_quiet(&self) -> bool {
        !(self.reschedule | self.trace.on) && self.first_doomed == NONE
    }

    /// `call`: the port's only receiver waits.
    #[inline]
    pub(crate) fn fast_call(&mut self) -> Option<*mut Context> {
        let highest = self.ready.highest();
        let caller = self.current;
        let context = &self.threads[caller].context;
        if context.tag.has_extension() || !self.all_quiet() {
            return None;
        }
        let (port, badge) = self.find_port(context.rdi, Rights::SEND).ok()?;
        let port = &mut self.ports[port];
        let link = port.first_receiver;
        if link == NONE || link != port.last_receiver {
            return None;
        }
        let receiver = Id::new(link);
        let ((generation, from), (_, to)) = self.threads.pair(caller, receiver)?;
        if !takes_over(highest, self.slice_end == u64::MAX, from, to) {
            return None;
        }
        (port.first_receiver, port.last_receiver) = (NONE, NONE);
        from.call_badge = badge;
        from.lease_count = 0;
        from.state = State::AwaitingReply;
        to.reply_to = Some(caller.weak(generation));
        copy_message(from, to, badge);
        let process = hand_over(&mut self.last_switch, self.machine.now(), from, to);
        let context: *mut Context = &mut to.context;
        self.current = receiver;
        self.enter_process(process);
        Some(context)
    }

    /// `reply_receive`: the caller still waits, and at the port nothing and nobody does.
    #[inline]
    pub(crate) fn fast_reply_receive(&mut self) -> Option<*mut Context> {
        let highest = self.ready.highest();
        let server = self.current;
        let entry = &self.threads[server];
        let weak = entry.reply_to?;
        if entry.context.tag.has_extension() || !self.all_quiet() {
            return None;
        }
        let (port_id, _) = self.find_port(entry.context.rdi, Rights::RECEIVE).ok()?;
        let port = &mut self.ports[port_id];
        if has_work(port, &self.signals) {
            return None;
        }
        let caller = weak.id();
        let ((_, from), (generation, to)) = self.threads.pair(server, caller)?;
        if generation != weak.generation()
            || to.state != State::AwaitingReply
            || to.fault.is_some()
            || !takes_over(highest, self.slice_end == u64::MAX, from, to)
        {
            return None;
        }
        copy_message(from, to, 0);
        from.reply_to = None;
        from.state = State::Receiving(port_id);
        (from.next, from.previous) = (NONE, NONE);
        (port.first_receiver, port.last_receiver) = (server.number(), server.number());
        let process = hand_over(&mut self.last_switch, self.machine.now(), from, to);
        let context: *mut Context = &mut to.context;
        self.current = caller;
        self.enter_process(process);
        Some(context)
    }
}
