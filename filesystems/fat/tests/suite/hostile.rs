//! Volumes that lie: each is refused or answered with an error, within bounds.

use airox_fat::{FatFiles, NotMounted};
use airox_file_system::{FileError, FileSystem, Kind, Node, read_all, write_all};
use std::collections::BTreeMap;

use crate::disk::{BLOCK, KINDS, MemoryDisk, formatted};

fn refused(disk: MemoryDisk) -> NotMounted {
    match FatFiles::mount(disk) {
        Ok(_) => panic!("it was mounted"),
        Err(why) => why,
    }
}

/// A volume with a few files and directories.
fn filled(kind: crate::disk::Kind) -> (MemoryDisk, airox_fat::layout::Layout) {
    let mut files = FatFiles::mount(formatted(kind)).expect("mounted");
    let root = files.root();
    let outer = files.create(root, "OUTER", Kind::Directory, 1).expect("made");
    let inner = files.create(outer, "INNER", Kind::Directory, 1).expect("made");
    for (directory, name) in [(root, "FILE"), (outer, "a longer name"), (inner, "DEEP")] {
        let file = files.create(directory, name, Kind::File, 1).expect("made");
        write_all(&mut files, file, 0, &[7; 100_000], 1).expect("written");
    }
    files.sync().expect("synchronised");
    let layout = files.layout();
    (files.into_disk(), layout)
}

/// Goes through everything, as deep as paths can be, and does a bit of everything. Errors are fine.
fn use_everything(files: &mut impl FileSystem) {
    let mut open = vec![(files.root(), 0)];
    let mut steps = 0;
    while let Some((directory, depth)) = open.pop() {
        let mut names = Vec::new();
        let _ = files.list(directory, 0, &mut |entry| {
            names.push(entry.name.to_string());
            true
        });
        for name in names {
            steps += 1;
            assert!(steps < 100_000 && depth < 10, "the tree has no end");
            let Ok(node) = files.lookup(directory, &name) else { continue };
            match files.stat(node).map(|found| found.kind) {
                Ok(Kind::Directory) => open.push((node, depth + 1)),
                Ok(Kind::File) => {
                    let _ = read_all(files, node, 1 << 20);
                    let _ = write_all(files, node, 60_000, &[1; 5_000], 1);
                    let _ = files.truncate(node, 150_000, 1);
                    let _ = files.truncate(node, 10, 1);
                    let _ = files.rename((directory, &name), (directory, "renamed"), 1);
                    let _ = files.unlink(directory, "renamed", Kind::File, 1);
                }
                Err(_) => {}
            }
        }
        let _ = files.create(directory, "a new one with a long name", Kind::Directory, 1);
    }
    let _ = files.usage();
    let _ = files.check();
    let _ = files.sync();
}

#[test]
fn what_is_no_volume_is_refused() {
    assert_eq!(refused(MemoryDisk::new(&[0; 4096])), NotMounted::NotFat);
    assert_eq!(refused(MemoryDisk::new(&[])), NotMounted::NotFat);
    let (disk, _) = filled(KINDS[1]);
    let with = |at: u64, bytes: &[u8]| {
        let mut disk = disk.clone();
        disk.patch(at, bytes);
        refused(disk)
    };
    for (at, bytes) in [(0, &[0][..]), (510, &[0]), (11, &[0, 0]), (11, &[0, 3]), (13, &[3]), (16, &[0]), (16, &[9])] {
        assert_eq!(with(at, bytes), NotMounted::NotFat, "byte {at}");
    }
    for (at, bytes) in [(14, &[0, 0][..]), (17, &[0, 0]), (22, &[1, 0]), (19, &[1, 0])] {
        assert!(matches!(with(at, bytes), NotMounted::Damaged(_)), "byte {at}");
    }
    let (wide, _) = filled(KINDS[2]);
    for (at, bytes) in [(36, [0; 4]), (44, [0; 4]), (44, [255; 4]), (40, [0x85, 0, 0, 0]), (42, [1, 0, 2, 0])] {
        let mut disk = wide.clone();
        disk.patch(at, &bytes);
        assert!(matches!(refused(disk), NotMounted::Damaged(_)), "byte {at}");
    }
}

#[test]
fn a_volume_that_is_cut_off_is_refused() {
    for kind in KINDS {
        let (mut disk, _) = filled(kind);
        disk.blocks /= 2;
        assert!(matches!(refused(disk), NotMounted::Damaged(_)), "{kind:?}");
    }
}

#[test]
fn chains_in_circles_end() {
    for kind in KINDS {
        let (disk, layout) = filled(kind);
        for target in [2_u32, 3, 4, 5] {
            // Every chain leads to the same cluster, again and again.
            let mut entries = BTreeMap::new();
            for cluster in 2..400_u64 {
                let bits = cluster * layout.width.bits();
                let value = u64::from(target) << (bits % 8);
                *entries.entry(layout.table + bits / 8).or_insert(0) |= value & 0xff;
                *entries.entry(layout.table + bits / 8 + 1).or_insert(0) |= value >> 8;
            }
            let mut bad = disk.clone();
            for (at, byte) in entries {
                bad.patch(at, &[byte as u8]);
            }
            let mut files = FatFiles::mount(bad).expect("mounted");
            let checked = files.check().expect("checked");
            assert!(checked.problems > 0, "{kind:?}");
            use_everything(&mut files);
        }
    }
}

#[test]
fn a_directory_in_itself_is_damaged() {
    let (disk, layout) = filled(KINDS[1]);
    let mut files = FatFiles::mount(disk).expect("mounted");
    let root = files.root();
    let outer = files.lookup(root, "OUTER").expect("found");
    let place = |files: &mut FatFiles<MemoryDisk>, name: &str| {
        // The node of what was there at mounting is the number of its slot.
        files.lookup(outer, name).expect("found").0 * 32
    };
    let inner = place(&mut files, "INNER");
    let mut disk = files.into_disk();
    let outer_cluster = (inner - layout.data) / u64::from(layout.cluster) + 2;
    disk.patch(inner + 26, &(outer_cluster as u16).to_le_bytes());
    let mut files = FatFiles::mount(disk).expect("mounted");
    assert!(matches!(files.lookup(outer, "INNER"), Err(FileError::Corrupt { .. })));
    assert!(matches!(files.unlink(outer, "INNER", Kind::Directory, 1), Err(FileError::Corrupt { .. })));
    assert!(files.check().expect("checked").first_problem.is_some_and(|what| what.starts_with("/OUTER/INNER")));
    use_everything(&mut files);
}

#[test]
fn a_file_whose_end_is_missing_is_not_made_up() {
    let (disk, _) = filled(KINDS[2]);
    let mut files = FatFiles::mount(disk).expect("mounted");
    let (root, place) = (files.root(), files.lookup(files.root(), "FILE").expect("found").0 * 32);
    let mut disk = files.into_disk();
    disk.patch(place + 28, &1_000_000_u32.to_le_bytes());
    let mut files = FatFiles::mount(disk).expect("mounted");
    let file = files.lookup(root, "FILE").expect("found");
    assert!(matches!(read_all(&mut files, file, 1 << 20), Err(FileError::Corrupt { .. })));
    let checked = files.check().expect("checked");
    assert_eq!((checked.problems, checked.first_problem.as_deref()), (1, Some("/FILE: its end is missing")));
    // It can be removed.
    assert_eq!(files.unlink(root, "FILE", Kind::File, 1), Ok(()));
    assert_eq!(files.check().map(|checked| checked.problems), Ok(0));
    assert_eq!(files.stat(Node(u64::MAX)), Err(FileError::NotFound));
}

#[test]
fn random_damage_is_survived() {
    for kind in KINDS {
        let (disk, layout) = filled(kind);
        for seed in 0..15_u64 {
            let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d;
            let mut random = |limit: u64| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state % limit
            };
            let mut bad = disk.clone();
            for _ in 0..40 {
                // Where it hurts: the first sectors, the table, the first directories.
                let ranges = [(0, 90), (layout.table, 600), (layout.data.saturating_sub(16_384), 40_000)];
                let (start, length) = ranges[random(3) as usize];
                bad.patch(start + random(length), &[random(256) as u8]);
            }
            if let Ok(mut files) = FatFiles::mount(bad) {
                use_everything(&mut files);
            }
        }
    }
}

#[test]
fn a_disk_of_odd_blocks_is_refused() {
    let (disk, _) = filled(KINDS[0]);
    let mut small = disk;
    small.patch(11, &(BLOCK as u16 * 2).to_le_bytes());
    assert!(FatFiles::mount(small).is_err());
}
