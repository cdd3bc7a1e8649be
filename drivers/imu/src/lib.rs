//! The Bosch BNO055, an IMU with sensor fusion, on its serial line.
//!
//! Sections, tables and registers are those of the data sheet BST-BNO055-DS000, revision 1.4.
//!
//! # Principles
//! - The protocol has no checksum (section 4.7), so each reading brings along the registers that show whether it can be believed: the
//!   mode, the units, the system's status. A chip that was reset in between is found by them, and set up again.
//! - One request at a time; each has a time limit and a few tries, and after those the chip is set up from the beginning. Nothing the
//!   chip sends, and nothing it keeps to itself, stops the driver.
//! - Values leave here in SI units; register scales are in one place ([`Sample`]).
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod chip;
mod frame;
pub mod registers;
mod sample;
#[cfg(test)]
mod tests;

pub use chip::{Chip, MAX_RATE};
pub use frame::{Answer, Parser, Request, Status};
pub use sample::{CHANNELS, Sample, SampleError};
