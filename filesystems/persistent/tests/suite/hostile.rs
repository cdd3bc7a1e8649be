//! Hostile volumes: their checksums are right, what they say is not. Nothing may panic, and nothing may go on for ever.

use airox_driver_traits::block::{BlockDevice, BlockError, Geometry};
use airox_persistent::checksum::of_metadata;
use airox_persistent::layout::{LOG_START, Layout, Superblock, TableEntry};
use airox_persistent::page::{Page, decode_pointer};
use airox_persistent::{Error, NodeKind, ROOT, Volume, layout, log};

use crate::disk::{MemoryDisk, Random};
use crate::workload::{SMALL, format, mount, step};

/// A disk that has enough some time: whoever asks it for ever fails.
struct Impatient {
    disk: MemoryDisk,
    requests: u64,
}

impl Impatient {
    fn count(&mut self) {
        self.requests += 1;
        assert!(self.requests < 200_000, "this seems to be endless");
    }
}

impl BlockDevice for Impatient {
    fn geometry(&self) -> Geometry {
        self.disk.geometry()
    }

    fn read(&mut self, first: u64, buffer: &mut [u8]) -> Result<(), BlockError> {
        self.count();
        self.disk.read(first, buffer)
    }

    fn write(&mut self, first: u64, data: &[u8]) -> Result<(), BlockError> {
        self.count();
        self.disk.write(first, data)
    }

    fn flush(&mut self) -> Result<(), BlockError> {
        Ok(())
    }
}

/// The newest superblock of an image.
fn superblock(image: &MemoryDisk) -> Superblock {
    let newest = [0, 1].into_iter().filter_map(|block| Superblock::decode(&image.block(block)).ok());
    newest.max_by_key(|superblock| superblock.generation).expect("a volume")
}

/// Changes bytes of a block, mostly few of them to numbers that matter.
fn mutate(random: &mut Random, bytes: &mut [u8]) {
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len() as u64) as usize;
        let numbers = [0, 1, 2, 0xff, 0x7f, 0x80, random.next() as u8];
        let number = numbers[random.below(7) as usize];
        let length = [1, 1, 2, 4, 8][random.below(5) as usize].min(bytes.len() - at);
        bytes[at..at + length].fill(number);
    }
}

/// Changes a node of the tree on the way down to a random leaf, and makes all checksums above it right again.
fn mutate_tree(random: &mut Random, image: &mut MemoryDisk, superblock: &mut Superblock) {
    let Some(root) = &mut superblock.root else {
        return;
    };
    // The way down: each node's block and the index of the next.
    let mut way = vec![(root.pointer.block, 0)];
    let depth = random.below(u64::from(root.level) + 1);
    for _ in 0..depth {
        let (block, _) = way[way.len() - 1];
        let bytes = image.block(block);
        if !Page(&bytes).is_valid() {
            return;
        }
        let index = random.below(Page(&bytes).count() as u64) as usize;
        way.last_mut().expect("not empty").1 = index;
        way.push((decode_pointer(Page(&bytes).value(index)).block, 0));
    }
    let (victim, _) = way[way.len() - 1];
    let mut bytes = image.block(victim);
    if !Page(&bytes).is_valid() {
        return;
    }
    // Most of a block is nothing: aim at what is in use.
    match random.below(4) {
        0 => mutate(random, &mut bytes[..16]),
        1 => mutate(random, &mut bytes[16..400]),
        2 => {
            let page = Page(&bytes);
            let index = random.below(page.count() as u64) as usize;
            let value = page.value(index).as_ptr() as usize - bytes.as_ptr() as usize;
            let length = page.value(index).len();
            mutate(random, &mut bytes[value..value + length]);
        }
        _ => mutate(random, &mut bytes),
    }
    image.set_block(victim, &bytes);
    for pair in (1..way.len()).rev() {
        let (child, (parent, index)) = (way[pair].0, way[pair - 1]);
        let sum = of_metadata(&image.block(child));
        let mut bytes = image.block(parent);
        let value = Page(&bytes).value(index).as_ptr() as usize - bytes.as_ptr() as usize;
        bytes[value + 8..value + 16].copy_from_slice(&sum.to_le_bytes());
        image.set_block(parent, &bytes);
    }
    root.pointer.sum = of_metadata(&image.block(root.pointer.block));
}

/// Changes the group table or a bitmap, and makes the checksums right again.
fn mutate_space(random: &mut Random, image: &mut MemoryDisk, superblock: &mut Superblock) {
    let places = superblock.layout;
    let entry = superblock.tables[0];
    let table_place = places.table_block(0, entry.second);
    let mut table = image.block(table_place);
    if random.below(2) == 0 {
        mutate(random, &mut table[..48]);
    } else {
        let place = places.bitmap_block(0, table[12] == 2);
        let mut bitmap = image.block(place);
        mutate(random, &mut bitmap[..128]);
        image.set_block(place, &bitmap);
        table[..8].copy_from_slice(&of_metadata(&bitmap).to_le_bytes());
        let free: u32 = bitmap.iter().map(|byte| byte.count_zeros()).sum();
        table[8..12].copy_from_slice(&free.to_le_bytes());
    }
    image.set_block(table_place, &table);
    superblock.tables[0] = TableEntry::new(entry.second, &table);
}

/// Changes a block of the log.
fn mutate_log(random: &mut Random, image: &mut MemoryDisk, superblock: &Superblock) {
    let place = LOG_START + random.below(6.min(superblock.layout.log_blocks));
    let mut bytes = image.block(place);
    match random.below(3) {
        0 => mutate(random, &mut bytes[..40]),
        1 => mutate(random, &mut bytes[40..140]),
        _ => mutate(random, &mut bytes[..1000]),
    }
    log::seal(&mut bytes);
    image.set_block(place, &bytes);
}

/// A hostile image of a good one.
fn corrupt(random: &mut Random, image: &MemoryDisk) -> MemoryDisk {
    let mut image = image.clone();
    let mut superblock = superblock(&image);
    let mut raw = random.below(6) == 0;
    for _ in 0..=random.below(3) {
        match random.below(8) {
            0 => mutate_space(random, &mut image, &mut superblock),
            1 => mutate_log(random, &mut image, &superblock),
            2 => raw = true,
            _ => mutate_tree(random, &mut image, &mut superblock),
        }
    }
    let mut bytes = superblock.encode();
    if raw {
        mutate(random, &mut bytes[8..280]);
        layout::seal(&mut bytes);
    }
    image.set_block(Layout::superblock(superblock.generation), &bytes);
    image.set_block(superblock.layout.superblock_copy(superblock.generation), &bytes);
    image
}

/// Does all there is to do; every answer is fine.
fn use_it(random: &mut Random, image: MemoryDisk) -> bool {
    let Ok((mut volume, _)) = Volume::mount(Impatient { disk: image, requests: 0 }, SMALL) else {
        return false;
    };
    let mut buffer = vec![0; 10_000];
    for round in 0..30 {
        let _ = step(&mut volume, random, round);
    }
    let mut waiting = vec![ROOT];
    let mut seen = 0;
    while let Some(directory) = waiting.pop() {
        let mut cursor = 0;
        while let Ok(listed) = volume.list(directory, cursor, 20) {
            let Some(last) = listed.last() else {
                break;
            };
            assert!(last.next > cursor, "a listing goes on and on");
            cursor = last.next;
            for found in listed {
                seen += 1;
                assert!(seen < 100_000, "directories without end");
                let node = found.entry.node;
                if found.entry.kind == NodeKind::Directory && seen < 200 {
                    waiting.push(node);
                }
                let _ = volume.path_of(node);
                let size = volume.node(node).map_or(0, |node| node.size);
                let _ = volume.read(node, random.below(size + 1), &mut buffer);
                let _ = volume.write(node, random.below(size + 1), &buffer[..500]);
                let _ = volume.truncate(node, random.below(size + 1));
                let _ = volume.rename((directory, &found.entry.name), (ROOT, "here"));
                let _ = volume.remove(directory, &found.entry.name, None);
            }
        }
    }
    let _ = volume.sync();
    let _ = volume.check();
    let _ = volume.unmount();
    true
}

#[test]
fn nothing_on_a_disk_makes_it_panic_or_go_on_for_ever() {
    let mut mounted = 0;
    let mut images = 0;
    for seed in 0..12 {
        let mut random = Random(seed);
        let mut volume = mount(format(800, seed));
        for time in 0..150 {
            step(&mut volume, &mut random, time).expect("a good disk");
        }
        volume.checkpoint().expect("a good disk");
        for _ in 0..3 {
            step(&mut volume, &mut random, 1000).expect("a good disk");
            volume.sync().expect("a good disk");
        }
        let image = volume.abandon();
        for trial in 0..300 {
            let mut random = Random(seed << 32 | trial);
            let hostile = corrupt(&mut random, &image);
            images += 1;
            mounted += u64::from(use_it(&mut random, hostile));
        }
    }
    println!("{images} hostile volumes, {mounted} of them could be mounted");
    assert!(mounted > images / 4, "the volumes are not subtle enough");
}

#[test]
fn what_is_no_volume_is_refused() {
    let mount = |disk| Volume::mount(disk, SMALL).err();
    assert_eq!(mount(MemoryDisk::new(0)), Some(Error::NotFormatted));
    assert_eq!(mount(MemoryDisk::new(1000)), Some(Error::NotFormatted));
    let mut noise = MemoryDisk::new(200);
    let mut random = Random(1);
    (0..200).for_each(|block| noise.set_block(block, &random.bytes(4096)));
    assert_eq!(mount(noise), Some(Error::NotFormatted));
    // A part of a volume.
    let image = format(1000, 1);
    let mut part = MemoryDisk::new(500);
    (0..500).for_each(|block| part.set_block(block, &image.block(block)));
    assert_eq!(mount(part), Some(Error::Size));
    // Another version.
    let mut other = image.clone();
    for block in [0, 1, 998, 999] {
        let mut bytes = image.block(block);
        bytes[8] = 9;
        layout::seal(&mut bytes);
        other.set_block(block, &bytes);
    }
    assert_eq!(mount(other), Some(Error::Version(9)));
}
