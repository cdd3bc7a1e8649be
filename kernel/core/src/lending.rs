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
        entry.priority = entry.base_priority.max(priority);
        entry.budget = if entry.own_budget == Weak::NONE {
            budget
        } else {
            entry.own_budget
        };
        if to == self.cpu.current {
            self.cpu.reschedule = true;
        }
    }

    /// A server that receives has nothing lent any more.
    pub(crate) fn give_back(&mut self, server: Id<Thread>) {
        let entry = &mut self.threads[server];
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
        let caller = self.threads.upgrade(self.threads[server].reply_to)?;
        let entry = &self.threads[caller];
        (entry.state == State::AwaitingReply).then_some((caller, entry.calling))
    }

    /// Who is serving a call that came by a port, as far as is known: of several, the last.
    fn servant(&self, port: Id<Port>) -> Option<Id<Thread>> {
        let servant = self.threads.at(self.ports[port].servant)?;
        self.served(servant)
            .is_some_and(|(_, by)| by == port)
            .then_some(servant)
    }

    /// A thread waits at a port for its server: all it depends on is at least as urgent.
    pub(crate) fn lend_to_servants(&mut self, mut port: Id<Port>, sender: Id<Thread>) {
        let priority = self.threads[sender].priority;
        for _ in 0..REACH {
            let Some(servant) = self.servant(port) else {
                return;
            };
            if self.threads[servant].queue == Queue::Budget {
                self.dequeue(servant);
                self.threads[servant].budget = self.threads[sender].budget;
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

    /// A thread that could run has no time: it takes that of a thread that waits for it. Returns whether one has some.
    pub(crate) fn borrow_time(&mut self, thread: Id<Thread>, now: u64) -> bool {
        let Some((_, port)) = self.served(thread) else {
            return false;
        };
        let mut link = self.ports[port].first_sender;
        for _ in 0..REACH {
            let Some(sender) = Id::from_link(link) else {
                return false;
            };
            if self.has_time(sender, now) {
                self.threads[thread].budget = self.threads[sender].budget;
                self.compete(thread);
                if thread == self.cpu.current {
                    self.change_budget(self.threads[thread].budget, now);
                }
                return true;
            }
            link = self.threads[sender].next;
        }
        false
    }
}
