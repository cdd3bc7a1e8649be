//! What a file system is: [`FileSystem`], its errors, paths and attributes. What is here knows no messages and no disks; the generic server
//! (`filesystems/server`) puts any [`FileSystem`] behind a port.
//!
//! # Principles
//! - **Nodes, not paths.** A file system knows directories, names in them and nodes. Paths are walked, and rights checked, above it, once for all.
//! - **Synchronous.** A file system is a state machine over a disk or memory; that others need not wait for it is its server's business.
//! - **One copy.** Bytes go from where the file system keeps them straight to whoever reads ([`Sink`]), and come straight to
//!   where they are kept ([`Source`]).
//! - **Errors say what is wrong** with the request, the disk or the room, each by a name of its own; damaged data is never returned as data.
//! - Every file system passes the tests in [`conformance`].
#![cfg_attr(not(any(test, feature = "conformance")), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod attributes;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod error;
mod file_system;
mod grant;
pub mod path;
#[cfg(test)]
mod tests;
mod transfer;

pub use attributes::{Attributes, Checked, Cursor, Entry, Extent, Kind, Node, Quota, Usage};
pub use error::FileError;
pub use file_system::FileSystem;
pub use grant::{Access, FileGrant, MAX_GRANTS};
pub use path::{MAX_NAME, MAX_PATH};
pub use transfer::{BufferSink, Sink, Source, read_all, read_slice, write_all};
