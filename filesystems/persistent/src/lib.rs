//! A file system that survives power cuts and notices bit rot: copy-on-write, every block checksummed, with a log that makes a
//! synchronisation one sequential write and one flush.
//!
//! # Why not redoxfs
//! redoxfs 0.9.0 is the kept `no_std` crate of this kind. Its `Disk` trait has no flush, so a disk that reorders writes can make a header
//! durable before the tree it names; it asserts and unwraps on what it reads from the disk; each transaction copies the account of all
//! free space and mounting walks all of that block by block; and a synchronised write of 4 KiB rewrites a path of its tree.
//!
//! # How it works
//! - All metadata are items in one ordered map: node descriptions, directory entries, maps of files ([`records`], [`key`]). The map is a B-tree on
//!   the medium that is never changed in place ([`page`]), plus a table in memory of what changed since the last checkpoint.
//! - `sync` writes file data to free blocks, the changed items as one batch to the log ([`log`]), and flushes once. A checkpoint
//!   merges the table into the tree, writes the allocation bitmaps and, after a flush, one of two superblocks ([`layout`]).
//! - Mounting takes the newest valid superblock and carries the log's batches out again. Everything the medium says is checked: every
//!   checksum, that pointers lead downwards and into the volume, that keys are in order. What is wrong is an
//!   [`Error::Corrupt`] with the block and the file, never a panic, never an endless loop, and never wrong data.
//!
//! # What is promised
//! - After a power cut the volume is exactly as it was after some operation, at or after the last `sync` that succeeded: no
//!   operation is half done, and none is missing before one that is there. (A write longer than [`file::LARGEST_WRITE`] is several operations.)
//! - An operation that fails has changed nothing. After a failure of the device that leaves it open what is on the medium, the
//!   volume can only be read until [`Volume::mount_again`] returns to what was synchronised last.
//! - A changed bit is noticed when it is read, or by [`Volume::check`]. Superblocks and log are there twice, so one damaged block of them is
//!   no loss. The one thing that cannot be told from a power cut is damage to data of the very last synchronisation before
//!   one, while it is in the log; mounting drops that batch and says so in [`Mounted::cut_short`].
//!
//! # What it costs
//! Blocks of 4 KiB per operation, with the default [`Settings`] (8 MiB of cache); `tests/suite/cost.rs` prints the whole table, and
//! `peer` the same for redoxfs.
//!
//! | operation | read | written | redoxfs: read | written |
//! |---|---|---|---|---|
//! | write 4 KiB at random and `sync`, 16 MiB file | 0 | 3.0 | 36 | 21 |
//! | the same, 256 MiB | 0 | 3.0 | 43 | 36 |
//! | the same, 16 GiB, sparse | 0 | 3.1 | | |
//! | write 1 MiB in order | 0 | 256 | 12 | 264 |
//! | create, up to 100,000 files in a directory | 0.01 | 0.06 | | |
//! | create, up to 1,000,000 | 1.0 | 0.4 | | |
//! | create and `sync`, the first 10,000 | 0 | 2.1 | 23 | 11 |
//! | create and `sync` among 1,000,000 | 1.1 | 3.1 | | |
//! | look a name up among 100,000 | 0.05 | 0 | | |
//! | look a name up among 1,000,000 | 0.9 | 0 | | |
//! | list 100 of 1,000,000 names | 1.4 | 0 | | |
//! | remove a file of 16 GiB | 0 | 7 | | |
//! | mount a volume of 4 GiB | 267 | 0 | | |
//!
//! A synchronisation is one block of data, two of log, two write requests and one flush; the tree is written by a checkpoint once in
//! hundreds of them. What grows with the number of files is the height of the tree, by one for each factor of about 100, and the
//! share of it that is not in the cache. Mounting reads the log and the group table, whatever the volume holds. Memory: as
//! [`Settings`] says, and 16 bytes for each 128 MiB of disk.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod buffer;
pub mod bytes;
mod cache;
mod check;
pub mod checksum;
mod directory;
mod disk;
mod error;
pub mod file;
mod file_system;
pub mod key;
pub mod layout;
pub mod log;
mod merge;
pub mod page;
mod quota;
pub mod records;
mod space;
mod store;
mod tree;
mod trim;
mod volume;

pub use check::{Problem, Report};
pub use directory::Listed;
pub use disk::Statistics;
pub use error::{Damage, Error, Part};
pub use file_system::Files;
pub use records::{Entry, Node, NodeKind, Quota};
pub use volume::{Format, Mounted, ROOT, Settings, Usage, Volume};
