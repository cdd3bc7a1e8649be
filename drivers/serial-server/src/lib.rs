//! The interface `serial` over any device that implements [`SerialLine`](airox_driver_traits::serial::SerialLine).
//!
//! # Principles
//! - Nothing is lost here: what does not fit stays in the caller's memory, or in the device until somebody has read.
//! - A client that is slow, dead or greedy keeps others waiting for a bounded number of bytes.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

#[cfg(feature = "guest")]
mod program;
mod server;
#[cfg(test)]
mod tests;

#[cfg(feature = "guest")]
pub use program::serve;
pub use server::{KEPT, MAX_WAITING, SerialServer, Work};
