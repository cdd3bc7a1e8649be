//! The queue of one-shot timers: a binary heap of deadlines with one place for each signal and each budget, all memory reserved at
//! boot. A timer is named by its owner's number; those of budgets follow those of signals.

use crate::slab::NONE;
use alloc::vec;
use alloc::vec::Vec;

/// Deadlines in TSC ticks, earliest first.
pub(crate) struct Timers {
    heap: Vec<(u64, u32)>,
    /// Where each owner's timer is in the heap.
    position: Vec<u32>,
}

impl Timers {
    /// Room for one timer for each of `owners` owners.
    pub(crate) fn new(owners: u32) -> Timers {
        Timers { heap: Vec::with_capacity(owners as usize), position: vec![NONE; owners as usize] }
    }

    /// The earliest deadline, `u64::MAX` if there is none.
    #[inline]
    pub(crate) fn earliest(&self) -> u64 {
        self.heap.first().map_or(u64::MAX, |&(deadline, _)| deadline)
    }

    /// Sets or replaces an owner's timer.
    pub(crate) fn set(&mut self, owner: u32, deadline: u64) {
        self.cancel(owner);
        self.heap.push((deadline, owner));
        let last = self.heap.len() - 1;
        self.position[owner as usize] = last as u32;
        self.sift_up(last);
    }

    /// Stops an owner's timer, if it runs.
    pub(crate) fn cancel(&mut self, owner: u32) {
        let position = self.position[owner as usize];
        if position == NONE {
            return;
        }
        let position = position as usize;
        let last = self.heap.len() - 1;
        self.swap(position, last);
        self.heap.pop();
        self.position[owner as usize] = NONE;
        if position < last {
            self.sift_up(position);
            self.sift_down(position);
        }
    }

    /// Takes a timer whose deadline has come.
    pub(crate) fn take_due(&mut self, now: u64) -> Option<u32> {
        let &(deadline, owner) = self.heap.first()?;
        if deadline > now {
            return None;
        }
        self.position[owner as usize] = NONE;
        let last = self.heap.pop();
        if let Some(last) = last.filter(|_| !self.heap.is_empty()) {
            self.heap[0] = last;
            self.position[last.1 as usize] = 0;
            self.sift_down(0);
        }
        Some(owner)
    }

    fn swap(&mut self, a: usize, b: usize) {
        self.heap.swap(a, b);
        for index in [a, b] {
            self.position[self.heap[index].1 as usize] = index as u32;
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
