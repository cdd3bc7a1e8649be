//! The system bundle: program images, symbols and the system record, as one checksummed file.
//!
//! # Principles
//! - **Mapped, not unpacked.** The bytes of every segment start at a page boundary and are padded with
//!   zeros to whole pages, so read-only and executable segments are mapped straight from the bundle.
//! - **Hostile until parsed.** [`Bundle::parse`] checks the directory's checksum and every offset once;
//!   the accessors after it cannot go out of bounds. [`Bundle::verify`] also checks every entry's bytes and
//!   names the damaged one.
//! - **Independent of the kernel.** Nothing here knows a system call; host and guest use the same code.
//!
//! # Layout (little endian)
//! | part | content |
//! |---|---|
//! | header, 64 bytes | magic, version, directory checksum, lengths, root program's name |
//! | directory | one 96-byte record for each entry: kind, checksum, name, range, entry point, segments, symbols |
//! | segment table | one 40-byte record for each segment of each program |
//! | payloads | page-aligned: for a program its segments, then its symbols; for a file its bytes |
#![no_std]
#![forbid(unsafe_code)]

#[cfg(any(feature = "system", feature = "write"))]
extern crate alloc;

mod error;
mod format;
mod reader;
pub mod record;
mod symbols;
#[cfg(feature = "system")]
pub mod system;
#[cfg(feature = "write")]
pub mod write;

pub use error::{BundleError, EntryName};
pub use format::{NAME_CAPACITY, PAGE_SIZE, checksum};
pub use reader::{Bundle, Content, Program, Segment};
pub use symbols::Symbols;

/// The file that holds the compiled system record ([`system::System`] as postcard).
pub const SYSTEM_FILE: &str = "system";
/// The file that holds the kernel's symbols (the format [`Symbols::parse`] reads).
pub const KERNEL_SYMBOLS_FILE: &str = "kernel.symbols";
