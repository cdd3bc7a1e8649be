//! The reader against disks made by other implementations of GPT and FAT, whole and damaged.

use std::collections::BTreeMap;
use std::io::{Cursor, Write};
use std::sync::OnceLock;
use std::vec;
use std::vec::Vec;

use gpt::disk::LogicalBlockSize;
use gpt::partition::Partition;
use gpt::partition_types::{self, Type};

use super::*;
use crate::disk::tests::{MemoryDisk, cached};

const PARTITION: usize = 1 << 20;
const LENGTH: usize = 36 << 20;

fn contents(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index / 9) as u8).collect()
}

fn partition(part_type_guid: Type) -> Vec<u8> {
    let mut bytes = vec![0; LENGTH];
    let mut disk = gpt::GptConfig::new()
        .writable(true)
        .logical_block_size(LogicalBlockSize::Lb512)
        .create_from_device(Cursor::new(&mut bytes[..]), None)
        .unwrap();
    disk.update_partitions(BTreeMap::from([(
        1,
        Partition {
            part_type_guid,
            part_guid: *disk.guid(),
            first_lba: (PARTITION / SECTOR) as u64,
            last_lba: (LENGTH / SECTOR) as u64 - 100,
            flags: 0,
            name: "boot".into(),
        },
    )]))
    .unwrap();
    disk.write().unwrap();
    bytes
}

fn good_disk() -> &'static [u8] {
    static DISK: OnceLock<Vec<u8>> = OnceLock::new();
    let make = || {
        let mut bytes = partition(partition_types::EFI);
        let end = LENGTH - 99 * SECTOR;
        let mut volume = Cursor::new(&mut bytes[PARTITION..end]);
        let options = fatfs::FormatVolumeOptions::new().fat_type(fatfs::FatType::Fat32).bytes_per_cluster(512);
        fatfs::format_volume(&mut volume, options).unwrap();
        let volume = fatfs::FileSystem::new(volume, fatfs::FsOptions::new()).unwrap();
        let root = volume.root_dir();
        let folder = root.create_dir("airox").unwrap();
        for (name, length) in [("kernel.elf", 100_000), ("system.bundle", 7), ("empty", 0)] {
            let mut file = folder.create_file(name).unwrap();
            file.write_all(&contents(length)).unwrap();
        }
        drop(folder);
        drop(root);
        volume.unmount().unwrap();
        bytes
    };
    DISK.get_or_init(make)
}

fn open(bytes: &[u8]) -> Result<BootVolume<'static, MemoryDisk<'_>>, VolumeError> {
    BootVolume::open(cached(bytes))
}

fn read(volume: &BootVolume<'static, MemoryDisk<'_>>, path: &str, length: usize) -> Result<Vec<u8>, FileError> {
    let mut buffer = vec![0; length];
    volume.read_file(path, &mut buffer).map(|()| buffer)
}

#[test]
fn files_are_found_and_read() {
    let volume = open(good_disk()).unwrap();
    for (path, length) in [("/airox/kernel.elf", 100_000), ("/airox/system.bundle", 7), ("/airox/empty", 0)] {
        assert_eq!(volume.file_length(path), Ok(length as u64));
        assert_eq!(read(&volume, path, length), Ok(contents(length)));
    }
}

#[test]
fn missing_files_and_folders_are_told_apart_from_damage() {
    let volume = open(good_disk()).unwrap();
    for path in ["/airox/none", "/none", "/none/kernel.elf"] {
        assert_eq!(volume.file_length(path), Err(FileError::Missing), "{path}");
    }
    assert!(matches!(volume.file_length("/airox"), Err(FileError::Unreadable(_))));
    assert_eq!(read(&volume, "/airox/system.bundle", 8), Err(FileError::Unreadable("it ends early")));
}

#[test]
fn a_damaged_or_missing_partition_table_is_reported() {
    assert_eq!(open(&vec![0; LENGTH]).err(), Some(VolumeError::DamagedTable));
    // The header, the entries.
    for byte in [SECTOR + 72, SECTOR + 88, 2 * SECTOR + 33, 3 * SECTOR] {
        let mut bytes = good_disk().to_vec();
        bytes[byte] ^= 4;
        assert_eq!(open(&bytes).err(), Some(VolumeError::DamagedTable), "byte {byte}");
    }
    assert_eq!(open(&partition(partition_types::LINUX_FS)).err(), Some(VolumeError::NoBootPartition));
    assert_eq!(open(&partition(partition_types::EFI)).err(), Some(VolumeError::NotFat));
    let cut = &good_disk()[..LENGTH / 2];
    assert_eq!(open(cut).err(), Some(VolumeError::DamagedTable));
}

#[test]
fn a_chain_without_end_is_an_error() {
    let mut bytes = good_disk().to_vec();
    // Every entry of both tables leads to cluster 5: whatever chain is followed, it loops.
    let reserved = usize::from(u16::from_le_bytes([bytes[PARTITION + 14], bytes[PARTITION + 15]]));
    let table_sectors = u32::from_le_bytes(bytes[PARTITION + 36..][..4].try_into().unwrap());
    let start = PARTITION + reserved * SECTOR;
    for entry in bytes[start..start + 2 * table_sectors as usize * SECTOR].chunks_mut(4) {
        entry.copy_from_slice(&5_u32.to_le_bytes());
    }
    let volume = open(&bytes);
    if let Ok(volume) = volume {
        let found = read(&volume, "/airox/kernel.elf", 100_000);
        assert_ne!(found, Ok(contents(100_000)));
        assert!(volume.file_length("/airox/none").is_err());
    }
}

#[test]
fn random_damage_gives_errors_or_other_bytes_but_nothing_worse() {
    let good = good_disk();
    let mut seed = 7_u64;
    let mut next = |limit: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) as usize % limit
    };
    let mut bytes = good.to_vec();
    for _ in 0..3000 {
        // The boot sector, the table's start, the first folders.
        let reserved = usize::from(u16::from_le_bytes([good[PARTITION + 14], good[PARTITION + 15]]));
        let table_sectors = u32::from_le_bytes(good[PARTITION + 36..][..4].try_into().unwrap());
        let table = PARTITION + reserved * SECTOR;
        let folders = table + 2 * table_sectors as usize * SECTOR;
        let place = match next(3) {
            0 => PARTITION + next(90),
            1 => table + next(4 * SECTOR),
            _ => folders + next(2 * SECTOR),
        };
        bytes[place] = next(256) as u8;
        if let Ok(volume) = open(&bytes) {
            for path in ["/airox/kernel.elf", "/airox/none"] {
                if let Ok(length) = volume.file_length(path) {
                    let _ = read(&volume, path, (length as usize).min(1 << 20));
                }
            }
        }
        bytes[place] = good[place];
    }
}
