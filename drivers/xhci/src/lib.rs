//! USB host controllers that follow the eXtensible Host Controller Interface, and what hangs on them.
//!
//! # Principles
//! - **One process owns the controller**; drivers of devices are processes of their own, each with a handle that names one interface of one device
//!   ([`airox_api::usb`]). Only that interface's endpoints are theirs, and only the requests that concern nobody else.
//! - **No copy**: transfers are about memory that the class driver owns and lent; the controller is given its address.
//! - **Memory is given back only when the controller has let go of it**: an endpoint is stopped, or its device's slot disabled, first.
//! - **Finding devices is a sequence of waits** and written as one: futures over a synchronous core (`controller.rs`), which is all that touches the hardware.
//!   Events wake them; host tests run them against a model.
//! - **Controller and devices are hostile.** Events name rings and places in them: what does not fit is passed over. A controller that does not answer commands
//!   ends the driver, whose supervisor starts it again with a reset; a device that does not answer is given up.
//!
//! Numbers of sections are those of the xHCI specification 1.2 unless another document is named.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod bus;
mod clients;
mod context;
mod controller;

mod device;
mod hub;
mod pipe;
mod registers;
mod ring;
mod trb;

pub use bus::{Bus, Host};
pub use registers::SetupError;

/// The interface `usb` over a bus, for its dispatcher.
pub struct Requests<H: Host>(pub Bus<H>);
