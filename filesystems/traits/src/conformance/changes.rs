//! Renaming, times, and lists that are read while directories change.

use super::{entries, stat};
use crate::{Cursor, FileError, FileSystem, Kind, read_all, write_all};
use std::collections::BTreeSet;
use std::format;
use std::string::String;

pub(super) fn check_renames<F: FileSystem>(files: &mut F) {
    let root = files.root();
    let one = files.create(root, "one", Kind::Directory, 1).expect("created");
    let two = files.create(one, "two", Kind::Directory, 1).expect("created");
    let file = files.create(root, "file", Kind::File, 1).expect("created");
    write_all(files, file, 0, b"new", 1).expect("written");
    let old = files.create(two, "old", Kind::File, 1).expect("created");
    // Refused, and nothing happens.
    assert_eq!(files.rename((root, "none"), (root, "x"), 2), Err(FileError::NotFound));
    assert_eq!(files.rename((root, "file"), (file, "x"), 2), Err(FileError::NotADirectory));
    assert_eq!(files.rename((root, "file"), (root, ".."), 2), Err(FileError::InvalidName));
    assert_eq!(files.rename((root, "file"), (root, &"n".repeat(256)), 2), Err(FileError::TooLong));
    assert_eq!(files.rename((root, "file"), (root, "one"), 2), Err(FileError::IsADirectory));
    assert_eq!(files.rename((root, "one"), (root, "file"), 2), Err(FileError::AlreadyExists));
    assert_eq!(files.rename((one, "two"), (root, "one"), 2), Err(FileError::AlreadyExists));
    assert_eq!(files.rename((root, "one"), (one, "self"), 2), Err(FileError::InvalidPath));
    assert_eq!(files.rename((root, "one"), (two, "below"), 2), Err(FileError::InvalidPath));
    assert_eq!(entries(files, root, 9).map(|all| all.len()), Ok(2));
    // To itself.
    assert_eq!(files.rename((root, "file"), (root, "file"), 2), Ok(()));
    assert_eq!(files.rename((root, "one"), (root, "one"), 2), Ok(()));
    assert_eq!(read_all(files, file, 9).as_deref(), Ok(&b"new"[..]));
    // Within a directory, into another, over a file.
    assert_eq!(files.rename((root, "file"), (root, "name"), 2), Ok(()));
    assert_eq!(files.lookup(root, "file"), Err(FileError::NotFound));
    assert_eq!(files.rename((root, "name"), (two, "old"), 2), Ok(()));
    assert_eq!(files.lookup(two, "old"), Ok(file));
    assert_eq!(files.stat(old), Err(FileError::NotFound));
    assert_eq!(read_all(files, file, 9).as_deref(), Ok(&b"new"[..]));
    // A whole directory: its nodes stay what they are.
    assert_eq!(files.rename((one, "two"), (root, "moved"), 2), Ok(()));
    assert_eq!(files.lookup(root, "moved"), Ok(two));
    assert_eq!(files.lookup(two, "old"), Ok(file));
    assert_eq!(stat(files, one).size, 0);
    assert_eq!(files.rename((root, "one"), (two, "one"), 2), Ok(()));
    assert_eq!(entries(files, root, 9).map(|all| all.len()), Ok(1));
}

pub(super) fn check_times<F: FileSystem>(files: &mut F) {
    let root = files.root();
    // Whole seconds, and far enough apart for file systems that round.
    let at = |second: u64| (1_700_000_000 + second * 10) * 1_000_000_000;
    let file = files.create(root, "file", Kind::File, at(1)).expect("created");
    let modified = |files: &mut F, second: u64| {
        let found = stat(files, file).modified_ns;
        assert!(found.abs_diff(at(second)) <= 2_000_000_000, "{found} is not the time of change {second}");
    };
    modified(files, 1);
    write_all(files, file, 0, b"text", at(2)).expect("written");
    modified(files, 2);
    files.truncate(file, 2, at(3)).expect("cut");
    modified(files, 3);
    files.rename((root, "file"), (root, "name"), at(4)).expect("renamed");
    read_all(files, file, 9).expect("read");
    modified(files, 3);
}

pub(super) fn check_concurrent_listing<F: FileSystem>(files: &mut F) {
    let root = files.root();
    for number in 0..60 {
        let kind = if number % 7 == 0 { Kind::Directory } else { Kind::File };
        files.create(root, &format!("stays-{number}"), kind, 1).expect("created");
        files.create(root, &format!("goes-{number}"), Kind::File, 1).expect("created");
    }
    let mut seen = BTreeSet::new();
    let mut next: Option<Cursor> = Some(0);
    let mut round = 0;
    while let Some(cursor) = next {
        assert!(round < 500, "the list does not end");
        let mut left = 3;
        next = files
            .list(root, cursor, &mut |entry| {
                if left == 0 {
                    return false;
                }
                left -= 1;
                if entry.name.starts_with("stays") {
                    assert!(seen.insert(String::from(entry.name)), "`{}` was shown twice", entry.name);
                }
                true
            })
            .expect("listed");
        if round < 60 {
            files.unlink(root, &format!("goes-{round}"), Kind::File, 2).expect("removed");
            files.create(root, &format!("comes-{round}"), Kind::File, 2).expect("created");
        }
        round += 1;
    }
    assert_eq!(seen.len(), 60, "every entry that stayed is shown once");
}
