//! Console over a 16550 UART.
//!
//! # Principles
//! - Interrupts drive it both ways; the only wait is that of a flush for the last character on the wire.
//! - The line is hostile: noise, floods and errors are counted and never stop the driver, and one call of the driver does a
//!   bounded amount of work, so that clients are served during a flood.
//! - `backend` is this crate's only unsafe home: the `uart_16550` crate states its contract with unsafe functions.
#![no_std]
#![deny(unsafe_code)]

mod backend;
mod options;
mod serial;
mod uart;

pub use options::{BadOption, Options};
pub use serial::SerialConsole;
pub use uart::{LineErrors, Uart, UartError};
