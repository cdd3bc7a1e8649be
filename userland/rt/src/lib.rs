//! What every ring-3 AIROX program links: entry, heap, typed handles, server loop, executor, logging, time.
//!
//! # A program
//! ```ignore
//! #![no_std]
//! #![no_main]
//! airox_rt::entry!(main);
//!
//! fn main(start: &'static airox_rt::Start) -> Result<(), airox_rt::StartError> {
//!     log::info!("hello from {}", start.name());
//!     Ok(())
//! }
//! ```
//! Its package has a feature `guest = ["dep:airox-rt", "airox-rt/guest"]` and the binary needs that feature, so a plain
//! `cargo build` on the host never links it.
//!
//! # A server
//! An interface is a trait of `airox-api`; a server implements it and hands its dispatcher to the loop:
//! ```no_run
//! # mod program {
//! use airox_api::clock::{Clock, ClockDispatcher, ClockError, ClockInterface};
//! use airox_api::Caller;
//! use airox_rt::{Start, StartError, server};
//!
//! struct Fixed(u64);
//!
//! impl Clock for Fixed {
//!     fn now(&mut self, _caller: Caller) -> Result<u64, ClockError> {
//!         Ok(self.0)
//!     }
//!     fn set(&mut self, caller: Caller, unix_ns: u64) -> Result<(), ClockError> {
//!         if caller.badge != 0 {
//!             return Err(ClockError::NotAllowed);
//!         }
//!         self.0 = unix_ns;
//!         Ok(())
//!     }
//! }
//!
//! fn main(start: &'static Start) -> Result<(), StartError> {
//!     let port = start.served_port::<ClockInterface>()?;
//!     Ok(server::serve(port, ClockDispatcher(Fixed(0)))?)
//! }
//! # }
//! # fn main() {}
//! ```
//! A server that also waits for interrupts or timers binds a signal: [`server::Server`]. One that answers some calls later takes the
//! [`airox_api::Deferred`] of a `#[deferred]` method to wherever the answer will come from, or to a future: [`task`].
//!
//! # Principles
//! - What a program may do is in its handles; [`Start`] hands each out once.
//! - Everything that can fail says so by a `Result`; a panic ends the program, and its supervisor hears why.
//! - Unsafe code lives in `airox-sys` and in the modules here that say so: entry, heap, memory, threads, C functions.
#![no_std]
#![deny(unsafe_code)]
#![warn(missing_docs)]

extern crate alloc;
#[cfg(test)]
extern crate std;

#[allow(unsafe_code)]
mod entry;
#[allow(unsafe_code)]
mod heap;
#[allow(unsafe_code)]
pub mod intrinsics;
pub mod logging;
#[allow(unsafe_code)]
pub mod memory;
#[cfg_attr(not(feature = "guest"), allow(dead_code))]
mod panic;
pub mod periodic;
pub mod server;
pub mod start;
#[allow(unsafe_code)]
pub mod sync;
pub mod task;
#[allow(unsafe_code)]
pub mod thread;
pub mod time;

/// System calls over raw handles, one function for each; see [`airox_sys::call`].
pub mod sys {
    pub use airox_sys::call::*;
    pub use airox_sys::*;
}

pub use airox_abi as abi;
pub use airox_abi::root::RootBlock;
pub use airox_abi::{BudgetFlags, Error, Handle, MapFlags, ObjectKind, QuotaKind, QuotaLimits, RegionKind, Rights};
pub use airox_api as api;
pub use airox_sys::io::PortRange;
pub use airox_sys::volatile::Window;
pub use airox_sys::{
    AnyHandle, Budget, IoPorts, Irq, Machine, Port, Process, Quota, Region, Reply, Signal, Thread, TypedHandle,
};
#[doc(hidden)]
pub use entry::{enter_program, enter_root};
pub use memory::Mapping;
pub use start::{Start, StartError};

/// Exit codes that the runtime itself uses.
pub mod exit_code {
    /// `main` returned `Ok`.
    pub const SUCCESS: i64 = 0;
    /// `main` returned an error; the log says which.
    pub const FAILURE: i64 = 1;
    /// The start block could not be read.
    pub const BAD_START_BLOCK: i64 = 100;
    /// The program panicked; the supervisor was told where.
    pub const PANIC: i64 = 101;
    /// The heap could not be mapped.
    pub const NO_HEAP: i64 = 102;
    /// A driver's device is not there; for drivers to use.
    pub const NO_DEVICE: i64 = airox_api::start::EXIT_NO_DEVICE;
}

/// Makes `fn main(start: &'static Start) -> Result<(), impl Display>` the program's entry.
///
/// The binary says `#![deny(unsafe_code)]`, not `forbid`: the exported symbol needs an exception, made here.
#[macro_export]
macro_rules! entry {
    ($main:path) => {
        // SAFETY: 1. a program has one entry, so no other symbol has this name.
        #[allow(unsafe_code)]
        #[unsafe(no_mangle)]
        extern "C" fn airox_program() -> ! {
            $crate::enter_program($main)
        }
    };
}

/// Makes `fn main(root: &'static RootBlock) -> !` the entry of a root program. Its heap has 4 MiB, or as many bytes as the
/// second argument says.
#[macro_export]
macro_rules! root_entry {
    ($main:path) => {
        $crate::root_entry!($main, 4 << 20);
    };
    ($main:path, $heap_bytes:expr) => {
        // SAFETY: 1. a program has one entry, so no other symbol has this name.
        #[allow(unsafe_code)]
        #[unsafe(no_mangle)]
        extern "C" fn airox_program() -> ! {
            $crate::enter_root($main, $heap_bytes)
        }
    };
}
