//! The writes since the last flush that succeeded.

use alloc::vec::Vec;

/// Writes to be done again if the driver is restarted, oldest first.
#[derive(Debug)]
pub struct Kept {
    writes: Vec<(u64, Vec<u8>)>,
    bytes: usize,
    limit: usize,
    complete: bool,
}

impl Kept {
    /// Nothing yet; at most `limit` bytes.
    pub const fn new(limit: usize) -> Kept {
        Kept { writes: Vec::new(), bytes: 0, limit, complete: true }
    }

    /// A write was acknowledged. Past the limit, or without memory for it, it is only remembered that there was one.
    pub fn add(&mut self, first: u64, data: &[u8]) {
        if !self.complete {
            return;
        }
        let mut copy = Vec::new();
        let fits = self.bytes + data.len() <= self.limit && copy.try_reserve_exact(data.len()).is_ok();
        if !fits || self.writes.try_reserve(1).is_err() {
            *self = Kept { complete: false, ..Kept::new(self.limit) };
            return;
        }
        copy.extend_from_slice(data);
        self.bytes += data.len();
        self.writes.push((first, copy));
    }

    /// All of them are durable.
    pub fn flushed(&mut self) {
        *self = Kept::new(self.limit);
    }

    /// Whether every write since the last flush is kept.
    pub const fn is_complete(&self) -> bool {
        self.complete
    }

    /// The write at a place, in the order they were made.
    pub fn get(&self, index: usize) -> Option<(u64, &[u8])> {
        self.writes.get(index).map(|(first, data)| (*first, data.as_slice()))
    }
}
