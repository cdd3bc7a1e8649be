//! What is known of a file, an entry of a directory, a whole file system.

use alloc::string::String;
use serde::{Deserialize, Serialize};

/// A file or directory of one file system. A number is not used for another file as long as the file system is mounted: one that was removed
/// answers [`NotFound`](crate::FileError::NotFound) from then on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Node(pub u64);

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// Bytes.
    File,
    /// Names of other nodes.
    Directory,
}

/// What is known of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attributes {
    /// Which it is.
    pub node: Node,
    /// What it is.
    pub kind: Kind,
    /// Length of a file in bytes; of a directory, how many entries it has.
    pub size: u64,
    /// When its content last changed, in nanoseconds since 1970; 0 if that is not known.
    pub modified_ns: u64,
}

/// One entry of a directory, while it is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it names.
    pub node: Node,
    /// What that is.
    pub kind: Kind,
}

/// A place in the list of a directory: 0 is its beginning, all others come from the file system. One that did not, or is of another
/// directory, leads to some place or the end, never to an endless list.
pub type Cursor = u64;

/// How much room a file system has, in bytes, and how many files and directories.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Room for content, all in all.
    pub total: u64,
    /// Of that, what is left.
    pub free: u64,
    /// Files and directories there are, without the root; `None` if it does not count.
    pub files: Option<u64>,
    /// Whether nothing can be changed.
    pub read_only: bool,
}

/// How much a directory may have below it, and has. What is below a directory with a quota of its own counts there alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quota {
    /// Most bytes that files take; `u64::MAX`: any number.
    pub most_bytes: u64,
    /// Bytes that they take, in the units in which room is given.
    pub bytes: u64,
    /// Most files and directories; `u64::MAX`: any number.
    pub most_files: u64,
    /// How many there are.
    pub files: u64,
}

/// What a check of a whole file system found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    /// Files.
    pub files: u64,
    /// Directories.
    pub directories: u64,
    /// Things that are not as they should be.
    pub problems: u64,
    /// The first of them, in words.
    pub first_problem: Option<String>,
}

/// Where the bytes of a file lie in the one memory that a read-only file system is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// First byte.
    pub offset: u64,
    /// Length in bytes.
    pub length: u64,
}
