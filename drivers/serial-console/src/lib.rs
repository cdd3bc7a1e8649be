//! Console over a 16550 UART.
//!
//! # Principles
//! - Interrupts drive it both ways; the only wait is that of a flush for the last character on the wire.
//! - The line is hostile: noise, floods and errors are counted and never stop the driver, and one call of the driver does a
//!   bounded amount of work, so that clients are served during a flood.
#![no_std]
#![forbid(unsafe_code)]

mod options;
mod serial;

pub use options::{BadOption, Options};
pub use serial::{SPEED, SerialConsole};
