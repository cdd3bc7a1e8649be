//! The AIROX kernel.
//!
//! The logic is `airox-kernel-core`, safe Rust; everything unsafe is in [`arch`].
#![no_std]
#![no_main]
#![deny(unsafe_code)]

extern crate alloc;

#[allow(unsafe_code)]
mod arch;
