//! Numbers measured, and what is told of them.

use alloc::vec;
use alloc::vec::Vec;

/// Samples kept at most: a busy host makes rows long that last until something has happened.
const MOST_KEPT: usize = 1 << 16;

/// The samples of one row, in ticks, with the cost of reading the counter still in them.
///
/// Of very many, half of the older ones are left out for the median, again and again; smallest and largest are those of all.
#[derive(Clone, Debug)]
pub struct Samples {
    values: Vec<u64>,
    smallest: u64,
    largest: u64,
    overhead: u64,
}

/// What is told of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Smallest sample.
    pub min: u64,
    /// The middle one; of an even count the lower of the two.
    pub median: u64,
    /// Largest sample.
    pub max: u64,
}

impl Samples {
    /// Room for `count` samples, each of which is `overhead` ticks too large. The memory is touched.
    #[must_use]
    pub fn new(count: usize, overhead: u64) -> Samples {
        let mut values = vec![0; count];
        values.clear();
        Samples { values, smallest: u64::MAX, largest: 0, overhead }
    }

    /// Adds the sample between two readings of the counter.
    #[inline(always)]
    pub fn add(&mut self, start: u64, end: u64) {
        if self.values.len() == MOST_KEPT {
            self.thin_out();
        }
        self.values.push(end.wrapping_sub(start));
    }

    /// Leaves every second one out.
    #[cold]
    #[inline(never)]
    fn thin_out(&mut self) {
        self.note_extremes();
        let mut index = 0;
        self.values.retain(|_| {
            index += 1;
            index % 2 == 0
        });
    }

    fn note_extremes(&mut self) {
        for &value in &self.values {
            self.smallest = self.smallest.min(value);
            self.largest = self.largest.max(value);
        }
    }

    /// The same samples, each of which is another `ticks` too large.
    #[must_use]
    pub fn without(self, ticks: u64) -> Samples {
        let overhead = self.overhead + ticks;
        Samples { overhead, ..self }
    }

    /// What is told of them; `None` without samples.
    #[must_use]
    pub fn summary(mut self) -> Option<Summary> {
        self.note_extremes();
        self.values.sort_unstable();
        let median = *self.values.get(self.values.len().checked_sub(1)? / 2)?;
        let net = |ticks: u64| ticks.saturating_sub(self.overhead);
        Some(Summary { min: net(self.smallest), median: net(median), max: net(self.largest) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_overhead_comes_off_each_number() {
        let mut samples = Samples::new(4, 10);
        for end in [130, 120, 150, 115] {
            samples.add(100, end);
        }
        let expected = Summary { min: 5, median: 10, max: 40 };
        assert_eq!(samples.summary(), Some(expected));
    }

    #[test]
    fn more_can_be_taken_off() {
        let mut samples = Samples::new(1, 10);
        samples.add(0, 100);
        let rest = samples.without(17);
        assert_eq!(rest.summary().map(|summary| summary.min), Some(73));
    }

    #[test]
    fn very_many_are_thinned_out() {
        let mut samples = Samples::new(1, 0);
        let count = 5 * MOST_KEPT as u64 + 3;
        // All numbers up to there, neither rising nor falling.
        for sample in 0..count {
            samples.add(0, sample * 7919 % count);
        }
        assert!(samples.values.len() <= MOST_KEPT);
        let summary = samples.summary().unwrap();
        assert_eq!((summary.min, summary.max), (0, count - 1));
        assert!(summary.median.abs_diff(count / 2) < count / 50, "{summary:?}");
    }

    #[test]
    fn no_samples_no_numbers() {
        assert_eq!(Samples::new(4, 1).summary(), None);
    }

    #[test]
    fn less_than_the_overhead_is_nothing() {
        let mut samples = Samples::new(1, 10);
        samples.add(100, 103);
        assert_eq!(samples.summary().map(|summary| summary.max), Some(0));
    }
}
