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

    /// The owner of the timer with the earliest deadline.
    pub(crate) fn first(&self) -> Option<u32> {
        self.heap.first().map(|&(_, owner)| owner)
    }

    /// Puts an owner without a timer in the place of the first. Returns the owner of that.
    pub(crate) fn replace_first(&mut self, owner: u32) -> u32 {
        let (deadline, first) = self.heap[0];
        self.position[first as usize] = NONE;
        self.place(0, (deadline, owner));
        first
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
        if position < self.heap.len() {
            self.sift_up(position);
            self.sift_down(position);
        }
    }

    /// The deadline at a place in the heap; `u64::MAX` behind its end.
    #[inline(always)]
    fn deadline(&self, index: usize) -> u64 {
        self.heap.get(index).map_or(u64::MAX, |&(deadline, _)| deadline)
    }

    #[inline(always)]
    fn place(&mut self, index: usize, entry: (u64, u32)) {
        self.heap[index] = entry;
        self.position[entry.1 as usize] = index as u32;
    }

    /// Those that are later move down; it goes where the last of them was.
    fn sift_up(&mut self, mut index: usize) {
        let rising = self.heap[index];
        while index > 0 {
            let parent = (index - 1) / 2;
            if self.heap[parent].0 <= rising.0 {
                break;
            }
            self.place(index, self.heap[parent]);
            index = parent;
        }
        self.place(index, rising);
    }

    /// Those that are earlier move up; it goes where the last of them was.
    fn sift_down(&mut self, mut index: usize) {
        let sinking = self.heap[index];
        loop {
            let left = 2 * index + 1;
            let (on_left, on_right) = (self.deadline(left), self.deadline(left + 1));
            let (child, earliest) = if on_right < on_left { (left + 1, on_right) } else { (left, on_left) };
            if sinking.0 <= earliest {
                break;
            }
            self.place(index, self.heap[child]);
            index = child;
        }
        self.place(index, sinking);
    }
}

#[cfg(test)]
#[path = "tests/timers.rs"]
mod tests;
