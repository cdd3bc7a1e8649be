//! A disk over the `block` interface, as a [`BlockDevice`](airox_driver_traits::block::BlockDevice).
//!
//! # Principles
//! - **A driver's restart is not its clients' business.** What was not acknowledged is asked again, writes since the last
//!   flush that succeeded are written again first, and only then does the request go on.
//! - **Bounded.** Those writes stay in the memory from which the device took them; when it is full, there is a flush.
//! - **Few requests.** Writes wait for a flush, a read, or more of them, and then travel together, the flush with them. So an error of a write may be told by a
//!   later request; the next flush tells it in any case.
//! - **One copy.** Blocks travel by DMA between the device and one contiguous region of the client's; the driver never sees them.
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

pub use disk::{Answer, Remote, RemoteDisk};
pub use port::PortDisk;

/// A disk over a port.
pub type Disk = RemoteDisk<PortDisk>;
