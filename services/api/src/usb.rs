//! An interface of a USB device, for its driver: which, the handle's badge says.
//!
//! Transfers are about memory that the driver lent ([`Usb::attach`]); they go on without it, and when one is over a signal tells. So a driver waits for its
//! device and its own clients in one place. Addresses of memory are the caller's own: nobody learns where memory is.

use airox_api_macros::interface;
use airox_sys::{Region, Signal};
use alloc::vec::Vec;

pub use airox_driver_traits::usb::{
    Description, Done, Endpoint, EndpointKind, Setup, TransferError, UsbAddress, UsbError, UsbFunction,
};

/// Most memory of one driver, in regions.
pub const MAX_ATTACHMENTS: usize = 40;
/// Most transfers of one driver that are under way, or over and not yet taken.
pub const MAX_TRANSFERS: usize = 32;
/// Most transfers that [`Usb::done`] tells of at once.
pub const MAX_DONE: usize = 5;

/// An interface of a USB device.
#[interface(name = "usb")]
pub trait Usb {
    /// Begins. What an earlier program had under way is given up and its memory given back before this is answered. From now on `bits` of `signal`
    /// are notified whenever a transfer is over, and when the device goes.
    #[deferred]
    fn open(#[rights(SEND)] signal: Signal, bits: u64) -> Result<Description, UsbError>;

    /// Lends contiguous memory, at most 4 GiB; returns the address by which transfers name its first byte.
    fn attach(#[rights(READ | WRITE | DMA | COPY)] memory: Region) -> Result<u64, UsbError>;

    /// Takes it back; no transfer may be using it.
    fn detach(address: u64) -> Result<(), UsbError>;

    /// Begins a transfer; see [`UsbFunction::transfer`].
    fn transfer(id: u32, endpoint: u8, address: u64, length: u32) -> Result<(), UsbError>;

    /// Begins a request; see [`UsbFunction::request`].
    fn request(id: u32, setup: Setup, address: u64) -> Result<(), UsbError>;

    /// Begins to recover an endpoint; see [`UsbFunction::recover`].
    fn recover(id: u32, endpoint: u8) -> Result<(), UsbError>;

    /// The transfers that are over, oldest first, at most [`MAX_DONE`]; none when there are no more.
    #[inline_reply]
    fn done() -> Result<Vec<Done>, UsbError>;
}
