//! Files: reading, writing, changing the size.
//!
//! A write up to [`LARGEST_WRITE`] is one operation: after a power cut all of it is there or nothing. Longer ones are several.

use airox_driver_traits::block::BlockDevice;
use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use crate::cache::Verified;
use crate::checksum;
use crate::error::{Damage, Error, Part};
use crate::key::{Key, Kind};
use crate::layout::BLOCK_SIZE;
use crate::records::{CHUNK_BLOCKS, Chunk, DataBlock, Node, NodeKind};
use crate::volume::Volume;

/// Bytes of a write that is one operation.
pub const LARGEST_WRITE: usize = 1 << 20;
/// Blocks that the device is asked for at most with one request (1 MiB).
pub const LARGEST_REQUEST: u64 = 256;
/// A file has fewer bytes than this (8 PiB, far more than any volume; numbers of blocks and chunks can't overflow).
pub const SIZE_END: u64 = 1 << 53;
/// Successive whole blocks of a write or a read that bypass buffer and cache.
const DIRECT: u64 = 8;
/// Blocks read at a time where a file is read in order by small reads.
const READ_AHEAD: usize = 32;

const BLOCK: u64 = BLOCK_SIZE as u64;
const CHUNK: u64 = CHUNK_BLOCKS as u64;

impl<D: BlockDevice> Volume<D> {
    pub(crate) fn decode_chunk(&self, value: &[u8]) -> Option<Chunk> {
        Chunk::decode(value, &self.superblock().layout)
    }

    pub(crate) fn chunk(&mut self, node: u64, number: u64) -> Result<Option<Chunk>, Error> {
        let layout = self.superblock().layout;
        self.store.get(Key::new(node, Kind::Chunk, number), Part::Chunk, |value| Chunk::decode(value, &layout))
    }

    fn file(&mut self, node: u64) -> Result<Node, Error> {
        let found = self.node(node)?;
        match found.kind {
            NodeKind::File => Ok(found),
            NodeKind::Directory => Err(Error::IsDirectory),
        }
    }

    /// Where a file's blocks are.
    fn map(&mut self, node: u64, blocks: Range<u64>) -> Result<Vec<DataBlock>, Error> {
        let mut map = Vec::with_capacity((blocks.end - blocks.start) as usize);
        let mut block = blocks.start;
        while block < blocks.end {
            let chunk = self.chunk(node, block / CHUNK)?.unwrap_or_default();
            let end = blocks.end.min((block / CHUNK + 1) * CHUNK);
            let first = (block % CHUNK) as usize;
            map.extend_from_slice(&chunk.0[first..first + (end - block) as usize]);
            block = end;
        }
        Ok(map)
    }

    /// Reads from `offset` on; says how many bytes were read, fewer than asked for only at the file's end.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::IsDirectory`], [`Error::Device`]; [`Error::Corrupt`] if a block is damaged, and then `buffer`
    /// holds nothing of it.
    pub fn read(&mut self, node: u64, offset: u64, buffer: &mut [u8]) -> Result<usize, Error> {
        let size = self.file(node)?.size;
        let length = buffer.len().min(usize::try_from(size.saturating_sub(offset)).unwrap_or(usize::MAX));
        let buffer = &mut buffer[..length];
        let mut done = 0;
        while done < length {
            let at = offset + done as u64;
            let first = at / BLOCK;
            let end = (offset + length as u64).div_ceil(BLOCK).min(first + LARGEST_REQUEST);
            let piece = ((end * BLOCK - at) as usize).min(length - done);
            self.read_piece(node, at, first..end, &mut buffer[done..done + piece])?;
            done += piece;
        }
        Ok(length)
    }

    fn read_piece(&mut self, node: u64, at: u64, blocks: Range<u64>, buffer: &mut [u8]) -> Result<(), Error> {
        let map = self.map(node, blocks.clone())?;
        let sequential = self.continues(node, &blocks);
        let mut index = 0;
        while index < map.len() {
            let block = blocks.start + index as u64;
            // The part of this block that is wanted, and where in `buffer` it goes.
            let skip = at.saturating_sub(block * BLOCK) as usize;
            let to = (block * BLOCK).saturating_sub(at) as usize;
            let part = (BLOCK_SIZE - skip).min(buffer.len() - to);
            let run =
                if part == BLOCK_SIZE { self.direct_run(node, block, &map[index..], buffer.len() - to) } else { 0 };
            if run as u64 >= DIRECT {
                self.read_run(node, &map[index..index + run], &mut buffer[to..to + run * BLOCK_SIZE])?;
                index += run;
                continue;
            }
            let place = &mut buffer[to..to + part];
            match (self.buffer.get(node, block), map[index].block) {
                (Some(bytes), _) => place.copy_from_slice(&bytes[skip..skip + part]),
                (None, 0) => place.fill(0),
                (None, _) => {
                    let ahead = if sequential { self.run_ahead(node, block)? } else { vec![map[index]] };
                    let found = self.load_run(&ahead, node)?;
                    place.copy_from_slice(&self.store.cache.bytes(found)[skip..skip + part]);
                }
            }
            index += 1;
        }
        Ok(())
    }

    /// Whether a read goes on where an earlier one ended. Remembers where this one ends.
    fn continues(&mut self, node: u64, blocks: &Range<u64>) -> bool {
        let continues =
            |stream: &&mut (u64, u64)| stream.0 == node && (stream.1 == blocks.start || stream.1 == blocks.start + 1);
        match self.streams.iter_mut().find(continues) {
            Some(stream) => {
                stream.1 = blocks.end;
                true
            }
            None => {
                self.streams[self.next_stream] = (node, blocks.end);
                self.next_stream = (self.next_stream + 1) % self.streams.len();
                blocks.start == 0
            }
        }
    }

    /// How many blocks from here on lie next to each other on the medium, and fit whole in `room` bytes.
    fn direct_run(&self, node: u64, block: u64, map: &[DataBlock], room: usize) -> usize {
        let first = map[0].block;
        let follows = |&(distance, data): &(u64, &DataBlock)| {
            data.block == first + distance && self.buffer.get(node, block + distance).is_none()
        };
        if first == 0 { 0 } else { (0..).zip(map).take(room / BLOCK_SIZE).take_while(follows).count() }
    }

    /// Reads a run of blocks right to where they are wanted.
    fn read_run(&mut self, node: u64, run: &[DataBlock], buffer: &mut [u8]) -> Result<(), Error> {
        self.store.disk.read(run[0].block, buffer)?;
        for (data, bytes) in run.iter().zip(buffer.chunks_exact(BLOCK_SIZE)) {
            if checksum::of_data(bytes) != data.sum {
                buffer.fill(0);
                return Err(damaged(*data, node));
            }
        }
        Ok(())
    }

    /// The blocks of a file from `block` on that lie next to each other, as far as reading ahead goes.
    fn run_ahead(&mut self, node: u64, block: u64) -> Result<Vec<DataBlock>, Error> {
        let chunk = self.chunk(node, block / CHUNK)?.unwrap_or_default();
        let rest = &chunk.0[(block % CHUNK) as usize..];
        let first = rest[0].block;
        let follows = |&(distance, data): &(u64, &DataBlock)| data.block == first + distance;
        Ok((0..).zip(rest).take(READ_AHEAD).take_while(follows).map(|(_, data)| *data).collect())
    }

    /// Reads one block of data into the cache, or finds it there.
    pub(crate) fn load_data(&mut self, data: DataBlock, node: u64) -> Result<usize, Error> {
        self.load_run(&[data], node)
    }

    /// Finds the first block of a run in the cache, or reads the run; says where the first block is.
    fn load_run(&mut self, run: &[DataBlock], node: u64) -> Result<usize, Error> {
        let wanted = run[0];
        if let Some(place) = self.store.cache.find(wanted.block, Verified::Data(wanted.sum)) {
            return Ok(place);
        }
        let mut bytes = vec![0; run.len() * BLOCK_SIZE];
        self.store.disk.read(wanted.block, &mut bytes)?;
        // The first one last: a small cache might drop it for those after it.
        for (data, bytes) in run.iter().zip(bytes.chunks_exact(BLOCK_SIZE)).rev() {
            if checksum::of_data(bytes) == data.sum {
                let place = self.store.cache.insert(data.block, Verified::Data(data.sum), bytes.into());
                if *data == wanted {
                    return Ok(place);
                }
            }
        }
        Err(damaged(wanted, node))
    }

    /// Writes `data` from `offset` on; the file grows if need be, and what is between its old end and `offset` reads as zeros.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::IsDirectory`], [`Error::TooLarge`], [`Error::NoSpace`], [`Error::QuotaExceeded`],
    /// [`Error::ReadOnly`], [`Error::Device`]; [`Error::Corrupt`] if a block of which a part is kept is damaged.
    pub fn write(&mut self, node: u64, offset: u64, data: &[u8]) -> Result<(), Error> {
        if offset.checked_add(data.len() as u64).is_none_or(|end| end >= SIZE_END) {
            return Err(Error::TooLarge);
        }
        let mut at = offset;
        for piece in data.chunks(LARGEST_WRITE) {
            self.write_piece(node, at, piece)?;
            at += piece.len() as u64;
        }
        Ok(())
    }

    /// Writes `data` at the file's end and says where that was.
    ///
    /// # Errors
    /// As for [`write`](Self::write).
    pub fn append(&mut self, node: u64, data: &[u8]) -> Result<u64, Error> {
        let offset = self.file(node)?.size;
        self.write(node, offset, data)?;
        Ok(offset)
    }

    fn write_piece(&mut self, node: u64, offset: u64, data: &[u8]) -> Result<(), Error> {
        let end = offset + data.len() as u64;
        self.file(node)?;
        self.finish_trim(node, end.div_ceil(BLOCK))?;
        let blocks = offset / BLOCK..end.div_ceil(BLOCK);
        self.prepare(blocks.end - blocks.start, true)?;
        self.check_quota(node, blocks.clone())?;
        self.hold_account(node)?;
        let whole = offset.div_ceil(BLOCK)..(end / BLOCK).max(offset.div_ceil(BLOCK));
        let direct = if whole.end - whole.start >= DIRECT { whole } else { blocks.start..blocks.start };
        let mut changed = Vec::new();
        for block in blocks.clone().filter(|block| !direct.contains(block)) {
            let skip = offset.saturating_sub(block * BLOCK) as usize;
            let from = (block * BLOCK).saturating_sub(offset) as usize;
            let part = (BLOCK_SIZE - skip).min(data.len() - from);
            let mut bytes = if part == BLOCK_SIZE { vec![0; BLOCK_SIZE].into() } else { self.copy_of(node, block)? };
            bytes[skip..skip + part].copy_from_slice(&data[from..from + part]);
            changed.push((block, bytes));
        }
        if !direct.is_empty() {
            let from = (direct.start * BLOCK - offset) as usize;
            self.write_blocks(node, direct.start, &data[from..from + ((direct.end - direct.start) * BLOCK) as usize])?;
            self.buffer.remove(node, direct);
        }
        for (block, bytes) in changed {
            self.buffer.insert(node, block, bytes);
        }
        let now = self.now();
        self.change_node(node, |file| {
            file.size = file.size.max(end);
            file.modified = now;
        })
    }

    /// Whether a block of a file takes space, or will.
    pub(crate) fn has_block(&mut self, node: u64, block: u64) -> Result<bool, Error> {
        Ok(self.buffer.get(node, block).is_some()
            || self.map(node, block..block + 1)?.iter().any(|data| data.block != 0))
    }

    /// A block's contents, to be changed.
    fn copy_of(&mut self, node: u64, block: u64) -> Result<Box<[u8]>, Error> {
        if let Some(bytes) = self.buffer.get(node, block) {
            return Ok(bytes.into());
        }
        let data = self.map(node, block..block + 1)?[0];
        if data.block == 0 {
            return Ok(vec![0; BLOCK_SIZE].into());
        }
        let place = self.load_data(data, node)?;
        Ok(self.store.cache.bytes(place).into())
    }

    /// Writes whole blocks to new places and has the file's map say so.
    pub(crate) fn write_blocks(&mut self, node: u64, first: u64, data: &[u8]) -> Result<(), Error> {
        let blocks = first..first + (data.len() / BLOCK_SIZE) as u64;
        let mut chunks = Vec::new();
        for number in blocks.start / CHUNK..blocks.end.div_ceil(CHUNK) {
            chunks.push((number, self.chunk(node, number)?.unwrap_or_default()));
        }
        self.hold_account(node)?;
        let in_chunks = |block| chunks[(block / CHUNK - blocks.start / CHUNK) as usize].1.0[(block % CHUNK) as usize];
        let mut map: Vec<DataBlock> = blocks.clone().map(in_chunks).collect();
        let mut goal = match first.checked_sub(1) {
            Some(before) => self.map(node, before..first)?.first().map(|data| data.block + 1).filter(|goal| *goal > 1),
            None => None,
        };
        let old: Vec<u64> = map.iter().map(|data| data.block).filter(|block| *block != 0).collect();
        let mut allocated = Vec::new();
        let mut done = 0;
        let mut write_all = || -> Result<(), Error> {
            while done < map.len() {
                let store = &mut self.store;
                let want = (map.len() - done) as u64;
                let run = store.space.allocate(&mut store.disk, goal, want)?.ok_or(Error::NoSpace)?;
                allocated.push(run);
                let (place, length) = (run.0, run.1 as usize);
                let bytes = &data[done * BLOCK_SIZE..(done + length) * BLOCK_SIZE];
                store.disk.write(place, bytes)?;
                for (number, bytes) in bytes.chunks_exact(BLOCK_SIZE).enumerate() {
                    let block = place + number as u64;
                    store.cache.forget(block);
                    map[done + number] = DataBlock { block, sum: checksum::of_data(bytes) };
                }
                done += length;
                goal = Some(place + length as u64);
            }
            Ok(())
        };
        if let Err(error) = write_all() {
            for (place, length) in allocated {
                self.store.space.free_now(&mut self.store.disk, place, length)?;
            }
            return Err(error);
        }
        // From here on nothing is read, so nothing can fail.
        for (number, chunk) in &mut chunks {
            for (block, data) in blocks.clone().zip(&map).filter(|(block, _)| block / CHUNK == *number) {
                chunk.0[(block % CHUNK) as usize] = *data;
            }
            self.put_chunk(node, *number, chunk);
        }
        old.iter().for_each(|block| self.store.space.free_later(*block));
        self.account(node, map.len() as i64 - old.len() as i64)
    }

    pub(crate) fn put_chunk(&mut self, node: u64, number: u64, chunk: &Chunk) {
        let key = Key::new(node, Kind::Chunk, number);
        match chunk.encode() {
            Some(value) => self.store.put(key, &value),
            None => self.store.delete(key),
        }
    }

    /// Cuts a file off, or lengthens it by zeros that take no space.
    ///
    /// # Errors
    /// As for [`write`](Self::write).
    pub fn truncate(&mut self, node: u64, size: u64) -> Result<(), Error> {
        if size >= SIZE_END {
            return Err(Error::TooLarge);
        }
        let file = self.file(node)?;
        self.finish_trim(node, size.div_ceil(BLOCK))?;
        self.prepare(1, size > file.size)?;
        if size < file.size {
            let cut = (size % BLOCK) as usize;
            let kept = size.div_ceil(BLOCK);
            let mut last = None;
            if cut != 0 && self.has_block(node, kept - 1)? {
                // What is cut off must not come back when the file grows again.
                let mut bytes = self.copy_of(node, kept - 1)?;
                bytes[cut..].fill(0);
                last = Some(bytes);
            }
            self.release_from(node, kept, file.size.div_ceil(BLOCK))?;
            if let Some(bytes) = last {
                self.buffer.insert(node, kept - 1, bytes);
            }
        }
        let now = self.now();
        self.change_node(node, |file| {
            file.size = size;
            file.modified = now;
        })
    }
}

fn damaged(data: DataBlock, node: u64) -> Error {
    Error::Corrupt(Damage { block: data.block, what: Part::Data, node: Some(node) })
}
