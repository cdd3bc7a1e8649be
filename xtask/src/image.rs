//! The disk image: one hybrid GPT disk that BIOS and UEFI machines boot from, whatever it is attached to.
//!
//! | sectors | what |
//! |---|---|
//! | 0 | protective MBR with the BIOS loader's boot code |
//! | 1 to 33 | GPT header and entries |
//! | 34 to 2047 | BIOS boot partition: the BIOS loader's stage 2 |
//! | 2048 on | EFI system partition, FAT32: the UEFI loader, the kernel, the bundle, their checksums |
//! | behind it | data partition, empty |
//! | last 33 | backup GPT |
//!
//! Equal inputs give an equal image, byte by byte: all identifiers and times are fixed.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{Cursor, Read, Seek, SeekFrom, Write};
use std::path::Path;

use airox_loader::checksums::{self, BUNDLE_PATH, CHECKSUMS_PATH, KERNEL_PATH};
use anyhow::{Context, Result, ensure};
use fatfs::{Date, DateTime, FatType, FileSystem, FormatVolumeOptions, FsOptions, Time, TimeProvider};
use fscommon::{BufStream, StreamSlice};
use gpt::disk::LogicalBlockSize;
use gpt::mbr::ProtectiveMBR;
use gpt::partition::Partition;
use gpt::partition_types::{self, Type};
use uuid::{Uuid, uuid};

use crate::bios_loader::{self, SECTOR};
use crate::{pe, strip};

/// Where UEFI firmware looks for a loader on a disk without boot entries.
pub const UEFI_LOADER_PATH: &str = "/EFI/BOOT/BOOTX64.EFI";

const MIB: u64 = 1 << 20;
/// Bytes in a sector of the image.
pub const SECTOR_BYTES: u64 = SECTOR as u64;
const BIOS_START: u64 = 34;
const ESP_START: u64 = 2048;
/// With clusters of 1 KiB, FAT32 begins at 65,525 clusters: 64 MiB and a little.
const ESP_MINIMUM: u64 = 68 * MIB;
const ESP_CLUSTER: u32 = 1024;
const DATA_SIZE: u64 = 32 * MIB;
/// Sectors of the backup GPT, and free ones up to the next MiB.
const TAIL: u64 = MIB;

const DISK_GUID: Uuid = uuid!("41495258-0000-4f53-8001-000000000001");
const BIOS_GUID: Uuid = uuid!("41495258-0000-4f53-8001-000000000002");
const ESP_GUID: Uuid = uuid!("41495258-0000-4f53-8001-000000000003");
const DATA_GUID: Uuid = uuid!("41495258-0000-4f53-8001-000000000004");
const DISK_SIGNATURE: [u8; 4] = *b"AIRX";
const VOLUME_ID: u32 = 0x4149_5258;

/// The time of every file in an image: none, which FAT writes as its first day.
#[derive(Debug)]
struct NoTime;

impl TimeProvider for NoTime {
    fn get_current_date(&self) -> Date {
        Date { year: 1980, month: 1, day: 1 }
    }

    fn get_current_date_time(&self) -> DateTime {
        DateTime { date: self.get_current_date(), time: Time { hour: 0, min: 0, sec: 0, millis: 0 } }
    }
}

/// What goes into an image, as the bytes of the files.
#[derive(Clone, Copy, Debug)]
pub struct ImageInputs<'a> {
    /// The UEFI loader, as linked: `airox-loader-uefi`.
    pub uefi_loader_elf: &'a [u8],
    /// The BIOS loader, as linked: `airox-loader-bios`.
    pub bios_loader_elf: &'a [u8],
    /// The kernel, as linked; debug sections are left out of the image.
    pub kernel_elf: &'a [u8],
    /// The system bundle.
    pub bundle: &'a [u8],
}

/// Sectors of a partition: first and last.
type Extent = (u64, u64);

struct Layout {
    bios: Extent,
    esp: Extent,
    data: Extent,
    length: u64,
}

impl Layout {
    fn for_files(bytes: u64) -> Self {
        // Room to replace the files in place, and for the file system's own tables.
        let esp_size = (2 * bytes + 4 * MIB).next_multiple_of(MIB).max(ESP_MINIMUM);
        let data_start = ESP_START + esp_size / SECTOR_BYTES;
        let data_end = data_start + DATA_SIZE / SECTOR_BYTES;
        Self {
            bios: (BIOS_START, ESP_START - 1),
            esp: (ESP_START, data_start - 1),
            data: (data_start, data_end - 1),
            length: data_end * SECTOR_BYTES + TAIL,
        }
    }
}

/// Builds the image and puts it at `out` in one step: a machine that runs from the image before keeps that one, and
/// a full disk leaves no half image.
pub fn build(inputs: &ImageInputs<'_>, out: &Path) -> Result<()> {
    let image = bytes(inputs)?;
    let fresh = out.with_extension(format!("{}.new", std::process::id()));
    let written = write_sparse(&image, &fresh).and_then(|()| Ok(fs::rename(&fresh, out)?));
    if written.is_err() {
        // What cannot be removed either is only in the way of disk space.
        let _ = fs::remove_file(&fresh);
    }
    written.with_context(|| format!("cannot write {}", out.display()))
}

/// Builds the image in memory.
pub fn bytes(inputs: &ImageInputs<'_>) -> Result<Vec<u8>> {
    let uefi_loader = pe::from_elf(inputs.uefi_loader_elf).context("UEFI loader")?;
    let bios_loader = bios_loader::cut(inputs.bios_loader_elf, BIOS_START).context("BIOS loader")?;
    let kernel = strip::without_debug(inputs.kernel_elf).context("kernel")?;
    let mut list = String::new();
    let checked = [(KERNEL_PATH, kernel.as_slice()), (BUNDLE_PATH, inputs.bundle)];
    checksums::write(checked, &mut list)?;
    let files = [
        (UEFI_LOADER_PATH, uefi_loader.as_slice()),
        (KERNEL_PATH, &kernel),
        (BUNDLE_PATH, inputs.bundle),
        (CHECKSUMS_PATH, list.as_bytes()),
    ];
    let layout = Layout::for_files(files.iter().map(|(_, bytes)| bytes.len() as u64).sum());

    let mut image = vec![0; usize::try_from(layout.length)?];
    write_tables(&mut image, &layout, bios_loader.boot_code)?;
    let bios = extent_mut(&mut image, layout.bios)?;
    bios.get_mut(..bios_loader.stage2.len())
        .context("stage 2 does not fit into the BIOS boot partition")?
        .copy_from_slice(&bios_loader.stage2);
    write_volume(extent_mut(&mut image, layout.esp)?, &files)?;
    Ok(image)
}

fn extent_mut(image: &mut [u8], extent: Extent) -> Result<&mut [u8]> {
    let start = usize::try_from(extent.0 * SECTOR_BYTES)?;
    let end = usize::try_from((extent.1 + 1) * SECTOR_BYTES)?;
    image.get_mut(start..end).context("partition leaves image")
}

fn write_tables(image: &mut [u8], layout: &Layout, boot_code: [u8; bios_loader::BOOT_CODE_LENGTH]) -> Result<()> {
    let sectors = layout.length / SECTOR_BYTES;
    let mut mbr = ProtectiveMBR::with_lb_size(u32::try_from(sectors - 1).unwrap_or(u32::MAX));
    mbr.set_bootcode(boot_code);
    mbr.set_disk_signature(DISK_SIGNATURE);
    let mut device = Cursor::new(&mut *image);
    mbr.overwrite_lba0(&mut device)?;
    let mut disk = gpt::GptConfig::new()
        .writable(true)
        .logical_block_size(LogicalBlockSize::Lb512)
        .create_from_device(device, Some(DISK_GUID))?;
    let partition = |part_type_guid: Type, part_guid, extent: Extent, name: &str| Partition {
        part_type_guid,
        part_guid,
        first_lba: extent.0,
        last_lba: extent.1,
        flags: 0,
        name: name.into(),
    };
    disk.update_partitions(BTreeMap::from([
        (1, partition(partition_types::BIOS, BIOS_GUID, layout.bios, "AIROX BIOS")),
        (2, partition(partition_types::EFI, ESP_GUID, layout.esp, "AIROX boot")),
        (3, partition(partition_types::LINUX_FS, DATA_GUID, layout.data, "AIROX data")),
    ]))?;
    disk.write()?;
    Ok(())
}

fn write_volume(volume: &mut [u8], files: &[(&str, &[u8])]) -> Result<()> {
    let options = FormatVolumeOptions::new()
        .fat_type(FatType::Fat32)
        .bytes_per_cluster(ESP_CLUSTER)
        .volume_id(VOLUME_ID)
        .volume_label(*b"AIROX      ");
    let mut device = Cursor::new(volume);
    fatfs::format_volume(&mut device, options).context("cannot format the boot partition")?;
    let file_system = FileSystem::new(&mut device, FsOptions::new().time_provider(&NoTime))?;
    ensure!(file_system.fat_type() == FatType::Fat32, "the boot partition is not FAT32");
    let root = file_system.root_dir();
    for (path, bytes) in files {
        let path = path.trim_start_matches('/');
        for (separator, _) in path.match_indices('/') {
            root.create_dir(&path[..separator])?;
        }
        let mut file = root.create_file(path)?;
        file.write_all(bytes)?;
        file.flush()?;
    }
    drop(root);
    file_system.unmount()?;
    Ok(())
}

/// Writes what is not zero: most of an image is, and need not take space on the host's disk.
fn write_sparse(image: &[u8], out: &Path) -> Result<()> {
    const BLOCK: usize = 64 * 1024;
    let mut file = File::create(out)?;
    file.set_len(image.len() as u64)?;
    for (index, block) in image.chunks(BLOCK).enumerate() {
        if block.iter().any(|&byte| byte != 0) {
            file.seek(SeekFrom::Start((index * BLOCK) as u64))?;
            file.write_all(block)?;
        }
    }
    Ok(())
}

type BootVolume = FileSystem<BufStream<StreamSlice<File>>>;

/// Opens the boot partition of the image at `path`.
fn open_volume(path: &Path) -> Result<BootVolume> {
    let disk = gpt::GptConfig::new().open(path).with_context(|| format!("{} is not a disk image", path.display()))?;
    let esp = disk
        .partitions()
        .values()
        .find(|partition| partition.part_type_guid == partition_types::EFI)
        .context("the image has no boot partition")?;
    let start = esp.first_lba * SECTOR_BYTES;
    let end = (esp.last_lba + 1) * SECTOR_BYTES;
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    let slice = StreamSlice::new(file, start, end)?;
    Ok(FileSystem::new(BufStream::new(slice), FsOptions::new())?)
}

/// Reads `file` (an absolute path on the boot partition) from the image at `path`.
pub fn read_file(path: &Path, file: &str) -> Result<Vec<u8>> {
    let volume = open_volume(path)?;
    let mut bytes = Vec::new();
    volume
        .root_dir()
        .open_file(file.trim_start_matches('/'))
        .with_context(|| format!("{file} in the image"))?
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// For tests of the loader: inverts all bits of byte `byte` of `file` on the boot partition.
pub fn corrupt(path: &Path, file: &str, byte: u64) -> Result<()> {
    let volume = open_volume(path)?;
    let root = volume.root_dir();
    let mut opened = root.open_file(file.trim_start_matches('/')).with_context(|| format!("{file} in the image"))?;
    let mut value = [0];
    opened.seek(SeekFrom::Start(byte))?;
    opened.read_exact(&mut value).with_context(|| format!("{file} has no byte {byte}"))?;
    opened.seek(SeekFrom::Start(byte))?;
    opened.write_all(&[!value[0]])?;
    opened.flush()?;
    drop(opened);
    drop(root);
    volume.unmount()?;
    Ok(())
}

/// For tests of the loader: removes `file` from the boot partition.
pub fn remove(path: &Path, file: &str) -> Result<()> {
    let volume = open_volume(path)?;
    volume.root_dir().remove(file.trim_start_matches('/')).with_context(|| format!("{file} in the image"))?;
    volume.unmount()?;
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests;
