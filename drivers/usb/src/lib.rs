//! USB apart from any host controller: descriptors, requests, hubs' ports, and what a driver of one interface may ask for.
//!
//! # Principles
//! - **What a device says is hostile.** Every length is checked against the bytes that came; what contradicts itself is refused as a whole, so
//!   nobody who uses a parsed descriptor has to doubt it again. Text loses its control characters.
//! - **A driver of an interface is not one of the device**: [`may_request`] lets it say nothing that changes what the others see.
//!
//! Numbers of sections are those of the Universal Serial Bus Specification 2.0.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod class;
pub mod descriptor;
pub mod hub;
mod permission;
pub mod request;

pub use permission::may_request;
