//! FAT12, FAT16 and FAT32 with long names, read and written (Microsoft, FAT: General Overview of On-Disk Format, 1.03): what is exchanged with
//! any PC, camera or printer.
//!
//! # Why not a crate alone
//! `hadris-fat` is the kept `no_std` crate; its long names and code page are used here. Its volume writes files from the beginning or at the
//! end only, cannot go on with a list where it stopped, and knows files by handles that a rename makes stale; `fatfs` needs `std` in the released
//! version. So tables and directories are here, where each file has a [`node`](nodes) for as long as the volume is mounted.
//!
//! # Principles
//! - **Everything the medium says is checked**: the [`layout`] against itself and the disk's size; clusters against the volume at each
//!   step; chains and directories against the longest that can be. What does not fit is
//!   [`FileError::Corrupt`](airox_file_system::FileError::Corrupt), never a panic, never an endless loop.
//! - **A directory is in one directory**: its `..` has to lead to where it was found, so no path goes in circles.
//! - **Tables and directories are kept until a `sync`**, file data go straight to the disk ([`medium`]). FAT itself has nothing against power cuts: what was
//!   changed since the last `sync` may then be lost or half done, so a stick is pulled after one. The server does one by itself a second after a
//!   request.
//! - **Time is UTC**, in steps of two seconds, from 1980 on; FAT has no time zones.
//!
//! # What it costs
//! A name is looked for, and a new one placed, by reading its directory from the beginning. A place in a file is found by following its chain,
//! from the last place where it was. Room is counted by reading the table once. FAT has no holes: what is skipped is written.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod bytes;
mod check;
mod content;
mod directory;
mod entry;
mod files;
pub mod layout;
pub mod medium;
mod names;
pub mod nodes;
pub mod part;
pub mod removable;
mod table;
mod time;
mod volume;

pub use layout::NotMounted;
pub use removable::{Removable, Stick};
pub use volume::FatFiles;
