//! Disks in memory: sparse, copied cheaply, and able to record what was asked of them.

use airox_driver_traits::block::{BlockDevice, BlockError, Geometry};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Bytes of a block.
pub const BLOCK: usize = 4096;

/// A disk of blocks of 4096 bytes. Copies share what they have in common.
#[derive(Clone)]
pub struct MemoryDisk {
    blocks: u64,
    contents: BTreeMap<u64, Rc<[u8]>>,
    pub read_only: bool,
}

impl MemoryDisk {
    pub fn new(blocks: u64) -> Self {
        Self { blocks, contents: BTreeMap::new(), read_only: false }
    }

    /// A block's contents.
    pub fn block(&self, block: u64) -> Vec<u8> {
        self.contents.get(&block).map_or_else(|| vec![0; BLOCK], |bytes| bytes.to_vec())
    }

    pub fn set_block(&mut self, block: u64, bytes: &[u8]) {
        self.contents.insert(block, bytes.into());
    }

    /// Puts a part of a block in place, at sectors of 512 bytes: those whose bit in `sectors` is set.
    pub fn set_sectors(&mut self, block: u64, bytes: &[u8], sectors: u8) {
        let mut mixed = self.block(block);
        for sector in (0..8).filter(|sector| sectors >> sector & 1 == 1) {
            let range = sector * 512..(sector + 1) * 512;
            mixed[range.clone()].copy_from_slice(&bytes[range]);
        }
        self.set_block(block, &mixed);
    }
}

impl BlockDevice for MemoryDisk {
    fn geometry(&self) -> Geometry {
        Geometry { block_size: BLOCK as u32, blocks: self.blocks, read_only: self.read_only }
    }

    fn read(&mut self, first: u64, buffer: &mut [u8]) -> Result<(), BlockError> {
        self.geometry().blocks_in(first, buffer.len())?;
        for (block, bytes) in (first..).zip(buffer.chunks_exact_mut(BLOCK)) {
            match self.contents.get(&block) {
                Some(contents) => bytes.copy_from_slice(contents),
                None => bytes.fill(0),
            }
        }
        Ok(())
    }

    fn write(&mut self, first: u64, data: &[u8]) -> Result<(), BlockError> {
        self.geometry().blocks_to_write(first, data.len())?;
        for (block, bytes) in (first..).zip(data.chunks_exact(BLOCK)) {
            self.contents.insert(block, bytes.into());
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), BlockError> {
        Ok(())
    }
}

/// Something that was asked of a disk.
#[derive(Clone)]
pub enum Request {
    /// One block was written; a request of several counts as several, since a power cut may come between them.
    Write(u64, Rc<[u8]>),
    Flush,
}

/// A disk that records.
#[derive(Clone)]
pub struct Recorder {
    disk: MemoryDisk,
    pub record: Rc<RefCell<Vec<Request>>>,
}

impl Recorder {
    pub fn new(disk: MemoryDisk) -> Self {
        Self { disk, record: Rc::default() }
    }
}

impl BlockDevice for Recorder {
    fn geometry(&self) -> Geometry {
        self.disk.geometry()
    }

    fn read(&mut self, first: u64, buffer: &mut [u8]) -> Result<(), BlockError> {
        self.disk.read(first, buffer)
    }

    fn write(&mut self, first: u64, data: &[u8]) -> Result<(), BlockError> {
        self.disk.write(first, data)?;
        let writes = (first..).zip(data.chunks_exact(BLOCK)).map(|(block, bytes)| Request::Write(block, bytes.into()));
        self.record.borrow_mut().extend(writes);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), BlockError> {
        self.record.borrow_mut().push(Request::Flush);
        Ok(())
    }
}

/// A small generator of numbers, the same for the same seed (SplitMix64).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ word >> 31
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes: Vec<u8> = (0..length.div_ceil(8)).flat_map(|_| self.next().to_le_bytes()).collect();
        bytes.truncate(length);
        bytes
    }
}
