//! The logic, over whatever carries the requests.

use crate::kept::Kept;
use airox_driver_traits::block::{BlockDevice, BlockError, Geometry};

/// So often a request is asked again before the disk counts as gone: more than any supervisor's patience with a driver.
const MAX_TRIES: u32 = 32;

/// Which way blocks travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the disk to memory.
    Read,
    /// From memory to the disk.
    Write,
}

/// Why a request brought nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The driver that serves now does not know this client: attach again.
    Unknown,
    /// The disk's own error.
    Failed(BlockError),
}

/// A driver that can be asked, and the memory that blocks travel through.
pub trait Remote {
    /// The disk's geometry.
    ///
    /// # Errors
    /// [`Answer`].
    fn geometry(&mut self) -> Result<Geometry, Answer>;
    /// Attaches the memory; returns its number.
    ///
    /// # Errors
    /// [`Answer`].
    fn attach(&mut self) -> Result<u64, Answer>;
    /// Moves `count` blocks from `first` on to or from the beginning of the memory, and waits.
    ///
    /// # Errors
    /// [`Answer`].
    fn transfer(&mut self, direction: Direction, attachment: u64, first: u64, count: u32) -> Result<(), Answer>;
    /// Makes all writes durable.
    ///
    /// # Errors
    /// [`Answer`].
    fn flush(&mut self) -> Result<(), Answer>;
    /// Bytes of the memory.
    fn capacity(&self) -> usize;
    /// Copies to the beginning of the memory; at most its capacity.
    fn fill(&mut self, bytes: &[u8]);
    /// Copies from the beginning of the memory; at most its capacity.
    fn take(&mut self, bytes: &mut [u8]);
}

/// A disk whose driver may be restarted at any time.
#[derive(Debug)]
pub struct RemoteDisk<R> {
    remote: R,
    geometry: Geometry,
    attachment: Option<u64>,
    kept: Kept,
    /// Writes that were not kept may have been lost with a driver.
    doubtful: bool,
}

impl<R: Remote> RemoteDisk<R> {
    /// Asks the driver for the disk's geometry. Up to `keep` bytes written are kept until they are flushed.
    ///
    /// # Errors
    /// The disk is gone, or its blocks do not fit the memory.
    pub fn new(mut remote: R, keep: usize) -> Result<RemoteDisk<R>, BlockError> {
        let mut tries = 0;
        let geometry = loop {
            match remote.geometry() {
                Ok(geometry) => break geometry,
                Err(Answer::Failed(error)) => return Err(error),
                Err(Answer::Unknown) if tries == MAX_TRIES => return Err(BlockError::Gone),
                Err(Answer::Unknown) => tries += 1,
            }
        };
        let block = geometry.block_size as usize;
        if block == 0 || remote.capacity() < block {
            return Err(BlockError::Unaligned);
        }
        Ok(RemoteDisk { remote, geometry, attachment: None, kept: Kept::new(keep), doubtful: false })
    }

    /// What carries the requests.
    pub fn remote(&mut self) -> &mut R {
        &mut self.remote
    }

    /// Bytes of whole blocks that one request moves.
    fn piece(&self) -> usize {
        let block = self.geometry.block_size as usize;
        self.remote.capacity() / block * block
    }

    fn count(&self, bytes: usize) -> u32 {
        (bytes / self.geometry.block_size as usize) as u32
    }

    /// Does something that needs a driver that knows us, again after each restart.
    fn persist(
        &mut self,
        mut request: impl FnMut(&mut RemoteDisk<R>, u64) -> Result<(), Answer>,
    ) -> Result<(), BlockError> {
        for _ in 0..MAX_TRIES {
            let done = match self.attachment {
                Some(attachment) => request(self, attachment),
                None => self.reattach().and_then(|attachment| request(self, attachment)),
            };
            match done {
                Ok(()) => return Ok(()),
                Err(Answer::Failed(error)) => return Err(error),
                Err(Answer::Unknown) => {
                    self.attachment = None;
                    self.doubtful |= !self.kept.is_complete();
                }
            }
        }
        Err(BlockError::Gone)
    }

    /// Makes a driver know us, and does again what the last one may have lost.
    fn reattach(&mut self) -> Result<u64, Answer> {
        let attachment = self.remote.attach()?;
        let piece = self.piece();
        let mut index = 0;
        while let Some((mut first, data)) = self.kept.get(index) {
            for part in data.chunks(piece) {
                let count = (part.len() / self.geometry.block_size as usize) as u32;
                self.remote.fill(part);
                self.remote.transfer(Direction::Write, attachment, first, count)?;
                first += u64::from(count);
            }
            index += 1;
        }
        self.attachment = Some(attachment);
        Ok(attachment)
    }
}

impl<R: Remote> BlockDevice for RemoteDisk<R> {
    fn geometry(&self) -> Geometry {
        self.geometry
    }

    fn read(&mut self, first: u64, buffer: &mut [u8]) -> Result<(), BlockError> {
        self.geometry.blocks_in(first, buffer.len())?;
        let mut at = first;
        for part in buffer.chunks_mut(self.piece()) {
            let count = self.count(part.len());
            self.persist(|disk, attachment| disk.remote.transfer(Direction::Read, attachment, at, count))?;
            self.remote.take(part);
            at += u64::from(count);
        }
        Ok(())
    }

    fn write(&mut self, first: u64, data: &[u8]) -> Result<(), BlockError> {
        self.geometry.blocks_to_write(first, data.len())?;
        let mut at = first;
        for part in data.chunks(self.piece()) {
            let count = self.count(part.len());
            self.persist(|disk, attachment| {
                disk.remote.fill(part);
                disk.remote.transfer(Direction::Write, attachment, at, count)
            })?;
            self.kept.add(at, part);
            at += u64::from(count);
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), BlockError> {
        self.persist(|disk, _| disk.remote.flush())?;
        self.kept.flushed();
        if core::mem::take(&mut self.doubtful) { Err(BlockError::Gone) } else { Ok(()) }
    }
}
