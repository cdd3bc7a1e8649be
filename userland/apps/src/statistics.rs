//! What a series of measurements says.

/// The least, middle and largest of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The least.
    pub least: u64,
    /// The middle one; of an even number, the lower of the two.
    pub median: u64,
    /// The largest.
    pub most: u64,
}

/// Sorts the series and sums it up; `None` if it is empty.
pub fn summary(series: &mut [u64]) -> Option<Summary> {
    series.sort_unstable();
    Some(Summary { least: *series.first()?, median: series[(series.len() - 1) / 2], most: *series.last()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series() {
        assert_eq!(summary(&mut []), None);
        let one = Summary { least: 5, median: 5, most: 5 };
        assert_eq!(summary(&mut [5]), Some(one));
        let four = Summary { least: 1, median: 2, most: 9 };
        assert_eq!(summary(&mut [9, 2, 1, 3]), Some(four));
    }
}
