//! The root task: starts the system and supervises it.
//!
//! # Principles
//! - **All authority starts here and leaves.** Init mints exactly the resources the system record names, hands them out,
//!   and closes what no restart will need; the authority to mint more is gone before the first component runs.
//! - **Ports outlive servers.** Init keeps the ports of what may be restarted, so clients' handles stay valid.
//! - **Init never waits for anyone.** Its supervisor thread only receives. Messages for the log server go through a queue to a
//!   second thread, which may be stuck in a call to a dead log server without any harm.
//! - The policy ([`restart`], [`plan`]) and the supervisor itself ([`supervisor`]) are a library over the trait
//!   [`airox_spawn::Kernel`], tested on the host; the binary only wires.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod files_queue;
pub mod house;
pub mod journal;
mod pci;
pub mod plan;
pub mod queue;
pub mod requests;
pub mod resources;
mod serve;
pub mod supervisor;

pub use airox_supervise::{component, restart};
