//! Merging changes into the tree: what a checkpoint does.
//!
//! One pass over the changes, in order. Nodes on the way to a change are read and written anew elsewhere, all others stay. A node
//! that has become too full is divided evenly; one that has become almost empty is joined with its right neighbour, so one deletion
//! costs at most one node more. New nodes are collected and written in runs.

use airox_driver_traits::block::BlockDevice;
use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::cache::{Cache, Verified};
use crate::checksum;
use crate::disk::Disk;
use crate::error::Error;
use crate::key::Key;
use crate::layout::{BLOCK_SIZE, Layout, Pointer, Root};
use crate::page::{self, CAPACITY, HIGHEST_LEVEL, Page};
use crate::space::Space;
use crate::tree::{self, Expected};

/// A node with less than this is joined with its neighbour.
const ALMOST_EMPTY: usize = CAPACITY / 4;
/// Nodes allocated and written at a time, as far as the space is contiguous.
const RUN: usize = 64;

/// A change: the key's new value, or `None` to delete it.
pub type Change<'a> = (Key, Option<&'a [u8]>);
type Item<'a> = (Key, &'a [u8]);
type Owned = Vec<(Key, Vec<u8>)>;

/// Merges changes into a tree.
pub struct Merge<'a, D> {
    disk: &'a mut Disk<D>,
    cache: &'a mut Cache,
    space: &'a mut Space,
    layout: Layout,
    generation: u64,
    /// Nodes of the old tree that the new one does not have.
    replaced: Vec<u64>,
    /// Everything allocated: (first, length).
    allocated: Vec<(u64, u64)>,
    /// What of the last allocation is not used yet.
    free: (u64, u64),
    /// Nodes waiting to be written, the first of them for this block.
    pending: (u64, Vec<u8>),
    written: u64,
}

/// What became of the tree.
pub struct Merged {
    /// The new root.
    pub root: Option<Root>,
    /// Blocks of the old tree that are not needed after the checkpoint.
    pub replaced: Vec<u64>,
    /// Number of new nodes.
    pub written: u64,
}

impl<'a, D: BlockDevice> Merge<'a, D> {
    /// Prepares a merge for the checkpoint `generation`.
    pub fn new(
        disk: &'a mut Disk<D>,
        cache: &'a mut Cache,
        space: &'a mut Space,
        layout: Layout,
        generation: u64,
    ) -> Self {
        Self {
            disk,
            cache,
            space,
            layout,
            generation,
            replaced: Vec::new(),
            allocated: Vec::new(),
            free: (0, 0),
            pending: (0, Vec::new()),
            written: 0,
        }
    }

    /// Merges; if it fails, everything it allocated is given back and the old tree is as it was.
    pub fn run(mut self, root: Option<Root>, changes: &[Change<'_>]) -> Result<Merged, Error> {
        let result = self.merge(root, changes).and_then(|root| self.write_pending().map(|()| root));
        match result {
            Ok(root) => {
                let (first, length) = self.free;
                if length > 0 {
                    self.space.free_now(self.disk, first, length)?;
                }
                Ok(Merged { root, replaced: self.replaced, written: self.written })
            }
            Err(error) => {
                for (first, length) in self.allocated {
                    self.space.free_now(self.disk, first, length)?;
                }
                Err(error)
            }
        }
    }

    fn merge(&mut self, root: Option<Root>, changes: &[Change<'_>]) -> Result<Option<Root>, Error> {
        let (mut nodes, mut level) = match root {
            Some(root) => {
                let mut nodes = Vec::new();
                let rest = self.rewrite(Expected::root(root), changes, Vec::new(), &mut nodes)?;
                self.pack_owned(root.level, &rest, &mut nodes)?;
                (nodes, root.level)
            }
            None => {
                let items: Vec<Item<'_>> = changes.iter().filter_map(|&(key, value)| Some((key, value?))).collect();
                let mut nodes = Vec::new();
                self.pack(0, &items, &mut nodes)?;
                (nodes, 0)
            }
        };
        while nodes.len() > 1 {
            level += 1;
            if level > HIGHEST_LEVEL {
                return Err(Error::NoSpace);
            }
            let mut above = Vec::new();
            self.pack_owned(level, &nodes, &mut above)?;
            nodes = above;
        }
        let root = nodes.pop().map(|(_, value)| Root { pointer: page::decode_pointer(&value), level });
        root.map(|root| self.lower(root)).transpose()
    }

    /// While the root has only one child, the child is the root.
    fn lower(&mut self, mut root: Root) -> Result<Root, Error> {
        // The nodes may still wait to be written: only what is on the medium can be read.
        self.write_pending()?;
        while root.level > 0 {
            let expected = Expected::root(root);
            let place = tree::load(self.disk, self.cache, &self.layout, &expected)?;
            let page = Page(self.cache.bytes(place));
            if page.count() > 1 {
                break;
            }
            let child = expected.child(page, 0);
            self.replaced.push(root.pointer.block);
            root = Root { pointer: child.pointer, level: child.level };
        }
        Ok(root)
    }

    /// Rewrites a node with `carried` items before its own and with the changes made. The new nodes' keys and pointers go to
    /// `out`; what is too little for a node is returned, to be carried to the right. The depth of the recursion is the tree's.
    fn rewrite(
        &mut self,
        expected: Expected,
        changes: &[Change<'_>],
        carried: Owned,
        out: &mut Owned,
    ) -> Result<Owned, Error> {
        let place = tree::load(self.disk, self.cache, &self.layout, &expected)?;
        let bytes: Box<[u8]> = self.cache.bytes(place).into();
        let page = Page(&bytes);
        self.replaced.push(expected.pointer.block);
        if expected.level == 0 {
            let mut items: Vec<Item<'_>> = carried.iter().map(|(key, value)| (*key, value.as_slice())).collect();
            let appended =
                carried.is_empty() && changes.first().is_some_and(|(key, _)| *key > page.key(page.count() - 1));
            merge_items(page, changes, &mut items);
            return self.pack_or_carry(0, &items, appended, out);
        }
        let mut children = Vec::new();
        let mut rest = changes;
        let mut low = Vec::new();
        for index in 0..page.count() {
            let child = expected.child(page, index);
            let end = if index + 1 < page.count() {
                rest.partition_point(|(key, _)| *key < page.key(index + 1))
            } else {
                rest.len()
            };
            let (mine, others) = rest.split_at(end);
            rest = others;
            if mine.is_empty() && low.is_empty() {
                children.push((page.key(index), page.value(index).to_vec()));
            } else {
                low = self.rewrite(child, mine, low, &mut children)?;
            }
        }
        self.pack_owned(expected.level - 1, &low, &mut children)?;
        let appended = carried.is_empty() && changes.first().is_some_and(|(key, _)| *key >= page.key(page.count() - 1));
        let items: Vec<Item<'_>> =
            carried.iter().chain(&children).map(|(key, value)| (*key, value.as_slice())).collect();
        self.pack_or_carry(expected.level, &items, appended, out)
    }

    fn pack_or_carry(
        &mut self,
        level: u8,
        items: &[Item<'_>],
        appended: bool,
        out: &mut Owned,
    ) -> Result<Owned, Error> {
        let bytes: usize = items.iter().map(|(_, value)| page::footprint(value)).sum();
        if bytes < ALMOST_EMPTY {
            return Ok(items.iter().map(|(key, value)| (*key, value.to_vec())).collect());
        }
        if appended {
            self.pack_full(level, items, out)?
        } else {
            self.pack(level, items, out)?
        }
        Ok(Vec::new())
    }

    fn pack_owned(&mut self, level: u8, items: &Owned, out: &mut Owned) -> Result<(), Error> {
        let items: Vec<Item<'_>> = items.iter().map(|(key, value)| (*key, value.as_slice())).collect();
        self.pack(level, &items, out)
    }

    /// Divides items evenly among as few nodes as will do.
    fn pack(&mut self, level: u8, items: &[Item<'_>], out: &mut Owned) -> Result<(), Error> {
        let bytes: usize = items.iter().map(|(_, value)| page::footprint(value)).sum();
        let nodes = bytes.div_ceil(CAPACITY);
        self.pack_up_to(level, items, bytes.div_ceil(nodes.max(1)), out)
    }

    /// Fills nodes to the brim, because what comes later comes after them.
    fn pack_full(&mut self, level: u8, items: &[Item<'_>], out: &mut Owned) -> Result<(), Error> {
        self.pack_up_to(level, items, CAPACITY, out)
    }

    fn pack_up_to(&mut self, level: u8, items: &[Item<'_>], target: usize, out: &mut Owned) -> Result<(), Error> {
        let mut rest = items;
        while !rest.is_empty() {
            let (mut count, mut bytes) = (0, 0);
            for (_, value) in rest {
                let more = page::footprint(value);
                if bytes >= target || bytes + more > CAPACITY {
                    break;
                }
                bytes += more;
                count += 1;
            }
            // An item is always smaller than a node, so `count` is at least one.
            let (mine, others) = rest.split_at(count.max(1));
            let pointer = self.write(page::build(level, self.generation, mine))?;
            out.push((mine[0].0, page::encode_pointer(pointer).to_vec()));
            rest = others;
        }
        Ok(())
    }

    /// Gives a node its place. It reaches the medium with its neighbours.
    fn write(&mut self, bytes: Box<[u8]>) -> Result<Pointer, Error> {
        if self.free.1 == 0 {
            let next = self.free.0;
            let goal = (next != 0).then_some(next);
            let run = self.space.allocate(self.disk, goal, RUN as u64)?.ok_or(Error::NoSpace)?;
            self.allocated.push(run);
            self.free = run;
        }
        let block = self.free.0;
        self.free = (block + 1, self.free.1 - 1);
        let (first, pending) = &self.pending;
        if block != first + (pending.len() / BLOCK_SIZE) as u64 || pending.len() >= RUN * BLOCK_SIZE {
            self.write_pending()?;
            self.pending.0 = block;
        }
        self.pending.1.extend_from_slice(&bytes);
        self.written += 1;
        let sum = checksum::of_metadata(&bytes);
        self.cache.insert(block, Verified::Tree(sum), bytes);
        Ok(Pointer { block, sum })
    }

    fn write_pending(&mut self) -> Result<(), Error> {
        let (first, pending) = &mut self.pending;
        if !pending.is_empty() {
            self.disk.write(*first, pending)?;
            pending.clear();
        }
        Ok(())
    }
}

/// The items of a leaf with changes made, in order.
fn merge_items<'a>(page: Page<'a>, changes: &[Change<'a>], out: &mut Vec<Item<'a>>) {
    let mut changes = changes.iter().copied().peekable();
    for (key, value) in page.items() {
        while let Some((new, change)) = changes.next_if(|(new, _)| *new < key) {
            out.extend(change.map(|value| (new, value)));
        }
        match changes.next_if(|(new, _)| *new == key) {
            Some((_, change)) => out.extend(change.map(|value| (key, value))),
            None => out.push((key, value)),
        }
    }
    out.extend(changes.filter_map(|(key, change)| Some((key, change?))));
}
