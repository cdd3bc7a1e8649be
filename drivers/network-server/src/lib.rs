//! The interface `network` on any [`NetworkDevice`](airox_driver_traits::network::NetworkDevice).
//!
//! # Principles
//! - **A slow client loses frames, and nobody else does**: each has a queue of its own, which is bounded.
//! - **What is sent is taken at once or refused**: nothing waits here, so no client can make the driver grow.
//! - **A flood costs bounded work** between two clients' calls.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

#[cfg(feature = "guest")]
mod program;
mod server;
#[cfg(test)]
mod tests;

#[cfg(feature = "guest")]
pub use program::serve;
pub use server::{MAX_CLIENTS, MAX_FRAMES, NetworkServer, Work};
