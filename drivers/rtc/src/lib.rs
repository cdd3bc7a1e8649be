//! The CMOS real-time clock of a PC (Motorola MC146818 and its descendants).
//!
//! # Principles
//! - The chip is read once, at the start; from then on the wall clock is that reading plus the monotonic clock, which is finer and
//!   costs no port access. Setting the time writes the chip as well.
//! - The chip keeps UTC.
//! - Its two-digit year means 2000 to 2099. The century register that the FADT may name is ignored: firmware disagrees
//!   on it more often than a robot lives to see 2100.
//! - What the chip says is a claim: a time that does not exist, or that never stands still, is a typed error.
#![no_std]
#![forbid(unsafe_code)]

mod cmos;
mod wall;

pub use cmos::{Cmos, RtcError};
pub use wall::WallClock;
