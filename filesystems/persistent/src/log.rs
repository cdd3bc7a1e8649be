//! The log: what was synchronised since the last checkpoint.
//!
//! A synchronisation is one *batch*: the new values of all items of the tree that changed since the last one. It is written with
//! one request and made durable, together with the data it refers to, with one flush. Mounting reads the batches back, in order.
//!
//! Each block of the log says which checkpoint it follows, which batch it belongs to and which part of it it is, and has its own
//! checksum. Each batch is written twice, one copy after the other: a batch of which no whole copy is left is the end of the
//! log, as a power cut leaves it, and one damaged block must not look like that.
//!
//! ```text
//! 0 magic, 4   4 part, 4   8 parts, 4   12 bytes used in this block, 4   16 generation, 8   24 batch, 8   32 volume, 8
//! 40 contents, 4048   4088 checksum, 8
//! ```

use airox_driver_traits::block::BlockDevice;
use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;

use crate::bytes::{get_u16, get_u32, get_u64, get_u128, put_u32, put_u64};
use crate::checksum;
use crate::disk::Disk;
use crate::error::{Error, Part, corrupt};
use crate::key::Key;
use crate::layout::{BLOCK_SIZE, LOG_START, Layout};
use crate::records::LONGEST_VALUE;

const MAGIC: u32 = u32::from_le_bytes(*b"LOGB");
const HEADER: usize = 40;
const PAYLOAD: usize = BLOCK_SIZE - HEADER - 8;
const SUM_OFFSET: usize = BLOCK_SIZE - 8;
/// Instead of a length: the item is deleted.
const DELETED: u16 = u16::MAX;
/// Blocks read with one request when mounting.
const READ_AHEAD: u64 = 256;

/// A change of the tree: the item's new value, or `None` if it is deleted.
pub type Change = (Key, Option<Vec<u8>>);

/// The log's end, and who writes it.
pub struct Log {
    volume: u64,
    generation: u64,
    batch: u64,
    position: u64,
    limit: u64,
}

/// Adds a change to the bytes of a batch.
pub fn encode(batch: &mut Vec<u8>, key: Key, value: Option<&[u8]>) {
    batch.extend_from_slice(&key.0.to_le_bytes());
    let length = value.map_or(DELETED, |value| value.len() as u16);
    batch.extend_from_slice(&length.to_le_bytes());
    batch.extend_from_slice(value.unwrap_or(&[]));
}

/// Bytes that a change takes in a batch.
pub fn footprint(value: Option<&[u8]>) -> usize {
    18 + value.map_or(0, <[u8]>::len)
}

/// The changes in the bytes of a batch; `None` if they are not changes.
fn decode(mut bytes: &[u8]) -> Option<Vec<Change>> {
    let mut changes = Vec::new();
    while !bytes.is_empty() {
        if bytes.len() < 18 {
            return None;
        }
        let key = Key(get_u128(bytes, 0));
        let (value, rest) = match get_u16(bytes, 16) {
            DELETED => (None, &bytes[18..]),
            length if usize::from(length) > LONGEST_VALUE => return None,
            length => {
                let (value, rest) = bytes[18..].split_at_checked(usize::from(length))?;
                (Some(value.to_vec()), rest)
            }
        };
        changes.push((key, value));
        bytes = rest;
    }
    Some(changes)
}

impl Log {
    /// An empty log after a checkpoint.
    pub fn new(volume: u128, generation: u64, layout: &Layout) -> Self {
        Self { volume: volume as u64, generation, batch: 0, position: 0, limit: layout.log_blocks }
    }

    /// Whether a batch of so many bytes fits.
    pub fn fits(&self, bytes: usize) -> bool {
        2 * bytes.div_ceil(PAYLOAD) as u64 <= self.limit - self.position
    }

    /// Writes a batch. The caller flushes.
    pub fn write<D: BlockDevice>(&mut self, disk: &mut Disk<D>, contents: &[u8]) -> Result<(), Error> {
        let parts = contents.len().div_ceil(PAYLOAD);
        let mut blocks = vec![0; 2 * parts * BLOCK_SIZE];
        for (part, (block, piece)) in blocks.chunks_exact_mut(BLOCK_SIZE).zip(contents.chunks(PAYLOAD)).enumerate() {
            put_u32(block, 0, MAGIC);
            put_u32(block, 4, part as u32);
            put_u32(block, 8, parts as u32);
            put_u32(block, 12, piece.len() as u32);
            put_u64(block, 16, self.generation);
            put_u64(block, 24, self.batch + 1);
            put_u64(block, 32, self.volume);
            block[HEADER..HEADER + piece.len()].copy_from_slice(piece);
            seal(block);
        }
        blocks.copy_within(..parts * BLOCK_SIZE, parts * BLOCK_SIZE);
        disk.write(LOG_START + self.position, &blocks)?;
        self.batch += 1;
        self.position += 2 * parts as u64;
        Ok(())
    }
}

/// Puts the checksum at the end of a block of the log.
pub fn seal(block: &mut [u8]) {
    let sum = checksum::of_metadata(&block[..SUM_OFFSET]);
    put_u64(block, SUM_OFFSET, sum);
}

/// What mounting found in the log.
#[derive(Default)]
pub struct Found {
    /// The whole batches, in order.
    pub batches: Vec<Vec<Change>>,
    /// A block of a batch of which parts are missing: the last one, cut short.
    pub cut_short: Option<u64>,
}

struct Block {
    place: u64,
    parts: u32,
    contents: Vec<u8>,
}

/// Reads the log that follows the checkpoint `generation`.
pub fn read<D: BlockDevice>(
    disk: &mut Disk<D>,
    layout: &Layout,
    volume: u128,
    generation: u64,
) -> Result<Found, Error> {
    let mut blocks = BTreeMap::new();
    let mut buffer = vec![0; (READ_AHEAD.min(layout.log_blocks)) as usize * BLOCK_SIZE];
    let mut position = 0;
    while position < layout.log_blocks {
        let count = READ_AHEAD.min(layout.log_blocks - position);
        let bytes = &mut buffer[..count as usize * BLOCK_SIZE];
        disk.read(LOG_START + position, bytes)?;
        let before = blocks.len();
        for (index, block) in bytes.chunks_exact(BLOCK_SIZE).enumerate() {
            let place = LOG_START + position + index as u64;
            let used = get_u32(block, 12) as usize;
            let ours = get_u32(block, 0) == MAGIC && get_u64(block, 32) == volume as u64 && used <= PAYLOAD;
            if !ours || get_u64(block, SUM_OFFSET) != checksum::of_metadata(&block[..SUM_OFFSET]) {
                continue;
            }
            if get_u64(block, 16) > generation {
                // What followed a later checkpoint is here, but its superblock is not.
                return Err(corrupt(Layout::superblock(get_u64(block, 16)), Part::Superblock));
            }
            if get_u64(block, 16) == generation {
                let found = Block { place, parts: get_u32(block, 8), contents: block[HEADER..HEADER + used].to_vec() };
                blocks.entry((get_u64(block, 24), get_u32(block, 4))).or_insert(found);
            }
        }
        if blocks.len() == before {
            break;
        }
        position += count;
    }
    assemble(&blocks)
}

fn assemble(blocks: &BTreeMap<(u64, u32), Block>) -> Result<Found, Error> {
    let mut found = Found::default();
    for batch in 1.. {
        let mut contents = Vec::new();
        let mut pieces = blocks.range((batch, 0)..=(batch, u32::MAX));
        let Some((_, first)) = pieces.clone().next() else {
            break;
        };
        let whole = (0..first.parts).all(|part| {
            pieces.next().is_some_and(|((_, number), piece)| {
                contents.extend_from_slice(&piece.contents);
                *number == part && piece.parts == first.parts
            })
        });
        if !whole {
            found.cut_short = Some(first.place);
            break;
        }
        found.batches.push(decode(&contents).ok_or(corrupt(first.place, Part::Log))?);
    }
    // A batch is written only after the one before it is durable, so nothing can follow a missing one.
    let next = found.batches.len() as u64 + 2;
    match blocks.range((next, 0)..).next() {
        Some((_, later)) => Err(corrupt(later.place.saturating_sub(1).max(LOG_START), Part::Log)),
        None => Ok(found),
    }
}
