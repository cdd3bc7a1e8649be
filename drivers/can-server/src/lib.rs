//! The interface `can` over any [`CanController`](airox_driver_traits::can::CanController), several of one board at once.
//!
//! # Principles
//! - **A controller is given one frame at a time**, so frames leave in the order in which they came here; each call is answered when its frame was
//!   acknowledged on the bus, or given up.
//! - **What came in is kept once for all clients** ([`Events`]), in a ring of fixed size; who is too slow sees by the numbers what it missed.
//! - **A bus is hostile**: a flood of frames costs a bounded amount of work before clients are served again.
//! - **Bus-off ends what waits** and is told; nothing is sent until somebody asks for recovery.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod channel;
mod events;
mod options;
#[cfg(feature = "guest")]
mod program;
mod server;
#[cfg(test)]
mod tests;

pub use channel::{Channel, MAX_SENDING, MAX_SENDING_OF_ONE};
pub use events::{Events, KEPT};
pub use options::{BadOption, bit_rate};
#[cfg(feature = "guest")]
pub use program::{serve, take};
pub use server::{CanServer, MAX_WAITING};
