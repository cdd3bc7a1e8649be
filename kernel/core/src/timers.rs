//! The queue of one-shot timers: a binary heap of deadlines with one place for each signal, all memory reserved at boot.

use crate::signal::Signal;
use crate::slab::{Id, NONE};
use alloc::vec;
use alloc::vec::Vec;

/// Deadlines in TSC ticks, earliest first.
pub(crate) struct Timers {
    heap: Vec<(u64, Id<Signal>)>,
    /// Where each signal's timer is in the heap.
    position: Vec<u32>,
}

impl Timers {
    /// Room for one timer for each of `signals` signals.
    pub(crate) fn new(signals: u32) -> Timers {
        Timers {
            heap: Vec::with_capacity(signals as usize),
            position: vec![NONE; signals as usize],
        }
    }

    /// The earliest deadline, `u64::MAX` if there is none.
    #[inline]
    pub(crate) fn earliest(&self) -> u64 {
        self.heap
            .first()
            .map_or(u64::MAX, |&(deadline, _)| deadline)
    }

    /// Sets or replaces a signal's timer.
    pub(crate) fn set(&mut self, signal: Id<Signal>, deadline: u64) {
        self.cancel(signal);
        self.heap.push((deadline, signal));
        let last = self.heap.len() - 1;
        self.position[signal.number() as usize] = last as u32;
        self.sift_up(last);
    }

    /// Stops a signal's timer, if it runs.
    pub(crate) fn cancel(&mut self, signal: Id<Signal>) {
        let position = self.position[signal.number() as usize];
        if position == NONE {
            return;
        }
        let position = position as usize;
        let last = self.heap.len() - 1;
        self.swap(position, last);
        self.heap.pop();
        self.position[signal.number() as usize] = NONE;
        if position < last {
            self.sift_up(position);
            self.sift_down(position);
        }
    }

    /// Takes a timer whose deadline has come.
    pub(crate) fn take_due(&mut self, now: u64) -> Option<Id<Signal>> {
        let &(deadline, signal) = self.heap.first()?;
        if deadline > now {
            return None;
        }
        self.cancel(signal);
        Some(signal)
    }

    fn swap(&mut self, a: usize, b: usize) {
        self.heap.swap(a, b);
        for index in [a, b] {
            self.position[self.heap[index].1.number() as usize] = index as u32;
        }
    }

    fn sift_up(&mut self, mut index: usize) {
        while index > 0 {
            let parent = (index - 1) / 2;
            if self.heap[parent].0 <= self.heap[index].0 {
                break;
            }
            self.swap(parent, index);
            index = parent;
        }
    }

    fn sift_down(&mut self, mut index: usize) {
        loop {
            let left = 2 * index + 1;
            let Some(&(mut smallest, _)) = self.heap.get(left) else {
                break;
            };
            let mut child = left;
            if let Some(&(right, _)) = self.heap.get(left + 1)
                && right < smallest
            {
                smallest = right;
                child = left + 1;
            }
            if self.heap[index].0 <= smallest {
                break;
            }
            self.swap(index, child);
            index = child;
        }
    }
}

#[cfg(test)]
#[path = "tests/timers.rs"]
mod tests;
