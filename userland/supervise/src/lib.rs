//! How a supervisor keeps processes running: what init does for components and the device manager for drivers.
//!
//! # Principles
//! - **Ports outlive servers.** A supervisor keeps the ports of what may be restarted, so clients' handles stay valid.
//! - **An end is an end.** What is left of an instance is killed, and all it was given is taken back, copies it passed on included,
//!   before there is another one.
//! - Only arithmetic on a policy and a past decides about restarts ([`restart`]).
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod component;
mod life;
mod owned;
pub mod restart;

pub use life::{Severity, StartError, Verdict, Watch, next_wake, time_request};
pub use owned::{Minted, Owned};

use airox_abi::Handle;
use airox_spawn::Kernel;

/// Closes one of the supervisor's own handles, which is always valid.
pub fn close<K: Kernel>(kernel: &mut K, handle: Handle) {
    let closed = kernel.handle_close(handle);
    debug_assert_eq!(closed, Ok(()), "a supervisor closes each handle once");
}
