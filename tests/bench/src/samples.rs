//! Numbers measured, and what is told of them.

use alloc::vec;
use alloc::vec::Vec;

/// The samples of one row, in ticks, with the cost of reading the counter still in them.
#[derive(Clone, Debug)]
pub struct Samples {
    values: Vec<u64>,
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
        Samples { values, overhead }
    }

    /// Adds the sample between two readings of the counter.
    #[inline(always)]
    pub fn add(&mut self, start: u64, end: u64) {
        self.values.push(end.wrapping_sub(start));
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
        self.values.sort_unstable();
        let median = *self.values.get(self.values.len().checked_sub(1)? / 2)?;
        let net = |ticks: u64| ticks.saturating_sub(self.overhead);
        Some(Summary { min: net(*self.values.first()?), median: net(median), max: net(*self.values.last()?) })
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
