//! Whether work really went on while something else was measured.

/// Samples that must fall into each operation.
const LEAST: usize = 5;

/// Counts operations and the samples taken while each went on.
#[derive(Clone, Debug, Default)]
pub struct Overlap {
    began: u64,
    samples: usize,
    operations: usize,
    short: bool,
}

impl Overlap {
    /// A sample whose measurement started at `start`, while an operation goes on that began at `began`, or none does if that is 0. Returns whether all
    /// of the measurement was within the operation.
    pub fn sample(&mut self, start: u64, began: u64) -> bool {
        if began == 0 || began > start {
            return false;
        }
        if began != self.began {
            self.close();
            *self = Overlap { began, samples: 0, operations: self.operations + 1, short: self.short };
        }
        self.samples += 1;
        true
    }

    /// Whether there were so many operations, and several samples in each.
    #[must_use]
    pub fn is_complete(mut self, operations: usize) -> bool {
        self.close();
        self.operations == operations && !self.short
    }

    /// The operation is over.
    fn close(&mut self) {
        self.short |= self.operations > 0 && self.samples < LEAST;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Operations that begin at these moments, and how many samples fall into each.
    fn overlap(operations: &[(u64, u64)]) -> Overlap {
        let mut overlap = Overlap::default();
        for &(began, samples) in operations {
            for sample in 0..samples {
                assert!(overlap.sample(began + sample, began));
            }
        }
        overlap
    }

    #[test]
    fn each_operation_needs_several_samples() {
        assert!(overlap(&[(100, 5), (200, 9)]).is_complete(2));
        for short in [&[(100, 4), (200, 9)], &[(100, 9), (200, 4)]] {
            assert!(!overlap(short).is_complete(2));
        }
    }

    #[test]
    fn operations_are_counted() {
        assert!(!overlap(&[(100, 5)]).is_complete(2));
        assert!(!overlap(&[(100, 5), (200, 5)]).is_complete(1));
        assert!(!Overlap::default().is_complete(1));
    }

    #[test]
    fn what_is_outside_does_not_count() {
        let mut overlap = overlap(&[(100, 4)]);
        assert!(!overlap.sample(150, 0));
        assert!(!overlap.sample(150, 151));
        assert!(!overlap.clone().is_complete(1));
        assert!(overlap.sample(100, 100));
        assert!(overlap.is_complete(1));
    }
}
