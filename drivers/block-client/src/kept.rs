//! The writes since the last flush that succeeded, where they lie in the memory that the device reaches.

use airox_api::block::{MAX_PIECES, Piece};
use alloc::vec::Vec;
use core::ops::Range;

/// Most pieces until there has to be a flush.
const MOST: usize = 1024;

/// Writes to be sent to a driver, and to be sent again if it is restarted, oldest first. What they write lies one after the other in a part of the memory.
#[derive(Debug)]
pub struct Kept {
    pieces: Vec<Piece>,
    /// So many pieces are with the driver; the others wait.
    sent: usize,
    /// The part of the memory.
    area: Range<usize>,
    block_size: usize,
    /// Where the next write's bytes go.
    next: usize,
}

impl Kept {
    /// Nothing yet, in this part of the memory.
    pub fn new(area: Range<usize>, block_size: usize) -> Kept {
        let most = MOST.min(area.len() / block_size);
        Kept { pieces: Vec::with_capacity(most), sent: 0, next: area.start, area, block_size }
    }

    /// Bytes of whole blocks that still have room.
    pub fn room(&self) -> usize {
        let has_place = self.pieces.len() < self.pieces.capacity();
        if has_place { (self.area.end - self.next) / self.block_size * self.block_size } else { 0 }
    }

    /// Adds a write of `count` blocks from `first` on, for which there is room; says where in the memory their bytes go.
    pub fn add(&mut self, first: u64, count: u32) -> usize {
        let offset = self.next;
        self.next += count as usize * self.block_size;
        let waiting = self.pieces.len() > self.sent;
        match self.pieces.last_mut() {
            // It goes on where the last one ended, on the disk as in the memory.
            Some(last) if waiting && last.first + u64::from(last.count) == first => last.count += count,
            _ => self.pieces.push(Piece { offset: offset as u64, first, count }),
        }
        offset
    }

    /// What is not with the driver.
    fn waiting(&self) -> &[Piece] {
        &self.pieces[self.sent..]
    }

    /// Whether it is time to send: there is a full batch, or one of so many bytes.
    pub fn is_due(&self, bytes: usize) -> bool {
        let waiting = self.waiting();
        let waiting_bytes: usize = waiting.iter().map(|piece| piece.count as usize * self.block_size).sum();
        waiting.len() >= MAX_PIECES || waiting_bytes >= bytes
    }

    /// What to send next: in no order, so no block is in it twice. Empty if nothing waits.
    pub fn batch(&self) -> &[Piece] {
        let waiting = self.waiting();
        let apart = |one: &Piece, other: &Piece| {
            one.first + u64::from(one.count) <= other.first || other.first + u64::from(other.count) <= one.first
        };
        let fits = |length: &usize| waiting[..*length].iter().all(|earlier| apart(earlier, &waiting[*length]));
        let length = (0..waiting.len().min(MAX_PIECES)).take_while(fits).count();
        &waiting[..length]
    }

    /// Whether the batch is all that waits.
    pub fn is_last_batch(&self) -> bool {
        self.batch().len() == self.waiting().len()
    }

    /// The driver has written the batch.
    pub fn sent(&mut self) {
        self.sent += self.batch().len();
    }

    /// The driver that had them is gone: all of them wait again.
    pub fn again(&mut self) {
        self.sent = 0;
    }

    /// What waits failed, and is given up.
    pub fn give_up(&mut self) {
        self.pieces.truncate(self.sent);
        let end = self.pieces.last().map(|last| last.offset as usize + last.count as usize * self.block_size);
        self.next = end.unwrap_or(self.area.start);
    }

    /// All of them are durable.
    pub fn flushed(&mut self) {
        self.pieces.clear();
        (self.sent, self.next) = (0, self.area.start);
    }
}
