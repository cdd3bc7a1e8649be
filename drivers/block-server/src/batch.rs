//! Requests that write several pieces: who asked is told once, when all of them are done.

use airox_api::block::BlockRefusal;
use alloc::vec::Vec;

/// Whom a request of the device is for.
#[derive(Debug)]
pub enum Claim<W> {
    /// Who asked for just this.
    Alone(W),
    /// The batch of this number.
    Part(usize),
}

/// Several writes, of which some are not done.
#[derive(Debug)]
pub struct Batch<W> {
    /// Whose.
    pub client: u64,
    /// What is written is to be made durable then.
    pub flush: bool,
    /// How many are not done.
    pub left: usize,
    /// What went wrong first.
    pub refusal: Option<BlockRefusal>,
    /// Who asked.
    pub waiter: W,
}

/// All of them, by number.
#[derive(Debug)]
pub struct Batches<W>(Vec<Option<Batch<W>>>);

impl<W> Default for Batches<W> {
    fn default() -> Batches<W> {
        Batches(Vec::new())
    }
}

impl<W> Batches<W> {
    /// Takes one in; returns its number.
    pub fn begin(&mut self, batch: Batch<W>) -> usize {
        let free = self.0.iter().position(Option::is_none).unwrap_or(self.0.len());
        match self.0.get_mut(free) {
            Some(place) => *place = Some(batch),
            None => self.0.push(Some(batch)),
        }
        free
    }

    /// A part of it is done. Returns the batch if that was the last.
    pub fn end_part(&mut self, number: usize, result: Result<(), BlockRefusal>) -> Option<Batch<W>> {
        let place = self.0.get_mut(number)?;
        let batch = place.as_mut()?;
        batch.refusal = batch.refusal.or(result.err());
        batch.left = batch.left.saturating_sub(1);
        if batch.left == 0 { place.take() } else { None }
    }
}
