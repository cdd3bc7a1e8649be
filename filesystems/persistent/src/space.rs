//! Which blocks are in use.
//!
//! A bitmap for each group of 32,768 blocks; a table with each group's count of free blocks and its bitmap's checksum. Both have
//! two places on the medium and are written in turn, by checkpoints only. The table is kept in memory (16 bytes for each 128 MiB);
//! of the bitmaps those that changed and some more.
//!
//! A block that the last checkpoint or a batch of the log refers to must keep its contents until the next checkpoint is durable. So
//! `free_later` only takes note, and the checkpoint clears the bits; after it they can be allocated.

use airox_driver_traits::block::BlockDevice;
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec;
use alloc::vec::Vec;

use crate::bytes::{get_u32, get_u64, put_u32, put_u64};
use crate::checksum;
use crate::disk::Disk;
use crate::error::{Error, Part, corrupt};
use crate::layout::{BLOCK_SIZE, GROUP_BLOCKS, GROUP_ENTRY, GROUPS_PER_TABLE, Layout, TableEntry};

/// Bitmaps without changes that are kept in memory (each is 4 KiB).
const CLEAN_BITMAPS: usize = 32;
/// Groups searched for a run of the full length before a shorter one is taken.
const GROUPS_SEARCHED: usize = 4;
const WORDS: usize = GROUP_BLOCKS as usize / 64;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Nothing was ever allocated in the group; its bitmap is not on the medium.
    Nowhere,
    First,
    Second,
}

struct Group {
    free: u32,
    place: Place,
    sum: u64,
    bitmap: Option<Box<[u64]>>,
    changed: bool,
    damaged: bool,
}

/// The account of all blocks.
pub struct Space {
    layout: Layout,
    groups: Vec<Group>,
    tables_changed: Vec<bool>,
    clean: VecDeque<usize>,
    free: u64,
    later: Vec<(u64, u64)>,
    later_blocks: u64,
    cursor: u64,
    damage: Option<Error>,
}

impl Space {
    /// The account of an empty volume.
    pub fn empty(layout: Layout) -> Self {
        let group = |number| {
            let usable = layout.usable(number);
            let free = (usable.end - usable.start) as u32;
            Group { free, place: Place::Nowhere, sum: 0, bitmap: None, changed: false, damaged: false }
        };
        let groups: Vec<_> = (0..layout.groups).map(group).collect();
        let free = groups.iter().map(|group| u64::from(group.free)).sum();
        let tables_changed = vec![true; layout.tables as usize];
        let cursor = layout.data_start;
        Self {
            layout,
            groups,
            tables_changed,
            clean: VecDeque::new(),
            free,
            later: Vec::new(),
            later_blocks: 0,
            cursor,
            damage: None,
        }
    }

    /// Reads the table.
    pub fn read<D: BlockDevice>(disk: &mut Disk<D>, layout: Layout, tables: &[TableEntry]) -> Result<Self, Error> {
        let mut space = Self::empty(layout);
        let mut block = vec![0; BLOCK_SIZE];
        for (number, entry) in tables.iter().enumerate() {
            let place = layout.table_block(number as u64, entry.second);
            disk.read(place, &mut block)?;
            if TableEntry::new(entry.second, &block) != *entry {
                return Err(corrupt(place, Part::GroupTable));
            }
            let groups = space.groups.iter_mut().skip(number * GROUPS_PER_TABLE as usize);
            for (group, bytes) in groups.zip(block.chunks_exact(GROUP_ENTRY)) {
                let most = group.free;
                group.sum = get_u64(bytes, 0);
                group.free = get_u32(bytes, 8);
                group.place = match get_u32(bytes, 12) {
                    0 => Place::Nowhere,
                    1 => Place::First,
                    2 => Place::Second,
                    _ => return Err(corrupt(place, Part::GroupTable)),
                };
                if group.free > most || (group.place == Place::Nowhere && group.free != most) {
                    return Err(corrupt(place, Part::GroupTable));
                }
            }
        }
        space.tables_changed.fill(false);
        space.free = space.groups.iter().map(|group| u64::from(group.free)).sum();
        Ok(space)
    }

    /// Blocks that can be allocated now.
    pub fn free(&self) -> u64 {
        self.free
    }

    /// Blocks that can be allocated after the next checkpoint, in addition.
    pub fn free_soon(&self) -> u64 {
        self.later_blocks
    }

    /// How many notes about blocks to be freed are kept.
    pub fn notes(&self) -> usize {
        self.later.len()
    }

    /// The first damaged bitmap that was met. Its group's free blocks are left alone.
    pub fn damage(&self) -> Option<Error> {
        self.damage
    }

    fn bitmap_place(&self, number: usize) -> u64 {
        self.layout.bitmap_block(number as u64, self.groups[number].place == Place::Second)
    }

    /// Brings a group's bitmap into memory.
    fn load<D: BlockDevice>(&mut self, disk: &mut Disk<D>, number: usize) -> Result<&mut [u64], Error> {
        if self.groups[number].bitmap.is_none() {
            let bitmap = self.read_bitmap(disk, number)?;
            self.groups[number].bitmap = Some(bitmap);
            self.clean.push_back(number);
            if self.clean.len() > CLEAN_BITMAPS {
                let oldest = self.clean.pop_front().and_then(|oldest| self.groups.get_mut(oldest));
                if let Some(group) = oldest.filter(|group| !group.changed) {
                    group.bitmap = None;
                }
            }
        }
        self.groups[number].bitmap.as_deref_mut().ok_or(Error::Failed)
    }

    fn read_bitmap<D: BlockDevice>(&mut self, disk: &mut Disk<D>, number: usize) -> Result<Box<[u64]>, Error> {
        let usable = self.layout.usable(number as u64);
        let mut bitmap = vec![u64::MAX; WORDS].into_boxed_slice();
        if self.groups[number].place == Place::Nowhere {
            for bit in usable {
                bitmap[bit as usize / 64] &= !(1 << (bit % 64));
            }
            return Ok(bitmap);
        }
        let place = self.bitmap_place(number);
        let mut block = vec![0; BLOCK_SIZE];
        disk.read(place, &mut block)?;
        for (word, bytes) in bitmap.iter_mut().zip(block.chunks_exact(8)) {
            *word = get_u64(bytes, 0);
        }
        let in_usable: u64 = usable.map(|bit| bitmap[bit as usize / 64] >> (bit % 64) & 1 ^ 1).sum();
        let zeros: u64 = bitmap.iter().map(|word| u64::from(word.count_zeros())).sum();
        let group = &self.groups[number];
        if checksum::of_metadata(&block) != group.sum || zeros != u64::from(group.free) || in_usable != zeros {
            return Err(corrupt(place, Part::Bitmap));
        }
        Ok(bitmap)
    }

    /// Allocates up to `want` blocks that follow each other, at `goal` if they are free there, else where there is room.
    /// `None` if nothing is free.
    pub fn allocate<D: BlockDevice>(
        &mut self,
        disk: &mut Disk<D>,
        goal: Option<u64>,
        want: u64,
    ) -> Result<Option<(u64, u64)>, Error> {
        let from = goal.filter(|&goal| self.layout.is_data(goal)).unwrap_or(self.cursor);
        let start = (from / GROUP_BLOCKS) as usize;
        let mut best = None;
        let mut searched = 0;
        let mut damage = None;
        // The group of `from` comes twice: first from there on, at the end all of it.
        for step in 0..=self.groups.len() {
            let number = (start + step) % self.groups.len();
            if self.groups[number].free == 0 || self.groups[number].damaged {
                continue;
            }
            let first_bit = if step == 0 { from % GROUP_BLOCKS } else { 0 };
            let bitmap = match self.load(disk, number) {
                Ok(bitmap) => bitmap,
                Err(error @ Error::Corrupt(_)) => {
                    self.groups[number].damaged = true;
                    self.free = self.free.saturating_sub(u64::from(self.groups[number].free));
                    self.damage.get_or_insert(error);
                    damage = Some(error);
                    continue;
                }
                Err(error) => return Err(error),
            };
            if let Some((bit, length)) = find_run(bitmap, first_bit, want) {
                let at_goal = goal.is_some() && step == 0 && bit == first_bit;
                if best.is_none_or(|(_, longest)| length > longest) || at_goal {
                    best = Some((number as u64 * GROUP_BLOCKS + bit, length));
                }
                searched += 1;
                if length == want || at_goal || searched >= GROUPS_SEARCHED {
                    break;
                }
            }
        }
        match (best, damage) {
            (Some((first, length)), _) => {
                self.set(disk, first, length, true)?;
                self.cursor = first + length;
                Ok(Some((first, length)))
            }
            (None, Some(error)) => Err(error),
            (None, None) => Ok(None),
        }
    }

    /// Sets or clears blocks' bits, which lie in one group and are all of the other value.
    fn set<D: BlockDevice>(&mut self, disk: &mut Disk<D>, first: u64, length: u64, used: bool) -> Result<(), Error> {
        let number = (first / GROUP_BLOCKS) as usize;
        if length == 0 || !self.layout.is_data(first) || !self.layout.is_data(first + length - 1) {
            return Err(corrupt(first, Part::Bitmap));
        }
        let place = self.bitmap_place(number);
        let bitmap = self.load(disk, number)?;
        let bits = first % GROUP_BLOCKS..first % GROUP_BLOCKS + length;
        if bits.end > GROUP_BLOCKS || bits.clone().any(|bit| (bitmap[bit as usize / 64] >> (bit % 64) & 1 == 1) == used)
        {
            return Err(corrupt(place, Part::Bitmap));
        }
        for bit in bits {
            bitmap[bit as usize / 64] ^= 1 << (bit % 64);
        }
        let group = &mut self.groups[number];
        group.changed = true;
        let (free, all) = (&mut group.free, &mut self.free);
        if used {
            *free -= length as u32;
            *all -= length;
        } else {
            *free += length as u32;
            *all += length;
        }
        self.tables_changed[number / GROUPS_PER_TABLE as usize] = true;
        Ok(())
    }

    /// Marks a block as in use that the log says was allocated.
    pub fn mark<D: BlockDevice>(&mut self, disk: &mut Disk<D>, block: u64) -> Result<(), Error> {
        self.set(disk, block, 1, true)
    }

    /// Gives blocks back that nothing on the medium refers to.
    pub fn free_now<D: BlockDevice>(&mut self, disk: &mut Disk<D>, first: u64, length: u64) -> Result<(), Error> {
        self.set(disk, first, length, false)
    }

    /// Takes note that a block is free from the next checkpoint on.
    pub fn free_later(&mut self, block: u64) {
        self.later_blocks += 1;
        match self.later.last_mut() {
            Some((first, length)) if *first + *length == block && !block.is_multiple_of(GROUP_BLOCKS) => *length += 1,
            _ => self.later.push((block, 1)),
        }
    }

    /// Clears the bits of what is to be freed and writes all that changed to the places not in use, with the checkpoint's
    /// table entries. Nothing may be allocated until the checkpoint is durable.
    pub fn save<D: BlockDevice>(&mut self, disk: &mut Disk<D>, tables: &mut [TableEntry]) -> Result<(), Error> {
        let mut later = core::mem::take(&mut self.later);
        later.sort_unstable();
        self.later_blocks = 0;
        let mut freed = later.into_iter().peekable();
        let mut block = vec![0; BLOCK_SIZE];
        for number in 0..self.groups.len() {
            while let Some((first, length)) = freed.next_if(|(first, _)| first / GROUP_BLOCKS == number as u64) {
                // What a damaged bitmap, or a file that claims another's blocks, keeps from being freed stays in use for ever.
                match self.set(disk, first, length, false) {
                    Err(error @ Error::Corrupt(_)) => _ = self.damage.get_or_insert(error),
                    result => result?,
                }
            }
            if self.groups[number].changed {
                self.save_bitmap(disk, number, &mut block)?;
            }
        }
        for (number, entry) in tables.iter_mut().enumerate() {
            let Some(changed) = self.tables_changed.get_mut(number).filter(|changed| **changed) else {
                continue;
            };
            *changed = false;
            block.fill(0);
            let groups = self.groups.iter().skip(number * GROUPS_PER_TABLE as usize);
            for (bytes, group) in block.chunks_exact_mut(GROUP_ENTRY).zip(groups) {
                put_u64(bytes, 0, group.sum);
                put_u32(bytes, 8, group.free);
                put_u32(bytes, 12, group.place as u32);
            }
            *entry = TableEntry::new(!entry.second, &block);
            disk.write(self.layout.table_block(number as u64, entry.second), &block)?;
        }
        Ok(())
    }

    fn save_bitmap<D: BlockDevice>(
        &mut self,
        disk: &mut Disk<D>,
        number: usize,
        block: &mut [u8],
    ) -> Result<(), Error> {
        let group = &mut self.groups[number];
        for (bytes, word) in block.chunks_exact_mut(8).zip(group.bitmap.iter().flatten()) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        group.place = if group.place == Place::First { Place::Second } else { Place::First };
        group.sum = checksum::of_metadata(block);
        group.changed = false;
        if !self.clean.contains(&number) {
            group.bitmap = None;
        }
        disk.write(self.bitmap_place(number), block)
    }

    /// Whether a block is in use; for checks.
    pub fn is_used<D: BlockDevice>(&mut self, disk: &mut Disk<D>, block: u64) -> Result<bool, Error> {
        let bit = block % GROUP_BLOCKS;
        let bitmap = self.load(disk, (block / GROUP_BLOCKS) as usize)?;
        Ok(bitmap[bit as usize / 64] >> (bit % 64) & 1 == 1)
    }
}

/// The first run of `want` free blocks from bit `from` on, or what begins at `from` itself, or the longest there is.
fn find_run(bitmap: &[u64], from: u64, want: u64) -> Option<(u64, u64)> {
    let mut longest = None;
    let mut start = next_bit(bitmap, from, false);
    while start < GROUP_BLOCKS {
        let end = next_bit(bitmap, start, true).min(start + want);
        let run = (start, end - start);
        if run.1 >= want || start == from {
            return Some(run);
        }
        if longest.is_none_or(|(_, length)| run.1 > length) {
            longest = Some(run);
        }
        start = next_bit(bitmap, end, false);
    }
    longest
}

/// The next bit from `from` on that is set or clear; the end of the group if there is none.
fn next_bit(bitmap: &[u64], from: u64, set: bool) -> u64 {
    let mut index = from as usize / 64;
    let mut skip = from % 64;
    while let Some(&word) = bitmap.get(index) {
        let word = (if set { word } else { !word }) >> skip << skip;
        if word != 0 {
            return index as u64 * 64 + u64::from(word.trailing_zeros());
        }
        index += 1;
        skip = 0;
    }
    GROUP_BLOCKS
}
