//! One file system's process: asked by the file service for everything that has a path, and by programs for what they opened.
//!
//! The file service calls through the handle without a badge; it alone names paths, and says for whose badge a file is opened. A program calls
//! through a handle with its badge and can name only files that were opened for it. A number that is not open, or was before the server was started again,
//! is [`FileError::StaleFile`].

use crate::files::{Attributes, Checked, FileError, How, Kind, Listing, Quota, Usage};
use airox_api_macros::interface;
use airox_sys::{Region, Signal};

/// Most bytes that one call reads or writes, whatever is lent: nobody waits for longer than that takes.
pub const MAX_TRANSFER: usize = 1 << 20;

/// A file system's server.
#[interface(name = "file-system")]
pub trait FileSystem {
    /// Reads from `offset` on what fits in `bytes`, at most [`MAX_TRANSFER`]; returns how many bytes, fewer only at the end of the file.
    fn read(file: u64, offset: u64, bytes: &mut [u8]) -> Result<u64, FileError>;

    /// Writes from `offset` on, at most [`MAX_TRANSFER`]; returns how many bytes, fewer if room has ended.
    fn write(file: u64, offset: u64, bytes: &[u8]) -> Result<u64, FileError>;

    /// Writes to the end of the file, in one piece with finding it, at most [`MAX_TRANSFER`]; returns where that was and how many bytes.
    fn append(file: u64, bytes: &[u8]) -> Result<(u64, u64), FileError>;

    /// Cuts the file off, or lets it grow by zeros.
    fn truncate(file: u64, length: u64) -> Result<(), FileError>;

    /// What is known of the file.
    #[inline_reply]
    fn attributes(file: u64) -> Result<Attributes, FileError>;

    /// Makes the file's changes durable.
    fn sync_file(file: u64) -> Result<(), FileError>;

    /// Ends the use of a file.
    fn close(file: u64) -> Result<(), FileError>;

    /// The file's pages, to be mapped read-only, and its length in bytes: only where files never change.
    fn map(file: u64) -> Result<(Region, u64), FileError>;

    /// Opens a file for who has this badge; its number and what is known of it. This and all that follows is for the file service.
    #[inline_reply]
    fn open(badge: u64, path: &str, how: How) -> Result<(u64, Attributes), FileError>;

    /// What is known of a path.
    #[inline_reply]
    fn stat(path: &str) -> Result<Attributes, FileError>;

    /// The entries of a directory from `cursor` on, as many as fit.
    #[reply_bytes(16384)]
    fn list(path: &str, cursor: u64) -> Result<Listing, FileError>;

    /// Makes a directory.
    fn make_directory(path: &str) -> Result<(), FileError>;

    /// Removes a file or an empty directory, whichever `kind` says.
    fn remove(path: &str, kind: Kind) -> Result<(), FileError>;

    /// Moves a file or directory.
    fn rename(from: &str, to: &str) -> Result<(), FileError>;

    /// Makes all changes durable.
    fn sync() -> Result<(), FileError>;

    /// Room in the file system.
    #[inline_reply]
    fn usage() -> Result<Usage, FileError>;

    /// Has `bits` of `signal` notified whenever something at this path or below it changes; `watch` is its number, chosen by the file service.
    fn watch(watch: u64, path: &str, #[rights(SEND)] signal: Signal, bits: u64) -> Result<(), FileError>;

    /// Ends a watch.
    fn unwatch(watch: u64) -> Result<(), FileError>;

    /// Who has this badge has ended: all its files are closed.
    fn release(badge: u64) -> Result<(), FileError>;

    /// Never answered, as long as the server lives: who calls learns of its end.
    #[deferred]
    fn attend() -> Result<(), FileError>;

    /// Reads everything that is kept and says whether it is as it should be.
    fn check() -> Result<Checked, FileError>;

    /// The quota that what is at this path counts for, if any.
    #[inline_reply]
    fn quota(path: &str) -> Result<Option<Quota>, FileError>;

    /// Limits what is below a directory to so many bytes and files; `u64::MAX` is no limit.
    fn set_quota(path: &str, most_bytes: u64, most_files: u64) -> Result<(), FileError>;
}
