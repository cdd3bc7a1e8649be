//! An Ethernet interface: frames in, frames out.
//!
//! A frame is destination, source, type and payload (IEEE 802.3, clause 3), without preamble and check sequence, which the device adds and checks.

use alloc::vec::Vec;
use core::fmt;
use serde::{Deserialize, Serialize};

use crate::queue::{Broken, Full};

/// Bytes of the shortest frame that makes sense: both addresses and the type. Devices pad what is too short for the wire.
pub const MIN_FRAME: usize = 14;
/// Bytes of the longest frame.
pub const MAX_FRAME: usize = 1514;

/// The address of an interface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MacAddress(pub [u8; 6]);

impl MacAddress {
    /// Everybody.
    pub const BROADCAST: MacAddress = MacAddress([0xff; 6]);
}

impl fmt::Display for MacAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, others @ ..] = self.0;
        write!(formatter, "{first:02x}")?;
        others.iter().try_for_each(|byte| write!(formatter, ":{byte:02x}"))
    }
}

/// The wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Whether somebody is at the other end.
    pub up: bool,
    /// Millions of bits a second, if the device tells.
    pub megabits: Option<u32>,
}

/// What was counted since the driver started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Frames that came and made sense.
    pub received: u64,
    /// Their bytes.
    pub received_bytes: u64,
    /// Frames that were given to the device.
    pub sent: u64,
    /// Their bytes.
    pub sent_bytes: u64,
    /// Frames that came and that a client was too slow to take.
    pub dropped: u64,
    /// Frames that came damaged, cut, or shorter than a frame can be.
    pub errors: u64,
}

/// Why a frame was not sent or none came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NetworkError {
    /// A frame is [`MIN_FRAME`] to [`MAX_FRAME`] bytes long.
    BadLength,
    /// The device has as many frames to send as it can take, or too many calls wait.
    Busy,
    /// No frame came in time.
    TimedOut,
}

impl fmt::Display for NetworkError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NetworkError::BadLength => write!(formatter, "a frame has {MIN_FRAME} to {MAX_FRAME} bytes"),
            NetworkError::Busy => formatter.write_str("the interface has too much to do"),
            NetworkError::TimedOut => formatter.write_str("no frame came in time"),
        }
    }
}

impl core::error::Error for NetworkError {}

/// A frame that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// Its bytes, [`MIN_FRAME`] to [`MAX_FRAME`] of them.
    Frame(Vec<u8>),
    /// It was damaged, cut or too short.
    Damaged,
}

impl Received {
    /// Bytes that came, if they are as many as a frame can have.
    #[must_use]
    pub fn from_bytes(bytes: Vec<u8>) -> Received {
        if (MIN_FRAME..=MAX_FRAME).contains(&bytes.len()) { Received::Frame(bytes) } else { Received::Damaged }
    }
}

/// A device that sends and receives frames.
pub trait NetworkDevice {
    /// Its address.
    fn address(&self) -> MacAddress;

    /// The wire, now.
    fn link(&mut self) -> Link;

    /// Begins to send a frame of [`MIN_FRAME`] to [`MAX_FRAME`] bytes.
    ///
    /// # Errors
    /// [`Full`]: earlier ones must be sent first.
    fn send(&mut self, frame: &[u8]) -> Result<(), Full>;

    /// The next thing that came.
    ///
    /// # Errors
    /// [`Broken`]: the device cannot be used any more until it is reset.
    fn receive(&mut self) -> Result<Option<Received>, Broken>;

    /// The device interrupted: tells it so, if it needs that, and takes back the memory of frames that have been sent.
    ///
    /// # Errors
    /// [`Broken`].
    fn interrupted(&mut self) -> Result<(), Broken>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn addresses_are_written_as_people_do() {
        assert_eq!(MacAddress([0x52, 0x54, 0, 0x12, 0x34, 0x56]).to_string(), "52:54:00:12:34:56");
    }

    #[test]
    fn frames_have_a_length() {
        for (length, good) in [(0, false), (13, false), (14, true), (1514, true), (1515, false)] {
            let received = Received::from_bytes(alloc::vec![0; length]);
            assert_eq!(received != Received::Damaged, good, "{length}");
        }
    }
}
