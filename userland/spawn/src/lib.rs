//! How a process is made from a bundle program, and how its faults are told to people.
//!
//! # Principles
//! - **No copy where none is needed.** Text and read-only data are mapped straight from the bundle's
//!   region. Start block, writable data, zeroed data and stack are four parts of one fresh region, so a process
//!   costs one region, one temporary mapping, and four mappings of its own.
//! - **All or nothing.** Whatever step fails, everything made before it is undone; [`SpawnError`] names the step.
//! - **The kernel is a trait** ([`Kernel`]), so that this crate and the supervisors built on it are tested on the host,
//!   every failure injected, against a model that counts what is left over ([`mock`]).
//!
//! The child gets no handle to its own image: it can neither unprotect its text nor write its start block.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(any(test, feature = "mock"))]
extern crate std;

pub mod describe;
pub mod fault;
mod image;
mod kernel;
#[cfg(any(test, feature = "mock"))]
pub mod mock;
mod request;
mod spawn;
mod system;

pub use image::ImageError;
pub use kernel::Kernel;
pub use request::{BudgetRequest, Grant, QuotaSource, SpawnError, SpawnRequest, Spawned, Step, TimeRequest};
pub use spawn::spawn;
pub use system::SystemKernel;
