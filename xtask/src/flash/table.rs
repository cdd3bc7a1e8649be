//! The partition table of a written disk.
//!
//! An image's backup table is in the image's last sectors. On a longer disk that is somewhere in the middle, where nobody
//! looks for it.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use anyhow::{Context, Result, ensure};
use gpt::mbr::ProtectiveMBR;
use gpt::{GptConfig, GptDisk};
use rustix::fs::{Advice, fadvise};

use crate::image::SECTOR_BYTES;

/// Reads the table of `device`; both of its copies must be whole.
fn read(device: &mut File) -> Result<GptDisk<&mut File>> {
    Ok(GptConfig::new().only_valid_headers(true).open_from_device(device)?)
}

/// Fails unless `image` is a whole disk with a partition table.
pub fn expect(image: &mut File) -> Result<()> {
    read(image).map(drop)
}

/// Fits the table, copied from `image`, to the size of `device`, and verifies it.
pub fn fit(image: &mut File, device: &mut File) -> Result<()> {
    let sectors = device.seek(SeekFrom::End(0))? / SECTOR_BYTES;
    let mut disk = GptConfig::new().writable(true).open_from_device(&mut *device)?;
    // Also places both headers by the size of the device.
    let partitions = disk.partitions().clone();
    disk.update_partitions(partitions)?;
    disk.write()?;
    ProtectiveMBR::with_lb_size(u32::try_from(sectors - 1).unwrap_or(u32::MAX)).update_conservative(device)?;
    device.sync_all().context("the device did not take all that was written")?;
    verify(image, device, sectors)
}

/// Reads the table back from the medium.
fn verify(image: &mut File, device: &mut File, sectors: u64) -> Result<()> {
    fadvise(&*device, 0, None, Advice::DontNeed)?;
    let wanted = read(image)?.partitions().clone();
    let found = read(device)?;
    ensure!(*found.partitions() == wanted, "its partitions are not what was written: the medium is faulty");
    let (primary, backup) = (found.primary_header()?.clone(), found.backup_header()?.clone());
    ensure!(
        backup.current_lba == sectors - 1 && primary.backup_lba == backup.current_lba,
        "its backup is not at the end of the disk"
    );
    let entries = usize::try_from(primary.num_parts * primary.part_size)?;
    let mut tables = [vec![0; entries], vec![0; entries]];
    for (table, header) in tables.iter_mut().zip([&primary, &backup]) {
        device.seek(SeekFrom::Start(header.part_start * SECTOR_BYTES))?;
        device.read_exact(table)?;
    }
    ensure!(tables[0] == tables[1], "its two copies differ: the medium is faulty");
    Ok(())
}

#[cfg(test)]
mod tests;
