//! A GPS receiver that speaks NMEA 0183 on a serial line.
//!
//! # Principles
//! - A sentence counts only whole: from `$` to the line's end, within 82 characters, with the right checksum. Everything else is
//!   skipped and counted, and the next `$` begins anew.
//! - Receivers tell one point in time in several sentences. They are put together by the time that each carries ([`Epoch`]); none is
//!   mixed with those of another second.
//! - A receiver says itself how good its fix is. Without a fix there is a reading, which says so, and no position.
//! - Sentences are parsed by the crate `nmea`; that a latitude can be one is checked here.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod epoch;
mod frame;
mod receiver;
#[cfg(test)]
mod tests;

pub use epoch::{CHANNELS, Epoch};
pub use frame::{Framed, Framer, MAX_SENTENCE};
pub use receiver::Receiver;
