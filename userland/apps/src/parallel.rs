//! What threads on several processors get done at the same time.

use alloc::format;
use alloc::string::String;

/// Rounds between two looks at the clock.
const STRIDE: u64 = 1_000;

/// What a thread has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// The processor it found itself on at the end.
    pub processor: u32,
    /// How far it counted.
    pub rounds: u64,
}

/// Counts until the end has come.
pub fn count_until(mut ended: impl FnMut() -> bool) -> u64 {
    let mut rounds = 0;
    while !ended() {
        for _ in 0..STRIDE {
            rounds += 1;
            core::hint::black_box(rounds);
        }
    }
    rounds
}

/// A line for each thread, and how much more all did together than one alone.
#[must_use]
pub fn report(alone: &[Count], together: &[Count]) -> String {
    let sum = |counts: &[Count]| counts.iter().map(|count| u128::from(count.rounds)).sum::<u128>();
    let mut text = String::new();
    for (title, counts) in [("alone", alone), ("together", together)] {
        text.push_str(&format!("{title}:\n"));
        for Count { processor, rounds } in counts {
            text.push_str(&format!("  processor {processor:>2}: {rounds:>12} rounds\n"));
        }
    }
    let hundredths = sum(together) * 100 / sum(alone).max(1);
    text.push_str(&format!("together {}.{:02} times as much\n", hundredths / 100, hundredths % 100));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_counts_until_the_end() {
        let mut looks = 0;
        let rounds = count_until(|| {
            looks += 1;
            looks > 3
        });
        assert_eq!(rounds, 3 * STRIDE);
        assert_eq!(count_until(|| true), 0);
    }

    #[test]
    fn the_sum_is_compared() {
        let count = |processor, rounds| Count { processor, rounds };
        let text = report(&[count(0, 1_000)], &[count(0, 990), count(1, 970)]);
        assert_eq!(
            text,
            "alone:\n  processor  0:         1000 rounds\ntogether:\n  processor  0:          990 rounds\n  processor  1:          970 \
             rounds\ntogether 1.96 times as much\n"
        );
        // Who got nothing done is no reason to divide by zero.
        assert!(report(&[], &[count(3, u64::MAX), count(4, u64::MAX)]).contains("times as much"));
    }
}
