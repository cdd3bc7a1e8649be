//! What a file system and its server refuse, and why.

use airox_driver_traits::block::BlockError;
use core::fmt;
use serde::{Deserialize, Serialize};

/// Why something with a file did not work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FileError {
    /// There is no such file or directory, or none that the caller may know of.
    NotFound,
    /// The name is taken.
    AlreadyExists,
    /// It is a file, and a directory was wanted.
    NotADirectory,
    /// It is a directory, and a file was wanted.
    IsADirectory,
    /// The directory still has entries.
    NotEmpty,
    /// The file system has no room.
    NoSpace,
    /// The subtree may not grow: its quota is used up.
    QuotaExceeded,
    /// The file system can only be read.
    ReadOnly,
    /// The caller was not given the right to do this here.
    NotAllowed,
    /// The name is empty, `.` or `..`, or has a character that no name has.
    InvalidName,
    /// The path is not absolute and normal, or a directory would be moved into itself.
    InvalidPath,
    /// A name, a path, a file or a request is longer than the limit.
    TooLong,
    /// Stored data is damaged: it is named and never returned.
    Corrupt {
        /// What is damaged: the node of a file, or 0 for the file system itself.
        node: u64,
        /// Where: a block of the disk, or an offset in the file.
        place: u64,
    },
    /// The disk failed.
    Device(BlockError),
    /// The file was opened before its file system was started again, or was closed: it has to be opened anew.
    StaleFile,
    /// The caller has as many files open, or watches, as it may.
    TooManyOpenFiles,
    /// It is in use: mounted, or held open in a way that excludes this.
    Busy,
    /// This file system does not do that.
    NotSupported,
    /// The two paths are in different file systems, or count for different quotas.
    OtherFileSystem,
    /// The content is not what a file at this place must be: see the schema of `/config`.
    InvalidContent,
    /// The caller's memory could not be accessed.
    BadBuffer,
    /// The file system's server died before it answered; whether it did what was asked is not known.
    ServerDied,
    /// The kernel refused what the request needed, with this code of `airox_abi::Error`.
    Kernel(u32),
}

impl fmt::Display for FileError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            FileError::NotFound => "no such file or directory",
            FileError::AlreadyExists => "it exists already",
            FileError::NotADirectory => "not a directory",
            FileError::IsADirectory => "it is a directory",
            FileError::NotEmpty => "the directory is not empty",
            FileError::NoSpace => "no space left in the file system",
            FileError::QuotaExceeded => "the quota is used up",
            FileError::ReadOnly => "the file system is read-only",
            FileError::NotAllowed => "not allowed",
            FileError::InvalidName => "not a valid name",
            FileError::InvalidPath => "not a valid path",
            FileError::TooLong => "too long",
            FileError::Corrupt { node, place } => {
                return write!(formatter, "stored data is damaged (node {node}, place {place})");
            }
            FileError::Device(error) => return error.fmt(formatter),
            FileError::StaleFile => "the file has to be opened again",
            FileError::TooManyOpenFiles => "too many open files",
            FileError::Busy => "it is in use",
            FileError::NotSupported => "the file system does not support this",
            FileError::OtherFileSystem => "the two are in different file systems, or count for different quotas",
            FileError::InvalidContent => "the content is not valid here",
            FileError::BadBuffer => "buffer not accessible",
            FileError::ServerDied => "the file system's server died",
            FileError::Kernel(code) => return write!(formatter, "the kernel refused with code {code}"),
        };
        formatter.write_str(text)
    }
}

impl core::error::Error for FileError {}

impl From<BlockError> for FileError {
    fn from(error: BlockError) -> FileError {
        match error {
            BlockError::ReadOnly => FileError::ReadOnly,
            other => FileError::Device(other),
        }
    }
}
