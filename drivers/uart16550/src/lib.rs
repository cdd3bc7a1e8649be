//! The 16550 UART (National Semiconductor PC16550D) and its descendants.
//!
//! # Principles
//! - Interrupts drive it both ways; received bytes keep their order, and what the device lost is counted.
//! - It is a claim that the device is there: one that does not answer is a typed error.
//! - `backend` is this crate's only unsafe home: the `uart_16550` crate states its contract with unsafe functions.
#![no_std]
#![deny(unsafe_code)]

extern crate alloc;
#[cfg(any(test, feature = "testing"))]
extern crate std;

mod backend;
mod lines;
#[cfg(any(test, feature = "testing"))]
pub mod model;
#[cfg(test)]
mod tests;
mod uart;

pub use airox_driver_traits::serial::LineErrors;
pub use lines::{In, Input, Lines, Out, Output};
pub use uart::{FIFO, Uart, UartError, port_number};
