//! A disk, as those who use one see it: blocks by number, read, written and flushed.
//!
//! # Principles
//! - Synchronous: whoever waits for a disk waits in one place. Several requests at a time are the business of what is below.
//! - A write is durable only after the next `flush` that succeeded. Until then the device may bring writes to the medium in any
//!   order, and a power cut may leave a block half written, at a boundary of [`SECTOR`] bytes.
//! - A request outside the disk, or one that is not whole blocks, never reaches the device: [`Geometry::blocks_in`] is the one
//!   check everyone shares.

use core::fmt;
use serde::{Deserialize, Serialize};

/// Bytes that a medium writes whole or not at all.
pub const SECTOR: u32 = 512;

/// The size and kind of a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Geometry {
    /// Bytes in a block: a power of two, at least [`SECTOR`].
    pub block_size: u32,
    /// How many blocks there are.
    pub blocks: u64,
    /// Whether writes are refused.
    pub read_only: bool,
}

impl Geometry {
    /// How many blocks `length` bytes are, if they lie on the disk from block `first` on.
    ///
    /// # Errors
    /// [`BlockError::Unaligned`] if they are not whole blocks, [`BlockError::OutOfRange`] if they leave the disk.
    pub fn blocks_in(&self, first: u64, length: usize) -> Result<u64, BlockError> {
        let (length, size) = (length as u64, u64::from(self.block_size));
        if size == 0 || !length.is_multiple_of(size) {
            return Err(BlockError::Unaligned);
        }
        let count = length / size;
        match first.checked_add(count) {
            Some(end) if end <= self.blocks => Ok(count),
            _ => Err(BlockError::OutOfRange),
        }
    }

    /// As [`Geometry::blocks_in`], for a write.
    ///
    /// # Errors
    /// Those, and [`BlockError::ReadOnly`].
    pub fn blocks_to_write(&self, first: u64, length: usize) -> Result<u64, BlockError> {
        if self.read_only {
            return Err(BlockError::ReadOnly);
        }
        self.blocks_in(first, length)
    }

    /// Bytes on the disk; `None` if no 64-bit number says it.
    #[must_use]
    pub fn bytes(&self) -> Option<u64> {
        self.blocks.checked_mul(u64::from(self.block_size))
    }
}

/// A disk. Buffers are whole blocks; an empty one is allowed, and nothing is done.
pub trait BlockDevice {
    /// Its size and kind, the same as long as the value lives.
    fn geometry(&self) -> Geometry;

    /// Fills `buffer` with the blocks from `first` on.
    ///
    /// # Errors
    /// [`BlockError`]; `buffer` may then hold anything.
    fn read(&mut self, first: u64, buffer: &mut [u8]) -> Result<(), BlockError>;

    /// Writes `data` to the blocks from `first` on. Durable after the next [`flush`](BlockDevice::flush).
    ///
    /// # Errors
    /// [`BlockError`]; each of the blocks may then hold what it held, what was to be written, or some sectors of each. An error may also be told by a later
    /// call; in any case the next flush fails then.
    fn write(&mut self, first: u64, data: &[u8]) -> Result<(), BlockError>;

    /// Makes every write that has been done durable.
    ///
    /// # Errors
    /// [`BlockError`]; any write since the last flush that succeeded may then be lost.
    fn flush(&mut self) -> Result<(), BlockError>;
}

impl<D: BlockDevice + ?Sized> BlockDevice for &mut D {
    fn geometry(&self) -> Geometry {
        (**self).geometry()
    }

    fn read(&mut self, first: u64, buffer: &mut [u8]) -> Result<(), BlockError> {
        (**self).read(first, buffer)
    }

    fn write(&mut self, first: u64, data: &[u8]) -> Result<(), BlockError> {
        (**self).write(first, data)
    }

    fn flush(&mut self) -> Result<(), BlockError> {
        (**self).flush()
    }
}

/// Why a request to a disk failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BlockError {
    /// The blocks, or a part of them, are not on the disk.
    OutOfRange,
    /// The bytes are not whole blocks.
    Unaligned,
    /// The disk cannot be written.
    ReadOnly,
    /// The medium did not take or give up this block.
    Medium {
        /// The first block that failed, as far as the device tells; else the first of the request.
        block: u64,
    },
    /// The disk was removed, or its driver was given up.
    Gone,
    /// The device did not answer in time.
    Timeout,
    /// The kernel refused what the request needed, with this code of `airox_abi::Error`.
    Kernel(u32),
}

impl fmt::Display for BlockError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BlockError::OutOfRange => formatter.write_str("the blocks are not on the disk"),
            BlockError::Unaligned => formatter.write_str("the request is not whole blocks"),
            BlockError::ReadOnly => formatter.write_str("the disk is read-only"),
            BlockError::Medium { block } => write!(formatter, "the medium failed at block {block}"),
            BlockError::Gone => formatter.write_str("the disk is gone"),
            BlockError::Timeout => formatter.write_str("the disk did not answer in time"),
            BlockError::Kernel(code) => write!(formatter, "the kernel refused the request with code {code}"),
        }
    }
}

impl core::error::Error for BlockError {}

#[cfg(test)]
mod tests {
    use super::*;

    const DISK: Geometry = Geometry { block_size: 512, blocks: 100, read_only: false };

    #[test]
    fn what_lies_on_the_disk_is_counted_in_blocks() {
        assert_eq!(DISK.blocks_in(0, 0), Ok(0));
        assert_eq!(DISK.blocks_in(100, 0), Ok(0));
        assert_eq!(DISK.blocks_in(98, 1024), Ok(2));
        assert_eq!(DISK.blocks_to_write(0, 51_200), Ok(100));
        assert_eq!(DISK.bytes(), Some(51_200));
    }

    #[test]
    fn what_does_not_is_refused() {
        assert_eq!(DISK.blocks_in(99, 1024), Err(BlockError::OutOfRange));
        assert_eq!(DISK.blocks_in(u64::MAX, 512), Err(BlockError::OutOfRange));
        assert_eq!(DISK.blocks_in(101, 0), Err(BlockError::OutOfRange));
        assert_eq!(DISK.blocks_in(0, 511), Err(BlockError::Unaligned));
        let odd = Geometry { block_size: 0, ..DISK };
        assert_eq!(odd.blocks_in(0, 512), Err(BlockError::Unaligned));
        let fixed = Geometry { read_only: true, ..DISK };
        assert_eq!(fixed.blocks_to_write(0, 512), Err(BlockError::ReadOnly));
        assert_eq!(Geometry { blocks: u64::MAX, ..DISK }.bytes(), None);
    }

    #[test]
    fn an_error_travels_in_a_message() {
        for error in [BlockError::Medium { block: u64::MAX }, BlockError::Kernel(7), BlockError::Gone] {
            let bytes = postcard::to_allocvec(&error).expect("encodes");
            assert_eq!(postcard::from_bytes(&bytes), Ok(error));
        }
    }
}
