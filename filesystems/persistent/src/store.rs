//! A durable map from keys to values, and blocks to allocate: everything below the notion of files.
//!
//! The value of a key is what the *memory table* says, which has all changes since the last checkpoint, or else what the tree says.
//! `commit` writes what changed since the last commit into the log; `checkpoint` merges the memory table into the tree.
//! Both leave a state on the medium that is whole: after a power cut mounting finds the last one that was made durable.
//!
//! Changing values never fails and never reads: whoever calls has checked before that there is room. So an operation on files
//! that fails has changed nothing.

use airox_driver_traits::block::BlockDevice;
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::ops::Range;

use crate::cache::Cache;
use crate::disk::Disk;
use crate::error::{Damage, Error, Part, corrupt};
use crate::key::Key;
use crate::layout::{Layout, NoSuperblock, Superblock};
use crate::log::{self, Log};
use crate::merge::{self, Merge};
use crate::page::Page;
use crate::space::Space;
use crate::tree;

/// Memory that an item of the memory table takes besides its value, roughly.
const ITEM_OVERHEAD: usize = 64;

/// The map.
pub struct Store<D> {
    pub disk: Disk<D>,
    pub cache: Cache,
    pub space: Space,
    /// The superblock as it is on the medium.
    saved: Superblock,
    /// As the next checkpoint will write it, as far as it is known.
    superblock: Superblock,
    table: BTreeMap<Key, Option<Box<[u8]>>>,
    table_bytes: usize,
    /// Keys that changed since the last commit.
    batch: BTreeSet<Key>,
    log: Log,
    /// Set when a checkpoint failed half-way: memory and medium no longer agree.
    failed: bool,
}

impl<D: BlockDevice> Store<D> {
    /// Writes an empty volume.
    pub fn format(disk: &mut Disk<D>, superblock: &mut Superblock) -> Result<(), Error> {
        let layout = superblock.layout;
        // No superblock of an earlier volume may be newer than the new one, and no copy may be left.
        let empty = alloc::vec![0; crate::layout::BLOCK_SIZE];
        for block in [0, 1, layout.data_end, layout.data_end + 1] {
            disk.write(block, &empty)?;
        }
        disk.flush()?;
        Space::empty(layout).save(disk, &mut superblock.tables)?;
        Self::write_superblock(disk, superblock)?;
        disk.flush()
    }

    /// Makes a superblock, and with it all that it refers to, the volume's state.
    fn write_superblock(disk: &mut Disk<D>, superblock: &Superblock) -> Result<(), Error> {
        let block = superblock.encode();
        // What it refers to must be there before it is.
        disk.flush()?;
        disk.write(Layout::superblock(superblock.generation), &block)?;
        // From here on the checkpoint counts; only then may blocks be used again that the one before needs.
        disk.flush()?;
        // Not before the flush: of the two only one may be torn by a power cut.
        disk.write(superblock.layout.superblock_copy(superblock.generation), &block)
    }

    /// The superblock of the last checkpoint.
    fn read_superblock(disk: &mut Disk<D>) -> Result<Superblock, Error> {
        let mut block = alloc::vec![0; crate::layout::BLOCK_SIZE];
        let (mut newest, mut problem): (Option<Superblock>, Error) = (None, Error::NotFormatted);
        let end = disk.blocks();
        // The copies are at the end of the volume, which the superblocks say; if both are damaged, at the end of the device.
        let mut places = alloc::vec![0, 1, end.saturating_sub(2), end.saturating_sub(1)];
        let mut next = 0;
        while let Some(&place) = places.get(next) {
            next += 1;
            if place >= end {
                continue;
            }
            disk.read(place, &mut block)?;
            match Superblock::decode(&block) {
                Ok(superblock) => {
                    if superblock.layout.blocks > end {
                        problem = Error::Size;
                        continue;
                    }
                    for copy in [superblock.layout.data_end, superblock.layout.data_end + 1] {
                        if !places.contains(&copy) && places.len() < 8 {
                            places.push(copy);
                        }
                    }
                    let fits = newest.as_ref().is_none_or(|newest| newest.volume == superblock.volume);
                    if fits && newest.as_ref().is_none_or(|newest| newest.generation < superblock.generation) {
                        newest = Some(superblock);
                    }
                }
                Err(NoSuperblock::Damaged) => problem = corrupt(place, Part::Superblock),
                Err(NoSuperblock::Version(version)) => problem = Error::Version(version),
                Err(NoSuperblock::Foreign) => {}
            }
        }
        newest.ok_or(problem)
    }

    /// Where the superblock of this generation and its copy are.
    fn superblock_places(&self) -> [u64; 2] {
        let Superblock { generation, layout, .. } = &self.superblock;
        [Layout::superblock(*generation), layout.superblock_copy(*generation)]
    }

    /// The superblock of this generation, or the copy of it, that is not what it should be.
    pub fn damaged_superblock(&mut self) -> Result<Option<u64>, Error> {
        let right = self.saved.encode();
        let mut block = alloc::vec![0; crate::layout::BLOCK_SIZE];
        for place in self.superblock_places() {
            self.disk.read(place, &mut block)?;
            if block != right {
                return Ok(Some(place));
            }
        }
        Ok(None)
    }

    /// Writes whichever of the two is damaged anew. The other one is intact, or there would be no superblock.
    pub fn restore_superblock(&mut self) -> Result<Option<u64>, Error> {
        let damaged = self.damaged_superblock()?;
        if let Some(place) = damaged {
            self.disk.write(place, &self.saved.encode())?;
            self.disk.flush()?;
        }
        Ok(damaged)
    }

    /// Reads a volume's state: the last checkpoint, without what the log has in addition.
    pub fn open(mut disk: Disk<D>, cache_blocks: usize) -> Result<Self, Error> {
        let superblock = Self::read_superblock(&mut disk)?;
        let space = Space::read(&mut disk, superblock.layout, &superblock.tables)?;
        let log = Log::new(superblock.volume, superblock.generation, &superblock.layout);
        Ok(Self {
            disk,
            cache: Cache::new(cache_blocks),
            space,
            saved: superblock.clone(),
            superblock,
            table: BTreeMap::new(),
            table_bytes: 0,
            batch: BTreeSet::new(),
            log,
            failed: false,
        })
    }

    /// Forgets everything in memory and reads the volume's state again.
    pub fn reload(&mut self, cache_blocks: usize) -> Result<(), Error> {
        let superblock = Self::read_superblock(&mut self.disk)?;
        self.space = Space::read(&mut self.disk, superblock.layout, &superblock.tables)?;
        self.log = Log::new(superblock.volume, superblock.generation, &superblock.layout);
        self.cache = Cache::new(cache_blocks);
        self.saved = superblock.clone();
        self.superblock = superblock;
        self.clear_table();
        self.failed = false;
        Ok(())
    }

    fn clear_table(&mut self) {
        self.table.clear();
        self.table_bytes = 0;
        self.batch.clear();
    }

    /// Nothing can be changed from now on.
    pub fn fail(&mut self) {
        self.failed = true;
    }

    /// What the log has in addition.
    pub fn read_log(&mut self) -> Result<log::Found, Error> {
        log::read(&mut self.disk, &self.superblock.layout, self.superblock.volume, self.superblock.generation)
    }

    /// The volume's description, as of the last checkpoint.
    pub fn superblock(&self) -> &Superblock {
        &self.superblock
    }

    /// The number for the next node.
    pub fn take_node_number(&mut self) -> Result<u64, Error> {
        let number = self.superblock.next_node;
        self.reserve_node_numbers(number)?;
        Ok(number)
    }

    /// Numbers up to this one are in use.
    pub fn reserve_node_numbers(&mut self, number: u64) -> Result<(), Error> {
        let next = number.checked_add(1).filter(|next| *next < crate::key::OFFSET_END).ok_or(Error::NoSpace)?;
        self.superblock.next_node = self.superblock.next_node.max(next);
        Ok(())
    }

    /// Whether changes may be made.
    pub fn writable(&self) -> Result<(), Error> {
        if self.disk.read_only() {
            Err(Error::ReadOnly)
        } else if self.failed {
            Err(Error::Failed)
        } else {
            Ok(())
        }
    }

    /// Bytes of memory the memory table takes, roughly.
    pub fn table_bytes(&self) -> usize {
        self.table_bytes
    }

    /// Most blocks that merging the memory table into the tree can take.
    pub fn reserve(&self) -> u64 {
        let changes = self.table.len() as u64;
        let touched = changes.min(self.superblock.tree_nodes.saturating_add(1));
        let height = self.superblock.root.map_or(0, |root| u64::from(root.level) + 1);
        2 * touched + (self.table_bytes / 2048) as u64 + 2 * height + 8
    }

    /// Sets a value.
    pub fn put(&mut self, key: Key, value: &[u8]) {
        self.change(key, Some(value.into()));
    }

    /// Deletes a value.
    pub fn delete(&mut self, key: Key) {
        self.change(key, None);
    }

    fn change(&mut self, key: Key, value: Option<Box<[u8]>>) {
        let size = |value: &Option<Box<[u8]>>| ITEM_OVERHEAD + value.as_ref().map_or(0, |value| value.len());
        self.table_bytes += size(&value);
        if let Some(old) = self.table.insert(key, value) {
            self.table_bytes -= size(&old);
        }
        self.batch.insert(key);
    }

    /// The value of a key, as `decode` understands it; a value it does not understand is damage to `part`.
    pub fn get<T>(
        &mut self,
        key: Key,
        part: Part,
        decode: impl FnOnce(&[u8]) -> Option<T>,
    ) -> Result<Option<T>, Error> {
        let (decoded, block) = match self.table.get(&key) {
            Some(None) => return Ok(None),
            // A value in memory is ours or came from the log.
            Some(Some(value)) => (decode(value), crate::layout::LOG_START),
            None => {
                let Some(root) = self.superblock.root else {
                    return Ok(None);
                };
                let layout = self.superblock.layout;
                let (place, expected) = tree::leaf(&mut self.disk, &mut self.cache, &layout, root, key)
                    .map_err(|error| name_node(error, key.node()))?;
                match Page(self.cache.bytes(place)).find(key) {
                    Some(value) => (decode(value), expected.pointer.block),
                    None => return Ok(None),
                }
            }
        };
        let node = Some(key.node()).filter(|node| *node != 0);
        decoded.map(Some).ok_or(Error::Corrupt(Damage { block, what: part, node }))
    }

    /// Items with keys in a range, in order: `limit` of them or, if the range has fewer, all.
    pub fn scan(&mut self, range: Range<Key>, limit: usize) -> Result<Vec<(Key, Vec<u8>)>, Error> {
        let mut found = Vec::new();
        let mut from = range.start;
        while found.len() < limit && from < range.end {
            let (items, next) = match self.superblock.root {
                Some(root) => {
                    let layout = self.superblock.layout;
                    let wanted = from..range.end;
                    let items =
                        tree::items(&mut self.disk, &mut self.cache, &layout, root, wanted, limit - found.len())
                            .map_err(|error| name_node(error, from.node()))?;
                    (items.items, items.next)
                }
                None => (Vec::new(), None),
            };
            // What the tree was not asked for yet begins here.
            let end = next.map_or(range.end, |next| next.min(range.end));
            let mut changes = self.table.range(from..end).peekable();
            for (key, value) in items {
                while let Some((new, change)) = changes.next_if(|(new, _)| **new < key) {
                    found.extend(change.as_ref().map(|value| (*new, value.to_vec())));
                }
                match changes.next_if(|(new, _)| **new == key) {
                    Some((_, change)) => found.extend(change.as_ref().map(|value| (key, value.to_vec()))),
                    None => found.push((key, value)),
                }
            }
            found.extend(changes.filter_map(|(key, change)| Some((*key, change.as_ref()?.to_vec()))));
            from = end;
        }
        found.truncate(limit);
        Ok(found)
    }

    /// Makes all changes durable: with the log if they fit there, else with a checkpoint.
    pub fn commit(&mut self) -> Result<(), Error> {
        self.writable()?;
        if self.batch.is_empty() {
            return Ok(());
        }
        let bytes = self.batch.iter().map(|key| log::footprint(self.changed_value(*key))).sum();
        if !self.log.fits(bytes) {
            return self.checkpoint();
        }
        let mut contents = Vec::with_capacity(bytes);
        for key in &self.batch {
            log::encode(&mut contents, *key, self.changed_value(*key));
        }
        let written = self.log.write(&mut self.disk, &contents).and_then(|()| self.disk.flush());
        if let Err(error) = written {
            // Nobody knows what of the batch is on the medium; a batch after it could not be told from it.
            self.failed = true;
            return Err(error);
        }
        self.batch.clear();
        Ok(())
    }

    fn changed_value(&self, key: Key) -> Option<&[u8]> {
        self.table.get(&key).and_then(|value| value.as_deref())
    }

    /// Takes a value from the log over, as mounting does: it needs not be written again.
    pub fn replay(&mut self, key: Key, value: Option<Vec<u8>>) {
        self.change(key, value.map(Vec::into_boxed_slice));
        self.batch.clear();
    }

    /// Whether a checkpoint would change anything.
    pub fn dirty(&self) -> bool {
        !self.table.is_empty() || self.space.free_soon() > 0
    }

    /// Merges all changes into the tree and makes the result the volume's state.
    pub fn checkpoint(&mut self) -> Result<(), Error> {
        self.writable()?;
        if !self.dirty() {
            return Ok(());
        }
        let generation = self.superblock.generation.checked_add(1).ok_or(Error::NoSpace)?;
        let changes: Vec<merge::Change<'_>> = self.table.iter().map(|(key, value)| (*key, value.as_deref())).collect();
        let layout = self.superblock.layout;
        let merge = Merge::new(&mut self.disk, &mut self.cache, &mut self.space, layout, generation);
        let merged = merge.run(self.superblock.root, &changes)?;
        let mut superblock = self.superblock.clone();
        superblock.generation = generation;
        superblock.root = merged.root;
        superblock.tree_nodes =
            superblock.tree_nodes.saturating_add(merged.written).saturating_sub(merged.replaced.len() as u64);
        for block in merged.replaced {
            self.space.free_later(block);
        }
        let saved = self
            .space
            .save(&mut self.disk, &mut superblock.tables)
            .and_then(|()| Self::write_superblock(&mut self.disk, &superblock));
        if let Err(error) = saved {
            self.failed = true;
            return Err(error);
        }
        self.log = Log::new(superblock.volume, generation, &superblock.layout);
        self.saved = superblock.clone();
        self.superblock = superblock;
        self.clear_table();
        Ok(())
    }
}

/// Says in an error which node the damage concerns.
fn name_node(error: Error, node: u64) -> Error {
    match error {
        Error::Corrupt(damage) if node != 0 => Error::Corrupt(Damage { node: damage.node.or(Some(node)), ..damage }),
        error => error,
    }
}
