//! What is kept about the jobs of a periodic thread.

use crate::time::Duration;

/// Buckets for each doubling: a value is known to an eighth.
const PARTS: u64 = 8;
/// Doublings, the first `PARTS` values counted as one; the last bucket holds everything from 15 << 36 ns (17 minutes) on.
const DOUBLINGS: usize = 38;
const BUCKETS: usize = PARTS as usize * DOUBLINGS;

/// How often durations occurred. Of fixed size; counts, the shortest, the longest and the mean are exact, percentiles to an eighth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Histogram {
    buckets: [u32; BUCKETS],
    count: u64,
    total: u128,
    least: u64,
    most: u64,
}

impl Default for Histogram {
    fn default() -> Histogram {
        Histogram { buckets: [0; BUCKETS], count: 0, total: 0, least: u64::MAX, most: 0 }
    }
}

/// The bucket of a number of nanoseconds.
fn bucket(value: u64) -> usize {
    if value < PARTS {
        return value as usize;
    }
    let doubling = value.ilog2() - PARTS.ilog2();
    let part = (value >> doubling) - PARTS;
    let index = (u64::from(doubling) + 1) * PARTS + part;
    usize::try_from(index).map_or(BUCKETS - 1, |index| index.min(BUCKETS - 1))
}

/// The largest number of nanoseconds in a bucket.
fn upper_end(bucket: usize) -> u64 {
    let (doubling, part) = (bucket as u64 / PARTS, bucket as u64 % PARTS);
    match doubling.checked_sub(1) {
        None => part,
        Some(doubling) => ((PARTS + part + 1) << doubling) - 1,
    }
}

impl Histogram {
    /// Counts one duration.
    pub fn record(&mut self, duration: Duration) {
        let value = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let bucket = &mut self.buckets[bucket(value)];
        *bucket = bucket.saturating_add(1);
        self.count += 1;
        self.total += u128::from(value);
        self.least = self.least.min(value);
        self.most = self.most.max(value);
    }

    /// How many were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The shortest; zero if none was counted.
    #[must_use]
    pub fn least(&self) -> Duration {
        Duration::from_nanos(if self.count == 0 { 0 } else { self.least })
    }

    /// The longest.
    #[must_use]
    pub fn most(&self) -> Duration {
        Duration::from_nanos(self.most)
    }

    /// The mean; zero if none was counted.
    #[must_use]
    pub fn mean(&self) -> Duration {
        let mean = self.total / u128::from(self.count.max(1));
        Duration::from_nanos(u64::try_from(mean).unwrap_or(u64::MAX))
    }

    /// So many thousandths of all durations were at most this long (500: the median). At most an eighth too long, never too short.
    #[must_use]
    pub fn percentile(&self, thousandths: u32) -> Duration {
        let wanted = (u128::from(self.count) * u128::from(thousandths)).div_ceil(1000);
        let mut seen = 0;
        let found = self.buckets.iter().position(|count| {
            seen += u128::from(*count);
            seen >= wanted && seen > 0
        });
        let end = found.filter(|bucket| *bucket < BUCKETS - 1).map(upper_end);
        Duration::from_nanos(end.map_or(self.most, |end| end.min(self.most)))
    }
}

/// What is kept about the jobs that have ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Jobs that ended.
    pub jobs: u64,
    /// Those that ended after their deadline.
    pub misses: u64,
    /// Those that ended after the next release was due.
    pub overruns: u64,
    /// Releases that had no job, as their deadline was over before the one in front had ended.
    pub skipped: u64,
    /// From each release to the job's first instruction.
    pub lateness: Histogram,
    /// Processor time that each job used itself; what servers did for it is theirs.
    pub execution: Histogram,
    /// From each release to the job's end.
    pub response: Histogram,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: impl IntoIterator<Item = u64>) -> Histogram {
        let mut histogram = Histogram::default();
        for value in values {
            histogram.record(Duration::from_nanos(value));
        }
        histogram
    }

    #[test]
    fn every_value_lies_in_its_bucket() {
        let mut last = 0;
        for bucket_number in 0..BUCKETS - 1 {
            let end = upper_end(bucket_number);
            assert_eq!(bucket(last), bucket_number);
            assert_eq!(bucket(end), bucket_number);
            last = end + 1;
        }
        assert_eq!(last, 15 << 36);
        assert_eq!(bucket(last), BUCKETS - 1);
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn nothing_counted_is_all_zero() {
        let empty = of([]);
        assert_eq!(empty.count(), 0);
        for value in [empty.least(), empty.most(), empty.mean(), empty.percentile(999)] {
            assert_eq!(value, Duration::ZERO);
        }
    }

    #[test]
    fn extremes_and_mean_are_exact_and_percentiles_near() {
        let histogram = of(1..=1000);
        assert_eq!(histogram.count(), 1000);
        assert_eq!(histogram.least(), Duration::from_nanos(1));
        assert_eq!(histogram.most(), Duration::from_nanos(1000));
        assert_eq!(histogram.mean(), Duration::from_nanos(500));
        for thousandths in [1, 10, 500, 900, 999, 1000] {
            let found = histogram.percentile(thousandths).as_nanos() as u64;
            let exact = u64::from(thousandths);
            assert!(found >= exact && found <= exact + exact / 8, "{thousandths}: {found}");
        }
    }

    #[test]
    fn the_longest_times_are_kept_too() {
        let histogram = of([5, u64::MAX, u64::MAX]);
        assert_eq!(histogram.percentile(300), Duration::from_nanos(5));
        assert_eq!(histogram.percentile(1000), Duration::from_nanos(u64::MAX));
        assert!(histogram.mean() > Duration::from_secs(1));
    }
}
