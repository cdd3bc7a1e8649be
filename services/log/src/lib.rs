//! The log server: structured records, levels per server, a ring of recent records.
//!
//! # Principles
//! - **The source of a record is a badge**, which init gave to the client's handle; nobody writes in another's name.
//! - **A log is for bad days**: hostile text is made harmless and visible ([`text`]), a flood pushes out only itself ([`ring`]), every
//!   table is bounded ([`sources`]), and what was dropped shows as a gap in the sequence numbers.
//! - **Filtered at the door**: a record below its source's level costs one call and no memory.
//! - Records live in memory only; a restarted server begins with an empty ring at number 1, which waiting readers notice.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod ring;
pub mod server;
pub mod service;
pub mod sources;
pub mod text;
