//! The values of the metadata tree's items. Decoding checks everything; `None` says that a value is none of ours.

use alloc::string::String;
use alloc::vec::Vec;

use crate::bytes::{get_u32, get_u64};
use crate::file::SIZE_END;
use crate::layout::Layout;

/// Longest value of any item, in bytes: a chunk whose blocks lie apart from each other.
pub const LONGEST_VALUE: usize = 1 + CHUNK_BLOCKS * (8 + 4);
/// Blocks of a file that one item maps.
pub const CHUNK_BLOCKS: usize = 64;
/// Longest name, in bytes.
pub const LONGEST_NAME: usize = 255;

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// A file.
    File,
    /// A directory.
    Directory,
}

impl NodeKind {
    const fn code(self) -> u8 {
        match self {
            NodeKind::File => 1,
            NodeKind::Directory => 2,
        }
    }

    const fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(NodeKind::File),
            2 => Some(NodeKind::Directory),
            _ => None,
        }
    }
}

/// A file or directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    /// What it is.
    pub kind: NodeKind,
    /// Bytes in a file; 0 for a directory.
    pub size: u64,
    /// When it was changed last: nanoseconds since 1970.
    pub modified: u64,
    /// Blocks of data on the volume.
    pub blocks: u64,
    /// Entries of a directory; 0 for a file.
    pub entries: u64,
    /// The directory it is in; the root is in itself.
    pub parent: u64,
    /// Offset of its entry's key in there.
    pub slot: u64,
    /// The directory on whose quota it is, itself included; 0: none.
    pub quota: u64,
}

impl Node {
    const SIZE: usize = 57;

    /// Its bytes.
    pub fn encode(&self) -> [u8; Self::SIZE] {
        let mut bytes = [0; Self::SIZE];
        bytes[0] = self.kind.code();
        let words = [self.size, self.modified, self.blocks, self.entries, self.parent, self.slot, self.quota];
        for (place, word) in bytes[1..].chunks_exact_mut(8).zip(words) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    /// The node of these bytes.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let kind = NodeKind::from_code(*bytes.first()?)?;
        let word = |index: usize| get_u64(bytes, 1 + 8 * index);
        (bytes.len() == Self::SIZE && word(0) < SIZE_END).then(|| Self {
            kind,
            size: word(0),
            modified: word(1),
            blocks: word(2),
            entries: word(3),
            parent: word(4),
            slot: word(5),
            quota: word(6),
        })
    }
}

/// An entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What the name stands for.
    pub node: u64,
    /// Which is a file or directory.
    pub kind: NodeKind,
    /// The name.
    pub name: String,
}

impl Entry {
    /// The bytes of an entry.
    pub fn encode(node: u64, kind: NodeKind, name: &str) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(9 + name.len());
        bytes.extend_from_slice(&node.to_le_bytes());
        bytes.push(kind.code());
        bytes.extend_from_slice(name.as_bytes());
        bytes
    }

    /// The name in an entry's bytes, without copying it.
    pub fn name_of(bytes: &[u8]) -> Option<&[u8]> {
        bytes.get(9..)
    }

    /// The entry of these bytes.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let name = core::str::from_utf8(bytes.get(9..)?).ok()?;
        let kind = NodeKind::from_code(bytes[8])?;
        is_name(name).then(|| Self { node: get_u64(bytes, 0), kind, name: String::from(name) })
    }
}

/// Whether a name is one a directory may have.
pub fn is_name(name: &str) -> bool {
    (1..=LONGEST_NAME).contains(&name.len())
        && name != "."
        && name != ".."
        && !name.bytes().any(|byte| byte == b'/' || byte == 0)
}

/// Where a block of a file is, and what its checksum must be. Block 0 stands for a hole, which reads as zeros.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DataBlock {
    /// The block, or 0.
    pub block: u64,
    /// Its checksum.
    pub sum: u32,
}

/// The map of 64 successive blocks of a file. On the medium blocks that follow each other take one entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk(pub [DataBlock; CHUNK_BLOCKS]);

impl Default for Chunk {
    fn default() -> Self {
        Self([DataBlock::default(); CHUNK_BLOCKS])
    }
}

impl Chunk {
    /// Its bytes: number of runs; for each run where it begins in the chunk, its length, its first block (6 bytes); then the
    /// checksums of all blocks that are no holes. `None` if all are.
    pub fn encode(&self) -> Option<Vec<u8>> {
        let mut bytes = Vec::with_capacity(1 + 8 + 4 * CHUNK_BLOCKS);
        bytes.push(0u8);
        let mut index = 0;
        while index < CHUNK_BLOCKS {
            let first = self.0[index].block;
            let length = self.run(index);
            if first != 0 {
                bytes[0] += 1;
                bytes.extend_from_slice(&[index as u8, length as u8]);
                bytes.extend_from_slice(&first.to_le_bytes()[..6]);
            }
            index += length;
        }
        for data in self.0.iter().filter(|data| data.block != 0) {
            bytes.extend_from_slice(&data.sum.to_le_bytes());
        }
        (bytes[0] != 0).then_some(bytes)
    }

    /// How many blocks from `index` on follow each other on the medium, or are holes.
    fn run(&self, index: usize) -> usize {
        let first = self.0[index].block;
        let follows = |&(distance, data): &(usize, &DataBlock)| match first {
            0 => data.block == 0,
            _ => data.block == first + distance as u64,
        };
        self.0[index..].iter().enumerate().take_while(follows).count()
    }

    /// The chunk of these bytes, all of whose blocks lie where data may be.
    pub fn decode(bytes: &[u8], layout: &Layout) -> Option<Self> {
        let runs = usize::from(*bytes.first()?);
        let sums = bytes.get(1 + 8 * runs..)?;
        let mut chunk = Self::default();
        let (mut end, mut count) = (0, 0);
        for run in bytes[1..].chunks_exact(8).take(runs) {
            let (start, length) = (usize::from(run[0]), usize::from(run[1]));
            let first = get_u64(run, 0) >> 16;
            if start < end || length == 0 || start + length > CHUNK_BLOCKS {
                return None;
            }
            if !layout.is_data(first) || !layout.is_data(first + length as u64 - 1) {
                return None;
            }
            end = start + length;
            for (distance, data) in chunk.0[start..end].iter_mut().enumerate() {
                *data = DataBlock { block: first + distance as u64, sum: get_u32(sums, 4 * count) };
                count += 1;
            }
        }
        (count > 0 && sums.len() == 4 * count).then_some(chunk)
    }

    /// How many of its blocks are no holes.
    pub fn used(&self) -> u64 {
        self.0.iter().filter(|data| data.block != 0).count() as u64
    }
}

/// A note that a node's chunks from `first` on are to be released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trim {
    /// First chunk to release.
    pub first: u64,
    /// Whose quota gets the blocks back, if the node itself is gone; 0: nobody's.
    pub quota: u64,
}

impl Trim {
    /// Its bytes.
    pub fn encode(&self) -> [u8; 16] {
        pair(self.first, self.quota)
    }

    /// The note of these bytes.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let first = get_u64(bytes, 0);
        (bytes.len() == 16 && first < SIZE_END).then(|| Self { first, quota: get_u64(bytes, 8) })
    }
}

/// The account of a quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Most blocks of data; `u64::MAX`: as many as there are.
    pub limit: u64,
    /// Blocks of data in use.
    pub used: u64,
    /// Most files and directories, without the one that has the quota; `u64::MAX`: any number.
    pub most_files: u64,
    /// How many there are.
    pub files: u64,
}

impl Quota {
    const SIZE: usize = 32;

    /// Its bytes.
    pub fn encode(&self) -> [u8; Self::SIZE] {
        let mut bytes = [0; Self::SIZE];
        bytes[..16].copy_from_slice(&pair(self.limit, self.used));
        bytes[16..].copy_from_slice(&pair(self.most_files, self.files));
        bytes
    }

    /// The account of these bytes.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let word = |index: usize| get_u64(bytes, 8 * index);
        (bytes.len() == Self::SIZE).then(|| Self { limit: word(0), used: word(1), most_files: word(2), files: word(3) })
    }

    /// The account with so many files more or less.
    pub(crate) fn with_files(self, change: i64) -> Self {
        Self { files: self.files.saturating_add_signed(change), ..self }
    }
}

fn pair(first: u64, second: u64) -> [u8; 16] {
    (u128::from(first) | u128::from(second) << 64).to_le_bytes()
}
