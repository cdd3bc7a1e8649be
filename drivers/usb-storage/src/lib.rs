//! A USB disk or stick: SCSI commands (SBC-3, SPC-4), one after the other, by the Bulk-Only Transport 1.0.
//!
//! # Principles
//! - **One state machine** ([`Transport`]) does a command: its wrapper out, data, the status in; where anything goes wrong it follows the
//!   specification's way back (section 5.3.4: reset, then both endpoints), and says that the command failed.
//! - **What failed is asked why** (REQUEST SENSE) and tried again where that may help, a bounded number of times.
//! - **No copy**: data is in the client's memory, which the controller reaches by itself.
//! - A device that does not keep to the protocol is hostile: it gets errors, and at last a restart of its driver.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod command;
mod disk;
mod transport;

pub use disk::{Disk, SetupError};
pub use transport::MEMORY;
