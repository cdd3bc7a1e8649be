//! The memory that tables are in: frames of one page each.

use airox_driver_traits::dma::DmaMemory;
use alloc::vec::Vec;

use crate::Error;

/// Bytes of a frame, and of a page of a device's memory.
pub const FRAME_BYTES: u64 = 4096;
/// 64-bit words of a frame.
pub const WORDS: usize = FRAME_BYTES as usize / 8;

/// Bytes that are written back at once: no processor's cache lines are shorter.
const LINE: usize = 64;

/// Memory for tables, which the unit reads.
pub trait TableMemory: DmaMemory {
    /// Makes what was written to the 64 bytes with this one visible to a unit that looks past the processor's caches (capability C, section 10.4.3).
    fn write_back(&mut self, offset: usize);
}

/// A frame, by its place in the memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame(usize);

/// Frames that tables use, and those they don't.
#[derive(Debug)]
pub struct Frames<D> {
    memory: D,
    free: Vec<Frame>,
}

impl<D: TableMemory> Frames<D> {
    /// All frames of this memory; the first is blank and in use. What the others held is blanked when they are taken.
    pub fn new(memory: D) -> Option<(Frames<D>, Frame)> {
        let count = memory.length() / FRAME_BYTES as usize;
        if count == 0 || !memory.device_address().is_multiple_of(FRAME_BYTES) {
            return None;
        }
        let mut frames = Frames { memory, free: (0..count).rev().map(Frame).collect() };
        let first = frames.take().ok()?;
        Some((frames, first))
    }

    /// A blank frame.
    pub fn take(&mut self) -> Result<Frame, Error> {
        let frame = self.free.pop().ok_or(Error::Full)?;
        let start = frame.0 * FRAME_BYTES as usize;
        for word in 0..WORDS {
            self.memory.write_u64(start + word * 8, 0);
        }
        for line in 0..FRAME_BYTES as usize / LINE {
            self.memory.write_back(start + line * LINE);
        }
        Ok(frame)
    }

    /// Nothing names these frames any more.
    pub fn give_back(&mut self, frames: impl IntoIterator<Item = Frame>) {
        self.free.extend(frames);
    }

    /// How many are free.
    #[cfg(test)]
    pub fn free(&self) -> usize {
        self.free.len()
    }

    /// Where the unit finds a frame.
    pub fn address(&self, frame: Frame) -> u64 {
        self.memory.device_address() + frame.0 as u64 * FRAME_BYTES
    }

    /// The frame at an address that [`Frames::address`] returned.
    pub fn at(&self, address: u64) -> Option<Frame> {
        let place = address.checked_sub(self.memory.device_address())? / FRAME_BYTES;
        let frame = usize::try_from(place).ok()?;
        (frame < self.memory.length() / FRAME_BYTES as usize).then_some(Frame(frame))
    }

    /// A word of a frame.
    pub fn read(&mut self, frame: Frame, word: usize) -> u64 {
        self.memory.read_u64(frame.0 * FRAME_BYTES as usize + word * 8)
    }

    /// Writes a word of a frame.
    pub fn write(&mut self, frame: Frame, word: usize, value: u64) {
        let offset = frame.0 * FRAME_BYTES as usize + word * 8;
        self.memory.write_u64(offset, value);
        self.memory.write_back(offset);
    }
}
