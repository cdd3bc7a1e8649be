//! Programs a person runs, and the logic behind them.
//!
//! | program | shows |
//! |---|---|
//! | `hello` | arguments and the clock |
//! | `primes` | a computation with progress, to be timed or interrupted |
//! | `fault` | each way a program can go wrong, and what the system makes of it |
//! | `ping-pong` | the cost of a call between two threads |
//! | `file-bench` | how fast files are |
//! | `file-storm` | files that lose nothing, whoever dies |
//! | `hog` | a program that never waits, and does not disturb those of higher priority |
//! | `processors` | threads on all processors at once |
//! | `memory-hog` | a quota that refuses |
//!
//! Each prints its usage on `--help`. What computes is here and tested on the host; the binaries only wire.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod arguments;
pub mod console;
pub mod fault;
pub mod file_bench;
pub mod file_storm;
pub mod latency;
pub mod parallel;
pub mod primes;
#[cfg(feature = "guest")]
pub mod program;
pub mod statistics;
