//! Directories: names and what they stand for.
//!
//! An entry's key is made of a 52-bit hash of its name and a number of 8 bits that tells names with the same hash apart. So looking a
//! name up takes one way down the tree, and a listing goes on after the last key it saw, whatever was added or removed meanwhile.

use airox_driver_traits::block::BlockDevice;
use alloc::vec::Vec;

use crate::checksum;
use crate::error::{Damage, Error, Part};
use crate::key::{Key, Kind, OFFSET_END};
use crate::layout::BLOCK_SIZE;
use crate::records::{Entry, Node, NodeKind, Quota, is_name};
use crate::volume::{ROOT, Volume};

/// Names with the same hash that one directory takes.
const SAME_HASH: u64 = 256;
/// Directories nested more deeply than this can't be made.
const DEEPEST: u64 = 512;

/// What [`Volume::list`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Where to go on after this entry.
    pub next: u64,
    /// The entry.
    pub entry: Entry,
}

impl<D: BlockDevice> Volume<D> {
    /// The description of a node.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none of this number, [`Error::Corrupt`], [`Error::Device`].
    pub fn node(&mut self, node: u64) -> Result<Node, Error> {
        self.store.get(Key::new(node, Kind::Node, 0), Part::Node, Node::decode)?.ok_or(Error::NotFound)
    }

    pub(crate) fn put_node(&mut self, number: u64, node: &Node) {
        self.store.put(Key::new(number, Kind::Node, 0), &node.encode());
    }

    pub(crate) fn change_node(&mut self, number: u64, change: impl FnOnce(&mut Node)) -> Result<(), Error> {
        let mut node = self.node(number)?;
        change(&mut node);
        self.put_node(number, &node);
        Ok(())
    }

    pub(crate) fn directory(&mut self, node: u64) -> Result<Node, Error> {
        let found = self.node(node)?;
        match found.kind {
            NodeKind::Directory => Ok(found),
            NodeKind::File => Err(Error::NotDirectory),
        }
    }

    /// The entry of a name, or the key its entry would get.
    fn find(&mut self, directory: u64, name: &str) -> Result<(u64, Option<Entry>), Error> {
        let base = checksum::of_name(name, self.superblock().hash_seed) >> 12 << 8;
        let mut free = None;
        // Almost always the first is it or is missing; if it was removed, a later one may still be there.
        let range =
            Key::new(directory, Kind::Entry, base)..Key::new(directory, Kind::Entry, base + SAME_HASH - 1).next();
        let first = range.start;
        let found = self.store.get(first, Part::Entry, Entry::decode)?;
        if let Some(entry) = found.filter(|entry| entry.name == name) {
            return Ok((base, Some(entry)));
        }
        let mut expected = base;
        for (key, value) in self.store.scan(range, SAME_HASH as usize)? {
            if key.offset() != expected {
                free.get_or_insert(expected);
            }
            expected = key.offset() + 1;
            if Entry::name_of(&value) == Some(name.as_bytes()) {
                return Ok((key.offset(), Some(self.entry(key, &value)?)));
            }
        }
        match free {
            Some(slot) => Ok((slot, None)),
            None if expected < base + SAME_HASH => Ok((expected, None)),
            None => Err(Error::TooMany),
        }
    }

    fn entry(&mut self, key: Key, value: &[u8]) -> Result<Entry, Error> {
        let block = crate::layout::LOG_START;
        Entry::decode(value).ok_or(Error::Corrupt(Damage { block, what: Part::Entry, node: Some(key.node()) }))
    }

    /// What a name stands for.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::NotDirectory`], [`Error::Corrupt`], [`Error::Device`].
    pub fn lookup(&mut self, directory: u64, name: &str) -> Result<u64, Error> {
        self.directory(directory)?;
        if !is_name(name) {
            return Err(Error::NotFound);
        }
        Ok(self.find(directory, name)?.1.ok_or(Error::NotFound)?.node)
    }

    /// Makes an empty file or directory.
    ///
    /// # Errors
    /// [`Error::Exists`], [`Error::InvalidName`], [`Error::NotFound`], [`Error::NotDirectory`], [`Error::NoSpace`],
    /// [`Error::TooMany`], [`Error::ReadOnly`] and the medium's.
    pub fn create(&mut self, directory: u64, name: &str, kind: NodeKind) -> Result<u64, Error> {
        if !is_name(name) {
            return Err(Error::InvalidName);
        }
        self.prepare(0, true)?;
        let mut parent = self.directory(directory)?;
        let (slot, found) = self.find(directory, name)?;
        if found.is_some() {
            return Err(Error::Exists);
        }
        if kind == NodeKind::Directory && self.depth(directory, None)? >= DEEPEST {
            return Err(Error::TooMany);
        }
        let quota = self.with_another_file(parent.quota)?;
        let number = self.store.take_node_number()?;
        let now = self.now();
        let node =
            Node { kind, size: 0, modified: now, blocks: 0, entries: 0, parent: directory, slot, quota: parent.quota };
        parent.entries = parent.entries.saturating_add(1);
        parent.modified = now;
        self.put_node(directory, &parent);
        self.put_node(number, &node);
        self.enter_quota(parent.quota, quota);
        self.store.put(Key::new(directory, Kind::Entry, slot), &Entry::encode(number, kind, name));
        Ok(number)
    }

    /// How many directories are above this one. If `avoid` is among it and them, [`Error::IntoItself`].
    pub(crate) fn depth(&mut self, directory: u64, avoid: Option<u64>) -> Result<u64, Error> {
        let mut at = directory;
        for depth in 0..=DEEPEST {
            if Some(at) == avoid {
                return Err(Error::IntoItself);
            }
            if at == ROOT {
                return Ok(depth);
            }
            at = self.node(at)?.parent;
        }
        Err(Error::TooMany)
    }

    /// Removes a file, or a directory without entries. `kind` says which of them is meant, if it matters.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::NotDirectory`], [`Error::IsDirectory`], [`Error::NotEmpty`], [`Error::ReadOnly`] and the
    /// medium's.
    pub fn remove(&mut self, directory: u64, name: &str, kind: Option<NodeKind>) -> Result<(), Error> {
        self.prepare(0, false)?;
        let mut parent = self.directory(directory)?;
        let (slot, found) = self.find(directory, name)?;
        let found = found.ok_or(Error::NotFound)?;
        match (kind, found.kind) {
            (Some(NodeKind::File), NodeKind::Directory) => return Err(Error::IsDirectory),
            (Some(NodeKind::Directory), NodeKind::File) => return Err(Error::NotDirectory),
            _ => self.remove_node(found.node)?,
        }
        self.store.delete(Key::new(directory, Kind::Entry, slot));
        parent.entries = parent.entries.saturating_sub(1);
        parent.modified = self.now();
        self.put_node(directory, &parent);
        Ok(())
    }

    /// Removes a node and releases its data; its entry is the caller's.
    fn remove_node(&mut self, number: u64) -> Result<(), Error> {
        let node = self.node(number)?;
        if node.entries != 0 || number == ROOT {
            return Err(Error::NotEmpty);
        }
        self.hold_quota(node.quota)?;
        if node.kind == NodeKind::File {
            self.release_from(number, 0, node.size.div_ceil(BLOCK_SIZE as u64))?;
        }
        if node.quota == number {
            self.store.delete(Key::new(number, Kind::Quota, 0));
        } else {
            self.account_files(node.quota, -1)?;
        }
        self.store.delete(Key::new(number, Kind::Node, 0));
        Ok(())
    }

    /// Moves a file or directory to another name. A file in the way of a file is replaced: at no time is there neither the old nor
    /// the new one.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::InvalidName`], [`Error::NotDirectory`], [`Error::IsDirectory`] if a directory is in the way,
    /// [`Error::Exists`] if anything is in the way of a directory, [`Error::IntoItself`], [`Error::OtherQuota`], [`Error::NoSpace`], [`Error::ReadOnly`] and the medium's.
    pub fn rename(&mut self, from: (u64, &str), to: (u64, &str)) -> Result<(), Error> {
        if !is_name(to.1) {
            return Err(Error::InvalidName);
        }
        self.prepare(0, false)?;
        let source_directory = self.directory(from.0)?;
        let target_directory = self.directory(to.0)?;
        let (source_slot, source) = self.find(from.0, from.1)?;
        let source = source.ok_or(Error::NotFound)?;
        let (target_slot, target) = self.find(to.0, to.1)?;
        if target.as_ref().is_some_and(|target| target.node == source.node) {
            return Ok(());
        }
        let mut node = self.node(source.node)?;
        if node.kind == NodeKind::Directory {
            self.depth(to.0, Some(source.node))?;
        }
        let replaced = match &target {
            Some(target) => Some(self.node(target.node)?),
            None => None,
        };
        let quota = self.quota_after_move(source.node, &node, target_directory.quota, replaced.as_ref())?;
        self.hold_quota(node.quota)?;
        self.hold_quota(quota)?;
        if let Some(target) = &target {
            match (node.kind, target.kind) {
                (NodeKind::Directory, _) => return Err(Error::Exists),
                (NodeKind::File, NodeKind::Directory) => return Err(Error::IsDirectory),
                (NodeKind::File, NodeKind::File) => self.remove_node(target.node)?,
            }
        }
        self.move_account(&node, quota)?;
        // From here on nothing is read.
        let now = self.now();
        node = Node { parent: to.0, slot: target_slot, quota, ..node };
        self.put_node(source.node, &node);
        self.store.delete(Key::new(from.0, Kind::Entry, source_slot));
        self.store.put(Key::new(to.0, Kind::Entry, target_slot), &Entry::encode(source.node, source.kind, to.1));
        let gone = Node { entries: source_directory.entries.saturating_sub(1), modified: now, ..source_directory };
        self.put_node(from.0, &gone);
        let target_directory = if from.0 == to.0 { gone } else { target_directory };
        let entries = target_directory.entries.saturating_add(1).saturating_sub(u64::from(target.is_some()));
        self.put_node(to.0, &Node { entries, modified: now, ..target_directory });
        Ok(())
    }

    /// Up to `limit` entries after `cursor`, which is 0 or what an entry said. Each entry that is there the whole time comes once.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::NotDirectory`], [`Error::Corrupt`], [`Error::Device`].
    pub fn list(&mut self, directory: u64, cursor: u64, limit: usize) -> Result<Vec<Listed>, Error> {
        self.directory(directory)?;
        if cursor >= OFFSET_END {
            return Ok(Vec::new());
        }
        let range = Key::new(directory, Kind::Entry, cursor)..Key::new(directory, Kind::Entry, OFFSET_END - 1).next();
        let items = self.store.scan(range, limit)?;
        let listed =
            |(key, value): (Key, Vec<u8>)| Ok(Listed { next: key.offset() + 1, entry: self.entry(key, &value)? });
        items.into_iter().map(listed).collect()
    }

    /// The path of a node, for people; as much of it as can be found.
    pub fn path_of(&mut self, node: u64) -> alloc::string::String {
        let mut names = Vec::new();
        let mut at = node;
        while at != ROOT && (names.len() as u64) < DEEPEST {
            let Ok(Node { parent, slot, .. }) = self.node(at) else {
                break;
            };
            let Ok(Some(entry)) = self.store.get(Key::new(parent, Kind::Entry, slot), Part::Entry, Entry::decode)
            else {
                break;
            };
            names.push(entry.name);
            at = parent;
        }
        if at != ROOT {
            names.push(alloc::format!("(node {at})"));
        }
        let mut path = alloc::string::String::new();
        for name in names.iter().rev() {
            path.push('/');
            path.push_str(name);
        }
        if path.is_empty() { alloc::string::String::from("/") } else { path }
    }

    pub(crate) fn quota(&mut self, root: u64) -> Result<Option<Quota>, Error> {
        self.store.get(Key::new(root, Kind::Quota, 0), Part::Quota, Quota::decode)
    }
}
