//! A disk as its driver has it: several requests at a time, each about memory that the device reaches by itself.

use crate::block::{BlockError, Geometry};
use core::fmt;

/// The device takes no more for now: some requests must be done first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// The device answered what was not asked, or says itself that it cannot go on. It must not be used any more until it has been reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the device broke its protocol")
    }
}

impl core::error::Error for Broken {}

impl embedded_io::Error for Broken {
    fn kind(&self) -> embedded_io::ErrorKind {
        embedded_io::ErrorKind::Other
    }
}

/// What is asked of a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Blocks to memory.
    Read,
    /// Memory to blocks.
    Write,
    /// All that was written to the medium.
    Flush,
}

/// A request that fits the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// What.
    pub kind: Kind,
    /// The first block.
    pub first: u64,
    /// How many; their bytes fit in 32 bits.
    pub count: u32,
    /// Where in memory, as the device names it.
    pub address: u64,
}

/// A request that the device is done with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Done {
    /// Its number.
    pub id: u32,
    /// How it went; blocks are the device's.
    pub result: Result<(), BlockError>,
}

/// A disk that takes several requests at a time.
pub trait BlockQueue {
    /// Its size and kind, the same as long as the value lives.
    fn geometry(&self) -> Geometry;

    /// Whether writes need a flush to be durable. Without a cache, flushes are not submitted.
    fn has_cache(&self) -> bool;

    /// Most blocks of one request.
    fn most_blocks(&self) -> u32;

    /// Begins a request; it comes back from [`BlockQueue::next_done`] under this number.
    ///
    /// # Errors
    /// [`Full`]: some must be done first.
    fn submit(&mut self, id: u32, request: &Request) -> Result<(), Full>;

    /// The next request that is done.
    ///
    /// # Errors
    /// [`Broken`]: the device cannot be used any more until it is reset.
    fn next_done(&mut self) -> Result<Option<Done>, Broken>;
}
