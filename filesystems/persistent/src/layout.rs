//! Where things are on a volume, and the superblock that says so.
//!
//! ```text
//! block 0, 1                the two superblocks, written in turn
//! from 2                    the log
//! then                      group table: two places for each of its blocks, written in turn
//! then                      bitmaps: two places for each group, written in turn
//! then                      tree nodes and file data
//! last two                  copies of the superblocks
//! ```
//!
//! All numbers are little endian. What is written in turn needs no allocation, so recording which blocks are in use never
//! changes which blocks are in use.

use alloc::vec::Vec;

use crate::bytes::{get_u32, get_u64, put_u32, put_u64};
use crate::checksum;

/// Bytes of a block.
pub const BLOCK_SIZE: usize = 4096;
/// Blocks of a group: as many as a bitmap of one block can describe (128 MiB).
pub const GROUP_BLOCKS: u64 = 8 * BLOCK_SIZE as u64;
/// Groups in a block of the group table.
pub const GROUPS_PER_TABLE: u64 = (BLOCK_SIZE / GROUP_ENTRY) as u64;
/// Bytes of a group's entry in the table.
pub const GROUP_ENTRY: usize = 16;
/// First block of the log.
pub const LOG_START: u64 = 2;
/// Least size of a volume, in blocks.
pub const LEAST_BLOCKS: u64 = 96;

const MAGIC: &[u8; 8] = b"AIROXFS1";
const VERSION: u32 = 1;
const TABLE_OFFSET: usize = 256;
const SUM_OFFSET: usize = BLOCK_SIZE - 8;
/// How many table blocks the superblock can name: a volume has at most 15 TiB.
const MOST_TABLES: u64 = ((SUM_OFFSET - TABLE_OFFSET) / 8) as u64;

/// Places of everything that never moves; follows from the volume's size and the log's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Blocks of the volume.
    pub blocks: u64,
    /// Blocks of the log.
    pub log_blocks: u64,
    /// Number of groups.
    pub groups: u64,
    /// Number of table blocks.
    pub tables: u64,
    /// First of the table's places.
    pub table_start: u64,
    /// First of the bitmaps' places.
    pub bitmap_start: u64,
    /// First block of tree and data.
    pub data_start: u64,
    /// First block after tree and data.
    pub data_end: u64,
}

impl Layout {
    /// The layout of a volume, or `None` if no volume has these sizes.
    pub fn new(blocks: u64, log_blocks: u64) -> Option<Self> {
        let groups = blocks.div_ceil(GROUP_BLOCKS);
        let tables = groups.div_ceil(GROUPS_PER_TABLE);
        if blocks < LEAST_BLOCKS || tables > MOST_TABLES || log_blocks < 8 || log_blocks > blocks / 4 {
            return None;
        }
        let table_start = LOG_START + log_blocks;
        let bitmap_start = table_start + 2 * tables;
        let data_start = bitmap_start + 2 * groups;
        let data_end = blocks - 2;
        // What never moves lies in the first group, or fills whole groups: see `reserved`.
        (data_start + 32 <= data_end).then_some(Self {
            blocks,
            log_blocks,
            groups,
            tables,
            table_start,
            bitmap_start,
            data_start,
            data_end,
        })
    }

    /// How large the log of a volume of this size is, if its maker has no wish of their own.
    pub fn default_log_blocks(blocks: u64) -> u64 {
        (blocks / 64).clamp(16, 2048)
    }

    /// Whether tree or data may be at `block`.
    pub fn is_data(&self, block: u64) -> bool {
        (self.data_start..self.data_end).contains(&block)
    }

    /// Place of a table block.
    pub fn table_block(&self, table: u64, second: bool) -> u64 {
        self.table_start + 2 * table + u64::from(second)
    }

    /// Place of a group's bitmap.
    pub fn bitmap_block(&self, group: u64, second: bool) -> u64 {
        self.bitmap_start + 2 * group + u64::from(second)
    }

    /// The blocks of a group in which tree and data may be, as bits of the group; empty if there are none.
    pub fn usable(&self, group: u64) -> core::ops::Range<u64> {
        let first = group * GROUP_BLOCKS;
        let start = self.data_start.clamp(first, first + GROUP_BLOCKS) - first;
        let end = self.data_end.clamp(first, first + GROUP_BLOCKS) - first;
        start..end.max(start)
    }

    /// Place of the superblock of a generation.
    pub fn superblock(generation: u64) -> u64 {
        generation % 2
    }

    /// Place of its copy.
    pub fn superblock_copy(&self, generation: u64) -> u64 {
        self.data_end + generation % 2
    }
}

/// A pointer to a tree node: where it is and what its checksum must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pointer {
    /// Its block.
    pub block: u64,
    /// Checksum of the block's 4096 bytes.
    pub sum: u64,
}

/// The tree's root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Root {
    /// Where it is.
    pub pointer: Pointer,
    /// Its level; leaves have level 0.
    pub level: u8,
}

/// A block of the group table, as the superblock names it. The lowest bit of the sum says which place is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableEntry {
    /// Which of the two places.
    pub second: bool,
    /// Checksum without its lowest bit.
    pub sum: u64,
}

impl TableEntry {
    /// The entry for a table block with these contents.
    pub fn new(second: bool, contents: &[u8]) -> Self {
        Self { second, sum: checksum::of_metadata(contents) & !1 }
    }
}

/// The description of a volume at a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Superblock {
    /// A number for the volume, random.
    pub volume: u128,
    /// Seed of the hashes of names, random.
    pub hash_seed: u64,
    /// Places.
    pub layout: Layout,
    /// Number of the checkpoint; the highest one is the volume's state.
    pub generation: u64,
    /// The tree, if it has nodes.
    pub root: Option<Root>,
    /// Number of nodes in the tree.
    pub tree_nodes: u64,
    /// The number the next file or directory gets.
    pub next_node: u64,
    /// A name for people.
    pub label: [u8; 32],
    /// The blocks of the group table.
    pub tables: Vec<TableEntry>,
}

/// Why a block is no superblock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoSuperblock {
    /// It says it is none.
    Foreign,
    /// It was one, of another version.
    Version(u32),
    /// It is damaged.
    Damaged,
}

impl Superblock {
    /// The block's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut block = alloc::vec![0; BLOCK_SIZE];
        block[..8].copy_from_slice(MAGIC);
        put_u32(&mut block, 8, VERSION);
        put_u32(&mut block, 12, BLOCK_SIZE as u32);
        put_u64(&mut block, 16, self.volume as u64);
        put_u64(&mut block, 24, (self.volume >> 64) as u64);
        put_u64(&mut block, 32, self.hash_seed);
        put_u64(&mut block, 40, self.layout.blocks);
        put_u64(&mut block, 48, self.layout.log_blocks);
        put_u64(&mut block, 56, self.generation);
        if let Some(root) = self.root {
            put_u64(&mut block, 64, root.pointer.block);
            put_u64(&mut block, 72, root.pointer.sum);
            put_u64(&mut block, 80, u64::from(root.level));
        }
        put_u64(&mut block, 88, self.tree_nodes);
        put_u64(&mut block, 96, self.next_node);
        block[104..136].copy_from_slice(&self.label);
        for (index, table) in self.tables.iter().enumerate() {
            put_u64(&mut block, TABLE_OFFSET + 8 * index, table.sum | u64::from(table.second));
        }
        seal(&mut block);
        block
    }

    /// Reads a superblock. All that it says is consistent in itself; whether it fits the device is for the caller to check.
    pub fn decode(block: &[u8]) -> Result<Self, NoSuperblock> {
        if block.get(..8) != Some(MAGIC) {
            return Err(NoSuperblock::Foreign);
        }
        if get_u64(block, SUM_OFFSET) != checksum::of_metadata(&block[..SUM_OFFSET]) {
            return Err(NoSuperblock::Damaged);
        }
        let version = get_u32(block, 8);
        if version != VERSION || get_u32(block, 12) != BLOCK_SIZE as u32 {
            return Err(NoSuperblock::Version(version));
        }
        let layout = Layout::new(get_u64(block, 40), get_u64(block, 48)).ok_or(NoSuperblock::Damaged)?;
        let root = match get_u64(block, 64) {
            0 => None,
            place => Some(Root {
                pointer: Pointer { block: place, sum: get_u64(block, 72) },
                level: u8::try_from(get_u64(block, 80)).map_err(|_| NoSuperblock::Damaged)?,
            }),
        };
        let mut label = [0; 32];
        label.copy_from_slice(&block[104..136]);
        let table = |index| {
            let word = get_u64(block, TABLE_OFFSET + 8 * index as usize);
            TableEntry { second: word & 1 == 1, sum: word & !1 }
        };
        Ok(Self {
            volume: u128::from(get_u64(block, 16)) | u128::from(get_u64(block, 24)) << 64,
            hash_seed: get_u64(block, 32),
            layout,
            generation: get_u64(block, 56),
            root,
            tree_nodes: get_u64(block, 88),
            next_node: get_u64(block, 96),
            label,
            tables: (0..layout.tables).map(table).collect(),
        })
    }
}

/// Puts the checksum at the end of a superblock.
pub fn seal(block: &mut [u8]) {
    let sum = checksum::of_metadata(&block[..SUM_OFFSET]);
    put_u64(block, SUM_OFFSET, sum);
}
