//! The boot volume on a raw disk: the EFI system partition of its GPT, read as FAT.

use core::fmt;

use bytemuck::Zeroable;
use gpt_disk_types::{GptHeader, GptPartitionEntry, GptPartitionType};
use hadris_fat::sync::{ErrorKind, FatVolume, FatVolumeReadExt, Read, Seek, SeekFrom};

use crate::disk::{CachedDisk, DiskError, SECTOR, Sectors};
use crate::firmware::FileError;

/// Partition entries the loader looks at; the usual table has 128.
const MAXIMUM_ENTRIES: u32 = 1024;

/// Why the boot volume cannot be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VolumeError {
    /// The disk cannot be read.
    Disk(DiskError),
    /// No partition table, or its checksum is wrong.
    DamagedTable,
    /// The table has no EFI system partition.
    NoBootPartition,
    /// That partition is not a FAT volume.
    NotFat,
}

impl fmt::Display for VolumeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disk(error) => write!(f, "{error}"),
            Self::DamagedTable => write!(f, "the partition table (GPT) is missing or damaged"),
            Self::NoBootPartition => write!(f, "the disk has no EFI system partition"),
            Self::NotFat => write!(f, "the EFI system partition is not a FAT volume"),
        }
    }
}

impl From<DiskError> for VolumeError {
    fn from(error: DiskError) -> Self {
        Self::Disk(error)
    }
}

/// Finds the EFI system partition: its first byte and its length in bytes.
fn find_partition<D: Sectors>(disk: &mut CachedDisk<'_, D>) -> Result<(u64, u64), VolumeError> {
    let sector = SECTOR as u64;
    let mut header = GptHeader::zeroed();
    disk.read_exact(sector, bytemuck::bytes_of_mut(&mut header))?;
    let entries = header.number_of_partition_entries.to_u32();
    let entry_size = u64::from(header.size_of_partition_entry.to_u32());
    if !header.is_signature_valid()
        || header.calculate_header_crc32() != { header.header_crc32 }
        || entries > MAXIMUM_ENTRIES
        || entry_size != size_of::<GptPartitionEntry>() as u64
    {
        return Err(VolumeError::DamagedTable);
    }
    let table = header.partition_entry_lba.to_u64().checked_mul(sector).ok_or(VolumeError::DamagedTable)?;
    let mut digest = crate::checksums::digest();
    let mut found = None;
    for index in 0..u64::from(entries) {
        let mut entry = GptPartitionEntry::zeroed();
        let position = table.saturating_add(index * entry_size);
        disk.read_exact(position, bytemuck::bytes_of_mut(&mut entry))?;
        digest.update(bytemuck::bytes_of(&entry));
        if found.is_none() && { entry.partition_type_guid } == GptPartitionType::EFI_SYSTEM {
            found = Some(entry);
        }
    }
    if digest.finalize() != { header.partition_entry_array_crc32 }.0.to_u32() {
        return Err(VolumeError::DamagedTable);
    }
    let range = found.ok_or(VolumeError::NoBootPartition)?.lba_range().ok_or(VolumeError::DamagedTable)?;
    let start = range.start().to_u64().checked_mul(sector);
    let length = range.num_blocks().checked_mul(sector);
    match (start, length) {
        (Some(start), Some(length)) if start.checked_add(length).is_some_and(|end| end <= disk.length()) => {
            Ok((start, length))
        }
        _ => Err(VolumeError::DamagedTable),
    }
}

/// A partition as the stream of bytes the FAT reader wants.
struct PartitionStream<'w, D> {
    disk: CachedDisk<'w, D>,
    start: u64,
    length: u64,
    position: u64,
}

impl<D: Sectors> Read for PartitionStream<'_, D> {
    type Error = ErrorKind;

    fn read(&mut self, buffer: &mut [u8]) -> hadris_fat::sync::IoResult<usize, ErrorKind> {
        let left = self.length.saturating_sub(self.position);
        let length = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        if length == 0 {
            return Ok(0);
        }
        let read = self
            .disk
            .read(self.start + self.position, &mut buffer[..length])
            .map_err(|_| hadris_fat::sync::Error::from_kind(ErrorKind::Other))?;
        self.position += read as u64;
        Ok(read)
    }
}

impl<D: Sectors> Seek for PartitionStream<'_, D> {
    type Error = ErrorKind;

    fn seek(&mut self, target: SeekFrom) -> hadris_fat::sync::IoResult<u64, ErrorKind> {
        let position = match target {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => self.length.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = position.ok_or_else(|| hadris_fat::sync::Error::from_kind(ErrorKind::InvalidInput))?;
        Ok(self.position)
    }
}

/// The boot volume.
pub struct BootVolume<'w, D: Sectors> {
    volume: FatVolume<PartitionStream<'w, D>>,
}

impl<'w, D: Sectors> BootVolume<'w, D> {
    /// Finds and opens the boot volume of a disk.
    pub fn open(mut disk: CachedDisk<'w, D>) -> Result<Self, VolumeError> {
        let (start, length) = find_partition(&mut disk)?;
        let stream = PartitionStream { disk, start, length, position: 0 };
        let volume = FatVolume::open(stream).map_err(|_| VolumeError::NotFat)?;
        Ok(Self { volume })
    }

    /// Length in bytes of the file at `path`.
    pub fn file_length(&self, path: &str) -> Result<u64, FileError> {
        let entry = self.volume.open_path(path).map_err(file_error)?;
        if entry.is_directory() {
            return Err(FileError::Unreadable("it is a directory"));
        }
        Ok(entry.len())
    }

    /// Fills `buffer` from the start of the file at `path`.
    pub fn read_file(&self, path: &str, buffer: &mut [u8]) -> Result<(), FileError> {
        let entry = self.volume.open_path(path).map_err(file_error)?;
        let mut reader = self.volume.read_file(&entry).map_err(file_error)?;
        let mut done = 0;
        while done < buffer.len() {
            match reader.read(&mut buffer[done..]).map_err(file_error)? {
                0 => return Err(FileError::Unreadable("it ends early")),
                read => done += read,
            }
        }
        Ok(())
    }
}

fn file_error(error: hadris_fat::Error) -> FileError {
    use hadris_fat::Error;
    match error {
        Error::EntryNotFound => FileError::Missing,
        Error::Io(_) | Error::IoContext { .. } => FileError::Unreadable("the disk reported an error"),
        Error::NotAFile => FileError::Unreadable("it is a directory"),
        _ => FileError::Unreadable("the file system is damaged"),
    }
}

#[cfg(test)]
mod tests;
