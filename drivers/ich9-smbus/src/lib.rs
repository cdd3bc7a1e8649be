//! The SMBus host of Intel's I/O controller hubs, as the ICH9 has it.
//!
//! # Principles
//! - It is a bus of `embedded-hal` ([`Host`] implements `I2c`), as far as an SMBus host can be one; what it cannot do it says. Blocks
//!   are among that: hosts differ in them.
//! - Sections are those of the "Intel I/O Controller Hub 9 (ICH9) Family Datasheet". Each transaction waits for interrupts, for a bounded time, and is
//!   ended by force after it. A host that is gone, or never gets done, costs no more.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate alloc;

mod host;
#[cfg(test)]
mod model;
pub mod registers;
#[cfg(test)]
mod tests;

pub use host::Host;
