//! The kernel's logic, as safe Rust over a [`machine::Machine`]: on the bare machine the trait is
//! implemented by `kernel/src/arch`, in host tests by a model that keeps "physical memory" in a map.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod context;
pub mod machine;
