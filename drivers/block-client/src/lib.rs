//! A disk over the `block` interface, as a [`BlockDevice`](airox_driver_traits::block::BlockDevice).
//!
//! # Principles
//! - **A driver's restart is not its clients' business.** What was not acknowledged is asked again, writes since the last
//!   flush that succeeded are written again first, and only then does the request go on.
//! - **Bounded.** Those writes are kept in a limited amount of memory. If there were more and the driver is restarted, nobody
//!   can say whether all of them are on the disk: the next flush fails, once, and says so.
//! - **One copy.** Blocks travel by DMA to and from one contiguous region of the client's; the driver never sees them.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod disk;
mod kept;
mod port;
#[cfg(test)]
mod tests;

pub use disk::{Answer, Direction, Remote, RemoteDisk};
pub use port::PortDisk;

/// A disk over a port.
pub type Disk = RemoteDisk<PortDisk>;
