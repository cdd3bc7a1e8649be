//! CAN by CTU CAN FD cores, an open design of the Czech Technical University, on PCI boards.
//!
//! # Principles
//! - Registers are those of the "CTU CAN FD IP Core Datasheet". The cores take part in the classic format only: frames of CAN FD are passed over.
//! - One of the core's transmit buffers is used, so frames leave in the order in which they were given.
//! - One call does a bounded amount of work whatever the registers say. What a frame says of its length is a claim; where it cannot be, all that was
//!   received is given up, since nobody knows where the next frame begins.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate alloc;

pub mod board;
mod core;
#[cfg(test)]
mod model;
mod registers;
#[cfg(test)]
mod tests;

pub use crate::core::{BadRate, CtuCan};
