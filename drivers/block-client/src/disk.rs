//! The logic, over whatever carries the requests.

use crate::kept::Kept;
use airox_api::block::Piece;
use airox_driver_traits::block::{BlockDevice, BlockError, Geometry};

/// So often a request is asked again before the disk counts as gone: more than any supervisor's patience with a driver.
const MAX_TRIES: u32 = 32;
/// Bytes of writes that wait for more before they are sent.
const SEND_AT: usize = 2 << 20;

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
    /// Gives the memory back, if the driver that serves now has it.
    fn detach(&mut self, attachment: u64);
    /// Reads `count` blocks from `first` on to the beginning of the memory, and waits.
    ///
    /// # Errors
    /// [`Answer`].
    fn read(&mut self, attachment: u64, first: u64, count: u32) -> Result<(), Answer>;
    /// Writes all pieces; then, if `flush`, makes them and all earlier writes durable; and waits.
    ///
    /// # Errors
    /// [`Answer`]: any of the pieces may have been written.
    fn write(&mut self, attachment: u64, pieces: &[Piece], flush: bool) -> Result<(), Answer>;
    /// Bytes of the memory.
    fn capacity(&self) -> usize;
    /// Copies to the memory, from byte `offset` on; all of it is inside.
    fn fill(&mut self, offset: usize, bytes: &[u8]);
    /// Copies from the beginning of the memory; at most its capacity.
    fn take(&mut self, bytes: &mut [u8]);
}

/// A disk whose driver may be restarted at any time.
#[derive(Debug)]
pub struct RemoteDisk<R: Remote> {
    remote: R,
    geometry: Geometry,
    attachment: Option<u64>,
    /// Bytes at the beginning of the memory, for reading; all others are for writing.
    for_reading: usize,
    kept: Kept,
    /// Writes failed after their caller had gone on: the next flush must not succeed.
    lost: Option<BlockError>,
}

impl<R: Remote> RemoteDisk<R> {
    /// Asks the driver for the disk's geometry. The first `for_reading` bytes of the memory are for reading, rounded down to whole blocks: the most that
    /// is read with one request. The others are for writing: as much is written until it is flushed, even if nobody asks.
    ///
    /// # Errors
    /// The disk is gone, or its blocks do not fit the memory.
    pub fn new(mut remote: R, for_reading: usize) -> Result<RemoteDisk<R>, BlockError> {
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
        let whole = |bytes: usize| bytes.checked_div(block).map_or(0, |blocks| blocks * block);
        let for_reading = whole(for_reading);
        let for_writing = whole(remote.capacity().saturating_sub(for_reading));
        if for_reading == 0 || for_writing == 0 {
            return Err(BlockError::Unaligned);
        }
        let kept = Kept::new(for_reading..for_reading + for_writing, block);
        Ok(RemoteDisk { remote, geometry, attachment: None, for_reading, kept, lost: None })
    }

    /// What carries the requests.
    pub fn remote(&mut self) -> &mut R {
        &mut self.remote
    }

    fn count(&self, bytes: usize) -> u32 {
        (bytes / self.geometry.block_size as usize) as u32
    }

    /// Has a driver that knows us write all that waits, and does something else with it; both again after each restart.
    fn persist(
        &mut self,
        flush: bool,
        mut request: impl FnMut(&mut R, u64) -> Result<(), Answer>,
    ) -> Result<(), BlockError> {
        for _ in 0..MAX_TRIES {
            let attached = self.attachment.map_or_else(|| self.remote.attach(), Ok);
            let sent = attached.and_then(|attachment| {
                self.attachment = Some(attachment);
                self.send(attachment, flush)
            });
            let done = sent.and_then(|attachment| request(&mut self.remote, attachment));
            match done {
                Ok(()) => return Ok(()),
                Err(Answer::Failed(error)) => return Err(error),
                Err(Answer::Unknown) => {
                    self.attachment = None;
                    self.kept.again();
                }
            }
        }
        Err(BlockError::Gone)
    }

    /// Has the driver write all that waits.
    fn send(&mut self, attachment: u64, flush: bool) -> Result<u64, Answer> {
        let mut flush_left = flush;
        while flush_left || !self.kept.batch().is_empty() {
            let flush_now = flush && self.kept.is_last_batch();
            let written = self.remote.write(attachment, self.kept.batch(), flush_now);
            if let Err(Answer::Failed(error)) = written {
                self.kept.give_up();
                self.lost = Some(error);
            }
            written?;
            self.kept.sent();
            flush_left &= !flush_now;
        }
        Ok(attachment)
    }
}

/// The driver would keep the memory until the program attaches some again, or ends.
impl<R: Remote> Drop for RemoteDisk<R> {
    fn drop(&mut self) {
        if let Some(attachment) = self.attachment.take() {
            self.remote.detach(attachment);
        }
    }
}

impl<R: Remote> BlockDevice for RemoteDisk<R> {
    fn geometry(&self) -> Geometry {
        self.geometry
    }

    fn read(&mut self, first: u64, buffer: &mut [u8]) -> Result<(), BlockError> {
        self.geometry.blocks_in(first, buffer.len())?;
        let mut at = first;
        for part in buffer.chunks_mut(self.for_reading) {
            let count = self.count(part.len());
            self.persist(false, |remote, attachment| remote.read(attachment, at, count))?;
            self.remote.take(part);
            at += u64::from(count);
        }
        Ok(())
    }

    fn write(&mut self, first: u64, data: &[u8]) -> Result<(), BlockError> {
        self.geometry.blocks_to_write(first, data.len())?;
        let (mut at, mut rest) = (first, data);
        while !rest.is_empty() {
            if self.kept.room() == 0 {
                self.flush()?;
            }
            let (part, others) = rest.split_at(rest.len().min(self.kept.room()));
            let count = self.count(part.len());
            let place = self.kept.add(at, count);
            self.remote.fill(place, part);
            (at, rest) = (at + u64::from(count), others);
            if self.kept.is_due(SEND_AT) {
                self.persist(false, |_, _| Ok(()))?;
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), BlockError> {
        let flushed = self.persist(true, |_, _| Ok(()));
        let lost = self.lost.take();
        flushed?;
        self.kept.flushed();
        lost.map_or(Ok(()), Err)
    }
}
