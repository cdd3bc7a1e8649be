//! The interface `watchdog` over any device that implements [`WatchdogTimer`](airox_driver_traits::watchdog::WatchdogTimer).
//!
//! # Principles
//! - The driver never feeds by itself: a driver that is alive says nothing of the system. It feeds when it is told to, by whom the system file lets open the
//!   device.
//! - A watchdog that runs is never stopped, also not by the end of its driver: the next instance finds it running.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(feature = "guest")]
extern crate alloc;

#[cfg(feature = "guest")]
mod program;
mod server;
#[cfg(test)]
mod tests;

#[cfg(feature = "guest")]
pub use program::serve;
pub use server::WatchdogServer;
