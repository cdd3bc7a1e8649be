//! Files, as programs see them: paths in a namespace made of what each program was given.
//!
//! A program asks here for everything that has a path. What it opened it reads and writes at the file system itself, through a handle of its own to
//! that file system's port ([`Files::file_system`]) and the interface of [`crate::file_system`]: one hop, one copy. `userland/files` does both.
//!
//! Who asks is told by the badge. A path that a program was not given is not there for it: [`FileError::NotFound`], also in
//! lists; what it may only read answers [`FileError::NotAllowed`] to a change. Paths are absolute and normal ([`airox_file_system::path`]).

pub use airox_file_system::{Access, Attributes, Checked, FileError, FileGrant, Kind, MAX_GRANTS, Node, Quota, Usage};

use airox_api_macros::interface;
use airox_sys::{Port, Signal};
use alloc::string::String;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// Whether and how a file is made when it is opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Create {
    /// It must be there.
    #[default]
    Never,
    /// It is made if it is not there.
    IfMissing,
    /// It must not be there.
    New,
}

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct How {
    /// What will be done with it.
    pub access: Access,
    /// Whether it is made.
    pub create: Create,
    /// Whether it is emptied.
    pub truncate: bool,
}

impl How {
    /// To read.
    pub const READ: How = How { access: Access::Read, create: Create::Never, truncate: false };
    /// To read and write what is there.
    pub const WRITE: How = How { access: Access::Write, ..How::READ };
    /// To write anew: made if it is not there, emptied if it is.
    pub const CREATE: How = How { access: Access::Write, create: Create::IfMissing, truncate: true };

    /// Whether opening it so may change something.
    #[must_use]
    pub fn changes(&self) -> bool {
        self.access == Access::Write || self.create != Create::Never || self.truncate
    }
}

/// An open file: what its file system knows it by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opened {
    /// The number of its file system: what [`Files::file_system`] takes.
    pub mount: u32,
    /// Its number there.
    pub file: u64,
    /// What is known of it.
    pub attributes: Attributes,
}

/// One entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// What is known of it.
    pub attributes: Attributes,
}

/// A part of a directory's list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// Entries, in whatever order.
    pub entries: Vec<Listed>,
    /// Where to go on; `None` at the end.
    pub next: Option<u64>,
}

/// Bytes a client lends for a part of a list.
pub const LISTING_BYTES: usize = 16 << 10;
/// Most entries of a part; with the longest names they fit.
pub const MAX_LISTED: usize = 48;

/// One file system in the namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mounted {
    /// Where it is.
    pub path: String,
    /// Its component.
    pub provider: String,
}

/// The file service.
#[interface(name = "files")]
pub trait Files {
    /// Opens a file.
    #[deferred]
    #[inline_reply]
    fn open(path: &str, how: How) -> Result<Opened, FileError>;

    /// What is known of a file or directory.
    #[deferred]
    #[inline_reply]
    fn stat(path: &str) -> Result<Attributes, FileError>;

    /// The entries of a directory from `cursor` on (0, or what the last part said), as many as fit.
    #[deferred]
    #[reply_bytes(16384)]
    fn list(path: &str, cursor: u64) -> Result<Listing, FileError>;

    /// Makes a directory.
    #[deferred]
    #[inline_reply]
    fn make_directory(path: &str) -> Result<(), FileError>;

    /// Removes a file or an empty directory, whichever `kind` says.
    #[deferred]
    #[inline_reply]
    fn remove(path: &str, kind: Kind) -> Result<(), FileError>;

    /// Moves a file or directory within its file system ([`FileError::OtherFileSystem`]); a file in the way of a file is replaced.
    #[deferred]
    #[inline_reply]
    fn rename(from: &str, to: &str) -> Result<(), FileError>;

    /// Makes all changes of the file system that holds this path durable.
    #[deferred]
    #[inline_reply]
    fn sync(path: &str) -> Result<(), FileError>;

    /// Room in the file system that holds this path.
    #[deferred]
    #[inline_reply]
    fn usage(path: &str) -> Result<Usage, FileError>;

    /// Has `bits` of `signal` notified whenever something at this path or below it changes, until [`Files::unwatch`]. Returns its number. A file system that was
    /// started again counts as a change.
    #[deferred]
    #[inline_reply]
    fn watch(path: &str, #[rights(SEND | COPY)] signal: Signal, bits: u64) -> Result<u64, FileError>;

    /// Ends a watch.
    fn unwatch(watch: u64) -> Result<(), FileError>;

    /// The caller's way to the file system of this number, where it has files open: good for as long as the caller runs.
    fn file_system(mount: u32) -> Result<Port, FileError>;

    /// The file systems of which the caller sees something.
    #[deferred]
    fn mounts() -> Result<Vec<Mounted>, FileError>;

    /// What the caller may use.
    #[deferred]
    fn grants() -> Result<Vec<FileGrant>, FileError>;

    /// The program behind a badge begins, with these grants; what an earlier one with this badge had open is closed. For the handle without a badge only.
    fn admit(badge: u64, grants: &[FileGrant]) -> Result<(), FileError>;

    /// The program behind a badge has ended. For the handle without a badge only.
    fn release(badge: u64) -> Result<(), FileError>;

    /// Reads everything that the file system of this path keeps and says whether it is as it should be. Others wait meanwhile, so it takes the right to write there.
    #[deferred]
    fn check(path: &str) -> Result<Checked, FileError>;

    /// The quota that what is at this path counts for, if any.
    #[deferred]
    #[inline_reply]
    fn quota(path: &str) -> Result<Option<Quota>, FileError>;

    /// Limits what is below a directory to so many bytes and files; `u64::MAX` is no limit. It takes the right to change what the directory is in: who
    /// may only write below it cannot raise their own limit.
    #[deferred]
    #[inline_reply]
    fn set_quota(path: &str, most_bytes: u64, most_files: u64) -> Result<(), FileError>;
}
