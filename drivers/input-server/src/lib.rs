//! What keyboards' drivers share: the interface `input` ([`Events`]), and keys that repeat while they are held ([`Repeat`]).
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod events;
mod repeat;

pub use events::{Events, KEPT, MAX_WAITING};
pub use repeat::{DELAY_NS, PERIOD_NS, Repeat};
