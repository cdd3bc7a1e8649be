//! Files for programs.
//!
//! ```no_run
//! # fn example(client: airox_api::files::FilesClient) -> Result<(), airox_files::FileError> {
//! use airox_files::Files;
//!
//! let files = Files::new(client);
//! files.write_file("/tmp/note", b"remember the milk")?;
//! let text = files.read_file("/tmp/note", 4096)?;
//! for entry in files.directory("/tmp")? {
//!     let entry = entry?;
//!     log_line(&entry.name, entry.attributes.size);
//! }
//! # Ok(())
//! # }
//! # fn log_line(_: &str, _: u64) {}
//! ```
//!
//! # Principles
//! - **Large pieces**: one call moves up to a mebibyte, by lease; nothing here cuts a transfer up smaller.
//! - **A file outlives its file system's server.** When a call finds the server new ([`FileError::StaleFile`]) or dying, the file is opened again by its
//!   path and the call repeated. What cannot be repeated says so: an `append` during which the server died ([`FileError::ServerDied`]).
//! - Paths are normal ones; [`path::resolve`] makes them of what a person types.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod directory;
mod file;
mod files;

pub use airox_api::files::{
    Access, Attributes, Checked, Create, FileError, FileGrant, How, Kind, Listed, Mounted, Node, Usage,
};
pub use airox_file_system::path;
pub use directory::Directory;
pub use file::File;
pub use files::{Connect, Files, Ports};
