//! Registers of a device in memory, and everything else that is read and written in aligned pieces of 1 to 8 bytes: configuration
//! space, rings shared with a device.
//!
//! A place outside is like one without a device: it reads as all ones, and what is written to it is lost. So offsets that a device
//! told need no check of their own to be harmless.

use airox_sys::io::PortRange;
use airox_sys::volatile::Window;
use alloc::vec::Vec;

/// Bytes of one access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// 8 bits.
    One,
    /// 16 bits.
    Two,
    /// 32 bits.
    Four,
    /// 64 bits.
    Eight,
}

impl Width {
    /// How many bytes.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Width::One => 1,
            Width::Two => 2,
            Width::Four => 4,
            Width::Eight => 8,
        }
    }

    /// What is read where nothing is.
    #[must_use]
    pub const fn nothing(self) -> u64 {
        u64::MAX >> (64 - 8 * self.bytes())
    }
}

macro_rules! accesses {
    ($($read:ident, $write:ident, $type:ty, $width:ident;)*) => { $(
        #[doc = concat!("Reads a `", stringify!($type), "`.")]
        fn $read(&mut self, offset: usize) -> $type {
            self.read(offset, Width::$width) as $type
        }

        #[doc = concat!("Writes a `", stringify!($type), "`.")]
        fn $write(&mut self, offset: usize, value: $type) {
            self.write(offset, Width::$width, value.into());
        }
    )* };
}

/// Access to registers by their byte offset. A register is read or written at once, whatever its width; an access that is not
/// aligned to its width reads as all ones or is lost.
///
/// Reads take `&mut self`: reading a device register can change the device.
pub trait Registers {
    /// Bytes there are.
    fn length(&self) -> usize;
    /// Reads one register; the upper bits are 0.
    fn read(&mut self, offset: usize, width: Width) -> u64;
    /// Writes one register; the upper bits of `value` are ignored.
    fn write(&mut self, offset: usize, width: Width, value: u64);

    accesses! {
        read_u8, write_u8, u8, One;
        read_u16, write_u16, u16, Two;
        read_u32, write_u32, u32, Four;
        read_u64, write_u64, u64, Eight;
    }
}

impl<R: Registers + ?Sized> Registers for &mut R {
    fn length(&self) -> usize {
        (**self).length()
    }

    fn read(&mut self, offset: usize, width: Width) -> u64 {
        (**self).read(offset, width)
    }

    fn write(&mut self, offset: usize, width: Width, value: u64) {
        (**self).write(offset, width, value);
    }
}

/// Real ones.
impl Registers for Window<'_> {
    fn length(&self) -> usize {
        self.len()
    }

    fn read(&mut self, offset: usize, width: Width) -> u64 {
        let value = match width {
            Width::One => Window::read::<u8>(self, offset).map(u64::from),
            Width::Two => Window::read::<u16>(self, offset).map(u64::from),
            Width::Four => Window::read::<u32>(self, offset).map(u64::from),
            Width::Eight => Window::read::<u64>(self, offset),
        };
        value.unwrap_or(width.nothing())
    }

    fn write(&mut self, offset: usize, width: Width, value: u64) {
        // Lost, as the trait says.
        let _ = match width {
            Width::One => Window::write(self, offset, value as u8),
            Width::Two => Window::write(self, offset, value as u16),
            Width::Four => Window::write(self, offset, value as u32),
            Width::Eight => Window::write(self, offset, value),
        };
    }
}

/// Those behind I/O ports, by their offset from the first; none is 8 bytes wide.
impl Registers for PortRange {
    fn length(&self) -> usize {
        self.count().into()
    }

    fn read(&mut self, offset: usize, width: Width) -> u64 {
        match (port_offset(self.count(), offset, width), width) {
            (Some(offset), Width::One) => PortRange::read_u8(self, offset).into(),
            (Some(offset), Width::Two) => PortRange::read_u16(self, offset).into(),
            (Some(offset), Width::Four) => PortRange::read_u32(self, offset).into(),
            (None, _) | (_, Width::Eight) => width.nothing(),
        }
    }

    fn write(&mut self, offset: usize, width: Width, value: u64) {
        match (port_offset(self.count(), offset, width), width) {
            (Some(offset), Width::One) => PortRange::write_u8(self, offset, value as u8),
            (Some(offset), Width::Two) => PortRange::write_u16(self, offset, value as u16),
            (Some(offset), Width::Four) => PortRange::write_u32(self, offset, value as u32),
            (None, _) | (_, Width::Eight) => {}
        }
    }
}

/// The offset of an aligned register that is inside `count` ports.
fn port_offset(count: u16, offset: usize, width: Width) -> Option<u16> {
    let end = offset.checked_add(width.bytes())?;
    let fits = offset.is_multiple_of(width.bytes()) && end <= usize::from(count);
    u16::try_from(offset).ok().filter(|_| fits)
}

/// Registers that nobody but the holder changes: a copy of a device's, or a model's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

impl Bytes {
    fn place(&mut self, offset: usize, width: Width) -> Option<&mut [u8]> {
        let end = offset.checked_add(width.bytes())?;
        self.0.get_mut(offset..end).filter(|_| offset.is_multiple_of(width.bytes()))
    }
}

impl Registers for Bytes {
    fn length(&self) -> usize {
        self.0.len()
    }

    fn read(&mut self, offset: usize, width: Width) -> u64 {
        let Some(bytes) = self.place(offset, width) else { return width.nothing() };
        let mut value = [0; 8];
        value[..bytes.len()].copy_from_slice(bytes);
        u64::from_le_bytes(value)
    }

    fn write(&mut self, offset: usize, width: Width, value: u64) {
        if let Some(bytes) = self.place(offset, width) {
            let length = bytes.len();
            bytes.copy_from_slice(&value.to_le_bytes()[..length]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_width_round_trip() {
        let mut bytes = Bytes(alloc::vec![0; 16]);
        bytes.write_u64(8, 0x1122_3344_5566_7788);
        assert_eq!((bytes.read_u8(8), bytes.read_u16(10), bytes.read_u32(12)), (0x88, 0x5566, 0x1122_3344));
        bytes.write_u8(15, 0xff);
        bytes.write(0, Width::Two, 0x1_2345);
        assert_eq!((bytes.read_u64(8) >> 56, bytes.read_u32(0)), (0xff, 0x2345));
    }

    #[test]
    fn ports_outside_and_between_are_none() {
        assert_eq!([0, 4, 6].map(|offset| port_offset(8, offset, Width::Two)), [Some(0), Some(4), Some(6)]);
        for (offset, width) in [(8, Width::One), (7, Width::Two), (5, Width::Four), (usize::MAX, Width::One)] {
            assert_eq!(port_offset(8, offset, width), None, "{offset}");
        }
        assert_eq!(port_offset(u16::MAX, 0x1_0000, Width::One), None);
    }

    #[test]
    fn outside_and_between_is_nothing() {
        let mut bytes = Bytes(alloc::vec![0; 6]);
        for offset in [3, 4, 6, usize::MAX] {
            bytes.write_u32(offset, 0x1234_5678);
            assert_eq!(bytes.read_u32(offset), u32::MAX, "{offset}");
        }
        assert_eq!(bytes.0, [0; 6]);
        assert_eq!((bytes.read_u8(6), bytes.read_u16(5)), (u8::MAX, u16::MAX));
    }
}
