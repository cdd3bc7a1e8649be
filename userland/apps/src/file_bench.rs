//! How fast files are: what `file-bench` asks of them, and what its figures mean.

use crate::arguments::number;
use crate::statistics::summary;
use alloc::format;
use alloc::string::String;

/// Bytes of one request of a sequential write or read.
pub const REQUEST: usize = 1 << 20;
/// Bytes of one synchronised write.
pub const BLOCK: usize = 4096;
/// Synchronised writes in a round.
pub const SYNCS: u64 = 500;
/// Rounds.
pub const ROUNDS: usize = 5;
const MEBIBYTES: u64 = 64;
const MOST_MEBIBYTES: u64 = 1 << 20;

/// What to measure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Work {
    /// The file, which is made and removed.
    pub path: String,
    /// Requests of [`REQUEST`] bytes that it has.
    pub requests: u64,
}

/// Reads the arguments: a directory, and how many mebibytes.
///
/// # Errors
/// A sentence that says what is wrong.
pub fn parse(arguments: &[&str]) -> Result<Work, String> {
    let [directory, rest @ ..] = arguments else { return Err("which directory?".into()) };
    let requests = number(rest, MEBIBYTES, 1, MOST_MEBIBYTES)?;
    Ok(Work { path: format!("{}/file-bench", directory.trim_end_matches('/')), requests })
}

/// One round, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Round {
    /// Writing all requests in order, until they are durable.
    pub write_ns: u64,
    /// Reading them in order.
    pub read_ns: u64,
    /// Writing [`SYNCS`] blocks at random, each durable before the next.
    pub syncs_ns: u64,
}

/// Figures for people.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figures {
    /// Millions of bytes written in a second.
    pub write: f64,
    /// Millions of bytes read in a second.
    pub read: f64,
    /// Synchronised writes in a second.
    pub syncs: f64,
}

/// The figures of a round.
#[must_use]
pub fn figures(round: Round, requests: u64) -> Figures {
    let bytes = requests as f64 * REQUEST as f64;
    let per_second = |count: f64, ns: u64| count * 1e9 / ns.max(1) as f64;
    Figures {
        write: per_second(bytes, round.write_ns) / 1e6,
        read: per_second(bytes, round.read_ns) / 1e6,
        syncs: per_second(SYNCS as f64, round.syncs_ns),
    }
}

impl core::fmt::Display for Figures {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Figures { write, read, syncs } = self;
        write!(formatter, "write {write:.1} MB/s, read {read:.1} MB/s, {syncs:.0} synchronised writes/s")
    }
}

/// The middle of each figure; `None` if there was no round.
#[must_use]
pub fn median(rounds: &[Round]) -> Option<Round> {
    let middle = |of: fn(&Round) -> u64| {
        let mut series: alloc::vec::Vec<u64> = rounds.iter().map(of).collect();
        summary(&mut series).map(|summary| summary.median)
    };
    Some(Round {
        write_ns: middle(|round| round.write_ns)?,
        read_ns: middle(|round| round.read_ns)?,
        syncs_ns: middle(|round| round.syncs_ns)?,
    })
}

/// Fills a request so that its bytes tell which one it is.
pub fn fill(request: &mut [u8], number: u64) {
    for (index, byte) in request.iter_mut().enumerate() {
        *byte = (index * 7 + index / BLOCK) as u8;
    }
    mark(request, number);
}

/// Says at the beginning of a request which one it is.
pub fn mark(request: &mut [u8], number: u64) {
    if let Some(place) = request.first_chunk_mut() {
        *place = number.to_le_bytes();
    }
}

/// Whether a request is the one of this number.
#[must_use]
pub fn is_marked(request: &[u8], number: u64) -> bool {
    request.first_chunk() == Some(&number.to_le_bytes())
}

/// Places to write to: the same ones in each run.
#[derive(Clone, Debug)]
pub struct Places(u64);

impl Places {
    /// Those of this round.
    #[must_use]
    pub const fn of_round(round: u64) -> Places {
        Places(88_172_645_463_325_252 + round)
    }

    /// The next one below `end`, by Marsaglia's xorshift generator.
    pub fn next_below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments() {
        assert_eq!(parse(&["/data/"]), Ok(Work { path: "/data/file-bench".into(), requests: 64 }));
        assert_eq!(parse(&["/tmp", "1"]), Ok(Work { path: "/tmp/file-bench".into(), requests: 1 }));
        for wrong in [&[][..], &["/tmp", "0"], &["/tmp", "x"], &["/tmp", "1", "2"]] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn figures_are_per_second_and_medians_in_the_middle() {
        let round =
            |factor: u64| Round { write_ns: factor * 1_000_000_000, read_ns: factor * 500_000_000, syncs_ns: 1 };
        let middle = median(&[round(3), round(1), round(2)]).expect("three rounds");
        assert_eq!(middle, round(2));
        let text = figures(Round { syncs_ns: 250_000_000, ..round(1) }, 100);
        let text = std::format!("{text}");
        assert_eq!(text, "write 104.9 MB/s, read 209.7 MB/s, 2000 synchronised writes/s");
        assert_eq!(median(&[]), None);
        assert!(figures(Round { write_ns: 0, read_ns: 0, syncs_ns: 0 }, 1).write.is_finite());
    }

    #[test]
    fn requests_tell_their_number() {
        let mut request = [0; 64];
        fill(&mut request, 7);
        assert!(is_marked(&request, 7) && !is_marked(&request, 8) && !is_marked(&[], 0));
        let mut places = Places::of_round(0);
        assert!((0..1000).all(|_| places.next_below(10) < 10));
        assert_eq!(places.next_below(0), 0);
    }
}
