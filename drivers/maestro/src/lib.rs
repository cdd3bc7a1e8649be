//! Servos, driven by a Pololu Maestro controller on a serial line.
//!
//! # Principles
//! - The protocol is the "compact" one of "Pololu Maestro Servo Controller User's Guide", section 5. It has no acknowledgement, so each message that sets
//!   targets ends with the question for errors (section 5.e, "Get Errors"): its answer confirms what came before.
//! - Answers have no frame: they are told apart by what was asked last, one question at a time. After one that was not answered the line is left in peace for
//!   a while, and what arrives meanwhile is dropped.
//! - Values are -1 to 1 between the least and the greatest pulse; 0 is the middle. A servo that was never told anything is driven by nothing.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod controller;
#[cfg(test)]
mod tests;

pub use controller::{Controller, MAX_CHANNELS, Settings};
