//! The runtime's test suite: a root program that uses `airox-rt` as servers and clients do, on the real kernel.
//!
//! Client and server are threads of one process: the kernel treats their messages like any others. What the kernel itself
//! promises is the kernel suite's business; here it is what programs are built from.
//!
//! This library holds the interface the tests talk over; the tests are the binary `runtime-suite`, which needs the
//! feature `guest`.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod probe;
