//! The tree of all metadata, as the last checkpoint left it: a B-tree whose nodes are never changed in place.
//!
//! Between checkpoints the tree is only read. A checkpoint merges all changes since the last one into it, in the order of their
//! keys ([`merge`](crate::merge)), so each node that changes is written once, however many of its items changed.

use airox_driver_traits::block::BlockDevice;
use alloc::vec;
use alloc::vec::Vec;

use crate::cache::{Cache, Verified};
use crate::checksum;
use crate::disk::Disk;
use crate::error::{Error, Part, corrupt};
use crate::key::Key;
use crate::layout::{BLOCK_SIZE, Layout, Pointer, Root};
use crate::page::{self, Page};

/// What a node must be, by what its parent says: a pointer, a level, its first key exactly, and what all its keys are below.
#[derive(Clone, Copy)]
pub struct Expected {
    /// Where it is.
    pub pointer: Pointer,
    /// Its level.
    pub level: u8,
    /// Its first key; the root has no parent to say it.
    pub first: Option<Key>,
    /// Its keys are below this.
    pub end: Option<Key>,
}

impl Expected {
    /// What the root must be.
    pub fn root(root: Root) -> Self {
        Self { pointer: root.pointer, level: root.level, first: None, end: None }
    }

    /// What the child at `index` of this node must be.
    pub fn child(&self, page: Page<'_>, index: usize) -> Self {
        let end = if index + 1 < page.count() { Some(page.key(index + 1)) } else { self.end };
        let pointer = page::decode_pointer(page.value(index));
        Self { pointer, level: self.level.saturating_sub(1), first: Some(page.key(index)), end }
    }

    fn fits(&self, page: Page<'_>) -> bool {
        page.level() == self.level
            && self.first.is_none_or(|first| page.key(0) == first)
            && self.end.is_none_or(|end| page.key(page.count() - 1) < end)
    }
}

/// Reads a node, or finds it in the cache; says where in the cache it is.
pub fn load<D: BlockDevice>(
    disk: &mut Disk<D>,
    cache: &mut Cache,
    layout: &Layout,
    expected: &Expected,
) -> Result<usize, Error> {
    let Pointer { block, sum } = expected.pointer;
    let place = match cache.find(block, Verified::Tree(sum)) {
        Some(place) => place,
        None => {
            if !layout.is_data(block) {
                return Err(corrupt(block, Part::Tree));
            }
            let mut bytes = vec![0; BLOCK_SIZE].into_boxed_slice();
            disk.read(block, &mut bytes)?;
            if checksum::of_metadata(&bytes) != sum || !Page(&bytes).is_valid() {
                return Err(corrupt(block, Part::Tree));
            }
            cache.insert(block, Verified::Tree(sum), bytes)
        }
    };
    // A tree in which a node had two parents, or was its own ancestor, fails here.
    if expected.fits(Page(cache.bytes(place))) { Ok(place) } else { Err(corrupt(block, Part::Tree)) }
}

/// The leaf in which `key` is or would be: where in the cache it is, and what it had to be.
pub fn leaf<D: BlockDevice>(
    disk: &mut Disk<D>,
    cache: &mut Cache,
    layout: &Layout,
    root: Root,
    key: Key,
) -> Result<(usize, Expected), Error> {
    let mut expected = Expected::root(root);
    loop {
        let place = load(disk, cache, layout, &expected)?;
        if expected.level == 0 {
            return Ok((place, expected));
        }
        let page = Page(cache.bytes(place));
        expected = expected.child(page, page.child(key));
    }
}

/// Items of one leaf, copied.
pub struct Items {
    /// The items from the key asked for on.
    pub items: Vec<(Key, Vec<u8>)>,
    /// Where the next leaf begins, if there is one.
    pub next: Option<Key>,
}

/// The items of the leaf that `from` belongs to, from `from` on and below `end`, at most `limit`.
pub fn items<D: BlockDevice>(
    disk: &mut Disk<D>,
    cache: &mut Cache,
    layout: &Layout,
    root: Root,
    range: core::ops::Range<Key>,
    limit: usize,
) -> Result<Items, Error> {
    let (place, expected) = leaf(disk, cache, layout, root, range.start)?;
    let page = Page(cache.bytes(place));
    let all = page.below(range.start)..page.below(range.end);
    let last = all.end.min(all.start + limit);
    let items = (all.start..last).map(|index| (page.key(index), page.value(index).to_vec())).collect();
    let next = if last < page.count() { Some(page.key(last)) } else { expected.end };
    Ok(Items { items, next })
}
