//! A volume as a [`FileSystem`].

use airox_driver_traits::block::BlockDevice;
use airox_file_system::{Attributes, Checked, Cursor, FileError, FileSystem, Kind, Quota, Sink, Source};
use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

use crate::error::{Damage, Error};
use crate::file::LARGEST_WRITE;
use crate::layout::BLOCK_SIZE;
use crate::records::NodeKind;
use crate::volume::{ROOT, Volume};

/// Entries read from the tree at a time.
const LISTED_AT_ONCE: usize = 64;

/// A volume and the memory through which bytes go in and out of it.
pub struct Files<D> {
    volume: Volume<D>,
    transfer: Vec<u8>,
}

impl<D: BlockDevice> Files<D> {
    /// Makes a mounted volume a file system.
    pub fn new(volume: Volume<D>) -> Self {
        Self { volume, transfer: Vec::new() }
    }

    /// The volume.
    pub fn volume(&mut self) -> &mut Volume<D> {
        &mut self.volume
    }

    /// The volume, for good.
    pub fn into_volume(self) -> Volume<D> {
        self.volume
    }

    /// The volume, ready for a change: one that failed is mounted again. Files that were opened before keep their numbers, and what was
    /// synchronised; those that were not answer [`FileError::NotFound`].
    fn ready(&mut self, now_ns: u64) -> Result<&mut Volume<D>, FileError> {
        if self.volume.has_failed() {
            self.volume.mount_again()?;
        }
        self.volume.set_time(now_ns);
        Ok(&mut self.volume)
    }

    /// A piece of at most `most` bytes of the memory for transfers.
    fn piece(&mut self, most: u64) -> (&mut Volume<D>, &mut [u8]) {
        let length = usize::try_from(most).unwrap_or(usize::MAX).min(LARGEST_WRITE);
        if self.transfer.len() < length {
            self.transfer = vec![0; length.next_power_of_two().min(LARGEST_WRITE)];
        }
        (&mut self.volume, &mut self.transfer[..length])
    }
}

impl<D: BlockDevice> FileSystem for Files<D> {
    fn root(&self) -> airox_file_system::Node {
        airox_file_system::Node(ROOT)
    }

    fn stat(&mut self, node: airox_file_system::Node) -> Result<Attributes, FileError> {
        let found = self.volume.node(node.0)?;
        let (kind, size) = match found.kind {
            NodeKind::File => (Kind::File, found.size),
            NodeKind::Directory => (Kind::Directory, found.entries),
        };
        Ok(Attributes { node, kind, size, modified_ns: found.modified })
    }

    fn lookup(&mut self, directory: airox_file_system::Node, name: &str) -> Result<airox_file_system::Node, FileError> {
        Ok(airox_file_system::Node(self.volume.lookup(directory.0, name)?))
    }

    fn create(
        &mut self,
        directory: airox_file_system::Node,
        name: &str,
        kind: Kind,
        now_ns: u64,
    ) -> Result<airox_file_system::Node, FileError> {
        airox_file_system::path::check_name(name)?;
        let volume = self.ready(now_ns)?;
        Ok(airox_file_system::Node(volume.create(directory.0, name, kind.into())?))
    }

    fn read(
        &mut self,
        file: airox_file_system::Node,
        offset: u64,
        length: u64,
        sink: &mut dyn Sink,
    ) -> Result<u64, FileError> {
        let node = self.volume.node(file.0)?;
        if node.kind == NodeKind::Directory {
            return Err(FileError::IsADirectory);
        }
        let length = length.min(node.size.saturating_sub(offset));
        let mut done = 0;
        while done < length {
            // After an odd beginning go on at whole blocks, so that the next piece can bypass the cache.
            let odd = if length - done > LARGEST_WRITE as u64 { (offset + done) % BLOCK_SIZE as u64 } else { 0 };
            let (volume, piece) = self.piece((length - done).min(LARGEST_WRITE as u64 - odd));
            let read = volume.read(file.0, offset + done, piece)?;
            if read == 0 {
                break;
            }
            sink.put(&piece[..read])?;
            done += read as u64;
        }
        Ok(done)
    }

    fn write(
        &mut self,
        file: airox_file_system::Node,
        offset: u64,
        length: u64,
        source: &mut dyn Source,
        now_ns: u64,
    ) -> Result<u64, FileError> {
        let node = self.ready(now_ns)?.node(file.0)?;
        if node.kind == NodeKind::Directory {
            return Err(FileError::IsADirectory);
        }
        if offset.checked_add(length).is_none_or(|end| end >= crate::file::SIZE_END) {
            return Err(FileError::TooLong);
        }
        let mut done = 0;
        while done < length {
            let odd = (offset + done) % BLOCK_SIZE as u64;
            let (volume, piece) = self.piece((length - done).min(LARGEST_WRITE as u64 - odd));
            source.take(piece)?;
            let written = write_what_fits(volume, file.0, offset + done, piece);
            match written {
                Ok(count) => {
                    let all = count == piece.len();
                    done += count as u64;
                    if !all {
                        break;
                    }
                }
                Err(Error::NoSpace | Error::QuotaExceeded) if done > 0 => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(done)
    }

    fn truncate(&mut self, file: airox_file_system::Node, length: u64, now_ns: u64) -> Result<(), FileError> {
        Ok(self.ready(now_ns)?.truncate(file.0, length)?)
    }

    fn rename(
        &mut self,
        from: (airox_file_system::Node, &str),
        to: (airox_file_system::Node, &str),
        now_ns: u64,
    ) -> Result<(), FileError> {
        airox_file_system::path::check_name(to.1)?;
        Ok(self.ready(now_ns)?.rename((from.0.0, from.1), (to.0.0, to.1))?)
    }

    fn unlink(
        &mut self,
        directory: airox_file_system::Node,
        name: &str,
        kind: Kind,
        now_ns: u64,
    ) -> Result<(), FileError> {
        Ok(self.ready(now_ns)?.remove(directory.0, name, Some(kind.into()))?)
    }

    fn list(
        &mut self,
        directory: airox_file_system::Node,
        cursor: Cursor,
        visit: &mut dyn FnMut(airox_file_system::Entry<'_>) -> bool,
    ) -> Result<Option<Cursor>, FileError> {
        let mut cursor = cursor;
        loop {
            let listed = self.volume.list(directory.0, cursor, LISTED_AT_ONCE)?;
            let last = listed.len() < LISTED_AT_ONCE;
            for found in listed {
                let entry = airox_file_system::Entry {
                    name: &found.entry.name,
                    node: airox_file_system::Node(found.entry.node),
                    kind: found.entry.kind.into(),
                };
                if !visit(entry) {
                    return Ok(Some(found.next - 1));
                }
                cursor = found.next;
            }
            if last {
                return Ok(None);
            }
        }
    }

    fn sync(&mut self) -> Result<(), FileError> {
        Ok(self.volume.sync()?)
    }

    fn check(&mut self) -> Result<Checked, FileError> {
        if self.volume.has_failed() {
            self.volume.mount_again()?;
        }
        let report = self.volume.check()?;
        let first_problem = report.problems.first().map(|problem| format!("{problem}"));
        Ok(Checked {
            files: report.files,
            directories: report.directories,
            problems: report.problem_count,
            first_problem,
        })
    }

    fn quota(&mut self, node: airox_file_system::Node) -> Result<Option<Quota>, FileError> {
        let bytes = |blocks: u64| blocks.saturating_mul(BLOCK_SIZE as u64);
        Ok(self.volume.quota_of(node.0)?.map(|quota| Quota {
            most_bytes: bytes(quota.limit),
            bytes: bytes(quota.used),
            most_files: quota.most_files,
            files: quota.files,
        }))
    }

    fn set_quota(
        &mut self,
        directory: airox_file_system::Node,
        most_bytes: u64,
        most_files: u64,
        now_ns: u64,
    ) -> Result<(), FileError> {
        let blocks = if most_bytes == u64::MAX { u64::MAX } else { most_bytes / BLOCK_SIZE as u64 };
        Ok(self.ready(now_ns)?.set_quota(directory.0, blocks, most_files)?)
    }

    fn usage(&mut self) -> Result<airox_file_system::Usage, FileError> {
        let usage = self.volume.usage();
        Ok(airox_file_system::Usage {
            total: usage.blocks * BLOCK_SIZE as u64,
            free: usage.free * BLOCK_SIZE as u64,
            files: None,
            read_only: self.volume.read_only(),
        })
    }
}

/// Writes a piece or, if there is no room for all of it, as much from its beginning as there is room for, to within one block.
fn write_what_fits<D: BlockDevice>(
    volume: &mut Volume<D>,
    node: u64,
    offset: u64,
    piece: &[u8],
) -> Result<usize, Error> {
    let mut length = piece.len();
    loop {
        match volume.write(node, offset, &piece[..length]) {
            Ok(()) => return Ok(length),
            Err(Error::NoSpace | Error::QuotaExceeded) if length > BLOCK_SIZE => length = (length / 2).max(BLOCK_SIZE),
            Err(error) => return Err(error),
        }
    }
}

impl From<Kind> for NodeKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::File => NodeKind::File,
            Kind::Directory => NodeKind::Directory,
        }
    }
}

impl From<NodeKind> for Kind {
    fn from(kind: NodeKind) -> Self {
        match kind {
            NodeKind::File => Kind::File,
            NodeKind::Directory => Kind::Directory,
        }
    }
}

impl From<Error> for FileError {
    fn from(error: Error) -> Self {
        match error {
            Error::Device(error) => error.into(),
            Error::Corrupt(Damage { block, node, .. }) => FileError::Corrupt { node: node.unwrap_or(0), place: block },
            Error::NotFormatted | Error::Version(_) | Error::Size => FileError::NotSupported,
            Error::NoSpace | Error::TooMany => FileError::NoSpace,
            Error::QuotaExceeded => FileError::QuotaExceeded,
            Error::NotFound => FileError::NotFound,
            Error::Exists => FileError::AlreadyExists,
            Error::NotDirectory => FileError::NotADirectory,
            Error::IsDirectory => FileError::IsADirectory,
            Error::NotEmpty => FileError::NotEmpty,
            Error::InvalidName => FileError::InvalidName,
            Error::TooLarge => FileError::TooLong,
            Error::IntoItself => FileError::InvalidPath,
            // Each of its files would have to be counted anew: it is copied, like one to another file system.
            Error::OtherQuota => FileError::OtherFileSystem,
            Error::ReadOnly | Error::Failed => FileError::ReadOnly,
        }
    }
}
