//! Commands and answers (VIRTIO 1.2, section 5.7.6.7 and 5.7.6.8): little-endian numbers, behind a header.

use airox_driver_traits::display::{Area, Size};
use alloc::vec::Vec;

/// Bytes of a header: kind, flags, fence, context, ring.
pub const HEADER: usize = 24;
/// Displays that a device tells of at most.
const SCANOUTS: usize = 16;
/// Bytes in which each of them is told: an area, whether it is switched on, flags.
const SCANOUT: usize = 24;
/// Bytes of the longest answer.
pub const LONGEST_ANSWER: usize = HEADER + SCANOUTS * SCANOUT;
/// Blue, green, red, and a byte that means nothing.
const FORMAT: u32 = 2;

/// Kinds of commands.
mod kind {
    pub const GET_DISPLAY_INFO: u32 = 0x100;
    pub const CREATE_2D: u32 = 0x101;
    pub const UNREFERENCE: u32 = 0x102;
    pub const SET_SCANOUT: u32 = 0x103;
    pub const FLUSH: u32 = 0x104;
    pub const TRANSFER: u32 = 0x105;
    pub const ATTACH_BACKING: u32 = 0x106;
}

/// Kinds of answers.
pub mod answer {
    /// Done.
    pub const DONE: u32 = 0x1100;
    /// The displays.
    pub const DISPLAYS: u32 = 0x1101;
}

/// What the device is asked for. Pictures have numbers, and so have displays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Which displays there are.
    Displays,
    /// Makes a picture of the device's own.
    Create { picture: u32, size: Size },
    /// Forgets it, and the memory it was given.
    Forget { picture: u32 },
    /// Gives it memory to be filled from.
    Attach { picture: u32, address: u64, bytes: u32 },
    /// A display shows it.
    Show { display: u32, picture: u32, size: Size },
    /// Fills an area of it from its memory, where the area's first pixel is at this offset.
    Transfer { picture: u32, area: Area, offset: u64 },
    /// Brings an area of it to the display.
    Flush { picture: u32, area: Area },
}

fn put(bytes: &mut Vec<u8>, numbers: &[u32]) {
    bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
}

fn put_area(bytes: &mut Vec<u8>, area: Area) {
    put(bytes, &[area.x, area.y, area.width, area.height]);
}

impl Command {
    /// As the device reads it.
    pub fn bytes(self) -> Vec<u8> {
        let kind = match self {
            Command::Displays => kind::GET_DISPLAY_INFO,
            Command::Create { .. } => kind::CREATE_2D,
            Command::Forget { .. } => kind::UNREFERENCE,
            Command::Attach { .. } => kind::ATTACH_BACKING,
            Command::Show { .. } => kind::SET_SCANOUT,
            Command::Transfer { .. } => kind::TRANSFER,
            Command::Flush { .. } => kind::FLUSH,
        };
        let mut bytes = kind.to_le_bytes().to_vec();
        bytes.resize(HEADER, 0);
        match self {
            Command::Displays => {}
            Command::Create { picture, size } => put(&mut bytes, &[picture, FORMAT, size.width, size.height]),
            Command::Forget { picture } => put(&mut bytes, &[picture, 0]),
            Command::Attach { picture, address, bytes: length } => {
                // One piece of memory.
                put(&mut bytes, &[picture, 1]);
                bytes.extend(address.to_le_bytes());
                put(&mut bytes, &[length, 0]);
            }
            Command::Show { display, picture, size } => {
                put_area(&mut bytes, size.area());
                put(&mut bytes, &[display, picture]);
            }
            Command::Transfer { picture, area, offset } => {
                put_area(&mut bytes, area);
                bytes.extend(offset.to_le_bytes());
                put(&mut bytes, &[picture, 0]);
            }
            Command::Flush { picture, area } => {
                put_area(&mut bytes, area);
                put(&mut bytes, &[picture, 0]);
            }
        }
        bytes
    }

    /// Bytes of its answer, and the kind that it must have.
    pub const fn answer(self) -> (usize, u32) {
        match self {
            Command::Displays => (LONGEST_ANSWER, answer::DISPLAYS),
            _ => (HEADER, answer::DONE),
        }
    }
}

/// The kind of an answer.
pub fn kind(answer: &[u8]) -> Option<u32> {
    Some(u32::from_le_bytes(*answer.first_chunk()?))
}

/// The first display that is switched on, and its size.
pub fn first_display(answer: &[u8]) -> Option<(u32, Size)> {
    let displays = answer.get(HEADER..)?.chunks_exact(SCANOUT);
    (0..).zip(displays).find_map(|(number, bytes)| {
        let mut numbers = bytes.as_chunks().0.iter().map(|number| u32::from_le_bytes(*number)).skip(2);
        let (width, height, enabled) = (numbers.next()?, numbers.next()?, numbers.next()?);
        (enabled != 0).then_some((number, Size { width, height }))
    })
}
