//! What every file system does, and what this one takes.

use super::*;
use airox_file_system::conformance::{ROOM, check_all, check_full, check_random};
use airox_file_system::{FileError, FileSystem, Kind, read_slice, write_all};

#[test]
fn it_is_a_file_system() {
    check_all(|| MemoryFiles::new(ROOM));
}

#[test]
fn a_full_one_says_so_and_recovers() {
    for limit in [4_000_u64, 10_000, 70_000, 200_000, 1 << 20] {
        let mut files = MemoryFiles::new(limit.max(6_000));
        check_full(&mut files);
        assert_eq!(files.usage().map(|usage| usage.free), Ok(limit.max(6_000)));
    }
}

#[test]
fn everything_that_is_removed_comes_back() {
    for seed in 0..100 {
        let mut files = MemoryFiles::new(ROOM);
        check_random(&mut files, seed, 200);
        empty(&mut files);
        let usage = files.usage().unwrap();
        assert_eq!((usage.free, usage.files), (usage.total, Some(0)), "seed {seed}");
    }
}

/// Removes everything, deepest first.
fn empty(files: &mut MemoryFiles) {
    let root = files.root();
    remove_all(files, root);
}

fn remove_all(files: &mut MemoryFiles, directory: airox_file_system::Node) {
    let mut names = Vec::new();
    files
        .list(directory, 0, &mut |entry| {
            names.push((entry.name.to_string(), entry.node, entry.kind));
            true
        })
        .unwrap();
    for (name, node, kind) in names {
        if kind == Kind::Directory {
            remove_all(files, node);
        }
        files.unlink(directory, &name, kind, 0).unwrap();
    }
}

#[test]
fn gaps_take_no_room() {
    let mut files = MemoryFiles::new(200_000);
    let root = files.root();
    let file = files.create(root, "sparse", Kind::File, 1).unwrap();
    write_all(&mut files, file, 1 << 40, b"far", 1).unwrap();
    assert_eq!(files.stat(file).unwrap().size, (1 << 40) + 3);
    let mut part = [1; 8];
    assert_eq!(read_slice(&mut files, file, (1 << 40) - 5, &mut part), Ok(8));
    assert_eq!(&part, b"\0\0\0\0\0far");
    assert_eq!(files.truncate(file, u64::MAX, 1), Err(FileError::TooLong));
    files.truncate(file, 0, 1).unwrap();
    files.truncate(file, 1 << 45, 1).unwrap();
    assert!(files.usage().unwrap().free > 199_000);
}

#[test]
fn names_count_too() {
    let mut files = MemoryFiles::new(10_000);
    let root = files.root();
    let mut made = 0;
    let refused = loop {
        match files.create(root, &format!("{made:0200}"), Kind::File, 1) {
            Ok(_) => made += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(refused, FileError::NoSpace);
    assert!(made > 5 && made < 50, "{made} files");
    // A rename that needs room it does not get changes nothing.
    let longer = files.rename((root, &format!("{:0200}", 0)), (root, &"l".repeat(255)), 2);
    assert_eq!(longer, Err(FileError::NoSpace));
    assert!(files.lookup(root, &format!("{:0200}", 0)).is_ok());
}
