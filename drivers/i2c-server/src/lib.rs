//! The interface `i2c` over any bus that implements [`I2c`](airox_driver_traits::i2c::I2c) of `embedded-hal`.
//!
//! # Principles
//! - A transaction takes some milliseconds at most, which its driver sees to; meanwhile other callers wait at the port. A bus is one thing at a time.
//! - What could destroy a memory module is not done: their identification is in EEPROMs that anybody on the bus could write.
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
pub use server::I2cServer;
