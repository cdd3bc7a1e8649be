//! Directories: chains of slots, or the fixed range that the root directory of the narrow tables is.

use airox_driver_traits::block::BlockDevice;
use airox_file_system::{FileError, Kind, Node};
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::ControlFlow;

use crate::entry::{ENTRY, LAST, LONG_NAME, REMOVED, Short};
use crate::layout::Root;
use crate::names::{self, Parts};
use crate::volume::{FatFiles, ROOT};

/// Most slots of a directory (section 6.2 of the specification: 2 MiB). One with more goes in circles.
const MOST_SLOTS: u32 = 65_536;
/// The entries to a directory itself and to its parent are among so many.
const MOST_DOTS: usize = 4;
/// The short names of the two entries that lead to a directory itself and to the one that it is in.
const SELF: [u8; 11] = *b".          ";
const PARENT: [u8; 11] = *b"..         ";

/// A directory: its node and the first cluster; none for the fixed root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Directory {
    pub node: u64,
    pub first: Option<u32>,
}

/// An entry that was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// How it is shown.
    pub name: String,
    /// The number of its last slot in the directory.
    pub index: u32,
    /// The places of its slots; the last is the entry's itself.
    pub slots: Vec<u64>,
    pub entry: Short,
}

impl Found {
    /// The place of the entry itself.
    pub fn place(&self) -> u64 {
        self.slots.last().copied().unwrap_or(0)
    }
}

/// Slots for a new entry, and the one behind them that has to be marked as the last.
pub struct Room {
    slots: Vec<u64>,
    last: Option<u64>,
}

impl<D: BlockDevice> FatFiles<D> {
    /// The end of a directory's bytes that lie together with this place.
    fn end_of(&self, directory: Directory, place: u64) -> u64 {
        match self.layout.root {
            Root::Fixed(at, length) if directory.first.is_none() => at + length,
            _ => {
                let cluster = u64::from(self.layout.cluster);
                self.layout.data + ((place.saturating_sub(self.layout.data)) / cluster + 1) * cluster
            }
        }
    }

    fn read_slot(&mut self, directory: Directory, place: u64) -> Result<[u8; ENTRY], FileError> {
        let mut slot = [0; ENTRY];
        self.medium.get(place, self.end_of(directory, place), &mut slot)?;
        Ok(slot)
    }

    fn write_slot(&mut self, place: u64, slot: &[u8]) -> Result<(), FileError> {
        // It was read before, so nothing has to be read ahead.
        Ok(self.medium.put(place, 0, slot)?)
    }

    /// The entry at a place that is a node's.
    pub(crate) fn entry_of(&mut self, node: Node) -> Result<(u64, Short), FileError> {
        let place = self.slot_of(node)?;
        let mut slot = [0; ENTRY];
        self.medium.get(place, 0, &mut slot)?;
        let entry = Short(slot);
        if entry.is_used() { Ok((place, entry)) } else { Err(FileError::NotFound) }
    }

    /// Changes the entry at a place.
    pub(crate) fn put_entry(&mut self, place: u64, entry: &Short) -> Result<(), FileError> {
        self.write_slot(place, &entry.0)
    }

    /// The root directory.
    fn root_directory(&self) -> Directory {
        let first = match self.layout.root {
            Root::Fixed(..) => None,
            Root::Chain(first) => Some(first),
        };
        Directory { node: ROOT, first }
    }

    /// The directory that a node is.
    pub(crate) fn directory(&mut self, node: Node) -> Result<Directory, FileError> {
        if node.0 == ROOT {
            return Ok(self.root_directory());
        }
        let (place, entry) = self.entry_of(node)?;
        if entry.kind() == Kind::File {
            return Err(FileError::NotADirectory);
        }
        if !self.layout.has(entry.first()) {
            return Err(self.damaged(node.0, place));
        }
        Ok(Directory { node: node.0, first: Some(entry.first()) })
    }

    /// The place of a directory's slot of this number; `None` behind its last.
    fn place(&mut self, directory: Directory, index: u32) -> Result<Option<u64>, FileError> {
        let offset = u64::from(index) * ENTRY as u64;
        let Some(first) = directory.first else {
            return Ok(match self.layout.root {
                Root::Fixed(at, length) if offset + ENTRY as u64 <= length => Some(at + offset),
                _ => None,
            });
        };
        if index >= MOST_SLOTS {
            // A longer one has no end.
            let link = self.in_chain(directory.node, first, (offset / u64::from(self.layout.cluster)) as u32)?;
            return link.map_or(Ok(None), |cluster| Err(self.damaged(directory.node, self.layout.place_of(cluster))));
        }
        let (number, offset) = (offset / u64::from(self.layout.cluster), offset % u64::from(self.layout.cluster));
        let cluster = self.in_chain(directory.node, first, number as u32)?;
        Ok(cluster.map(|cluster| self.layout.place_of(cluster) + offset))
    }

    /// Shows `visit` all slots from number `index` on, with number and place, until it breaks off. Those behind the last that was used are shown
    /// as that.
    fn slots<B>(
        &mut self,
        directory: Directory,
        mut index: u32,
        mut visit: impl FnMut(u32, u64, &[u8; ENTRY]) -> ControlFlow<B>,
    ) -> Result<Option<B>, FileError> {
        let mut known = None;
        while let Some(place) = match known {
            Some(place) => Some(place),
            None => self.place(directory, index)?,
        } {
            let slot = self.read_slot(directory, place)?;
            if let ControlFlow::Break(value) = visit(index, place, &slot) {
                return Ok(Some(value));
            }
            index += 1;
            // Within a cluster, one follows the other.
            let next = place + ENTRY as u64;
            let together = next < self.end_of(directory, place) && index < MOST_SLOTS;
            known = (together && directory.first.is_some()).then_some(next);
        }
        Ok(None)
    }

    /// Shows `visit` the entries from slot `index` on, without those to itself and its parent, until it breaks off. One whose long
    /// name began before that is shown with its short one.
    pub(crate) fn entries<B>(
        &mut self,
        directory: Directory,
        index: u32,
        mut visit: impl FnMut(Found) -> ControlFlow<B>,
    ) -> Result<Option<B>, FileError> {
        let (mut parts, mut slots) = (Parts::default(), Vec::new());
        let found = self.slots(directory, index, |index, place, slot| {
            let entry = Short(*slot);
            match slot[0] {
                LAST => return ControlFlow::Break(None),
                REMOVED => {}
                _ if slot[11] & 0x3f == LONG_NAME => {
                    parts.add(slot);
                    slots.push(place);
                    return ControlFlow::Continue(());
                }
                _ if entry.is_used() && !matches!(entry.name(), SELF | PARENT) => {
                    let long = parts.finish(&entry);
                    let keep = slots.len().saturating_sub(long.as_ref().map_or(0, slots_of));
                    // What lies before without belonging to it stays where it is.
                    let mut slots = if long.is_some() { slots.split_off(keep) } else { Vec::new() };
                    slots.push(place);
                    let name = long.unwrap_or_else(|| names::shown(&entry));
                    if let ControlFlow::Break(value) = visit(Found { name, index, slots, entry }) {
                        return ControlFlow::Break(Some(value));
                    }
                }
                _ => {}
            }
            parts.forget();
            slots.clear();
            ControlFlow::Continue(())
        })?;
        Ok(found.flatten())
    }

    /// The entry with a name, long or short.
    pub(crate) fn find(&mut self, directory: Directory, name: &str) -> Result<Option<Found>, FileError> {
        self.entries(directory, 0, |found| {
            let it_is = names::same(&found.name, name) || names::same(&names::shown(&found.entry), name);
            if it_is { ControlFlow::Break(found) } else { ControlFlow::Continue(()) }
        })
    }

    /// How many entries there are.
    pub(crate) fn count(&mut self, directory: Directory) -> Result<u64, FileError> {
        let mut count = 0;
        self.entries(directory, 0, |_| {
            count += 1;
            ControlFlow::<()>::Continue(())
        })?;
        Ok(count)
    }

    /// Finds slots for an entry with this name, and gives the entry a short one; the directory grows if need be. Entries at the places `ignored` count as gone.
    pub(crate) fn find_room(
        &mut self,
        directory: Directory,
        name: &str,
        entry: &mut Short,
        ignored: &[u64],
    ) -> Result<Room, FileError> {
        self.choose_short_name(directory, name, entry, ignored)?;
        let wanted = 1 + if names::shown(entry) == name { 0 } else { slots_of(name) };
        loop {
            let mut slots = Vec::new();
            let mut behind_last = false;
            let mut end = 0;
            let last = self.slots(directory, 0, |index, place, slot| {
                behind_last |= slot[0] == LAST;
                end = index + 1;
                if slots.len() == wanted {
                    // Only behind the last that was used it matters what comes next.
                    return ControlFlow::Break(behind_last.then_some(place));
                }
                if behind_last || slot[0] == REMOVED {
                    slots.push(place);
                } else {
                    slots.clear();
                }
                ControlFlow::Continue(())
            })?;
            if slots.len() == wanted {
                return Ok(Room { slots, last: last.flatten() });
            }
            self.extend_directory(directory, end)?;
        }
    }

    fn choose_short_name(
        &mut self,
        directory: Directory,
        name: &str,
        entry: &mut Short,
        ignored: &[u64],
    ) -> Result<(), FileError> {
        for number in 0..=u8::MAX {
            names::shorten(entry, name, number).ok_or(FileError::NoSpace)?;
            let shown = names::shown(entry);
            if number == 0 && !names::same(&shown, name) {
                continue;
            }
            let taken = self.entries(directory, 0, |found| {
                let it_is = names::same(&found.name, &shown) || found.entry.name() == entry.name();
                let counts = it_is && !ignored.contains(&found.place());
                if counts { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })?;
            if taken.is_none() {
                return Ok(());
            }
        }
        Err(FileError::NoSpace)
    }

    /// Adds a cluster of slots that were never used to a directory that has `slots` of them.
    fn extend_directory(&mut self, directory: Directory, slots: u32) -> Result<(), FileError> {
        let Some(first) = directory.first.filter(|_| slots < MOST_SLOTS) else {
            return Err(FileError::NoSpace);
        };
        let last = self.last_of_chain(directory.node, first, 0)?.ok_or(FileError::NoSpace)?;
        let new = self.new_directory_cluster()?;
        self.append(last.cluster, new)
    }

    /// A cluster of slots that were never used.
    pub(crate) fn new_directory_cluster(&mut self) -> Result<u32, FileError> {
        let new = *self.allocate(1)?.first().ok_or(FileError::NoSpace)?;
        self.medium.clear(self.layout.place_of(new), u64::from(self.layout.cluster))?;
        Ok(new)
    }

    /// Writes an entry that has a short name, and its long one; returns its place.
    pub(crate) fn insert(&mut self, room: &Room, name: &str, entry: &Short) -> Result<u64, FileError> {
        let Some((place, before)) = room.slots.split_last() else {
            return Err(FileError::NoSpace);
        };
        if let Some(last) = room.last {
            self.write_slot(last, &[LAST; ENTRY])?;
        }
        let long = if before.is_empty() { Vec::new() } else { names::slots(name, entry) };
        for (place, slot) in before.iter().zip(&long) {
            self.write_slot(*place, slot)?;
        }
        self.write_slot(*place, &entry.0)?;
        Ok(*place)
    }

    /// Takes an entry away; its clusters stay somebody's.
    pub(crate) fn remove(&mut self, found: &Found) -> Result<(), FileError> {
        for place in &found.slots {
            self.write_slot(*place, &[REMOVED])?;
        }
        Ok(())
    }

    /// Writes the two entries that a new directory begins with.
    pub(crate) fn begin_directory(&mut self, first: u32, parent: Directory, now_ns: u64) -> Result<(), FileError> {
        let place = self.layout.place_of(first);
        for (index, (name, first)) in [(SELF, first), (PARENT, self.as_parent(parent))].into_iter().enumerate() {
            let mut entry = Short::new(Kind::Directory, first, now_ns);
            entry.set_name(name);
            self.write_slot(place + (index * ENTRY) as u64, &entry.0)?;
        }
        Ok(())
    }

    /// What the parent's entry in a directory says: the root is 0 there.
    fn as_parent(&self, directory: Directory) -> u32 {
        if directory.node == ROOT { 0 } else { directory.first.unwrap_or(0) }
    }

    /// The entry of a directory to its parent, and its place. Before it there is only the one to itself; some give both a long name.
    fn entry_to_parent(&mut self, node: u64, first: u32) -> Result<(u64, Short), FileError> {
        let directory = Directory { node, first: Some(first) };
        let begin = self.layout.place_of(first);
        let mut itself = false;
        for index in 0..MOST_DOTS {
            let place = begin + (index * ENTRY) as u64;
            let entry = Short(self.read_slot(directory, place)?);
            match entry.name() {
                _ if entry.0[11] & 0x3f == LONG_NAME => {}
                SELF if entry.first() == first => itself = true,
                PARENT if itself => return Ok((place, entry)),
                _ => break,
            }
        }
        Err(self.damaged(node, begin))
    }

    /// The first cluster of the directory that the one at this cluster says to be in; 0: the root.
    pub(crate) fn parent_of(&mut self, node: u64, first: u32) -> Result<u32, FileError> {
        let (_, parent) = self.entry_to_parent(node, first)?;
        // Some write the root's own cluster there.
        let root = self.root_directory().first;
        Ok(if Some(parent.first()) == root { 0 } else { parent.first() })
    }

    /// Has a directory be in another one.
    pub(crate) fn set_parent(&mut self, first: u32, parent: Directory) -> Result<(), FileError> {
        let (place, mut entry) = self.entry_to_parent(parent.node, first)?;
        entry.set_first(self.as_parent(parent));
        self.write_slot(place, &entry.0)
    }

    /// That a directory that was found in another one is there indeed, and not also elsewhere.
    pub(crate) fn check_parent(&mut self, found: &Found, parent: Directory) -> Result<(), FileError> {
        let node = self.node_at(found.place()).0;
        let first = found.entry.first();
        if !self.layout.has(first) || self.parent_of(node, first)? != self.as_parent(parent) {
            return Err(self.damaged(node, found.place()));
        }
        Ok(())
    }
}

/// Slots that a long name takes.
fn slots_of(name: impl AsRef<str>) -> usize {
    name.as_ref().encode_utf16().count().div_ceil(names::UNITS)
}
