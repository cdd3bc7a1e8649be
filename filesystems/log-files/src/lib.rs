//! The log as files: `current`, and before it `1`, `2` and so on, as long as there is room.
//!
//! A [`Keeper`] writes records to the end of `current`, each batch durable before the next, and gives the files new names when it is full. A [`View`] shows
//! the directory to everybody, to read.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod keeper;
#[cfg(test)]
mod tests;
mod view;

pub use keeper::{KEPT, Keeper, LIMIT, line};
pub use view::View;

/// Where the files are, in the file system below.
pub const DIRECTORY: &str = "/log";
