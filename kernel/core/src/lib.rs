//! The kernel's logic, as safe Rust over a [`machine::Machine`]: on the bare machine the trait is
//! implemented by `kernel/src/arch`, in host tests by a model that keeps "physical memory" in a map.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod address_space;
mod at_once;
mod budget;
mod capability;
mod clock;
pub mod context;
pub mod fast_path;
mod fault;
mod frames;
mod kernel;
mod lending;
mod list;
pub mod machine;
mod object;
mod port;
mod process;
mod processor;
mod quota;
mod region;
mod resource;
mod root;
mod scheduler;
mod signal;
mod slab;
mod snapshot;
mod system_call;
mod thread;
mod timers;
mod trace;
mod transfer;

#[cfg(test)]
mod tests;

/// What a system call comes to.
type Result<T> = core::result::Result<T, airox_abi::Error>;

pub use fault::Exception;
pub use kernel::{Boot, BootError, Capacity, Kernel};
pub use root::RootImage;
