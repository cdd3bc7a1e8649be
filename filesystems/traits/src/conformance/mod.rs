//! What every file system has to do, as tests: named cases ([`check_cases`]), and seeded random operations beside a simple [`Model`]
//! ([`check_random`]). They panic at the first difference and say which it is; a random one is repeated by its seed.
//!
//! A file system's host tests call [`check_all`] with a way to make an empty one that has room for [`ROOM`] bytes.

mod cases;
mod changes;
mod model;
mod random;

pub use cases::check_cases;
pub use model::Model;
pub use random::check_random;

use crate::{Attributes, Cursor, FileError, FileSystem, Kind, Node};
use std::collections::BTreeMap;
use std::string::String;

/// Room that a file system needs for these tests, in bytes.
pub const ROOM: u64 = 16 << 20;

/// All of them: the named cases, and a few hundred random histories.
pub fn check_all<F: FileSystem>(mut make: impl FnMut() -> F) {
    check_cases(&mut make);
    for seed in 0..200 {
        check_random(&mut make(), seed, 150);
    }
}

/// Fills a file system of little room until it says that it is full: that must be said by [`FileError::NoSpace`], harm nothing, and end when a
/// file is removed.
pub fn check_full<F: FileSystem>(files: &mut F) {
    let root = files.root();
    let chunk = [0x5a; 4096];
    let full = files.create(root, "full", Kind::File, 1).expect("an empty file fits");
    let mut length = 0;
    let error = loop {
        match files.write(full, length, chunk.len() as u64, &mut &chunk[..], 1) {
            Ok(0) => panic!("a write that takes nothing has to say why"),
            Ok(written) => length += written,
            Err(error) => break error,
        }
    };
    assert_eq!(error, FileError::NoSpace);
    let stat = files.stat(full).expect("it is still there");
    assert_eq!(stat.size, length, "the size counts what was written");
    let bytes = crate::read_all(files, full, length).expect("and can be read");
    assert!(bytes.iter().all(|byte| *byte == 0x5a));
    files.unlink(root, "full", Kind::File, 2).expect("what is full can be emptied");
    let again = files.create(root, "again", Kind::File, 3).expect("and filled again");
    crate::write_all(files, again, 0, &chunk, 3).expect("at least by a little");
    files.unlink(root, "again", Kind::File, 4).expect("removed");
}

/// The entries of a directory, listed `batch` at a time.
pub fn entries<F: FileSystem + ?Sized>(
    files: &mut F,
    directory: Node,
    batch: usize,
) -> Result<BTreeMap<String, (Node, Kind)>, FileError> {
    let mut all = BTreeMap::new();
    let mut next: Option<Cursor> = Some(0);
    while let Some(cursor) = next {
        let mut left = batch;
        next = files.list(directory, cursor, &mut |entry| {
            if left == 0 {
                return false;
            }
            left -= 1;
            let twice = all.insert(String::from(entry.name), (entry.node, entry.kind));
            assert_eq!(twice, None, "`{}` was listed twice", entry.name);
            true
        })?;
        assert!(next.is_none() || left == 0, "more is promised, and less was shown than could be");
    }
    Ok(all)
}

/// The attributes of a node that has to be there.
fn stat<F: FileSystem + ?Sized>(files: &mut F, node: Node) -> Attributes {
    let attributes = files.stat(node).expect("the node is there");
    assert_eq!(attributes.node, node);
    attributes
}
