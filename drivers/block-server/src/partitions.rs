//! Parts of a disk by its GUID partition table (UEFI Specification 2.10, chapter 5), or by its master boot record, as most sticks have it.
//!
//! A table is a claim: both checksums must be right, and only entries that lie on the disk, inside what the table calls usable, and on no other
//! entry become parts. Where the first table is damaged, the one at the disk's end counts.

use airox_driver_traits::block::{BlockDevice, BlockError};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use gpt_disk_types::{BlockSize, GptHeader, GptPartitionEntry, GptPartitionEntryArray};

use crate::server::Part;

/// Most parts of a disk, and most bytes of its table's entries.
const MAX_PARTS: usize = 16;
const MAX_ENTRY_BYTES: u64 = 1 << 16;

/// A part and what it is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    /// Its name: letters, digits and `-_.`; `part1` and so on for one without.
    pub name: String,
    /// Where it is.
    pub part: Part,
}

/// The disk's parts, in the order of its table; none if it has no table. Those of a boot record are called `part1` and so on.
///
/// # Errors
/// The disk cannot be read.
pub fn partitions(disk: &mut impl BlockDevice) -> Result<Vec<Partition>, BlockError> {
    let last = disk.geometry().blocks.saturating_sub(1);
    for place in [1, last] {
        if let Some(found) = table_at(disk, place)? {
            return Ok(found);
        }
    }
    by_boot_record(disk)
}

/// The primary partitions of a master boot record: none unless all four entries make sense, as a volume without partitions has something else there.
fn by_boot_record(disk: &mut impl BlockDevice) -> Result<Vec<Partition>, BlockError> {
    let geometry = disk.geometry();
    if geometry.blocks == 0 || geometry.block_size < 512 {
        return Ok(Vec::new());
    }
    let mut block = alloc::vec![0; geometry.block_size as usize];
    disk.read(0, &mut block)?;
    if block[510..512] != [0x55, 0xaa] {
        return Ok(Vec::new());
    }
    let mut found: Vec<Partition> = Vec::new();
    for entry in block[446..510].chunks_exact(16) {
        let number =
            |at: usize| u64::from(u32::from_le_bytes([entry[at], entry[at + 1], entry[at + 2], entry[at + 3]]));
        let (status, kind, part) = (entry[0], entry[4], Part { first: number(8), blocks: number(12) });
        if kind == 0 {
            continue;
        }
        let overlaps = |other: &Partition| {
            part.first < other.part.first + other.part.blocks && other.part.first < part.first + part.blocks
        };
        let on_disk = part.first > 0 && part.blocks > 0 && part.first + part.blocks <= geometry.blocks;
        // 0xee: it only keeps those off that do not know the other table, which is damaged.
        if status & 0x7f != 0 || kind == 0xee || !on_disk || found.iter().any(overlaps) {
            return Ok(Vec::new());
        }
        found.push(Partition { name: format!("part{}", found.len() + 1), part });
    }
    Ok(found)
}

/// The parts by the table whose header is in this block, if it is a good one.
fn table_at(disk: &mut impl BlockDevice, place: u64) -> Result<Option<Vec<Partition>>, BlockError> {
    let geometry = disk.geometry();
    if place == 0 || place >= geometry.blocks {
        return Ok(None);
    }
    let mut block = alloc::vec![0; geometry.block_size as usize];
    disk.read(place, &mut block)?;
    let Some(header) = header(&block, place) else { return Ok(None) };
    let layout = header.get_partition_entry_array_layout().ok();
    let size = BlockSize::new(geometry.block_size);
    let bounds = layout.zip(size).and_then(|(layout, size)| {
        let bytes = layout.num_bytes_rounded_to_block(size).filter(|bytes| (1..=MAX_ENTRY_BYTES).contains(bytes))?;
        Some((layout, bytes as usize))
    });
    let Some((layout, bytes)) = bounds else { return Ok(None) };
    let mut entries = alloc::vec![0; bytes];
    match disk.read(layout.start_lba.to_u64(), &mut entries) {
        // A table that lies beyond the disk.
        Err(BlockError::OutOfRange) => return Ok(None),
        read => read?,
    }
    let Ok(array) = GptPartitionEntryArray::new(layout, size.unwrap_or(BlockSize::BS_512), &mut entries) else {
        return Ok(None);
    };
    if array.calculate_crc32() != header.partition_entry_array_crc32 {
        return Ok(None);
    }
    let used = (0..layout.num_entries).filter_map(|index| array.get_partition_entry(index)).filter(|it| it.is_used());
    let usable = header.first_usable_lba.to_u64()..=header.last_usable_lba.to_u64().min(geometry.blocks - 1);
    Ok(Some(parts(used, &usable)))
}

/// The header in a block, if it is one for this place and undamaged.
fn header(block: &[u8], place: u64) -> Option<GptHeader> {
    let bytes = block.get(..size_of::<GptHeader>())?;
    let header: GptHeader = bytemuck::try_pod_read_unaligned(bytes).ok()?;
    let good = header.is_signature_valid()
        && header.my_lba.to_u64() == place
        && header.header_size.to_u32() as usize == bytes.len()
        && header.calculate_header_crc32() == header.header_crc32;
    good.then_some(header)
}

/// Those entries that make sense.
fn parts<'a>(
    entries: impl Iterator<Item = &'a GptPartitionEntry>,
    usable: &core::ops::RangeInclusive<u64>,
) -> Vec<Partition> {
    let mut found: Vec<Partition> = Vec::new();
    for entry in entries {
        let Some(range) = entry.lba_range() else { continue };
        let (first, last) = (range.start().to_u64(), range.end().to_u64());
        let overlaps = |other: &Partition| {
            let other = other.part;
            first < other.first + other.blocks && other.first <= last
        };
        if !usable.contains(&first) || !usable.contains(&last) || found.iter().any(overlaps) {
            continue;
        }
        let name = { entry.name };
        let plain = |letter: char| if letter.is_ascii_alphanumeric() || "-_.".contains(letter) { letter } else { '-' };
        let mut name: String = name.chars().map(plain).collect();
        let dots = name.chars().all(|letter| letter == '.');
        if dots || found.iter().any(|other| other.name == name) {
            name = format!("part{}", found.len() + 1);
        }
        found.push(Partition { name, part: Part { first, blocks: last - first + 1 } });
        if found.len() == MAX_PARTS {
            break;
        }
    }
    found
}
