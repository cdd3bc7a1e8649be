//! The interface `block` over any device that takes several requests at a time.
//!
//! # Principles
//! - **Clients are hostile.** An attachment is known only to who made it; every range is checked against it and against the client's part of
//!   the disk; attachments and requests are bounded, each client's too.
//! - **No copy.** A request names the client's memory by the address that the device uses; this program never maps it.
//! - **What the device answers wrongly ends the driver**, which its supervisor starts again with a reset; clients ask again.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod attachments;
mod batch;
mod blocking;
mod partitions;
#[cfg(feature = "guest")]
mod program;
mod server;

pub use attachments::{Mapper, Memory};
pub use blocking::Blocking;
pub use partitions::{Partition, partitions};
#[cfg(feature = "guest")]
pub use program::{DONE, PATIENCE, TIMER, serve, serve_woken};
pub use server::{BlockServer, Part, Waiter};
