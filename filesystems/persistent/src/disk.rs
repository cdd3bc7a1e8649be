//! The device as blocks of 4096 bytes, with counts of what was asked of it.

use airox_driver_traits::block::{BlockDevice, BlockError};

use crate::error::Error;
use crate::layout::BLOCK_SIZE;

/// What was asked of the device since it was taken over. Blocks are of 4096 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Read requests.
    pub reads: u64,
    /// Blocks read.
    pub blocks_read: u64,
    /// Write requests.
    pub writes: u64,
    /// Blocks written.
    pub blocks_written: u64,
    /// Flushes.
    pub flushes: u64,
}

/// A device, seen as blocks of [`BLOCK_SIZE`] bytes.
pub struct Disk<D> {
    device: D,
    ratio: u64,
    blocks: u64,
    read_only: bool,
    statistics: Statistics,
}

impl<D: BlockDevice> Disk<D> {
    pub fn new(device: D) -> Result<Self, Error> {
        let geometry = device.geometry();
        let size = u64::from(geometry.block_size);
        if size == 0 || size > BLOCK_SIZE as u64 || !(BLOCK_SIZE as u64).is_multiple_of(size) {
            return Err(Error::Size);
        }
        let ratio = BLOCK_SIZE as u64 / size;
        let blocks = geometry.blocks / ratio;
        let statistics = Statistics::default();
        Ok(Self { device, ratio, blocks, read_only: geometry.read_only, statistics })
    }

    pub fn blocks(&self) -> u64 {
        self.blocks
    }

    pub fn read_only(&self) -> bool {
        self.read_only
    }

    pub fn statistics(&self) -> Statistics {
        self.statistics
    }

    pub fn into_device(self) -> D {
        self.device
    }

    fn check(&self, first: u64, length: usize) -> Result<(), Error> {
        let count = (length / BLOCK_SIZE) as u64;
        match first.checked_add(count) {
            Some(end) if end <= self.blocks && length.is_multiple_of(BLOCK_SIZE) => Ok(()),
            _ => Err(Error::Device(BlockError::OutOfRange)),
        }
    }

    /// Reads the blocks from `first` on into `buffer`, whose length is a multiple of the block size.
    pub fn read(&mut self, first: u64, buffer: &mut [u8]) -> Result<(), Error> {
        self.check(first, buffer.len())?;
        self.statistics.reads += 1;
        self.statistics.blocks_read += (buffer.len() / BLOCK_SIZE) as u64;
        Ok(self.device.read(first * self.ratio, buffer)?)
    }

    /// Writes `data`, whose length is a multiple of the block size, from block `first` on.
    pub fn write(&mut self, first: u64, data: &[u8]) -> Result<(), Error> {
        self.check(first, data.len())?;
        self.statistics.writes += 1;
        self.statistics.blocks_written += (data.len() / BLOCK_SIZE) as u64;
        Ok(self.device.write(first * self.ratio, data)?)
    }

    /// All that was written before is durable when this returns.
    pub fn flush(&mut self) -> Result<(), Error> {
        self.statistics.flushes += 1;
        Ok(self.device.flush()?)
    }
}
