//! The process server: spawns programs from the bundle with chosen grants, and tells about every process.
//!
//! # Principles
//! - **A program gets a console, a log, a clock and files**, and nothing else: the console its caller passes, handles to the log and the file service
//!   badged with the program's number, the server's clock. Files are those its caller gives, which can only be its own. Its memory and objects are carved out of this server's quota.
//! - **Programs don't outlive their server.** A process ends with its creator, so when this server dies nothing is left of
//!   them, and who waited for one gets `ServerDied`.
//! - **No deadline is ever given up for a new program**: one that asks for a budget or a high priority is admitted only if the analysis that
//!   `cargo xtask check` made of the system file still holds with it, and with all that run already.
//! - **Numbers are shared**: components count from 1 (init's list), programs from [`FIRST_PROGRAM`]; a number is also the badge at the
//!   log, and is not used again before all others were.
//! - The logic ([`server`], [`table`]) is a library over [`airox_spawn::Kernel`] and [`site::Init`], tested on the host.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod admit;
mod files;
pub mod server;
pub mod site;
pub mod table;

pub use table::FIRST_PROGRAM;
