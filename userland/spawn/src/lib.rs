//! How a process is made from a bundle program.
#![no_std]
#![forbid(unsafe_code)]
