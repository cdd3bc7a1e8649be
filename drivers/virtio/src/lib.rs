//! Virtio devices on PCI: the transport that sets a device up, and the queue that carries its requests.
//!
//! Section numbers are those of "Virtual I/O Device (VIRTIO) Version 1.2". Only modern devices (`VIRTIO_F_VERSION_1`) are driven.
//!
//! # Principles
//! - **Buffers are addresses.** A queue never sees their bytes: they may be a client's memory, which the driver does not even map. That is
//!   why the queue is here: the crate `virtio-drivers` takes buffers as Rust references, which must not exist to memory that a client changes.
//! - **The device is hostile.** The driver keeps its own account of every descriptor and reads none back; an answer to what was not asked ends
//!   the device's use ([`Broken`](airox_driver_traits::queue::Broken)), and every wait is bounded.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod boxes;
#[cfg(any(test, feature = "model"))]
pub mod model;
mod queue;
#[cfg(test)]
mod tests;
mod transport;

pub use boxes::{Inbox, Outbox, Shape};
pub use queue::{Buffer, Queue};
pub use transport::{SetupError, Transport, feature};
