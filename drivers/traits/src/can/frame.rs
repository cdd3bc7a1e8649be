//! Frames.

use embedded_can::{ExtendedId, Frame, Id, StandardId};
use serde::{Deserialize, Serialize};

/// Most bytes of data.
pub const MAX_DATA: usize = 8;

/// A data or remote frame of CAN 2.0. On the wire of messages between programs it is checked: what is none is not decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Plain", into = "Plain")]
pub struct CanFrame {
    id: Id,
    remote: bool,
    length: u8,
    /// Zero behind `length`, and in a remote frame.
    data: [u8; MAX_DATA],
}

impl CanFrame {
    /// A data frame whose identifier is known by its number: of the 29-bit format if `extended`; `None` if there is no such frame.
    #[must_use]
    pub fn with(number: u32, extended: bool, data: &[u8]) -> Option<CanFrame> {
        CanFrame::new(identifier(number, extended)?, data)
    }

    /// Its identifier as a number.
    #[must_use]
    pub fn number(&self) -> u32 {
        match self.id {
            Id::Standard(id) => id.as_raw().into(),
            Id::Extended(id) => id.as_raw(),
        }
    }
}

/// The identifier of this number.
fn identifier(number: u32, extended: bool) -> Option<Id> {
    if extended {
        return ExtendedId::new(number).map(Id::Extended);
    }
    StandardId::new(u16::try_from(number).ok()?).map(Id::Standard)
}

impl Frame for CanFrame {
    fn new(id: impl Into<Id>, data: &[u8]) -> Option<CanFrame> {
        let mut bytes = [0; MAX_DATA];
        bytes.get_mut(..data.len())?.copy_from_slice(data);
        Some(CanFrame { id: id.into(), remote: false, length: data.len() as u8, data: bytes })
    }

    fn new_remote(id: impl Into<Id>, dlc: usize) -> Option<CanFrame> {
        let length = u8::try_from(dlc).ok().filter(|length| usize::from(*length) <= MAX_DATA)?;
        Some(CanFrame { id: id.into(), remote: true, length, data: [0; MAX_DATA] })
    }

    fn is_extended(&self) -> bool {
        matches!(self.id, Id::Extended(_))
    }

    fn is_remote_frame(&self) -> bool {
        self.remote
    }

    fn id(&self) -> Id {
        self.id
    }

    fn dlc(&self) -> usize {
        self.length.into()
    }

    fn data(&self) -> &[u8] {
        let length = if self.remote { 0 } else { self.dlc() };
        self.data.get(..length).unwrap_or(&[])
    }
}

/// A frame as it travels in messages.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Plain {
    number: u32,
    extended: bool,
    remote: bool,
    length: u8,
    data: [u8; MAX_DATA],
}

impl From<CanFrame> for Plain {
    fn from(frame: CanFrame) -> Plain {
        Plain {
            number: frame.number(),
            extended: frame.is_extended(),
            remote: frame.remote,
            length: frame.length,
            data: frame.data,
        }
    }
}

impl TryFrom<Plain> for CanFrame {
    type Error = &'static str;

    fn try_from(plain: Plain) -> Result<CanFrame, &'static str> {
        let id = identifier(plain.number, plain.extended).ok_or("no CAN identifier")?;
        let frame = if plain.remote {
            CanFrame::new_remote(id, plain.length.into())
        } else {
            plain.data.get(..plain.length.into()).and_then(|data| CanFrame::new(id, data))
        };
        frame.ok_or("too long for a CAN frame")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_what_it_was_made_of() {
        let frame = CanFrame::with(0x123, false, &[1, 2, 3]).unwrap();
        assert_eq!((frame.number(), frame.is_extended(), frame.data(), frame.dlc()), (0x123, false, &[1, 2, 3][..], 3));
        let remote = CanFrame::new_remote(ExtendedId::MAX, 8).unwrap();
        assert!(remote.is_remote_frame() && remote.is_extended());
        assert_eq!((remote.data(), remote.dlc()), (&[][..], 8));
        assert_eq!(CanFrame::with(0x800, false, &[]), None);
        assert_eq!(CanFrame::with(0x2000_0000, true, &[]), None);
        assert_eq!(CanFrame::with(0x1_0001, false, &[]), None);
        assert_eq!(CanFrame::with(1, false, &[0; 9]), None);
        assert_eq!(CanFrame::new_remote(StandardId::ZERO, 9), None);
    }

    #[test]
    fn what_is_no_frame_is_not_decoded() {
        let frame = CanFrame::with(0x1abc_def0, true, &[9; 8]).unwrap();
        let bytes = postcard::to_allocvec(&frame).unwrap();
        assert_eq!(postcard::from_bytes::<CanFrame>(&bytes), Ok(frame));
        let plain = Plain { number: 1, extended: false, remote: false, length: 9, data: [0; 8] };
        for bad in [
            plain,
            Plain { number: 0x800, length: 1, ..plain },
            Plain { number: u32::MAX, extended: true, length: 1, ..plain },
            Plain { remote: true, ..plain },
        ] {
            let bytes = postcard::to_allocvec(&bad).unwrap();
            assert!(postcard::from_bytes::<CanFrame>(&bytes).is_err());
        }
        // Bytes behind the end count for nothing.
        let bytes = postcard::to_allocvec(&Plain { length: 1, data: [7; 8], ..plain }).unwrap();
        assert_eq!(postcard::from_bytes(&bytes), Ok(CanFrame::with(1, false, &[7]).unwrap()));
    }
}
