//! Blocks of files that were changed in memory and wait to be written.
//!
//! Small writes are collected here, so that a file written byte by byte costs one block for each 4096 bytes, and what was written
//! in order also lies in order. Large ones bypass it.

use airox_driver_traits::block::BlockDevice;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::error::Error;
use crate::file::LARGEST_REQUEST;
use crate::layout::BLOCK_SIZE;
use crate::volume::Volume;

/// The blocks, by node and number of the block in the file.
#[derive(Default)]
pub struct Buffer {
    blocks: BTreeMap<(u64, u64), Box<[u8]>>,
}

impl Buffer {
    /// How many blocks there are.
    pub fn len(&self) -> usize {
        self.blocks.len()
    }

    /// A block, if it is here.
    pub fn get(&self, node: u64, block: u64) -> Option<&[u8]> {
        self.blocks.get(&(node, block)).map(|bytes| &**bytes)
    }

    /// Takes a block in.
    pub fn insert(&mut self, node: u64, block: u64, bytes: Box<[u8]>) {
        self.blocks.insert((node, block), bytes);
    }

    /// Forgets a file's blocks in a range.
    pub fn remove(&mut self, node: u64, range: core::ops::Range<u64>) {
        while let Some((&key, _)) = self.blocks.range((node, range.start)..(node, range.end)).next() {
            self.blocks.remove(&key);
        }
    }

    /// Successive blocks of one file, from the first on: the node, the first block, and their bytes.
    fn first_run(&self) -> Option<(u64, u64, Vec<u8>)> {
        let (&(node, first), _) = self.blocks.first_key_value()?;
        let mut bytes = Vec::new();
        for ((_, block), contents) in self.blocks.range((node, first)..(node, u64::MAX)) {
            let length = (bytes.len() / BLOCK_SIZE) as u64;
            if *block != first + length || length == LARGEST_REQUEST {
                break;
            }
            bytes.extend_from_slice(contents);
        }
        Some((node, first, bytes))
    }
}

impl<D: BlockDevice> Volume<D> {
    /// Writes all waiting blocks to the medium, where nothing refers to them before the next commit.
    pub(crate) fn flush_buffer(&mut self) -> Result<(), Error> {
        while let Some((node, first, bytes)) = self.buffer.first_run() {
            self.write_blocks(node, first, &bytes)?;
            self.buffer.remove(node, first..first + (bytes.len() / BLOCK_SIZE) as u64);
        }
        Ok(())
    }
}
