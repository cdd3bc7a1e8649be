//! The recent records, within a byte bound that no source can take for itself.
//!
//! One queue a source. When a new record does not fit, the source that **holds the most bytes** loses its oldest
//! record, again and again until it fits. So a lone source may use the whole ring, and a flood, once it is the biggest
//! holder, only ever pushes out itself: a source that holds less than its equal share loses nothing.
//!
//! Every record accepted has the next sequence number, so a reader sees exactly what was pushed
//! out before it could read it: as a gap in the numbers.

use airox_api::log::{Level, Record};
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::String;

/// A record as the ring keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Counts accepted records from 1.
    pub sequence: u64,
    /// Nanoseconds since boot at which the server accepted it.
    pub time_ns: u64,
    /// How grave it is.
    pub level: Level,
    /// One line of printable text.
    pub text: Box<str>,
}

impl Stored {
    /// Bytes this record counts for: its text and what the ring needs to keep it.
    #[must_use]
    pub fn cost(&self) -> usize {
        size_of::<Stored>() + self.text.len()
    }

    /// The record as readers get it.
    #[must_use]
    pub fn to_record(&self, source: String) -> Record {
        Record {
            sequence: self.sequence,
            time_ns: self.time_ns,
            source,
            level: self.level,
            text: self.text.as_ref().into(),
        }
    }
}

#[derive(Default)]
struct Queue {
    records: VecDeque<Stored>,
    bytes: usize,
}

/// See the module documentation.
pub struct Ring {
    queues: BTreeMap<u64, Queue>,
    bytes: usize,
    capacity: usize,
    last: u64,
    dropped: u64,
}

impl Ring {
    /// A ring that holds at most `capacity` bytes, as [`Stored::cost`] counts them.
    #[must_use]
    pub fn new(capacity: usize) -> Ring {
        Ring { queues: BTreeMap::new(), bytes: 0, capacity, last: 0, dropped: 0 }
    }

    /// Keeps a record of `source` and returns its sequence number. One that is larger than the whole ring gets a number and
    /// is dropped at once.
    pub fn push(&mut self, source: u64, time_ns: u64, level: Level, text: Box<str>) -> u64 {
        self.last += 1;
        let record = Stored { sequence: self.last, time_ns, level, text };
        let cost = record.cost();
        if cost > self.capacity {
            self.dropped += 1;
            return self.last;
        }
        let queue = self.queues.entry(source).or_default();
        queue.records.push_back(record);
        queue.bytes += cost;
        self.bytes += cost;
        while self.bytes > self.capacity {
            self.drop_one();
        }
        self.last
    }

    /// Drops the oldest record of the biggest holder; among equals, of the one whose oldest record is the oldest.
    fn drop_one(&mut self) {
        let oldest = |queue: &Queue| queue.records.front().map_or(u64::MAX, |r| r.sequence);
        let Some((&source, _)) =
            self.queues.iter().max_by_key(|(_, queue)| (queue.bytes, core::cmp::Reverse(oldest(queue))))
        else {
            return;
        };
        if let Some(queue) = self.queues.get_mut(&source) {
            if let Some(record) = queue.records.pop_front() {
                queue.bytes -= record.cost();
                self.bytes -= record.cost();
                self.dropped += 1;
            }
            if queue.records.is_empty() {
                self.queues.remove(&source);
            }
        }
    }

    /// The records newer than `after`, in the order of their numbers, each with its source.
    pub fn after(&self, after: u64) -> impl Iterator<Item = (u64, &Stored)> {
        let mut cursors: alloc::vec::Vec<_> = self
            .queues
            .iter()
            .map(|(&source, queue)| {
                let first = queue.records.partition_point(|r| r.sequence <= after);
                (source, queue.records.range(first..).peekable())
            })
            .collect();
        core::iter::from_fn(move || {
            let (source, cursor) = cursors
                .iter_mut()
                .filter_map(|(source, cursor)| {
                    let sequence = cursor.peek()?.sequence;
                    Some((sequence, *source, cursor))
                })
                .min_by_key(|(sequence, ..)| *sequence)
                .map(|(_, source, cursor)| (source, cursor))?;
            cursor.next().map(|record| (source, record))
        })
    }

    /// Sequence number of the newest record accepted, 0 before the first.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.last
    }

    /// The sources of which records are held.
    pub fn sources(&self) -> impl Iterator<Item = u64> {
        self.queues.keys().copied()
    }

    /// Records dropped since the start.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Bytes held now, as [`Stored::cost`] counts them.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether any record of this source is held.
    #[must_use]
    pub fn holds(&self, source: u64) -> bool {
        self.queues.contains_key(&source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    const OVERHEAD: usize = size_of::<Stored>();

    fn sequences(ring: &Ring, after: u64) -> Vec<u64> {
        ring.after(after).map(|(_, r)| r.sequence).collect()
    }

    #[test]
    fn oldest_goes_first_and_the_gap_shows() {
        let mut ring = Ring::new(3 * (OVERHEAD + 1));
        for _ in 0..5 {
            ring.push(1, 0, Level::Info, "x".into());
        }
        assert_eq!(sequences(&ring, 0), [3, 4, 5]);
        assert_eq!(sequences(&ring, 4), [5]);
        assert_eq!(sequences(&ring, 5), [] as [u64; 0]);
        assert_eq!(ring.dropped(), 2);
        assert_eq!(ring.last(), 5);
    }

    #[test]
    fn a_flood_evicts_only_itself() {
        let mut ring = Ring::new(100 * (OVERHEAD + 4));
        for n in 0..20 {
            ring.push(1, n, Level::Warn, "rare".into());
        }
        for n in 0..10_000 {
            ring.push(2, n, Level::Info, "noisy".into());
        }
        assert_eq!(ring.after(0).filter(|(source, _)| *source == 1).count(), 20);
        assert!(ring.after(0).any(|(source, _)| source == 2));
    }

    #[test]
    fn a_record_larger_than_the_ring_is_dropped_visibly() {
        let mut ring = Ring::new(OVERHEAD + 4);
        ring.push(1, 0, Level::Info, "good".into());
        assert_eq!(ring.push(1, 0, Level::Info, "too long".into()), 2);
        assert_eq!(sequences(&ring, 0), [1]);
        assert_eq!(ring.dropped(), 1);
    }

    proptest! {
        #[test]
        fn invariants_hold_for_any_sequence_of_writes(
            writes in proptest::collection::vec((0u64..6, 0usize..200), 0..300),
            capacity in 0usize..4000,
            after in 0u64..300,
        ) {
            let mut ring = Ring::new(capacity);
            for (n, (source, length)) in writes.iter().enumerate() {
                let number = ring.push(*source, n as u64, Level::Info, "y".repeat(*length).into());
                prop_assert_eq!(number, n as u64 + 1);
                prop_assert!(ring.bytes() <= capacity);
            }
            let held: Vec<_> = ring.after(0).collect();
            // Bytes and counts add up.
            prop_assert_eq!(held.iter().map(|(_, r)| r.cost()).sum::<usize>(), ring.bytes());
            prop_assert_eq!(held.len() as u64 + ring.dropped(), writes.len() as u64);
            // In order, unchanged, and `after` is a suffix.
            prop_assert!(held.windows(2).all(|w| w[0].1.sequence < w[1].1.sequence));
            for (source, record) in &held {
                let (wanted, length) = writes[record.sequence as usize - 1];
                prop_assert_eq!(*source, wanted);
                prop_assert_eq!(record.text.len(), length);
            }
            let suffix: Vec<_> = held.iter().map(|(_, r)| r.sequence).filter(|s| *s > after).collect();
            prop_assert_eq!(sequences(&ring, after), suffix);
        }

        #[test]
        fn a_source_below_its_equal_share_loses_nothing(
            flood in proptest::collection::vec((1u64..4, 0usize..60), 0..400),
        ) {
            let capacity = 4 * 10 * (OVERHEAD + 60);
            let mut ring = Ring::new(capacity);
            for n in 0..8 {
                ring.push(0, n, Level::Info, format!("record {n}").into());
            }
            for (source, length) in &flood {
                ring.push(*source, 0, Level::Info, "z".repeat(*length).into());
            }
            prop_assert_eq!(ring.after(0).filter(|(source, _)| *source == 0).count(), 8);
        }
    }
}
