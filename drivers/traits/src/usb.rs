//! An interface of a USB device, as its driver has it: transfers to its endpoints and requests to it, several under way at a time, all of
//! them about memory that the host controller reaches by itself.
//!
//! Numbers of sections are those of the Universal Serial Bus Specification 2.0.

use crate::pci::BusAddress;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use serde::{Deserialize, Serialize};

/// Where an interface of a USB device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct UsbAddress {
    /// The host controller.
    pub controller: BusAddress,
    /// The ports that lead to it: of the controller, of the hub there, and so on; 0 behind the last.
    pub ports: [u8; UsbAddress::MOST_PORTS],
    /// The interface's number.
    pub interface: u8,
}

impl UsbAddress {
    /// Most ports on the way to a device: a controller's, and those of five hubs one behind the other (section 4.1.1).
    pub const MOST_PORTS: usize = 6;
}

impl fmt::Display for UsbAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.controller.fmt(formatter)?;
        for (index, port) in self.ports.iter().take_while(|port| **port != 0).enumerate() {
            write!(formatter, "{}{port}", if index == 0 { '/' } else { '.' })?;
        }
        write!(formatter, ":{}", self.interface)
    }
}

/// How an endpoint transfers (section 5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EndpointKind {
    /// Requests and answers.
    Control,
    /// In time, and never again.
    Isochronous,
    /// Much, whenever there is time.
    Bulk,
    /// Little, seldom, soon.
    Interrupt,
}

/// An endpoint of an interface (section 9.6.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Its number, and bit 7 if it sends to the host.
    pub address: u8,
    /// How it transfers.
    pub kind: EndpointKind,
    /// Most bytes of a packet.
    pub packet: u16,
    /// Of an interrupt endpoint: how often it wants to be asked, in a unit that depends on its speed.
    pub interval: u8,
    /// Packets that it takes at once besides the first, from its companion descriptor (USB 3.2, section 9.6.7).
    pub burst: u8,
}

impl Endpoint {
    /// The bit of an address that says: to the host.
    pub const IN: u8 = 1 << 7;

    /// Whether it sends to the host.
    #[must_use]
    pub const fn is_in(&self) -> bool {
        self.address & Endpoint::IN != 0
    }
}

/// An interface of a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// Where it is.
    pub address: UsbAddress,
    /// Its device's vendor, product and release.
    pub device: (u16, u16, u16),
    /// Its class, subclass and protocol: `0xCCSSPP`.
    pub class: u32,
    /// Its endpoints, apart from the device's endpoint 0.
    pub endpoints: Vec<Endpoint>,
    /// What the device calls itself.
    pub name: String,
}

/// A request to a device or a part of it (section 9.3). Its length is that of the memory that goes with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setup {
    /// To whom, of which kind, in which direction.
    pub kind: u8,
    /// Which.
    pub request: u8,
    /// Its argument,
    pub value: u16,
    /// and another, or the interface or endpoint that is meant.
    pub index: u16,
    /// Bytes of data that follow or are wanted.
    pub length: u16,
}

impl Setup {
    /// The bit of `kind` that says: data to the host.
    pub const IN: u8 = 1 << 7;
    /// A request of the interface's class, in `kind`.
    pub const CLASS: u8 = 1 << 5;
    /// A request of the device's vendor, in `kind`.
    pub const VENDOR: u8 = 2 << 5;
    /// To an interface, in `kind`.
    pub const INTERFACE: u8 = 1;
    /// To an endpoint, in `kind`.
    pub const ENDPOINT: u8 = 2;

    /// The eight bytes of it, as a little-endian number.
    #[must_use]
    pub fn bits(&self) -> u64 {
        let [low, high] = self.value.to_le_bytes();
        let ([index, more], [length, most]) = (self.index.to_le_bytes(), self.length.to_le_bytes());
        u64::from_le_bytes([self.kind, self.request, low, high, index, more, length, most])
    }
}

/// How a transfer failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TransferError {
    /// The endpoint refused it, and refuses all until it is recovered; endpoint 0 recovers by itself.
    Stalled,
    /// It did not get through, or the device sent more than was asked for. The endpoint must be recovered.
    Failed,
    /// It was given up when its endpoint was recovered.
    Cancelled,
    /// The device has gone.
    Gone,
}

impl fmt::Display for TransferError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            TransferError::Stalled => "the device refused a transfer",
            TransferError::Failed => "a transfer failed",
            TransferError::Cancelled => "a transfer was given up",
            TransferError::Gone => "the device has gone",
        })
    }
}

impl core::error::Error for TransferError {}

/// A transfer that is over: its number, and how many bytes it moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// Its number.
    pub id: u32,
    /// Bytes moved; fewer than asked for if the device had no more.
    pub result: Result<u32, TransferError>,
}

/// Why a transfer was not begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum UsbError {
    /// The interface has no such endpoint.
    NoSuchEndpoint,
    /// Such a request is not for a driver of this interface.
    NotAllowed,
    /// The memory was not attached, or the range leaves it, or is too long.
    BadMemory,
    /// Too much is under way or attached.
    Full,
    /// The endpoint takes no transfers before it has been recovered, or while it is.
    Halted,
    /// The device has gone, or the interface has not been opened.
    Gone,
    /// The kernel refused what it needed, with this code of `airox_abi::Error`.
    Kernel(u32),
}

impl fmt::Display for UsbError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            UsbError::NoSuchEndpoint => "the interface has no such endpoint",
            UsbError::NotAllowed => "such a request is not allowed",
            UsbError::BadMemory => "the memory cannot be used for a transfer",
            UsbError::Full => "too many transfers or attachments",
            UsbError::Halted => "the endpoint must be recovered first",
            UsbError::Gone => "the device has gone",
            UsbError::Kernel(code) => return write!(formatter, "the kernel refused with code {code}"),
        })
    }
}

impl core::error::Error for UsbError {}

/// An interface of a device, for its driver. Numbers of transfers are the driver's own; each comes back once.
pub trait UsbFunction {
    /// Begins a transfer of `length` bytes at `address` to or from an endpoint.
    ///
    /// # Errors
    /// [`UsbError`]; then nothing comes back.
    fn transfer(&mut self, id: u32, endpoint: u8, address: u64, length: u32) -> Result<(), UsbError>;

    /// Begins a request to the interface, one of its endpoints or, if it is the device's only one, the device; its data is at `address`.
    ///
    /// # Errors
    /// [`UsbError`]; then nothing comes back.
    fn request(&mut self, id: u32, setup: Setup, address: u64) -> Result<(), UsbError>;

    /// Gives up what is under way at an endpoint and begins to make it work again, device and host controller agreeing on where they are. What was under
    /// way comes back before `id` does.
    ///
    /// # Errors
    /// [`UsbError`]; then nothing comes back.
    fn recover(&mut self, id: u32, endpoint: u8) -> Result<(), UsbError>;

    /// The next transfer that is over.
    ///
    /// # Errors
    /// [`UsbError::Gone`]: nothing comes back any more.
    fn next_done(&mut self) -> Result<Option<Done>, UsbError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_shown_by_ports() {
        let controller = BusAddress { bus: 0, device: 3, function: 0 };
        let behind = UsbAddress { controller, ports: [5, 1, 0, 0, 0, 0], interface: 2 };
        assert_eq!(alloc::format!("{behind}"), "00:03.0/5.1:2");
        let deepest = UsbAddress { ports: [5, 1, 2, 3, 4, 15], ..behind };
        assert_eq!(alloc::format!("{deepest}"), "00:03.0/5.1.2.3.4.15:2");
        assert!(behind < deepest);
    }

    #[test]
    fn a_request_is_eight_bytes() {
        let setup = Setup { kind: 0x80, request: 6, value: 0x0100, index: 0x0409, length: 18 };
        assert_eq!(setup.bits().to_le_bytes(), [0x80, 6, 0, 1, 9, 4, 18, 0]);
    }
}
