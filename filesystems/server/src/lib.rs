//! The server around any [`FileSystem`](airox_file_system::FileSystem): written once, so a file system only implements the trait.
//!
//! # Principles
//! - **A number is worth nothing without its badge.** Open files are kept by number, and each belongs to the badge it was opened for; nobody can use
//!   another's, and a number is never given twice, not even by the next instance ([`table`]).
//! - **One copy.** What is read goes from the file system's memory into the client's lease, what is written comes the same way.
//! - **Everything is bounded**: open files in all and of each badge, watches, the bytes of one call, mapped files.
//! - **Only the file service names paths**: it has checked what its clients may. Its handle is the one without a badge.
#![no_std]
#![deny(unsafe_code)]

extern crate alloc;

mod lend;
#[cfg(feature = "guest")]
mod run;
mod server;
mod table;
mod walk;
mod watches;

#[cfg(feature = "guest")]
pub use run::{Pages, serve};
pub use server::{FileServer, Host};
pub use table::{MAX_OPEN, MAX_OPEN_EACH};
pub use watches::MAX_WATCHES;
