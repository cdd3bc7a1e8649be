//! Ports: synchronous rendezvous between threads; call, receive and reply.
//!
//! Receivers wait in order of arrival, senders in order of priority and then arrival. A message is copied once, from the sender's saved registers to
//! the receiver's. When the last handle with `RECEIVE` goes, the port closes and every waiting caller learns `ServerDied`.

use crate::Result;
use crate::kernel::Kernel;
use crate::list::List;
use crate::machine::Machine;
use crate::quota::Quota;
use crate::signal::Signal;
use crate::slab::{Id, NONE, Weak};
use crate::thread::{State, Thread};
use airox_abi::fault::FaultAction;
use airox_abi::message::{MAX_HANDLES, MAX_LEASES, MessageKind, Tag};
use airox_abi::trace::EventKind;
use airox_abi::{Error, Rights};

/// A port.
#[derive(Default)]
pub(crate) struct Port {
    pub(crate) senders: List,
    pub(crate) receivers: List,
    pub(crate) signal: Weak<Signal>,
    /// The thread that received last, and may serve a caller still.
    pub(crate) servant: u32,
    pub(crate) label: u64,
    /// Handles that may receive.
    pub(crate) receiving_handles: u32,
}

impl<M: Machine> Kernel<M> {
    pub(crate) fn create_port(&mut self, quota: Id<Quota>, label: u64) -> Result<Id<Port>> {
        self.add_object(quota, Port { servant: NONE, label, ..Port::default() })
    }

    /// Binds a signal to a port, or unbinds with `None`.
    pub(crate) fn bind_port(&mut self, port: Id<Port>, signal: Option<Id<Signal>>) -> Result<()> {
        if let Some(signal) = signal {
            let bound = self.signals[signal].port.and_then(|port| self.ports.upgrade(port));
            if bound.is_some_and(|bound| bound != port) || self.signals[signal].waiter.is_some() {
                return Err(Error::Busy);
            }
        }
        let old = core::mem::replace(&mut self.ports[port].signal, Weak::NONE);
        if let Some(old) = self.signals.upgrade(old) {
            self.signals[old].port = None;
        }
        if let Some(signal) = signal {
            self.ports[port].signal = self.signals.weak(signal);
            self.signals[signal].port = Some(self.ports.weak(port));
            if self.signals[signal].bits != 0 {
                self.notify(signal, 0);
            }
        }
        Ok(())
    }

    /// `call`.
    #[inline]
    pub(crate) fn call(&mut self) -> Result<()> {
        let caller = self.cpu.current;
        let context = &self.threads[caller].context;
        let tag = context.tag;
        let (port, badge) = self.find_badged(context.rdi, Rights::SEND)?;
        if tag.has_extension() {
            check_counts(tag)?;
        }
        self.send(port, badge)
    }

    /// The running thread sends its message or fault to a port and waits for the answer.
    #[inline]
    pub(crate) fn send(&mut self, port: Id<Port>, badge: u64) -> Result<()> {
        if self.fault_at_once(port, badge).is_some() {
            return Ok(());
        }
        let sender = self.cpu.current;
        let entry = &mut self.threads[sender];
        (entry.call_badge, entry.calling) = (badge, port);
        match self.ports[port].receivers.first() {
            Some(receiver) => {
                self.deliver(sender, receiver, port)?;
                self.unlink_receiver(port, receiver);
                self.hand_over(receiver);
            }
            None if self.ports[port].receiving_handles == 0 => return Err(Error::ServerDied),
            None => {
                self.threads[sender].state = State::Sending(port);
                self.link_sender(port, sender);
                self.lend_to_servants(port, sender);
                self.stop_running();
            }
        }
        Ok(())
    }

    /// `receive`: a caller that still waits for an answer gets `NoReply`.
    pub(crate) fn receive(&mut self) -> Result<()> {
        let port = self.find(self.threads[self.cpu.current].context.rdi, Rights::RECEIVE)?;
        let owed = &mut self.threads[self.cpu.current].reply_to;
        let caller = core::mem::replace(owed, Weak::NONE);
        self.abandon_caller(caller, Error::NoReply);
        if !self.receive_waiting(port) {
            self.block_receiving(port);
            self.give_back(self.cpu.current);
            self.stop_running();
        }
        Ok(())
    }

    /// `reply_receive`.
    #[inline]
    pub(crate) fn reply_receive(&mut self) -> Result<()> {
        let server = self.cpu.current;
        let port = self.find(self.threads[server].context.rdi, Rights::RECEIVE)?;
        let caller = self.current_caller();
        if caller.is_some_and(|caller| self.resume_at_once(port, caller).is_some()) {
            return Ok(());
        }
        let runnable = match caller {
            Some(caller) => self.deliver_reply(server, caller)?.then_some(caller),
            None => None,
        };
        self.threads[server].reply_to = Weak::NONE;
        if self.receive_waiting(port) {
            if let Some(caller) = runnable {
                self.make_ready(caller);
            }
        } else {
            self.block_receiving(port);
            match runnable {
                Some(caller) => self.hand_over(caller),
                None => self.stop_running(),
            }
            self.give_back(server);
        }
        Ok(())
    }

    /// `reply`, to the current caller or by a reply handle.
    pub(crate) fn reply(&mut self) -> Result<()> {
        let server = self.cpu.current;
        let claim = self.threads[server].context.rdi;
        let caller = if claim == 0 {
            let caller = self.current_caller().ok_or(Error::NoCaller)?;
            let runnable = self.deliver_reply(server, caller)?;
            self.threads[server].reply_to = Weak::NONE;
            self.serve_on(server, self.threads[caller].calling);
            (caller, runnable)
        } else {
            let (index, caller) = self.find_reply(claim)?;
            let Some(caller) = caller else {
                self.delete_capability(index);
                return Err(Error::NoCaller);
            };
            let runnable = self.deliver_reply(server, caller)?;
            self.delete_capability(index);
            (caller, runnable)
        };
        if let (caller, true) = caller {
            self.make_ready(caller);
        }
        Ok(())
    }

    /// The thread the running one owes an answer, if it still waits.
    #[inline]
    pub(crate) fn current_caller(&self) -> Option<Id<Thread>> {
        self.awaiting(self.threads[self.cpu.current].reply_to)
    }

    /// A caller, if it still waits for its answer.
    #[inline(always)]
    pub(crate) fn awaiting(&self, caller: Weak<Thread>) -> Option<Id<Thread>> {
        let caller = self.threads.upgrade(caller)?;
        (self.threads[caller].state == State::AwaitingReply).then_some(caller)
    }

    /// A message waiting at the port, or bits of its signal, delivered to the running thread. Signals come first.
    #[inline]
    fn receive_waiting(&mut self, port: Id<Port>) -> bool {
        let receiver = self.cpu.current;
        if let Some(signal) = self.signals.upgrade(self.ports[port].signal)
            && self.signals[signal].bits != 0
        {
            let bits = core::mem::take(&mut self.signals[signal].bits);
            self.threads[receiver].context.receive_signal(bits);
            self.give_back(receiver);
            self.serve_on(receiver, port);
            return true;
        }
        while let Some(sender) = self.ports[port].senders.first() {
            self.unlink_sender(port, sender);
            match self.deliver(sender, receiver, port) {
                Ok(()) => return true,
                Err(error) => {
                    self.threads[sender].context.rax = error as u64;
                    self.make_ready(sender);
                }
            }
        }
        false
    }

    #[inline]
    fn block_receiving(&mut self, port: Id<Port>) {
        let receiver = self.cpu.current;
        self.threads[receiver].state = State::Receiving(port);
        self.ports[port].receivers.insert(&mut self.threads, receiver, NONE);
    }

    #[inline]
    pub(crate) fn unlink_receiver(&mut self, port: Id<Port>, receiver: Id<Thread>) {
        self.ports[port].receivers.remove(&mut self.threads, receiver);
    }

    /// Takes the first waiting receiver off the port, for a signal.
    pub(crate) fn take_receiver(&mut self, port: Id<Port>) -> Option<Id<Thread>> {
        let receiver = self.ports[port].receivers.first()?;
        self.unlink_receiver(port, receiver);
        Some(receiver)
    }

    /// Queues a sender behind all of at least its priority.
    pub(crate) fn link_sender(&mut self, port: Id<Port>, sender: Id<Thread>) {
        let priority = self.threads[sender].priority;
        let (mut next, mut previous) = (NONE, self.ports[port].senders.last);
        while let Some(ahead) = Id::from_link(previous).filter(|&ahead| self.threads[ahead].priority < priority) {
            (next, previous) = (previous, self.threads[ahead].previous);
        }
        self.ports[port].senders.insert(&mut self.threads, sender, next);
    }

    pub(crate) fn unlink_sender(&mut self, port: Id<Port>, sender: Id<Thread>) {
        self.ports[port].senders.remove(&mut self.threads, sender);
    }

    /// Copies a call or fault from its sender to a receiver, which then owes the answer. On an error nothing has happened;
    /// it is the sender's to know.
    #[inline]
    fn deliver(&mut self, sender: Id<Thread>, receiver: Id<Thread>, port: Id<Port>) -> Result<()> {
        let from = &self.threads[sender];
        let (badge, mut tag, mut words) = (from.call_badge, from.context.tag, from.context.words);
        if let Some(fault) = from.fault() {
            tag = Tag::new(fault.kind as u16).with_kind(MessageKind::Fault);
            words = fault.words(&from.context, sender);
        } else {
            if tag.has_extension() {
                self.read_leases(sender, tag.leases())?;
                self.transfer_handles(sender, receiver, tag.handles())?;
            } else {
                self.threads[sender].lease_count = 0;
            }
            tag = tag.with_kind(MessageKind::Call);
        }
        self.trace(EventKind::Call, sender.number(), port.number(), tag.0, words[0]);
        let caller = self.threads.weak(sender);
        self.threads[sender].state = State::AwaitingReply;
        self.ports[port].servant = receiver.number();
        self.lend(sender, receiver);
        let to = &mut self.threads[receiver];
        to.reply_to = caller;
        to.context.words = words;
        to.context.tag = tag;
        to.context.rdi = badge;
        to.context.rax = 0;
        Ok(())
    }

    /// Copies an answer to its caller. Returns whether the caller can run now. An error is the server's: nothing has happened. A caller that can't
    /// take the handles gets `ReceiverRefused` instead of the answer.
    #[inline]
    fn deliver_reply(&mut self, server: Id<Thread>, caller: Id<Thread>) -> Result<bool> {
        let from = &self.threads[server].context;
        let (tag, words) = (from.tag, from.words);
        if self.threads[caller].faulted {
            return Ok(self.finish_fault(caller, tag.label()));
        }
        if tag.has_extension() {
            if tag.leases() != 0 || tag.handles() > MAX_HANDLES {
                return Err(Error::InvalidArgument);
            }
            match self.transfer_handles(server, caller, tag.handles()) {
                Ok(()) => {}
                Err(Error::ReceiverRefused) => {
                    let to = &mut self.threads[caller];
                    to.context.rax = Error::ReceiverRefused as u64;
                    to.state = State::Ready;
                    return Ok(true);
                }
                Err(error) => return Err(error),
            }
        }
        self.trace(EventKind::Reply, server.number(), caller.number(), tag.0, words[0]);
        let to = &mut self.threads[caller];
        // Not awaiting any more: giving up the reply handle must not take it for abandoned.
        to.state = State::Ready;
        to.context.words = words;
        to.context.tag = tag.with_kind(MessageKind::Call);
        to.context.rdi = 0;
        to.context.rax = 0;
        Ok(true)
    }

    /// Applies a fault handler's answer. Returns whether the thread can run now.
    fn finish_fault(&mut self, thread: Id<Thread>, action: u16) -> bool {
        let suspend = action == FaultAction::Suspend as u16;
        if !suspend && action != FaultAction::Resume as u16 {
            self.end_by_fault(thread);
            return false;
        }
        let entry = &mut self.threads[thread];
        (entry.faulted, entry.state) = (false, State::Ready);
        entry.suspended |= suspend;
        true
    }

    /// Nobody will answer this caller any more.
    pub(crate) fn abandon_caller(&mut self, caller: Weak<Thread>, error: Error) {
        if let Some(caller) = self.awaiting(caller)
            && !self.end_by_fault(caller)
        {
            self.threads[caller].context.rax = error as u64;
            self.make_ready(caller);
        }
    }

    /// Ends the process of a thread that has faulted, if it has.
    fn end_by_fault(&mut self, thread: Id<Thread>) -> bool {
        let code = self.threads[thread].fault().map(|fault| -(fault.kind as i64));
        if let Some(code) = code {
            self.doom_process(self.threads[thread].process, code, true);
        }
        code.is_some()
    }

    /// One less can receive. Once nobody can, waiting callers learn it, and threads that fault into the port die.
    pub(crate) fn drop_receiver(&mut self, id: Id<Port>) {
        self.ports[id].receiving_handles -= 1;
        if self.ports[id].receiving_handles > 0 {
            return;
        }
        while let Some(sender) = self.ports[id].senders.first() {
            self.unlink_sender(id, sender);
            self.threads[sender].state = State::AwaitingReply;
            self.abandon_caller(self.threads[sender].identity, Error::ServerDied);
        }
    }

    pub(crate) fn free_port(&mut self, id: Id<Port>) {
        // A thread may still wait in `receive` on a port whose last handle another thread closed: it learns that, too.
        while let Some(receiver) = self.take_receiver(id) {
            self.threads[receiver].context.rax = Error::InvalidHandle as u64;
            self.make_ready(receiver);
        }
        self.remove_object(id);
    }
}

/// The counts in a tag are a claim.
fn check_counts(tag: Tag) -> Result<()> {
    if tag.handles() > MAX_HANDLES || tag.leases() > MAX_LEASES {
        return Err(Error::InvalidArgument);
    }
    Ok(())
}
