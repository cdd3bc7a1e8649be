//! The CMOS real-time clock.
#![no_std]
#![forbid(unsafe_code)]
