//! Trying a disk out: writes at random places, each of which is read back later, by a seed.

use airox_driver_traits::block::{BlockDevice, BlockError};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// Most blocks that one request moves.
const LARGEST: u64 = 128;
/// Blocks that are used, from the first on: what was written to each is remembered.
const RANGE: u64 = 8192;

/// Most bytes that are written before they are flushed.
const UNFLUSHED: u64 = 192 << 10;

/// What became of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Bytes written.
    pub written: u64,
    /// Bytes read back.
    pub read: u64,
    /// Flushes.
    pub flushes: u64,
    /// The longest that a request took, in nanoseconds.
    pub slowest_ns: u64,
    /// The first block that was not what had been written to it; that ended the trial.
    pub wrong: Option<u64>,
}

/// A sequence of numbers that looks random (xorshift64*).
struct Random(u64);

impl Random {
    fn next(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16) % below.max(1)
    }
}

/// Fills a block with what the write of this number puts there.
fn fill(block: &mut [u8], number: u64, write: u64) {
    for (index, word) in block.chunks_mut(8).enumerate() {
        let value = (number ^ write << 32).wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(index as u64);
        word.copy_from_slice(&value.to_le_bytes()[..word.len()]);
    }
}

/// Tries a disk out; what is on it is lost. `now` tells nanoseconds, `stop` whether to end early.
///
/// # Errors
/// The disk failed.
pub fn verify(
    disk: &mut impl BlockDevice,
    rounds: u64,
    seed: u64,
    mut now: impl FnMut() -> u64,
) -> Result<Report, BlockError> {
    let geometry = disk.geometry();
    let size = geometry.block_size as usize;
    let range = geometry.blocks.min(RANGE);
    let largest = (UNFLUSHED / 4 / size.max(1) as u64).clamp(1, LARGEST);
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut report = Report::default();
    let mut unflushed = 0;
    // Which write each block is from.
    let mut writes: BTreeMap<u64, u64> = BTreeMap::new();
    let mut buffer = alloc::vec![0; size * largest as usize];
    let mut expected: Vec<u8> = alloc::vec![0; size];
    for round in 1..=rounds {
        let first = random.next(range);
        let count = random.next(largest.min(range - first)) + 1;
        let data = &mut buffer[..count as usize * size];
        for (number, block) in (first..).zip(data.chunks_mut(size)) {
            fill(block, number, round);
            writes.insert(number, round);
        }
        let mut took = |begin: u64, end: u64| report.slowest_ns = report.slowest_ns.max(end.saturating_sub(begin));
        let begin = now();
        disk.write(first, data)?;
        took(begin, now());
        report.written += data.len() as u64;
        unflushed += data.len() as u64;
        if random.next(8) == 0 || unflushed > UNFLUSHED / 4 * 3 {
            unflushed = 0;
            let begin = now();
            disk.flush()?;
            took(begin, now());
            report.flushes += 1;
        }
        // Some place that was written before, and what follows it.
        let start = random.next(range);
        let Some((&first, _)) = writes.range(start..).next() else { continue };
        let count = (first..first + largest).take_while(|number| writes.contains_key(number)).count();
        let data = &mut buffer[..count * size];
        let begin = now();
        disk.read(first, data)?;
        took(begin, now());
        report.read += data.len() as u64;
        for (number, block) in (first..).zip(data.chunks(size)) {
            fill(&mut expected, number, writes.get(&number).copied().unwrap_or_default());
            if block != expected {
                report.wrong = Some(number);
                return Ok(report);
            }
        }
    }
    disk.flush()?;
    report.flushes += 1;
    Ok(report)
}

#[cfg(test)]
mod tests {
    use super::*;
    use airox_driver_traits::block::Geometry;

    struct Memory {
        bytes: Vec<u8>,
        /// After so many writes one does nothing.
        loses: Option<u32>,
    }

    impl BlockDevice for Memory {
        fn geometry(&self) -> Geometry {
            Geometry { block_size: 512, blocks: self.bytes.len() as u64 / 512, read_only: false }
        }

        fn read(&mut self, first: u64, buffer: &mut [u8]) -> Result<(), BlockError> {
            self.geometry().blocks_in(first, buffer.len())?;
            let start = first as usize * 512;
            buffer.copy_from_slice(&self.bytes[start..start + buffer.len()]);
            Ok(())
        }

        fn write(&mut self, first: u64, data: &[u8]) -> Result<(), BlockError> {
            self.geometry().blocks_in(first, data.len())?;
            if self.loses == Some(0) {
                self.loses = None;
                return Ok(());
            }
            self.loses = self.loses.map(|left| left - 1);
            let start = first as usize * 512;
            self.bytes[start..start + data.len()].copy_from_slice(data);
            Ok(())
        }

        fn flush(&mut self) -> Result<(), BlockError> {
            Ok(())
        }
    }

    #[test]
    fn a_good_disk_passes_and_a_lost_write_shows() {
        for blocks in [1, 3, 1000] {
            let disk = || Memory { bytes: alloc::vec![0; blocks * 512], loses: None };
            let report = verify(&mut disk(), 500, 7, || 0).unwrap();
            assert_eq!(report.wrong, None, "{blocks}");
            assert!(report.flushes > 10 && report.read > 0, "{report:?}");
            let mut losing = Memory { loses: Some(100), ..disk() };
            assert!(verify(&mut losing, 500, 7, || 0).unwrap().wrong.is_some(), "{blocks}");
        }
        let mut none = Memory { bytes: Vec::new(), loses: None };
        assert_eq!(verify(&mut none, 1, 1, || 0), Err(BlockError::OutOfRange));
    }
}
