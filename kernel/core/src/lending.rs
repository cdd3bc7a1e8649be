//! What a call lends to the thread that serves it: its caller's priority, and the caller's budget if the server has none of its own. Who waits
//! for a busy server lends it its priority, too, along a chain of calls; and its time, if the server has run out of what it works with.
//!
//! Both end when the server receives again. Priority inheritance: Sha, Rajkumar, Lehoczky 1990; of time: Lamastra, Lipari, Abeni, "A
//! bandwidth inheritance algorithm" (RTSS 2001).

use crate::kernel::Kernel;
use crate::machine::Machine;
use crate::port::Port;
use crate::slab::{Id, Weak};
use crate::thread::{Queue, State, Thread};

/// Longest chain of calls along which a priority is lent, and most waiting callers that are asked for time: keeps a kernel entry bounded.
const REACH: usize = 16;

impl<M: Machine> Kernel<M> {
    /// A message reached the thread that serves it.
    pub(crate) fn lend(&mut self, from: Id<Thread>, to: Id<Thread>) {
        let (priority, budget) = (self.threads[from].priority, self.threads[from].budget);
        let entry = &mut self.threads[to];
        entry.serving = None;
        entry.priority = entry.base_priority.max(priority);
        entry.budget = if entry.own_budget == Weak::NONE { budget } else { entry.own_budget };
        if to == self.cpu.current {
            self.cpu.reschedule = true;
        }
    }

    /// A server that receives has nothing lent any more.
    pub(crate) fn give_back(&mut self, server: Id<Thread>) {
        let entry = &mut self.threads[server];
        entry.serving = None;
        if entry.priority != entry.base_priority || entry.budget != entry.own_budget {
            entry.priority = entry.base_priority;
            entry.budget = entry.own_budget;
            if server == self.cpu.current {
                self.cpu.reschedule = true;
            }
        }
    }

    /// The thread whose call a thread is serving, and the port it came by.
    pub(crate) fn served(&self, server: Id<Thread>) -> Option<(Id<Thread>, Id<Port>)> {
        let caller = self.awaiting(self.threads[server].reply_to)?;
        Some((caller, self.threads[caller].calling))
    }

    /// The port whose callers have to wait until a server receives again.
    fn serves(&self, server: Id<Thread>) -> Option<Id<Port>> {
        match self.served(server) {
            Some((_, port)) => Some(port),
            None => self.threads[server].serving,
        }
    }

    /// A server that owes its caller no answer any more, or never did, is busy with the message still.
    pub(crate) fn serve_on(&mut self, server: Id<Thread>, port: Id<Port>) {
        self.ports[port].servant = server.number();
        self.threads[server].serving = Some(port);
    }

    /// A caller will not be there for its answer.
    pub(crate) fn forsake(&mut self, caller: Id<Thread>) {
        let port = self.threads[caller].calling;
        if let Some(servant) = self.servant(port).filter(|&servant| self.is_served_by(caller, servant)) {
            self.serve_on(servant, port);
        }
    }

    fn is_served_by(&self, caller: Id<Thread>, servant: Id<Thread>) -> bool {
        self.served(servant).is_some_and(|(served, _)| served == caller)
    }

    /// Who is busy with a message that came by a port, as far as is known: of several, the last.
    fn servant(&self, port: Id<Port>) -> Option<Id<Thread>> {
        let servant = self.threads.at(self.ports[port].servant)?;
        (self.serves(servant) == Some(port)).then_some(servant)
    }

    /// A caller's priority or budget has changed: so has what it lends.
    pub(crate) fn lend_on(&mut self, caller: Id<Thread>) {
        match self.threads[caller].state {
            State::Sending(port) => self.lend_to_servants(port, caller),
            State::AwaitingReply => {
                let port = self.threads[caller].calling;
                if self.servant(port).is_some_and(|servant| self.is_served_by(caller, servant)) {
                    self.lend_to_servants(port, caller);
                }
            }
            _ => {}
        }
    }

    /// A thread waits at a port for its server: all it depends on is at least as urgent, and has time if the thread has.
    pub(crate) fn lend_to_servants(&mut self, mut port: Id<Port>, sender: Id<Thread>) {
        let priority = self.threads[sender].priority;
        for _ in 0..REACH {
            let Some(servant) = self.servant(port) else {
                return;
            };
            let entry = &self.threads[servant];
            let stopped = entry.state == State::Ready && !entry.suspended;
            if stopped && matches!(entry.queue, Queue::None | Queue::Budget) {
                self.dequeue(servant);
                self.make_ready(servant);
            }
            if self.threads[servant].priority < priority {
                self.change_priority(servant, priority);
            }
            port = match self.threads[servant].state {
                State::Sending(next) => next,
                State::AwaitingReply => self.threads[servant].calling,
                _ => return,
            };
        }
    }

    /// A thread that could run has no time: it takes that of a thread that waits for it, along a chain of calls. Returns whether one has some;
    /// otherwise it will have time when the first of them does.
    pub(crate) fn borrow_time(&mut self, thread: Id<Thread>, now: u64) -> bool {
        let passive = self.threads[thread].own_budget == Weak::NONE;
        let Thread { budget, own_budget, .. } = self.threads[thread];
        let mut best = self.earlier(budget, own_budget);
        let mut server = thread;
        let mut left = REACH;
        while let Some(port) = self.serves(server) {
            let caller = self.served(server).map(|(caller, _)| caller);
            // An active thread works on its own time for whom it serves.
            if let Some(caller) = caller.filter(|_| passive) {
                best = self.earlier(best, self.threads[caller].budget);
            }
            for sender in self.ports[port].senders.iter(&self.threads).take(left) {
                best = self.earlier(best, self.threads[sender].budget);
                left -= 1;
            }
            match caller.filter(|_| left > 0) {
                Some(caller) => (server, left) = (caller, left - 1),
                None => break,
            }
        }
        if best == budget {
            return false;
        }
        self.threads[thread].budget = best;
        if !self.has_time(thread, now) {
            return false;
        }
        self.compete(thread);
        if thread == self.cpu.current && self.home(thread) == self.cpu.number {
            self.change_budget(best, now);
        }
        true
    }
}
