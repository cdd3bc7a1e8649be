//! A file system in memory.
//!
//! # Principles
//! - **It has room for so many bytes**, said when it is made, and everything counts: content, names, and what keeps them. When they are used up, and also when the heap
//!   has none, it says `NoSpace`, and goes on.
//! - **What was never written takes no room**: a file is pieces of [`PIECE`] bytes, of which those are there that were written to.
//! - **A list goes by node number**: numbers only ever count up, so a list that is read in parts neither misses nor repeats what stays.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod content;
mod files;
#[cfg(test)]
mod tests;

pub use content::PIECE;
pub use files::MemoryFiles;
