//! The table: which cluster follows which.

use airox_driver_traits::block::BlockDevice;
use airox_file_system::FileError;
use alloc::vec::Vec;

use crate::layout::{FIRST, Width};
use crate::volume::{FatFiles, InChain};

/// What the table says of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// Nobody has it.
    Free,
    /// It is the last of its chain.
    End,
    /// Another follows; it is on the volume.
    Next(u32),
    /// Something that no chain has: a bad cluster, or none that there is.
    Other,
}

/// The mark of a chain's end; less than the width has is cut off.
const END: u32 = 0x0fff_ffff;

impl<D: BlockDevice> FatFiles<D> {
    /// Where a cluster's entry is in the table that is read, and how many bytes have a part of it.
    fn entry(&self, cluster: u32) -> (u64, usize) {
        let bits = u64::from(cluster) * self.layout.width.bits();
        let bytes = if self.layout.width == Width::Fat32 { 4 } else { 2 };
        (self.layout.table + bits / 8, bytes)
    }

    /// The bits of an entry of 12 that begins in the middle of a byte are shifted by so many.
    fn shift(&self, cluster: u32) -> u32 {
        if self.layout.width == Width::Fat12 && cluster % 2 == 1 { 4 } else { 0 }
    }

    /// What the table says of a cluster, one of those that there are.
    pub(crate) fn link(&mut self, cluster: u32) -> Result<Link, FileError> {
        let (at, length) = self.entry(cluster);
        let mut bytes = [0; 4];
        self.medium.get(at, self.layout.table + self.layout.table_bytes, &mut bytes[..length])?;
        let mask = self.layout.width.mask();
        Ok(match u32::from_le_bytes(bytes) >> self.shift(cluster) & mask {
            0 => Link::Free,
            next if self.layout.has(next) => Link::Next(next),
            end if end >= mask - 7 => Link::End,
            _ => Link::Other,
        })
    }

    /// Enters what follows a cluster, in every table in use.
    fn set_link(&mut self, cluster: u32, value: u32) -> Result<(), FileError> {
        let (at, length) = self.entry(cluster);
        let (mask, shift) = (self.layout.width.mask() << self.shift(cluster), self.shift(cluster));
        for copy in 0..u64::from(self.layout.copies) {
            let place = at + copy * self.layout.table_bytes;
            let end = self.layout.table + (copy + 1) * self.layout.table_bytes;
            let mut bytes = [0; 4];
            self.medium.get(place, end, &mut bytes[..length])?;
            let new = u32::from_le_bytes(bytes) & !mask | value << shift & mask;
            self.medium.put(place, end, &new.to_le_bytes()[..length])?;
        }
        self.info_is_old = true;
        Ok(())
    }

    /// The cluster that follows one in a chain of this node; `None` at its end.
    pub(crate) fn next(&mut self, node: u64, cluster: u32) -> Result<Option<u32>, FileError> {
        match self.link(cluster)? {
            Link::Next(next) => Ok(Some(next)),
            Link::End => Ok(None),
            Link::Free | Link::Other => Err(self.damaged(node, self.entry(cluster).0)),
        }
    }

    /// The cluster `index` places after the first of a chain; `None`: the chain is shorter.
    pub(crate) fn in_chain(&mut self, node: u64, first: u32, index: u32) -> Result<Option<u32>, FileError> {
        if index >= self.layout.clusters() {
            // It would have to go in circles.
            return Err(self.damaged(node, self.entry(first).0));
        }
        let known = self.places.iter().find(|place| place.first == first && place.index <= index);
        let mut place = known.copied().unwrap_or(InChain { first, index: 0, cluster: first });
        while place.index < index {
            let Some(next) = self.next(node, place.cluster)? else {
                return Ok(None);
            };
            place = InChain { index: place.index + 1, cluster: next, ..place };
        }
        self.remember(place);
        Ok(Some(place.cluster))
    }

    /// The last cluster of a chain and its index, which is at least `from`; `None`: there are not so many.
    pub(crate) fn last_of_chain(&mut self, node: u64, first: u32, from: u32) -> Result<Option<InChain>, FileError> {
        let Some(cluster) = self.in_chain(node, first, from)? else {
            return Ok(None);
        };
        let mut place = InChain { first, index: from, cluster };
        while let Some(next) = self.next(node, place.cluster)? {
            place = InChain { index: place.index + 1, cluster: next, ..place };
            if place.index >= self.layout.clusters() {
                return Err(self.damaged(node, self.entry(first).0));
            }
        }
        self.remember(place);
        Ok(Some(place))
    }

    /// Makes a chain of `count` free clusters, or of as many as there are; empty if there are none.
    pub(crate) fn allocate(&mut self, count: u32) -> Result<Vec<u32>, FileError> {
        let mut found = Vec::new();
        let mut cluster = if self.layout.has(self.next_free) { self.next_free } else { FIRST };
        for _ in 0..self.layout.clusters() {
            if found.len() as u64 == u64::from(count) {
                break;
            }
            if self.link(cluster)? == Link::Free {
                found.push(cluster);
            }
            cluster = if cluster == self.layout.last { FIRST } else { cluster + 1 };
        }
        for (index, cluster) in found.iter().enumerate() {
            self.set_link(*cluster, found.get(index + 1).copied().unwrap_or(END))?;
        }
        self.next_free = cluster;
        self.free = self.free.map(|free| free.saturating_sub(found.len() as u32));
        Ok(found)
    }

    /// Has a chain go on after this cluster, the last so far.
    pub(crate) fn append(&mut self, last: u32, next: u32) -> Result<(), FileError> {
        self.set_link(last, next)
    }

    /// Ends a chain after this cluster, and frees what followed.
    pub(crate) fn end_chain(&mut self, last: u32) -> Result<(), FileError> {
        let rest = self.link(last)?;
        self.set_link(last, END)?;
        if let Link::Next(next) = rest { self.free_chain(next) } else { Ok(()) }
    }

    /// Frees a chain as far as it is one: each cluster is free when it is come to again, and ends it.
    pub(crate) fn free_chain(&mut self, first: u32) -> Result<(), FileError> {
        self.places.clear();
        let mut cluster = first;
        while self.layout.has(cluster) {
            let link = self.link(cluster)?;
            if link == Link::Free {
                break;
            }
            self.medium.forget(self.layout.place_of(cluster), u64::from(self.layout.cluster));
            self.set_link(cluster, 0)?;
            self.free = self.free.map(|free| free + 1);
            match link {
                Link::Next(next) => cluster = next,
                _ => break,
            }
        }
        Ok(())
    }

    /// Free clusters, counted the first time.
    pub(crate) fn count_free(&mut self) -> Result<u32, FileError> {
        if let Some(free) = self.free {
            return Ok(free);
        }
        let mut free = 0;
        for cluster in FIRST..=self.layout.last {
            free += u32::from(self.link(cluster)? == Link::Free);
        }
        self.free = Some(free);
        Ok(free)
    }
}
