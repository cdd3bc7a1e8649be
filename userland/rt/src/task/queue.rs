//! What futures wait for: signal bits and points in time.

use crate::time::Instant;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::task::{Poll, Waker};

/// One future's wait for bits.
struct BitsWait {
    mask: u64,
    arrived: u64,
    waker: Waker,
}

/// All waits of an executor, by number. Numbers are never used again.
#[derive(Default)]
pub struct Queue {
    last_id: u64,
    bits: BTreeMap<u64, BitsWait>,
    deadlines: BTreeMap<u64, (Instant, Waker)>,
    /// What the timer is set to.
    alarm: Option<Instant>,
}

impl Queue {
    /// A number for a new wait.
    pub fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// The bits that arrived for this wait, or registers it.
    pub fn poll_bits(&mut self, id: u64, mask: u64, waker: &Waker) -> Poll<u64> {
        let wait = self.bits.entry(id).or_insert_with(|| BitsWait { mask, arrived: 0, waker: waker.clone() });
        if wait.arrived != 0 {
            let arrived = wait.arrived;
            self.bits.remove(&id);
            return Poll::Ready(arrived);
        }
        wait.waker.clone_from(waker);
        Poll::Pending
    }

    /// Gives bits to the waits for them, each bit to all who wait for it; returns those nobody waits for.
    pub fn deliver(&mut self, bits: u64) -> u64 {
        let mut left = bits;
        for wait in self.bits.values_mut() {
            let arrived = bits & wait.mask;
            if arrived != 0 {
                wait.arrived |= arrived;
                left &= !arrived;
                wait.waker.wake_by_ref();
            }
        }
        left
    }

    /// Registers or changes a wait for time.
    pub fn set_deadline(&mut self, id: u64, deadline: Instant, waker: &Waker) {
        self.deadlines.insert(id, (deadline, waker.clone()));
    }

    /// Wakes every wait whose time has come.
    pub fn wake_due(&mut self, now: Instant) {
        if self.alarm.is_some_and(|alarm| alarm <= now) {
            // The timer has fired, or is about to: it is one-shot.
            self.alarm = None;
        }
        let mut due: Vec<_> =
            self.deadlines.extract_if(.., |_, (deadline, _)| *deadline <= now).map(|(_, wait)| wait).collect();
        // Late wake-ups still come in the order of the deadlines.
        due.sort_by_key(|(deadline, _)| *deadline);
        for (_, waker) in due {
            waker.wake();
        }
    }

    /// What the timer has to be changed to, if it has to: `Some(None)` stops it.
    pub fn next_alarm(&mut self) -> Option<Option<Instant>> {
        let next = self.deadlines.values().map(|(deadline, _)| *deadline).min();
        if next == self.alarm {
            return None;
        }
        self.alarm = next;
        Some(next)
    }

    /// Drops a wait.
    pub fn forget(&mut self, id: u64) {
        self.bits.remove(&id);
        self.deadlines.remove(&id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::sync::Arc;
    use alloc::task::Wake;
    use core::sync::atomic::{AtomicU32, Ordering};

    #[derive(Default)]
    struct Count(AtomicU32);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn waker() -> (Arc<Count>, Waker) {
        let count = Arc::new(Count::default());
        (Arc::clone(&count), Waker::from(count))
    }

    #[test]
    fn bits_go_to_who_waits_and_the_rest_is_left() {
        let (count, waker) = waker();
        let mut queue = Queue::default();
        let (first, second) = (queue.next_id(), queue.next_id());
        assert!(queue.poll_bits(first, 0b011, &waker).is_pending());
        assert!(queue.poll_bits(second, 0b110, &waker).is_pending());
        assert_eq!(queue.deliver(0b1010), 0b1000);
        assert_eq!(count.0.load(Ordering::Relaxed), 2);
        assert_eq!(queue.poll_bits(first, 0b011, &waker), Poll::Ready(0b010));
        assert_eq!(queue.poll_bits(second, 0b110, &waker), Poll::Ready(0b010));
        assert_eq!(queue.deliver(0b10), 0b10);
    }

    #[test]
    fn the_alarm_follows_the_earliest_deadline() {
        let (count, waker) = waker();
        let mut queue = Queue::default();
        let at = Instant::from_nanoseconds;
        assert_eq!(queue.next_alarm(), None);
        queue.set_deadline(1, at(50), &waker);
        assert_eq!(queue.next_alarm(), Some(Some(at(50))));
        queue.set_deadline(2, at(20), &waker);
        assert_eq!(queue.next_alarm(), Some(Some(at(20))));
        assert_eq!(queue.next_alarm(), None);
        queue.wake_due(at(20));
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
        assert_eq!(queue.next_alarm(), Some(Some(at(50))));
        queue.forget(1);
        assert_eq!(queue.next_alarm(), Some(None));
    }
}
