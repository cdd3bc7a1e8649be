//! A display that shows a picture in memory: the device reads it by itself, when it is told that something changed.
//!
//! A pixel is four bytes: blue, green, red, and one that means nothing. Rows follow each other without gaps, the upper one first.

use core::fmt;
use serde::{Deserialize, Serialize};

/// Bytes of a pixel.
pub const PIXEL: u64 = 4;
/// Most pixels of a side.
pub const MAX_SIDE: u32 = 8192;

/// How many pixels a display has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    /// In a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

impl Size {
    /// Bytes of a picture.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        self.width as u64 * self.height as u64 * PIXEL
    }

    /// All of it.
    #[must_use]
    pub const fn area(self) -> Area {
        Area { x: 0, y: 0, width: self.width, height: self.height }
    }

    /// Whether an area is not empty and all of it is on the display.
    #[must_use]
    pub fn has(self, area: Area) -> bool {
        let inside =
            |from: u32, length: u32, side: u32| length > 0 && from.checked_add(length).is_some_and(|end| end <= side);
        inside(area.x, area.width, self.width) && inside(area.y, area.height, self.height)
    }
}

/// A part of a picture, in pixels from its upper left corner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Area {
    /// First pixel of each row.
    pub x: u32,
    /// First row.
    pub y: u32,
    /// Pixels of each row.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

/// Why a display does not show what it was to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DisplayError {
    /// The memory is too short for a picture, or no device can use it.
    BadMemory,
    /// The area is empty, or not all of it is on the display.
    BadArea,
    /// The caller's picture is not the one that is shown.
    NotShown,
    /// The device refuses, or does not answer in time.
    Device,
}

impl fmt::Display for DisplayError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            DisplayError::BadMemory => "the memory cannot be shown",
            DisplayError::BadArea => "the area is not on the display",
            DisplayError::NotShown => "another picture is shown",
            DisplayError::Device => "the display does not do what it is told",
        })
    }
}

impl core::error::Error for DisplayError {}

/// A display.
pub trait Display {
    /// Its size, the same as long as the value lives.
    fn size(&self) -> Size;

    /// Shows the picture at this address, as the device names it, instead of the one before, whose memory is not used any more.
    ///
    /// # Errors
    /// [`DisplayError::Device`]: nothing is known of it until it is reset.
    fn show(&mut self, address: u64) -> Result<(), DisplayError>;

    /// The picture has changed there, which is on the display.
    ///
    /// # Errors
    /// [`DisplayError::Device`].
    fn update(&mut self, area: Area) -> Result<(), DisplayError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas_are_on_the_display_or_not() {
        let size = Size { width: 640, height: 480 };
        let area = |x, y, width, height| Area { x, y, width, height };
        assert_eq!((size.bytes(), size.has(size.area())), (640 * 480 * 4, true));
        assert!(size.has(area(639, 479, 1, 1)));
        for bad in [area(0, 0, 0, 1), area(0, 0, 1, 0), area(640, 0, 1, 1), area(1, 0, 640, 1), area(0, u32::MAX, 1, 2)]
        {
            assert!(!size.has(bad), "{bad:?}");
        }
    }
}
