//! The interfaces between AIROX programs: one module for each, with its types and errors.
//!
//! # How an interface is made
//! One trait with [`interface`] on it. The macro generates, for `trait Log` named "log":
//! - `Log`: the trait a server implements (`&mut self` and the [`Caller`] are added to every method);
//! - `LogClient`: the typed client over a port; every method returns `Result<T, CallError<E>>`;
//! - `LogDispatcher`: turns a message into a call of a `Log` and its result into a reply;
//! - `LogInterface`: name, id and method names, as an [`Interface`];
//! - `INFO`: the same as data, with the decoder that `cargo xtask inspect` uses.
//!
//! Method numbers are the methods' places in the trait, so a method is added at the end. Names, numbers and
//! errors exist in this one place only.
//!
//! # How arguments travel
//! | in the trait | client passes | server gets | in the message |
//! |---|---|---|---|
//! | `T`, `&str` | the same | the same | postcard, in the words; in a read lease if longer than 64 bytes |
//! | `&T`, `&[T]` | the same | `T`, `Vec<T>` | likewise |
//! | `&[u8]` | the same | [`ReadLease`] | a read lease |
//! | `&mut [u8]` | the same | [`WriteLease`] | a write lease |
//! | `Port`, `Signal`, ... | `&Port`, ... | `Port`, ... | a copy of the handle; `#[rights(SEND)]` limits its rights |
//! | `Option<Port>`, ... | `Option<&Port>` | `Option<Port>` | a copy, or nothing |
//!
//! A method's result is a `Result<T, E>`. Handles in `T` (itself, or an element of a tuple) are handed over. A `T` that may not
//! fit in 64 bytes of postcard is written to a buffer the client lends: 4096 bytes, or `#[reply_bytes(n)]`.
//! `#[inline_reply]` says that `T` always fits; types made of numbers only need no such word.
//!
//! `#[deferred]` on a method lets its server answer later: it gets a [`Deferred`] and returns nothing.
//!
//! Everything a message claims is checked by the dispatcher; what is wrong is answered with a [`ProtocolError`] and
//! never reaches the server's code.
#![no_std]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

extern crate alloc;
// The generated code names this crate from outside.
extern crate self as airox_api;

pub mod actuator;
pub mod block;
pub mod can;
pub mod clock;
pub mod console;
pub mod device;
pub mod display;
pub mod entropy;
pub mod file_system;
pub mod files;
pub mod i2c;
pub mod input;
pub mod log;
pub mod network;
pub mod power;
pub mod process;
pub mod sensor;
pub mod serial;
pub mod start;
pub mod supervisor;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;
pub mod usb;
pub mod watchdog;
pub mod wire;

pub use airox_api_macros::interface;
pub use wire::{
    CallError, Caller, Client, Deferred, Dispatch, Incoming, Interface, InterfaceInfo, Outcome, ProtocolError,
    ReadLease, ReplyMessage, SavedLease, Transport, WriteLease,
};

/// Every interface of this crate, for debuggers.
pub const INTERFACES: &[&InterfaceInfo] = &[
    &actuator::INFO,
    &block::INFO,
    &can::INFO,
    &clock::INFO,
    &console::INFO,
    &device::INFO,
    &display::INFO,
    &entropy::INFO,
    &i2c::INFO,
    &input::INFO,
    &log::INFO,
    &network::INFO,
    &power::INFO,
    &process::INFO,
    &sensor::INFO,
    &serial::INFO,
    &supervisor::INFO,
    &usb::INFO,
    &watchdog::INFO,
];

/// The interface with this id, which is the label of its ports.
#[must_use]
pub fn interface_by_id(id: u64) -> Option<&'static InterfaceInfo> {
    INTERFACES.iter().copied().find(|info| u64::from(info.id) == id)
}
