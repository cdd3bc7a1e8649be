//! What is always so, and every error by its name.

use super::changes::{check_concurrent_listing, check_renames, check_times};
use super::{entries, stat};
use crate::{FileError, FileSystem, Kind, Node, read_all, read_slice, write_all};
use std::string::ToString;

/// The named cases, each on an empty file system.
pub fn check_cases<F: FileSystem>(make: &mut impl FnMut() -> F) {
    check_empty(&mut make());
    check_names(&mut make());
    check_content(&mut make());
    check_kinds(&mut make());
    check_removal(&mut make());
    check_source_and_sink(&mut make());
    check_renames(&mut make());
    check_times(&mut make());
    check_concurrent_listing(&mut make());
}

fn check_empty<F: FileSystem>(files: &mut F) {
    let root = files.root();
    assert_eq!(stat(files, root).kind, Kind::Directory);
    assert_eq!(stat(files, root).size, 0);
    assert_eq!(entries(files, root, 10), Ok([].into()));
    assert_eq!(files.lookup(root, "nothing"), Err(FileError::NotFound));
    assert_eq!(files.sync(), Ok(()));
    let usage = files.usage().expect("usage");
    assert!(usage.free <= usage.total && !usage.read_only);
    // A node that never was.
    let stranger = Node(u64::MAX);
    assert_eq!(files.stat(stranger), Err(FileError::NotFound));
    assert_eq!(files.lookup(stranger, "a"), Err(FileError::NotFound));
    assert_eq!(files.create(stranger, "a", Kind::File, 1), Err(FileError::NotFound));
    assert_eq!(read_slice(files, stranger, 0, &mut [0]), Err(FileError::NotFound));
    assert_eq!(write_all(files, stranger, 0, b"a", 1), Err(FileError::NotFound));
    assert_eq!(files.truncate(stranger, 0, 1), Err(FileError::NotFound));
    assert_eq!(entries(files, stranger, 1), Err(FileError::NotFound));
    // Nonsense as a cursor ends.
    assert!(files.list(root, u64::MAX, &mut |_| true).is_ok());
}

fn check_names<F: FileSystem>(files: &mut F) {
    let root = files.root();
    for bad in ["", ".", "..", "a/b", "/", "a\n", "\0"] {
        assert_eq!(files.create(root, bad, Kind::File, 1), Err(FileError::InvalidName), "{bad:?}");
    }
    let longest = "n".repeat(255);
    assert_eq!(files.create(root, &"n".repeat(256), Kind::File, 1), Err(FileError::TooLong));
    for good in ["a", "A name with spaces", "ünïcödé-漢字", "..and", longest.as_str()] {
        let node = files.create(root, good, Kind::File, 1).expect("a good name");
        assert_eq!(files.lookup(root, good), Ok(node));
        assert_eq!(files.create(root, good, Kind::File, 1), Err(FileError::AlreadyExists));
        assert_eq!(files.create(root, good, Kind::Directory, 1), Err(FileError::AlreadyExists));
    }
    assert_eq!(stat(files, root).size, 5);
    assert_eq!(entries(files, root, 2).map(|all| all.len()), Ok(5));
}

fn check_content<F: FileSystem>(files: &mut F) {
    let root = files.root();
    let file = files.create(root, "file", Kind::File, 1).expect("created");
    assert_eq!(stat(files, file).size, 0);
    assert_eq!(read_slice(files, file, 0, &mut [1; 8]), Ok(0));
    write_all(files, file, 0, b"hello world", 2).expect("written");
    write_all(files, file, 6, b"there", 2).expect("written over");
    assert_eq!(read_all(files, file, 100).as_deref(), Ok(&b"hello there"[..]));
    assert_eq!(read_all(files, file, 10), Err(FileError::TooLong));
    let mut part = [0; 8];
    assert_eq!(read_slice(files, file, 7, &mut part), Ok(4));
    assert_eq!(&part[..4], b"here");
    assert_eq!(read_slice(files, file, 11, &mut part), Ok(0));
    assert_eq!(read_slice(files, file, u64::MAX, &mut part), Ok(0));
    // A gap is zeros, and so is what was cut off and comes back.
    write_all(files, file, 100_000, b"end", 3).expect("written after a gap");
    assert_eq!(stat(files, file).size, 100_003);
    let mut gap = [1; 64];
    assert_eq!(read_slice(files, file, 50_000, &mut gap), Ok(64));
    assert_eq!(gap, [0; 64]);
    files.truncate(file, 5, 4).expect("cut");
    assert_eq!(read_all(files, file, 100).as_deref(), Ok(&b"hello"[..]));
    files.truncate(file, 11, 4).expect("grown");
    assert_eq!(read_all(files, file, 100).as_deref(), Ok(&b"hello\0\0\0\0\0\0"[..]));
    // Large, and not in one piece.
    let large: std::vec::Vec<u8> = (0..300_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for (number, chunk) in large.chunks(7_777).enumerate() {
        write_all(files, file, number as u64 * 7_777, chunk, 5).expect("written in pieces");
    }
    assert_eq!(read_all(files, file, 1 << 20), Ok(large));
    // Nothing is nothing, and no file is so long.
    assert_eq!(files.write(file, 400_000, 0, &mut &b""[..], 6), Ok(0));
    assert_eq!(stat(files, file).size, 300_000);
    let far = files.write(file, u64::MAX - 1, 4, &mut &b"fall"[..], 6);
    assert_eq!(far, Err(FileError::TooLong));
    assert_eq!(files.truncate(file, u64::MAX, 6), Err(FileError::TooLong));
}

fn check_kinds<F: FileSystem>(files: &mut F) {
    let root = files.root();
    let file = files.create(root, "file", Kind::File, 1).expect("created");
    let directory = files.create(root, "directory", Kind::Directory, 1).expect("created");
    let inner = files.create(directory, "inner", Kind::File, 1).expect("created");
    assert_eq!(stat(files, directory).kind, Kind::Directory);
    assert_eq!(files.lookup(directory, "inner"), Ok(inner));
    assert_eq!(files.lookup(file, "a"), Err(FileError::NotADirectory));
    assert_eq!(files.create(file, "a", Kind::File, 1), Err(FileError::NotADirectory));
    assert_eq!(entries(files, file, 1), Err(FileError::NotADirectory));
    assert_eq!(files.unlink(file, "a", Kind::File, 1), Err(FileError::NotADirectory));
    assert_eq!(read_slice(files, directory, 0, &mut [0]), Err(FileError::IsADirectory));
    assert_eq!(write_all(files, directory, 0, b"a", 1), Err(FileError::IsADirectory));
    assert_eq!(files.truncate(directory, 0, 1), Err(FileError::IsADirectory));
    let all = entries(files, root, 1).expect("listed");
    assert_eq!(all.get("file"), Some(&(file, Kind::File)));
    assert_eq!(all.get("directory"), Some(&(directory, Kind::Directory)));
}

fn check_removal<F: FileSystem>(files: &mut F) {
    let root = files.root();
    let file = files.create(root, "file", Kind::File, 1).expect("created");
    write_all(files, file, 0, b"content", 1).expect("written");
    let directory = files.create(root, "directory", Kind::Directory, 1).expect("created");
    files.create(directory, "inner", Kind::File, 1).expect("created");
    assert_eq!(files.unlink(root, "other", Kind::File, 2), Err(FileError::NotFound));
    assert_eq!(files.unlink(root, "file", Kind::Directory, 2), Err(FileError::NotADirectory));
    assert_eq!(files.unlink(root, "directory", Kind::File, 2), Err(FileError::IsADirectory));
    assert_eq!(files.unlink(root, "directory", Kind::Directory, 2), Err(FileError::NotEmpty));
    assert_eq!(files.unlink(directory, "inner", Kind::File, 2), Ok(()));
    assert_eq!(files.unlink(root, "directory", Kind::Directory, 2), Ok(()));
    assert_eq!(files.unlink(root, "file", Kind::File, 2), Ok(()));
    assert_eq!(entries(files, root, 1), Ok([].into()));
    // Who still has the nodes learns that they are gone, also when there is something new of that name.
    let fresh = files.create(root, "file", Kind::File, 3).expect("created anew");
    assert_ne!(fresh, file);
    assert_eq!(stat(files, fresh).size, 0);
    for gone in [file, directory] {
        assert_eq!(files.stat(gone), Err(FileError::NotFound));
    }
    assert_eq!(read_slice(files, file, 0, &mut [0]), Err(FileError::NotFound));
    assert_eq!(write_all(files, file, 0, b"a", 1), Err(FileError::NotFound));
    assert_eq!(files.create(directory, "a", Kind::File, 1), Err(FileError::NotFound));
    for number in 0..200 {
        files.create(root, &number.to_string(), Kind::File, 4).expect("created");
    }
    for number in 0..200 {
        files.unlink(root, &number.to_string(), Kind::File, 4).expect("removed");
    }
    assert_eq!(stat(files, root).size, 1);
}

fn check_source_and_sink<F: FileSystem>(files: &mut F) {
    let root = files.root();
    let file = files.create(root, "file", Kind::File, 1).expect("created");
    // A source that ends early: its error comes out.
    let short = files.write(file, 0, 10, &mut &b"abc"[..], 1);
    assert_eq!(short, Err(FileError::BadBuffer));
    assert!(stat(files, file).size <= 10);
    files.truncate(file, 0, 1).expect("cut");
    write_all(files, file, 0, &[7; 1000], 1).expect("written");
    let mut small = [0; 10];
    let mut sink = crate::BufferSink::new(&mut small);
    assert_eq!(files.read(file, 0, 1000, &mut sink), Err(FileError::BadBuffer));
}
