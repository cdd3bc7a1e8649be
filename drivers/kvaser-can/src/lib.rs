//! CAN by the SJA1000, on Kvaser's PCI boards.
//!
//! # Principles
//! - The chip's logic ([`Sja1000`]) is generic over register access: behind I/O ports as here, or behind memory as on other boards.
//! - Sections are those of the data sheet "SJA1000 Stand-alone CAN controller" of 2000-01-04. The chip is in PeliCAN mode, accepts all frames, and
//!   repeats a frame until another node acknowledges it.
//! - One call does a bounded amount of work whatever the registers say; a chip that is gone reads as all ones, and is told.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod board;
#[cfg(test)]
mod model;
mod registers;
mod sja1000;
#[cfg(test)]
mod tests;

pub use sja1000::{Sja1000, StartError};
