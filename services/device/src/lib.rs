//! The device manager: a supervisor of drivers.
//!
//! # Principles
//! - **A driver gets exactly its device**: the memory and ports behind its base address registers, its interrupts, the right to let the device use
//!   memory of its own choosing, and nothing else. Configuration space stays here; a driver is told a copy.
//! - **What a device says is a claim**: header, registers' sizes, capability lists, bridges' bus numbers. Every walk is bounded, and a device
//!   that lies loses at most itself.
//! - **Memory that a device may still use is kept**: of a driver that died until its successor has reset the device, whatever became of
//!   who owned it.
//! - **A device reaches its driver's memory**, the regions that were mapped for it, and no other, where the machine has a remapping unit
//!   ([`confinement`]). Without one the system file says whose devices are trusted with all memory.
//! - **Ports outlive drivers** and clients' handles stay valid, as with init's components (`airox-supervise`).
//! - Logic is a library over [`Platform`], tested on the host against a model machine; the binary only wires.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod arguments;
pub mod bars;
pub mod children;
mod claim;
pub mod clients;
pub mod confinement;
pub mod function;
pub mod hotplug;
pub mod manager;
pub mod memory;
pub mod messages;
pub mod platform;
pub mod scan;
pub mod slot;
pub mod supervision;
pub mod wiring;

pub use manager::Manager;
pub use platform::Platform;

/// The interfaces `device` and `supervisor` over a manager, for their dispatchers.
#[derive(Debug)]
pub struct Requests<'m, M>(pub &'m mut M);
