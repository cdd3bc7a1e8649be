//! A queue as a [`BlockDevice`], one request at a time, for a driver that reads its own disk before it serves.

use airox_driver_traits::block::{BlockDevice, BlockError, Geometry};
use airox_driver_traits::dma::DmaMemory;
use airox_driver_traits::queue::{BlockQueue, Done, Kind, Request};

/// The number of its requests.
const REQUEST: u32 = 0;

/// A queue that nobody else uses meanwhile, memory for its requests, and what waits until the device may have done something.
#[derive(Debug)]
pub struct Blocking<'a, Q, D, W> {
    queue: &'a mut Q,
    memory: D,
    wait: W,
}

impl<'a, Q: BlockQueue, D: DmaMemory, W: FnMut() -> Result<(), BlockError>> Blocking<'a, Q, D, W> {
    /// With all of this memory.
    pub fn new(queue: &'a mut Q, memory: D, wait: W) -> Blocking<'a, Q, D, W> {
        Blocking { queue, memory, wait }
    }

    /// Bytes of whole blocks that fit the memory.
    fn piece(&self) -> Result<usize, BlockError> {
        let block = self.queue.geometry().block_size as usize;
        let most = (self.memory.length() / block.max(1)).min(self.queue.most_blocks() as usize);
        let piece = most * block;
        if piece == 0 { Err(BlockError::Unaligned) } else { Ok(piece) }
    }

    fn request(&mut self, kind: Kind, first: u64, bytes: usize) -> Result<(), BlockError> {
        let count = (bytes / self.queue.geometry().block_size.max(1) as usize) as u32;
        let request = Request { kind, first, count, address: self.memory.device_address() };
        self.queue.submit(REQUEST, &request).map_err(|_| BlockError::Gone)?;
        loop {
            match self.queue.next_done() {
                Ok(Some(Done { id: REQUEST, result })) => return result,
                Ok(None) => (self.wait)()?,
                Ok(Some(_)) | Err(_) => return Err(BlockError::Gone),
            }
        }
    }
}

impl<Q: BlockQueue, D: DmaMemory, W: FnMut() -> Result<(), BlockError>> BlockDevice for Blocking<'_, Q, D, W> {
    fn geometry(&self) -> Geometry {
        self.queue.geometry()
    }

    fn read(&mut self, mut first: u64, buffer: &mut [u8]) -> Result<(), BlockError> {
        self.geometry().blocks_in(first, buffer.len())?;
        for part in buffer.chunks_mut(self.piece()?) {
            self.request(Kind::Read, first, part.len())?;
            for (index, word) in part.chunks_mut(8).enumerate() {
                word.copy_from_slice(&self.memory.read_u64(index * 8).to_le_bytes()[..word.len()]);
            }
            first += part.len() as u64 / u64::from(self.geometry().block_size);
        }
        Ok(())
    }

    fn write(&mut self, mut first: u64, data: &[u8]) -> Result<(), BlockError> {
        self.geometry().blocks_to_write(first, data.len())?;
        for part in data.chunks(self.piece()?) {
            for (index, word) in part.chunks(8).enumerate() {
                let mut value = [0; 8];
                value[..word.len()].copy_from_slice(word);
                self.memory.write_u64(index * 8, u64::from_le_bytes(value));
            }
            self.request(Kind::Write, first, part.len())?;
            first += part.len() as u64 / u64::from(self.geometry().block_size);
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), BlockError> {
        if self.queue.has_cache() { self.request(Kind::Flush, 0, 0) } else { Ok(()) }
    }
}
