//! The benchmark program behind cargo xtask bench.
#![no_std]
#![forbid(unsafe_code)]
