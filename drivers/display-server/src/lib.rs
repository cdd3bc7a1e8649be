//! The interface `display` over any device that implements [`Display`](airox_driver_traits::display::Display).
//!
//! # Principles
//! - Pictures never pass through the driver, which does not even map them: a client lends memory, and the device reads it.
//! - A display that does not do as it is told is of no use until it has been reset: its driver ends, and the next one does that.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

#[cfg(feature = "guest")]
mod program;
mod server;
#[cfg(test)]
mod tests;

#[cfg(feature = "guest")]
pub use program::serve;
pub use server::{DisplayServer, Memory};
