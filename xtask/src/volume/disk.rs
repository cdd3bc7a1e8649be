//! A disk image, or a partition of one, as a block device.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;

use airox_driver_traits::block::{BlockDevice, BlockError, Geometry, SECTOR};
use anyhow::{Context, Result, bail, ensure};
use rustix::fs::{FlockOperation, fcntl_lock};

/// Names of the partition that AIROX keeps files on: of its own image, and of a data disk.
const DATA_PARTITIONS: [&str; 2] = ["AIROX data", "data"];

/// A range of a file.
#[derive(Debug)]
pub struct FileDisk {
    file: File,
    start: u64,
    sectors: u64,
    read_only: bool,
}

/// How an image is to be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    Read,
    Write,
}

impl FileDisk {
    /// Opens `image`: the partition of this name; without a name the data partition if it is a disk with partitions, else all of it.
    pub fn open(image: &Path, partition: Option<&str>, access: Access) -> Result<Self> {
        let name = image.display();
        let (start, length) = extent(image, partition)?;
        let file = OpenOptions::new().read(true).write(access == Access::Write).open(image);
        let file = file.with_context(|| format!("cannot open {name}"))?;
        // QEMU locks its images in a way that excludes this, too.
        let lock = match access {
            Access::Read => FlockOperation::NonBlockingLockShared,
            Access::Write => FlockOperation::NonBlockingLockExclusive,
        };
        fcntl_lock(&file, lock).with_context(|| format!("{name} is in use; is a machine running from it?"))?;
        Ok(Self { file, start, sectors: length / u64::from(SECTOR), read_only: access == Access::Read })
    }

    fn offset(&self, first: u64) -> u64 {
        self.start + first * u64::from(SECTOR)
    }
}

/// Where in the image the volume is: first byte and length.
fn extent(image: &Path, partition: Option<&str>) -> Result<(u64, u64)> {
    let name = image.display();
    let length = std::fs::metadata(image).with_context(|| format!("cannot open {name}"))?.len();
    let Ok(disk) = gpt::GptConfig::new().open(image) else {
        ensure!(partition.is_none(), "{name} has no partitions");
        return Ok((0, length));
    };
    let wanted = partition.unwrap_or(DATA_PARTITIONS[0]);
    let is_wanted = |name: &str| partition.map_or(DATA_PARTITIONS.contains(&name), |wanted| name == wanted);
    let Some(found) = disk.partitions().values().find(|found| is_wanted(&found.name)) else {
        let names: Vec<_> = disk.partitions().values().map(|found| format!("\"{}\"", found.name)).collect();
        bail!("{name} has no partition \"{wanted}\"; it has {}", names.join(", "));
    };
    let start = found.first_lba * u64::from(SECTOR);
    let end = (found.last_lba + 1) * u64::from(SECTOR);
    ensure!(start < end && end <= length, "partition \"{}\" of {name} leaves the image", found.name);
    Ok((start, end - start))
}

/// What the host's file system says about a request for a block.
fn medium(block: u64) -> impl Fn(std::io::Error) -> BlockError {
    move |_| BlockError::Medium { block }
}

impl BlockDevice for FileDisk {
    fn geometry(&self) -> Geometry {
        Geometry { block_size: SECTOR, blocks: self.sectors, read_only: self.read_only }
    }

    fn read(&mut self, first: u64, buffer: &mut [u8]) -> Result<(), BlockError> {
        self.geometry().blocks_in(first, buffer.len())?;
        self.file.read_exact_at(buffer, self.offset(first)).map_err(medium(first))
    }

    fn write(&mut self, first: u64, data: &[u8]) -> Result<(), BlockError> {
        self.geometry().blocks_to_write(first, data.len())?;
        self.file.write_all_at(data, self.offset(first)).map_err(medium(first))
    }

    fn flush(&mut self) -> Result<(), BlockError> {
        self.file.sync_data().map_err(medium(0))
    }
}
