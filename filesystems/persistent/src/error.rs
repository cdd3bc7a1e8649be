//! What can go wrong, and who is to blame: the caller, the space, the device, or the medium that changed what was written.

use airox_driver_traits::block::BlockError;
use core::fmt;

/// Why an operation failed. Nothing of a failed operation is visible, and damaged data is never returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The device failed.
    Device(BlockError),
    /// What was read is not what was written.
    Corrupt(Damage),
    /// There is no file system of this format here.
    NotFormatted,
    /// The volume needs another version of this code.
    Version(u32),
    /// The device is smaller than the volume on it, or too small or too large for one.
    Size,
    /// No space is left.
    NoSpace,
    /// The directory tree the file belongs to has used up its quota.
    QuotaExceeded,
    /// There is no such name or node.
    NotFound,
    /// The name exists already.
    Exists,
    /// The node is no directory.
    NotDirectory,
    /// The node is a directory.
    IsDirectory,
    /// The directory has entries.
    NotEmpty,
    /// A name is 1 to 255 bytes without `/` and NUL, and not `.` or `..`.
    InvalidName,
    /// The file would be larger than a file can be.
    TooLarge,
    /// Too many names of the directory have the same hash, or directories are nested too deeply.
    TooMany,
    /// A directory can't be moved into itself.
    IntoItself,
    /// A directory can't be moved into another quota.
    OtherQuota,
    /// The device can't be written.
    ReadOnly,
    /// Writing failed half-way earlier. The volume can be read; mounting it again returns to the last state that was saved.
    Failed,
}

/// Something that is not as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The block (of 4096 bytes, counted from the start of the volume).
    pub block: u64,
    /// What it holds.
    pub what: Part,
    /// The file or directory it belongs to, where it belongs to one.
    pub node: Option<u64>,
}

/// What a block holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The description of the volume.
    Superblock,
    /// The table of block groups.
    GroupTable,
    /// Which blocks of a group are in use.
    Bitmap,
    /// The log of what was synchronised since the last checkpoint.
    Log,
    /// A node of the tree of all metadata.
    Tree,
    /// Data of a file.
    Data,
    /// The description of a file or directory.
    Node,
    /// An entry of a directory.
    Entry,
    /// Where a file's data is.
    Chunk,
    /// A note about blocks that are still to be released.
    Trim,
    /// The account of a quota.
    Quota,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Part::Superblock => "superblock",
            Part::GroupTable => "group table",
            Part::Bitmap => "allocation bitmap",
            Part::Log => "log",
            Part::Tree => "metadata tree",
            Part::Data => "file data",
            Part::Node => "description of a file",
            Part::Entry => "directory entry",
            Part::Chunk => "map of a file",
            Part::Trim => "note about blocks to release",
            Part::Quota => "quota",
        })
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "block {} is damaged ({})", self.block, self.what)?;
        match self.node {
            Some(node) => write!(f, ", node {node}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Error::Device(error) => return error.fmt(f),
            Error::Corrupt(damage) => return damage.fmt(f),
            Error::Version(version) => {
                return write!(f, "the volume has format version {version}, which is not known here");
            }
            Error::NotFormatted => "there is no AIROX file system here",
            Error::Size => "the device is too small or too large for the volume",
            Error::NoSpace => "no space left",
            Error::QuotaExceeded => "the quota is used up",
            Error::NotFound => "not found",
            Error::Exists => "exists already",
            Error::NotDirectory => "not a directory",
            Error::IsDirectory => "is a directory",
            Error::NotEmpty => "the directory is not empty",
            Error::InvalidName => "a name is 1 to 255 bytes long, without '/' and NUL, and not '.' or '..'",
            Error::TooLarge => "the file would be too large",
            Error::TooMany => "the directory cannot take this name",
            Error::IntoItself => "a directory cannot be moved into itself",
            Error::OtherQuota => "a directory cannot be moved into another quota",
            Error::ReadOnly => "the device is read-only",
            Error::Failed => "writing failed earlier; mount the volume again",
        };
        f.write_str(text)
    }
}

impl core::error::Error for Error {}

impl From<BlockError> for Error {
    fn from(error: BlockError) -> Self {
        Error::Device(error)
    }
}

impl Damage {
    /// Damage that belongs to no one file.
    pub const fn of(block: u64, what: Part) -> Self {
        Self { block, what, node: None }
    }
}

/// Shorthand for the error of damage that belongs to no one file.
pub(crate) const fn corrupt(block: u64, what: Part) -> Error {
    Error::Corrupt(Damage::of(block, what))
}
