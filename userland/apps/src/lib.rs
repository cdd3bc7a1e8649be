//! Programs a person runs.
#![no_std]
#![forbid(unsafe_code)]
