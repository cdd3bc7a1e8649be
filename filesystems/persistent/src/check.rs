//! Checking a whole volume: every checksum, every item, every block's use.

use airox_driver_traits::block::BlockDevice;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use crate::error::{Damage, Error, Part, corrupt};
use crate::key::{Key, Kind};
use crate::layout::{BLOCK_SIZE, Root};
use crate::page::Page;
use crate::records::{Chunk, Entry, Node, NodeKind, Quota, Trim};
use crate::tree::{self, Expected};
use crate::volume::{ROOT, Volume};

/// Problems listed at most; the rest are counted.
const LISTED: usize = 1000;
/// Items taken from the map at a time.
const ITEMS: usize = 256;

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// A block is not as it was written; the file it belongs to, if it belongs to one.
    Damaged(Damage, Option<String>),
    /// Two things claim the same block.
    UsedTwice(u64),
    /// Something uses a block that counts as free.
    NotAllocated(u64),
    /// So many blocks count as in use, and nothing uses them.
    Lost(u64),
    /// What an item says of a file or directory is not so; which, and what.
    Inconsistent(String, &'static str),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Damaged(damage, Some(path)) => write!(f, "{path}: {damage}"),
            Problem::Damaged(damage, None) => damage.fmt(f),
            Problem::UsedTwice(block) => write!(f, "block {block} is used twice"),
            Problem::NotAllocated(block) => write!(f, "block {block} is in use and counts as free"),
            Problem::Lost(count) => write!(f, "{count} blocks count as in use and are not"),
            Problem::Inconsistent(path, what) => write!(f, "{path}: {what}"),
        }
    }
}

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Files.
    pub files: u64,
    /// Directories.
    pub directories: u64,
    /// Blocks of data.
    pub data_blocks: u64,
    /// Nodes of the metadata tree.
    pub tree_nodes: u64,
    /// What is wrong, the first of it.
    pub problems: Vec<Problem>,
    /// How many problems there are.
    pub problem_count: u64,
}

struct Check<'a, D> {
    volume: &'a mut Volume<D>,
    report: Report,
    /// One bit for each block.
    used: Vec<u64>,
    nodes: BTreeMap<u64, Seen>,
    /// Quotas, and what is found of their blocks and files.
    quotas: BTreeMap<u64, (Quota, u64, u64)>,
}

/// A node, and what was found of it.
struct Seen {
    node: Node,
    entries: u64,
    blocks: u64,
    named: bool,
}

impl<D: BlockDevice> Volume<D> {
    /// Reads everything and checks it. Memory: one bit for each block and about 100 bytes for each file.
    ///
    /// # Errors
    /// [`Error::Device`]; damage is in the report.
    pub fn check(&mut self) -> Result<Report, Error> {
        if !self.read_only() {
            self.checkpoint()?;
        }
        let words = self.superblock().layout.blocks.div_ceil(64) as usize;
        let mut check = Check {
            volume: self,
            report: Report::default(),
            used: vec![0; words],
            nodes: BTreeMap::new(),
            quotas: BTreeMap::new(),
        };
        if let Some(root) = check.volume.superblock().root {
            check.tree(root)?;
        }
        check.superblocks()?;
        check.items()?;
        check.connections();
        check.space()?;
        Ok(check.report)
    }
}

impl<D: BlockDevice> Check<'_, D> {
    fn problem(&mut self, problem: Problem) {
        self.report.problem_count += 1;
        if self.report.problems.len() < LISTED {
            self.report.problems.push(problem);
        }
    }

    /// Damage is noted; other errors end the check.
    fn note(&mut self, error: Error) -> Result<(), Error> {
        let Error::Corrupt(damage) = error else {
            return Err(error);
        };
        let path = damage.node.map(|node| self.volume.path_of(node));
        self.problem(Problem::Damaged(damage, path));
        Ok(())
    }

    fn inconsistent(&mut self, node: u64, what: &'static str) {
        let path = self.volume.path_of(node);
        self.problem(Problem::Inconsistent(path, what));
    }

    /// Takes note that a block is used.
    fn claim(&mut self, block: u64) {
        if let Some(word) = self.used.get_mut((block / 64) as usize) {
            let bit = 1 << (block % 64);
            if *word & bit != 0 {
                self.problem(Problem::UsedTwice(block));
            } else {
                *word |= bit;
            }
        }
    }

    /// The superblock of this generation and its copy.
    fn superblocks(&mut self) -> Result<(), Error> {
        match self.volume.store.damaged_superblock()? {
            Some(place) => self.note(corrupt(place, Part::Superblock)),
            None => Ok(()),
        }
    }

    /// Every node of the tree. No recursion: what is still to be visited is in a list, which is short, since keys only rise.
    fn tree(&mut self, root: Root) -> Result<(), Error> {
        let layout = self.volume.superblock().layout;
        let mut waiting = vec![Expected::root(root)];
        while let Some(expected) = waiting.pop() {
            let store = &mut self.volume.store;
            match tree::load(&mut store.disk, &mut store.cache, &layout, &expected) {
                Ok(place) => {
                    let page = Page(store.cache.bytes(place));
                    if expected.level > 0 {
                        waiting.extend((0..page.count()).rev().map(|index| expected.child(page, index)));
                    }
                    self.report.tree_nodes += 1;
                    self.claim(expected.pointer.block);
                }
                Err(error) => self.note(error)?,
            }
        }
        if self.report.problem_count == 0 && self.report.tree_nodes != self.volume.superblock().tree_nodes {
            self.inconsistent(ROOT, "the number of tree nodes is not what the superblock says");
        }
        Ok(())
    }

    /// Every item, in order of the keys; where the tree is damaged, what can be reached after it.
    fn items(&mut self) -> Result<(), Error> {
        let mut from = Key(0);
        loop {
            let items = match self.volume.store.scan(from..Key::MAX, ITEMS) {
                Ok(items) => items,
                // Which node is damaged is known already; what comes after it in the order of keys can't be found through it.
                Err(error @ Error::Corrupt(_)) if self.report.problem_count == 0 => return self.note(error),
                Err(Error::Corrupt(_)) => return Ok(()),
                Err(error) => return Err(error),
            };
            let Some((last, _)) = items.last() else {
                return Ok(());
            };
            from = last.next();
            for (key, value) in items {
                self.item(key, &value)?;
            }
        }
    }

    fn item(&mut self, key: Key, value: &[u8]) -> Result<(), Error> {
        let known = match key.kind() {
            Some(Kind::Trim) => Trim::decode(value).is_some() && key.node() == 0,
            Some(Kind::Node) => Node::decode(value).is_some_and(|node| self.seen(key.node(), node)),
            Some(Kind::Quota) => Quota::decode(value).is_some_and(|quota| {
                self.quotas.insert(key.node(), (quota, 0, 0));
                true
            }),
            Some(Kind::Entry) => match Entry::decode(value) {
                Some(entry) => {
                    self.entry(key, &entry)?;
                    true
                }
                None => false,
            },
            Some(Kind::Chunk) => match self.volume.decode_chunk(value) {
                Some(chunk) => {
                    self.chunk(key, &chunk)?;
                    true
                }
                None => false,
            },
            None => false,
        };
        if !known {
            self.inconsistent(key.node(), "an item about it is not understood");
        }
        Ok(())
    }

    fn seen(&mut self, number: u64, node: Node) -> bool {
        match node.kind {
            NodeKind::File => self.report.files += 1,
            NodeKind::Directory => self.report.directories += 1,
        }
        if number >= self.volume.superblock().next_node {
            self.inconsistent(number, "its number was never given to a node");
        }
        self.nodes.insert(number, Seen { node, entries: 0, blocks: 0, named: number == ROOT });
        true
    }

    fn entry(&mut self, key: Key, entry: &Entry) -> Result<(), Error> {
        match self.nodes.get_mut(&key.node()) {
            Some(directory) if directory.node.kind == NodeKind::Directory => directory.entries += 1,
            _ => self.inconsistent(key.node(), "it has entries and is no directory"),
        }
        let found = match self.volume.node(entry.node) {
            Ok(node) => node,
            Err(Error::NotFound) => {
                self.inconsistent(key.node(), "an entry's file does not exist");
                return Ok(());
            }
            Err(error) => return self.note(error),
        };
        if (found.parent, found.slot, found.kind) != (key.node(), key.offset(), entry.kind) {
            self.inconsistent(key.node(), "an entry and its file do not agree");
        }
        // The hash must lead to the name.
        match self.volume.lookup(key.node(), &entry.name) {
            Ok(node) if node == entry.node => Ok(()),
            Ok(_) | Err(Error::NotFound | Error::NotDirectory) => {
                self.inconsistent(key.node(), "a name in it cannot be found");
                Ok(())
            }
            Err(error) => self.note(error),
        }
    }

    fn chunk(&mut self, key: Key, chunk: &Chunk) -> Result<(), Error> {
        let trimmed = self.volume.trims.get(&key.node()).is_some_and(|trim| key.offset() >= trim.first);
        match self.nodes.get_mut(&key.node()) {
            Some(file) if file.node.kind == NodeKind::File => {
                file.blocks += chunk.used();
                let end = file.node.size.div_ceil(BLOCK_SIZE as u64);
                let first = key.offset().saturating_mul(chunk.0.len() as u64);
                let beyond = (first..).zip(&chunk.0).any(|(block, data)| data.block != 0 && block >= end);
                if beyond && !trimmed {
                    self.inconsistent(key.node(), "it has data after its end");
                }
            }
            None if trimmed => {}
            _ => self.inconsistent(key.node(), "there is data of it, and it is no file"),
        }
        for data in chunk.0.iter().filter(|data| data.block != 0) {
            self.claim(data.block);
            self.report.data_blocks += 1;
            if let Err(error) = self.volume.load_data(*data, key.node()) {
                self.note(error)?;
            }
        }
        Ok(())
    }

    /// What nodes say of themselves and of each other.
    fn connections(&mut self) {
        let nodes = core::mem::take(&mut self.nodes);
        let mut wrong = Vec::new();
        for (&number, seen) in &nodes {
            let node = &seen.node;
            if node.entries != seen.entries {
                wrong.push((number, "the number of its entries is wrong"));
            }
            if node.blocks != seen.blocks {
                wrong.push((number, "the number of its blocks is wrong"));
            }
            if node.quota != 0 {
                match self.quotas.get_mut(&node.quota) {
                    Some((_, used, files)) => {
                        *used += seen.blocks;
                        *files += u64::from(node.quota != number);
                    }
                    None => wrong.push((number, "its quota does not exist")),
                }
            }
            if !seen.named && !self.is_named(number, node) {
                wrong.push((number, "no directory has it"));
            }
        }
        for (root, (quota, used, files)) in core::mem::take(&mut self.quotas) {
            if quota.files != files {
                wrong.push((root, "the number of files of its quota is wrong"));
            }
            // Blocks of removed files count until they are released.
            if quota.used != used && self.volume.trims.is_empty() {
                wrong.push((root, "what is used of its quota is wrong"));
            }
        }
        for (number, what) in wrong {
            self.inconsistent(number, what);
        }
    }

    /// Whether the directory that a node says it is in has it, and is in the root directory itself.
    fn is_named(&mut self, number: u64, node: &Node) -> bool {
        let key = Key::new(node.parent, Kind::Entry, node.slot);
        let entry = self.volume.store.get(key, Part::Entry, Entry::decode);
        matches!(entry, Ok(Some(entry)) if entry.node == number) && self.volume.depth(node.parent, None).is_ok()
    }

    /// Every block's use against the bitmaps.
    fn space(&mut self) -> Result<(), Error> {
        let layout = self.volume.superblock().layout;
        let complete = self.report.problem_count == 0;
        let mut lost = 0;
        let mut block = layout.data_start;
        while block < layout.data_end {
            let used = self.used[(block / 64) as usize] >> (block % 64) & 1 == 1;
            let store = &mut self.volume.store;
            match store.space.is_used(&mut store.disk, block) {
                Ok(counted) if counted == used => {}
                Ok(true) => lost += 1,
                Ok(false) => self.problem(Problem::NotAllocated(block)),
                Err(error) => {
                    self.note(error)?;
                    // The whole bitmap is damaged.
                    block = (block / crate::layout::GROUP_BLOCKS + 1) * crate::layout::GROUP_BLOCKS;
                    continue;
                }
            }
            block += 1;
        }
        // Where something could not be read, what it used is not known.
        if lost > 0 && complete {
            self.problem(Problem::Lost(lost));
        }

        Ok(())
    }
}
