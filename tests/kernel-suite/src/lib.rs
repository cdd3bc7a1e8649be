//! The kernel test suite: a root program that tries every system call, right and fault on the real
//! kernel, from ring 3.
//!
//! # Principles
//! - **Every fault kind, every right and every bad pointer is a named test**; `--filter` picks some.
//! - **Nothing leaks, ever**: after every single test the kernel's object and frame counts must be what
//!   they were before it. No test has to ask for that.
//! - **The suite uses no heap**, so what it holds does not change between tests.
//! - **A failure is reproduced from a seed**: the random storm prints the seed it runs with.
//!
//! This library holds what needs no kernel and is therefore tested on the host: the options, the
//! random numbers, fixed-size text and the storm's choice of calls. The binary holds the tests.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

pub mod options;
pub mod random;
pub mod registers;
pub mod storm_plan;
pub mod text;
