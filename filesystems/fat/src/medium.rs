//! The disk, seen in bytes: sectors of tables and directories are kept in memory until they are written back; file data are not.
//!
//! A cluster is one or the other. One that was a directory's is forgotten ([`Medium::forget`]) before it becomes a file's.

use airox_driver_traits::block::{BlockDevice, BlockError, Geometry};
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;

/// Most bytes that are kept.
const MOST_KEPT: usize = 1 << 20;
/// Bytes that are read at once of what lies together.
const READ_AHEAD: u64 = 16 << 10;

struct Sector {
    bytes: Box<[u8]>,
    changed: bool,
}

/// A disk.
pub struct Medium<D> {
    disk: D,
    geometry: Geometry,
    sector: u64,
    kept: BTreeMap<u64, Sector>,
}

impl<D: BlockDevice> Medium<D> {
    /// A disk with sectors of so many bytes, a multiple of its blocks.
    pub fn new(disk: D, sector: u32) -> Medium<D> {
        Medium { geometry: disk.geometry(), disk, sector: u64::from(sector), kept: BTreeMap::new() }
    }

    /// Whether nothing can be written.
    pub fn read_only(&self) -> bool {
        self.geometry.read_only
    }

    /// The disk, without what was not written back.
    pub fn into_disk(self) -> D {
        self.disk
    }

    fn block(&self) -> u64 {
        u64::from(self.geometry.block_size).max(1)
    }

    /// Brings the sector at a place into memory and, if it has to be read, what follows it up to `end`, as far as that is read at once.
    fn load(&mut self, sector: u64, end: u64) -> Result<(), BlockError> {
        if self.kept.contains_key(&sector) {
            return Ok(());
        }
        if self.kept.len() >= MOST_KEPT / self.sector as usize {
            self.write_back()?;
            self.kept.clear();
        }
        let start = sector * self.sector;
        let length = end.saturating_sub(start).min(READ_AHEAD) / self.sector * self.sector;
        let mut bytes = vec![0; length.max(self.sector) as usize];
        self.disk.read(start / self.block(), &mut bytes)?;
        for (number, bytes) in (sector..).zip(bytes.chunks_exact(self.sector as usize)) {
            // What is kept may be newer.
            self.kept.entry(number).or_insert_with(|| Sector { bytes: bytes.into(), changed: false });
        }
        Ok(())
    }

    /// The part of `at..at + length` in its first sector: the sector, the offset there, and how many bytes.
    fn first_part(&self, at: u64, length: usize) -> (u64, usize, usize) {
        let offset = at % self.sector;
        (at / self.sector, offset as usize, length.min((self.sector - offset) as usize))
    }

    /// Reads bytes of a table or directory that ends at `end`.
    ///
    /// # Errors
    /// The disk's.
    pub fn get(&mut self, mut at: u64, end: u64, mut buffer: &mut [u8]) -> Result<(), BlockError> {
        while !buffer.is_empty() {
            let (sector, offset, count) = self.first_part(at, buffer.len());
            self.load(sector, end)?;
            let (part, rest) = buffer.split_at_mut(count);
            let kept = self.kept.get(&sector).ok_or(BlockError::OutOfRange)?;
            part.copy_from_slice(&kept.bytes[offset..offset + count]);
            (at, buffer) = (at + count as u64, rest);
        }
        Ok(())
    }

    /// Changes bytes of a table or directory that ends at `end`.
    ///
    /// # Errors
    /// The disk's; it is read first.
    pub fn put(&mut self, mut at: u64, end: u64, mut bytes: &[u8]) -> Result<(), BlockError> {
        self.geometry.blocks_to_write(0, 0)?;
        while !bytes.is_empty() {
            let (sector, offset, count) = self.first_part(at, bytes.len());
            self.load(sector, end)?;
            let (part, rest) = bytes.split_at(count);
            let kept = self.kept.get_mut(&sector).ok_or(BlockError::OutOfRange)?;
            kept.bytes[offset..offset + count].copy_from_slice(part);
            kept.changed = true;
            (at, bytes) = (at + count as u64, rest);
        }
        Ok(())
    }

    /// Makes these whole sectors zeros of a directory, whatever they were.
    ///
    /// # Errors
    /// The disk's, when others have to be written back.
    pub fn clear(&mut self, at: u64, length: u64) -> Result<(), BlockError> {
        self.geometry.blocks_to_write(0, 0)?;
        if self.kept.len() + (length / self.sector) as usize > MOST_KEPT / self.sector as usize {
            self.write_back()?;
            self.kept.clear();
        }
        for sector in at / self.sector..(at + length) / self.sector {
            let bytes = vec![0; self.sector as usize].into_boxed_slice();
            self.kept.insert(sector, Sector { bytes, changed: true });
        }
        Ok(())
    }

    /// Forgets whole sectors, and what was changed in them.
    pub fn forget(&mut self, at: u64, length: u64) {
        let range = at / self.sector..(at + length) / self.sector;
        let known: Vec<u64> = self.kept.range(range).map(|(number, _)| *number).collect();
        for number in known {
            self.kept.remove(&number);
        }
    }

    /// Has the disk take all changes of tables and directories.
    fn write_back(&mut self) -> Result<(), BlockError> {
        let per_sector = self.sector / self.block();
        for (number, sector) in self.kept.iter_mut().filter(|(_, sector)| sector.changed) {
            self.disk.write(number * per_sector, &sector.bytes)?;
            sector.changed = false;
        }
        Ok(())
    }

    /// Makes all changes durable.
    ///
    /// # Errors
    /// The disk's.
    pub fn sync(&mut self) -> Result<(), BlockError> {
        self.write_back()?;
        self.disk.flush()
    }

    /// Reads file data.
    ///
    /// # Errors
    /// The disk's.
    pub fn read(&mut self, at: u64, buffer: &mut [u8]) -> Result<(), BlockError> {
        let block = self.block();
        if at.is_multiple_of(block) && (buffer.len() as u64).is_multiple_of(block) {
            return self.disk.read(at / block, buffer);
        }
        let (first, blocks, offset) = self.blocks_around(at, buffer.len());
        let mut whole = vec![0; blocks];
        self.disk.read(first, &mut whole)?;
        buffer.copy_from_slice(&whole[offset..offset + buffer.len()]);
        Ok(())
    }

    /// Writes file data.
    ///
    /// # Errors
    /// The disk's.
    pub fn write(&mut self, at: u64, data: &[u8]) -> Result<(), BlockError> {
        let block = self.block();
        if at.is_multiple_of(block) && (data.len() as u64).is_multiple_of(block) {
            return self.disk.write(at / block, data);
        }
        let (first, blocks, offset) = self.blocks_around(at, data.len());
        let mut whole = vec![0; blocks];
        // Only the first and the last block keep something.
        let (size, last) = (block as usize, blocks - block as usize);
        self.disk.read(first, &mut whole[..size])?;
        if last > 0 {
            self.disk.read(first + (last / size) as u64, &mut whole[last..])?;
        }
        whole[offset..offset + data.len()].copy_from_slice(data);
        self.disk.write(first, &whole)
    }

    /// The first block that some bytes are in, the bytes of all their blocks, and where they begin there.
    fn blocks_around(&self, at: u64, length: usize) -> (u64, usize, usize) {
        let block = self.block();
        let (first, end) = (at / block, (at + length as u64).div_ceil(block));
        (first, ((end - first) * block) as usize, (at - first * block) as usize)
    }
}
