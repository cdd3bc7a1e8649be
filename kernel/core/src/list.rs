//! Queues of threads, linked through [`Thread::next`] and [`Thread::previous`]: a thread is in one queue at most.

use crate::slab::{Id, NONE, Slab};
use crate::thread::Thread;

/// A queue. The entry stubs know its two links.
#[derive(Clone, Copy, PartialEq)]
pub(crate) struct List {
    pub(crate) first: u32,
    pub(crate) last: u32,
}

impl Default for List {
    fn default() -> List {
        List::EMPTY
    }
}

impl List {
    pub(crate) const EMPTY: List = List { first: NONE, last: NONE };

    /// A queue of one; the thread's own links are `NONE`.
    pub(crate) const fn of(thread: Id<Thread>) -> List {
        List { first: thread.number(), last: thread.number() }
    }

    #[inline(always)]
    pub(crate) const fn first(&self) -> Option<Id<Thread>> {
        Id::from_link(self.first)
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.first == NONE
    }

    /// Puts a thread before the one with the number `next`, or at the end for `NONE`.
    #[inline(always)]
    pub(crate) fn insert(&mut self, threads: &mut Slab<Thread>, thread: Id<Thread>, next: u32) {
        let link = match Id::from_link(next) {
            Some(next) => &mut threads[next].previous,
            None => &mut self.last,
        };
        let previous = core::mem::replace(link, thread.number());
        match Id::from_link(previous) {
            Some(previous) => threads[previous].next = thread.number(),
            None => self.first = thread.number(),
        }
        let entry = &mut threads[thread];
        (entry.next, entry.previous) = (next, previous);
    }

    /// Takes a thread out that is in this queue.
    #[inline(always)]
    pub(crate) fn remove(&mut self, threads: &mut Slab<Thread>, thread: Id<Thread>) {
        let Thread { next, previous, .. } = threads[thread];
        match Id::from_link(previous) {
            Some(previous) => threads[previous].next = next,
            None => self.first = next,
        }
        match Id::from_link(next) {
            Some(next) => threads[next].previous = previous,
            None => self.last = previous,
        }
    }

    /// The threads, in order.
    pub(crate) fn iter(&self, threads: &Slab<Thread>) -> impl Iterator<Item = Id<Thread>> {
        core::iter::successors(self.first(), |&thread| Id::from_link(threads[thread].next))
    }
}
