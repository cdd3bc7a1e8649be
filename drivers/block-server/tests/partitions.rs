//! Partition tables, good and bad.

use airox_block_server::{Part, partitions};
use airox_driver_traits::block::{BlockDevice, BlockError, Geometry};
use gpt_disk_types::{
    BlockSize, GptHeader, GptPartitionEntry, GptPartitionEntryArray, GptPartitionEntryArrayLayout,
    GptPartitionEntrySize, GptPartitionName, GptPartitionType, Lba, LbaLe, U32Le,
};

const BLOCK: usize = 512;
const BLOCKS: u64 = 1000;
const ENTRIES: u32 = 128;

struct Disk {
    bytes: Vec<u8>,
    fails: Option<u64>,
}

impl BlockDevice for Disk {
    fn geometry(&self) -> Geometry {
        Geometry { block_size: BLOCK as u32, blocks: (self.bytes.len() / BLOCK) as u64, read_only: false }
    }

    fn read(&mut self, first: u64, buffer: &mut [u8]) -> Result<(), BlockError> {
        self.geometry().blocks_in(first, buffer.len())?;
        if self.fails == Some(first) {
            return Err(BlockError::Medium { block: first });
        }
        let start = first as usize * BLOCK;
        buffer.copy_from_slice(&self.bytes[start..start + buffer.len()]);
        Ok(())
    }

    fn write(&mut self, _first: u64, _data: &[u8]) -> Result<(), BlockError> {
        unreachable!("a table is only read")
    }

    fn flush(&mut self) -> Result<(), BlockError> {
        unreachable!("a table is only read")
    }
}

/// A used entry.
fn entry(name: &str, first: u64, last: u64) -> GptPartitionEntry {
    let mut text = GptPartitionName::default();
    for (index, letter) in name.chars().enumerate() {
        text.set_char(index, letter).unwrap();
    }
    GptPartitionEntry {
        partition_type_guid: GptPartitionType::BASIC_DATA,
        starting_lba: LbaLe::from_u64(first),
        ending_lba: LbaLe::from_u64(last),
        name: text,
        ..GptPartitionEntry::default()
    }
}

/// A disk with both tables. `change` is done to each header before its checksum is made.
fn disk(entries: &[GptPartitionEntry], change: impl Fn(&mut GptHeader)) -> Disk {
    let mut bytes = vec![0; BLOCKS as usize * BLOCK];
    let size = GptPartitionEntrySize::new(128).unwrap();
    for (place, start) in [(1, 2), (BLOCKS - 1, BLOCKS - 33)] {
        let layout = GptPartitionEntryArrayLayout { start_lba: Lba(start), entry_size: size, num_entries: ENTRIES };
        let length = layout.num_bytes_rounded_to_block(BlockSize::BS_512).unwrap() as usize;
        let from = start as usize * BLOCK;
        let mut array =
            GptPartitionEntryArray::new(layout, BlockSize::BS_512, &mut bytes[from..from + length]).unwrap();
        for (index, entry) in entries.iter().enumerate() {
            *array.get_partition_entry_mut(index as u32).unwrap() = *entry;
        }
        let mut header = GptHeader {
            my_lba: LbaLe::from_u64(place),
            first_usable_lba: LbaLe::from_u64(34),
            last_usable_lba: LbaLe::from_u64(BLOCKS - 34),
            partition_entry_lba: LbaLe::from_u64(start),
            number_of_partition_entries: U32Le::from_u32(ENTRIES),
            size_of_partition_entry: U32Le::from_u32(128),
            partition_entry_array_crc32: array.calculate_crc32(),
            ..GptHeader::default()
        };
        change(&mut header);
        header.update_header_crc32();
        let at = place as usize * BLOCK;
        bytes[at..at + size_of::<GptHeader>()].copy_from_slice(bytemuck::bytes_of(&header));
    }
    Disk { bytes, fails: None }
}

fn found(disk: &mut Disk) -> Vec<(String, u64, u64)> {
    let parts = partitions(disk).unwrap().into_iter();
    parts.map(|it| (it.name, it.part.first, it.part.blocks)).collect()
}

fn names(disk: &mut Disk) -> Vec<String> {
    found(disk).into_iter().map(|(name, _, _)| name).collect()
}

fn usual() -> Disk {
    disk(&[entry("data", 34, 99), entry("scratch", 100, 100)], |_| {})
}

#[test]
fn parts_have_names_and_places() {
    let parts = partitions(&mut usual()).unwrap();
    assert_eq!(parts[0].part, Part { first: 34, blocks: 66 });
    assert_eq!(found(&mut usual()), [("data".into(), 34, 66), ("scratch".into(), 100, 1)]);
    let odd = [
        entry("My disk/1", 40, 41),
        entry("", 42, 42),
        entry("data", 43, 43),
        entry("data", 44, 44),
        entry("..", 45, 45),
    ];
    assert_eq!(names(&mut disk(&odd, |_| {})), ["My-disk-1", "part2", "data", "part4", "part5"]);
}

#[test]
fn entries_that_make_no_sense_are_passed_over() {
    let entries = [
        entry("before", 33, 40),
        entry("behind", BLOCKS - 40, BLOCKS - 33),
        entry("backwards", 60, 50),
        entry("far", u64::MAX - 1, u64::MAX),
        entry("good", 50, 60),
        entry("inside", 55, 56),
        entry("over", 40, 70),
        entry("edge", 60, 61),
        entry("next", 61, 61),
    ];
    assert_eq!(names(&mut disk(&entries, |_| {})), ["good", "next"]);
    let many: Vec<_> = (0..100).map(|index| entry("x", 100 + index, 100 + index)).collect();
    assert_eq!(found(&mut disk(&many, |_| {})).len(), 16);
}

#[test]
fn the_second_table_counts_where_the_first_is_damaged() {
    for damaged in [BLOCK, BLOCK + 16, 2 * BLOCK, 2 * BLOCK + 56] {
        let mut disk = usual();
        disk.bytes[damaged] ^= 1;
        assert_eq!(names(&mut disk), ["data", "scratch"], "{damaged}");
        disk.bytes[(BLOCKS as usize - 1) * BLOCK + 3] ^= 1;
        assert!(names(&mut disk).is_empty(), "{damaged}");
    }
}

#[test]
fn tables_that_claim_too_much_are_none() {
    type Change = fn(&mut GptHeader);
    let changes: [Change; 8] = [
        |header| header.number_of_partition_entries = U32Le::from_u32(u32::MAX),
        |header| header.number_of_partition_entries = U32Le::from_u32(0),
        |header| header.size_of_partition_entry = U32Le::from_u32(0),
        |header| header.size_of_partition_entry = U32Le::from_u32(u32::MAX),
        |header| header.partition_entry_lba = LbaLe::from_u64(u64::MAX),
        |header| header.partition_entry_lba = LbaLe::from_u64(BLOCKS),
        |header| header.header_size = U32Le::from_u32(512),
        |header| header.my_lba = LbaLe::from_u64(7),
    ];
    for (index, change) in changes.into_iter().enumerate() {
        assert!(names(&mut disk(&[entry("data", 34, 99)], change)).is_empty(), "{index}");
    }
    for blocks in [0, 1, 2, 3] {
        let mut small = Disk { bytes: vec![0; blocks * BLOCK], fails: None };
        assert!(names(&mut small).is_empty());
        small.bytes.fill(0xff);
        assert!(names(&mut small).is_empty());
    }
}

#[test]
fn a_disk_that_cannot_be_read_says_so() {
    let mut disk = usual();
    disk.fails = Some(1);
    assert_eq!(partitions(&mut disk), Err(BlockError::Medium { block: 1 }));
}
