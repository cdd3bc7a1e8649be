//! Releasing the blocks of files that were removed or cut off.
//!
//! A few are released at once. For more a note is made in the tree and the work is done in steps, each a part of some later operation;
//! so removing a file of any size is atomic and quick. Nodes' numbers are never used twice, so the rest of a removed file is in nobody's way.

use airox_driver_traits::block::BlockDevice;

use crate::error::{Error, Part};
use crate::key::{Key, Kind, OFFSET_END};
use crate::records::{CHUNK_BLOCKS, Chunk, Trim};
use crate::volume::Volume;

/// Chunks that are released at once (32 MiB of data).
const AT_ONCE: usize = 128;

const CHUNK: u64 = CHUNK_BLOCKS as u64;

impl<D: BlockDevice> Volume<D> {
    /// Releases a file's blocks from `block` on. Its size was so many blocks.
    pub(crate) fn release_from(&mut self, node: u64, block: u64, size: u64) -> Result<(), Error> {
        let quota = self.node(node)?.quota;
        let partly = !block.is_multiple_of(CHUNK);
        let first = block.div_ceil(CHUNK);
        let rest = self.chunks_from(node, first, AT_ONCE + 1)?;
        let partial = if partly { self.chunk(node, block / CHUNK)? } else { None };
        self.hold_account(node)?;
        if let Some(mut chunk) = partial {
            let cut = &mut chunk.0[(block % CHUNK) as usize..];
            let mut count = 0;
            for data in cut.iter_mut().filter(|data| data.block != 0) {
                self.store.space.free_later(data.block);
                *data = Default::default();
                count += 1;
            }
            self.put_chunk(node, block / CHUNK, &chunk);
            self.account(node, -count)?;
        }
        self.buffer.remove(node, block..size.max(block));
        if rest.len() <= AT_ONCE {
            for (key, chunk) in rest {
                self.release_chunk(node, quota, key, &chunk)?;
            }
        } else {
            // A note that is there already may begin earlier.
            let first = self.trims.get(&node).map_or(first, |trim| trim.first.min(first));
            let trim = Trim { first, quota };
            self.store.put(Key::new(0, Kind::Trim, node), &trim.encode());
            self.trims.insert(node, trim);
        }
        Ok(())
    }

    fn chunks_from(&mut self, node: u64, first: u64, limit: usize) -> Result<alloc::vec::Vec<(Key, Chunk)>, Error> {
        let range = Key::new(node, Kind::Chunk, first)..Key::new(node, Kind::Chunk, OFFSET_END - 1);
        let mut chunks = alloc::vec::Vec::new();
        for (key, value) in self.store.scan(range, limit)? {
            let block = crate::layout::LOG_START;
            let damage = crate::error::Damage { block, what: Part::Chunk, node: Some(node) };
            chunks.push((key, self.decode_chunk(&value).ok_or(Error::Corrupt(damage))?));
        }
        Ok(chunks)
    }

    fn release_chunk(&mut self, node: u64, quota: u64, key: Key, chunk: &Chunk) -> Result<(), Error> {
        for data in chunk.0.iter().filter(|data| data.block != 0) {
            self.store.space.free_later(data.block);
        }
        self.store.delete(key);
        let count = chunk.used() as i64;
        match self.account(node, -count) {
            // The file itself is gone; its quota is not.
            Err(Error::NotFound) => self.account_quota(quota, -count),
            result => result,
        }
    }

    /// Does a part of what is still to be released.
    pub(crate) fn trim_step(&mut self) -> Result<(), Error> {
        let Some((&node, &trim)) = self.trims.first_key_value() else {
            return Ok(());
        };
        let chunks = match self.chunks_from(node, trim.first, AT_ONCE) {
            Ok(chunks) => chunks,
            Err(error @ Error::Corrupt(_)) => {
                // The blocks stay in use; everything else goes on.
                self.trims.remove(&node);
                self.stuck.insert(node, error);
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let done = chunks.len() < AT_ONCE;
        self.hold_quota(trim.quota)?;
        match self.hold_account(node) {
            Ok(()) | Err(Error::NotFound) => {}
            Err(error) => return Err(error),
        }
        for (key, chunk) in chunks {
            self.release_chunk(node, trim.quota, key, &chunk)?;
        }
        if done {
            self.store.delete(Key::new(0, Kind::Trim, node));
            self.trims.remove(&node);
        }
        Ok(())
    }

    /// Comes before a file gets blocks or bytes up to `end`, where some may still have to be released.
    pub(crate) fn finish_trim(&mut self, node: u64, end: u64) -> Result<(), Error> {
        while self.trims.get(&node).is_some_and(|trim| trim.first * CHUNK < end) {
            // Each step releases something of some file, so this ends.
            self.prepare(0, false)?;
        }
        self.stuck.get(&node).map_or(Ok(()), |error| Err(*error))
    }
}
