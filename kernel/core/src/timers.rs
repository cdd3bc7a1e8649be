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
    /// Memory it takes for each owner.
    pub(crate) const BYTES_EACH: usize = size_of::<(u64, u32)>() + size_of::<u32>();

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
        let last = self.heap.len();
        self.heap.push((deadline, owner));
        self.position[owner as usize] = last as u32;
        self.sift_up(last);
    }

    /// Stops an owner's timer, if it runs.
    pub(crate) fn cancel(&mut self, owner: u32) {
        let position = self.position[owner as usize];
        if position != NONE {
            self.remove(position as usize);
        }
    }

    /// Takes a timer whose deadline has come.
    #[inline]
    pub(crate) fn take_due(&mut self, now: u64) -> Option<u32> {
        let &(_, owner) = self.heap.first().filter(|&&(deadline, _)| deadline <= now)?;
        self.remove(0);
        Some(owner)
    }

    /// The last one takes its place, then its own.
    #[inline]
    fn remove(&mut self, position: usize) {
        let (_, owner) = self.heap.swap_remove(position);
        self.position[owner as usize] = NONE;
        if let Some(&(_, moved)) = self.heap.get(position) {
            self.position[moved as usize] = position as u32;
            self.sift_up(position);
            self.sift_down(position);
        }
    }

    /// The deadline at a place in the heap; `u64::MAX` behind its end.
    fn deadline(&self, index: usize) -> u64 {
        self.heap.get(index).map_or(u64::MAX, |&(deadline, _)| deadline)
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
            let child = if self.deadline(left + 1) < self.deadline(left) { left + 1 } else { left };
            if self.deadline(index) <= self.deadline(child) {
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
