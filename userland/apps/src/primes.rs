//! The primes up to a limit, by a sieve that works through one segment at a time, so its memory does not grow with the limit.

use alloc::vec;
use alloc::vec::Vec;

/// Numbers in a segment.
const SEGMENT: u64 = 1 << 16;
/// Largest limit: its square root's primes still are few.
pub const MAX_LIMIT: u64 = 10_000_000_000;

/// What was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// How many primes.
    pub count: u64,
    /// The largest, 0 if there is none.
    pub largest: u64,
}

/// Finds the primes up to and including `limit`. `progress` is told after each segment up to which number it has got, and what it
/// has found so far.
pub fn search(limit: u64, mut progress: impl FnMut(u64, Found)) -> Found {
    let limit = limit.min(MAX_LIMIT);
    let small = small_primes(limit.isqrt());
    let mut found = Found::default();
    let mut composite = vec![false; SEGMENT as usize];
    let mut start = 2;
    while start <= limit {
        let end = (start + SEGMENT - 1).min(limit);
        composite.fill(false);
        for &prime in &small {
            let first = (prime * prime).max(start.div_ceil(prime) * prime);
            for multiple in (first..=end).step_by(prime as usize) {
                composite[(multiple - start) as usize] = true;
            }
        }
        for number in start..=end {
            if !composite[(number - start) as usize] {
                found.count += 1;
                found.largest = number;
            }
        }
        progress(end, found);
        start = end + 1;
    }
    found
}

fn small_primes(limit: u64) -> Vec<u64> {
    let mut composite = vec![false; limit as usize + 1];
    let mut primes = Vec::new();
    for number in 2..=limit {
        if !composite[number as usize] {
            primes.push(number);
            for multiple in (number * number..=limit).step_by(number as usize) {
                composite[multiple as usize] = true;
            }
        }
    }
    primes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_the_known_ones() {
        for (limit, count, largest) in [
            (0, 0, 0),
            (1, 0, 0),
            (2, 1, 2),
            (4, 2, 3),
            (100, 25, 97),
            (65_536, 6_542, 65_521),
            (65_537, 6_543, 65_537),
            (65_538, 6_543, 65_537),
            (1_000_000, 78_498, 999_983),
        ] {
            assert_eq!(search(limit, |_, _| {}), Found { count, largest }, "{limit}");
        }
    }

    #[test]
    fn progress_grows_to_the_limit() {
        let mut places = Vec::new();
        search(200_000, |place, found| places.push((place, found.count)));
        assert_eq!(places.len(), 4);
        assert!(places.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(places.last(), Some(&(200_000, 17_984)));
    }
}
