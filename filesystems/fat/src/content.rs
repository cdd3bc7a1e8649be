//! What is in files.

use airox_driver_traits::block::BlockDevice;
use airox_file_system::{FileError, Kind, Node, Sink, Source};

use crate::entry::Short;
use crate::volume::{FatFiles, TRANSFER};

/// The longest file, in bytes: its length has 32 bits.
pub const LONGEST: u64 = u32::MAX as u64;

impl<D: BlockDevice> FatFiles<D> {
    /// The entry of a file, and its place.
    pub(crate) fn file(&mut self, node: Node) -> Result<(u64, Short), FileError> {
        if node.0 == crate::volume::ROOT {
            return Err(FileError::IsADirectory);
        }
        let (place, entry) = self.entry_of(node)?;
        match entry.kind() {
            Kind::Directory => Err(FileError::IsADirectory),
            // A length without a cluster, or a cluster that is not on the volume.
            Kind::File if entry.first() == 0 && entry.size() == 0 || self.layout.has(entry.first()) => {
                Ok((place, entry))
            }
            Kind::File => Err(self.damaged(node.0, place)),
        }
    }

    /// Where the bytes of a file from `offset` on are, and how many of the `most` wanted lie there together.
    fn extent(&mut self, node: Node, first: u32, offset: u64, most: u64) -> Result<(u64, u64), FileError> {
        let size = u64::from(self.layout.cluster);
        let index = (offset / size) as u32;
        let missing = FileError::Corrupt { node: node.0, place: offset };
        let cluster = self.in_chain(node.0, first, index)?.ok_or(missing)?;
        let mut together = size - offset % size;
        let (mut last, mut index) = (cluster, index);
        while together < most {
            match self.in_chain(node.0, first, index + 1)? {
                Some(next) if next == last + 1 => (last, index, together) = (next, index + 1, together + size),
                _ => break,
            }
        }
        Ok((self.layout.place_of(cluster) + offset % size, together.min(most)))
    }

    /// Hands a file's bytes on.
    pub(crate) fn read_file(
        &mut self,
        node: Node,
        offset: u64,
        length: u64,
        sink: &mut dyn Sink,
    ) -> Result<u64, FileError> {
        let (_, entry) = self.file(node)?;
        let length = length.min(entry.size().saturating_sub(offset));
        let mut done = 0;
        while done < length {
            let (place, count) =
                self.extent(node, entry.first(), offset + done, (length - done).min(TRANSFER as u64))?;
            let piece = &mut self.transfer[..count as usize];
            self.medium.read(place, piece)?;
            sink.put(piece)?;
            done += count;
        }
        Ok(done)
    }

    /// Makes a file's chain at least so many clusters long, or as long as there is room; returns how many it has then.
    fn lengthen(&mut self, node: Node, entry: &mut Short, clusters: u32) -> Result<u32, FileError> {
        let first = entry.first();
        let known = self.layout.clusters_for(entry.size()).max(1) - 1;
        let (have, last) = match first {
            0 => (0, None),
            _ => {
                let missing = FileError::Corrupt { node: node.0, place: entry.size() };
                let last = self.last_of_chain(node.0, first, known)?.ok_or(missing)?;
                (last.index + 1, Some(last.cluster))
            }
        };
        if have >= clusters {
            return Ok(have);
        }
        let new = self.allocate(clusters - have)?;
        match (new.first(), last) {
            (Some(next), Some(last)) => self.append(last, *next)?,
            (Some(next), None) => entry.set_first(*next),
            (None, _) => {}
        }
        Ok(have + new.len() as u32)
    }

    /// Gives back what a file of this length does not need.
    fn shorten(&mut self, node: Node, entry: &mut Short, size: u64) -> Result<(), FileError> {
        let first = entry.first();
        if first == 0 {
            return Ok(());
        }
        match self.layout.clusters_for(size) {
            0 => {
                entry.set_first(0);
                self.free_chain(first)
            }
            clusters => match self.in_chain(node.0, first, clusters - 1)? {
                Some(last) => self.end_chain(last),
                None => Err(FileError::Corrupt { node: node.0, place: size }),
            },
        }
    }

    /// Writes what `fill` makes to `from..to` of a file, piece by piece; returns up to where, and why not further.
    fn fill(
        &mut self,
        node: Node,
        first: u32,
        (from, to): (u64, u64),
        mut fill: impl FnMut(&mut [u8]) -> Result<(), FileError>,
    ) -> (u64, Result<(), FileError>) {
        let mut done = from;
        while done < to {
            let piece = self.extent(node, first, done, (to - done).min(TRANSFER as u64));
            let written = piece.and_then(|(place, count)| {
                let piece = &mut self.transfer[..count as usize];
                fill(piece)?;
                self.medium.write(place, piece)?;
                Ok(count)
            });
            match written {
                Ok(count) => done += count,
                Err(error) => return (done, Err(error)),
            }
        }
        (done, Ok(()))
    }

    /// Takes bytes from `source`.
    pub(crate) fn write_file(
        &mut self,
        node: Node,
        offset: u64,
        length: u64,
        source: &mut dyn Source,
        now_ns: u64,
    ) -> Result<u64, FileError> {
        let (place, mut entry) = self.file(node)?;
        if self.medium.read_only() {
            return Err(FileError::ReadOnly);
        }
        let end = offset.checked_add(length).filter(|end| *end <= LONGEST).ok_or(FileError::TooLong)?;
        if length == 0 {
            return Ok(0);
        }
        let old = entry.size();
        let clusters = self.lengthen(node, &mut entry, self.layout.clusters_for(end))?;
        let end = end.min(u64::from(clusters) * u64::from(self.layout.cluster));
        let first = entry.first();
        let (mut done, mut result) = if end <= offset {
            (old, Err(FileError::NoSpace))
        } else {
            // What is skipped is zeros.
            self.fill(node, first, (old, offset), |piece| {
                piece.fill(0);
                Ok(())
            })
        };
        if result.is_ok() {
            (done, result) = self.fill(node, first, (offset, end), |piece| source.take(piece));
        }
        let size = if result.is_ok() { old.max(done) } else { old };
        self.shorten(node, &mut entry, size)?;
        entry.set_size(size);
        if result.is_ok() {
            entry.touch(now_ns);
        }
        self.put_entry(place, &entry)?;
        result.map(|()| done - offset)
    }

    /// Cuts a file off, or lets it grow by zeros.
    pub(crate) fn truncate_file(&mut self, node: Node, length: u64, now_ns: u64) -> Result<(), FileError> {
        let (place, mut entry) = self.file(node)?;
        if self.medium.read_only() {
            return Err(FileError::ReadOnly);
        }
        if length > LONGEST {
            return Err(FileError::TooLong);
        }
        let old = entry.size();
        let mut result = Ok(());
        if length > old {
            let wanted = self.layout.clusters_for(length);
            result = match self.lengthen(node, &mut entry, wanted)? {
                have if have < wanted => Err(FileError::NoSpace),
                _ => {
                    let zeros = |piece: &mut [u8]| {
                        piece.fill(0);
                        Ok(())
                    };
                    self.fill(node, entry.first(), (old, length), zeros).1
                }
            };
        }
        let size = if result.is_ok() { length } else { old };
        self.shorten(node, &mut entry, size)?;
        entry.set_size(size);
        if result.is_ok() {
            entry.touch(now_ns);
        }
        self.put_entry(place, &entry)?;
        result
    }
}
