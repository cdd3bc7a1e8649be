//! Where pixels lie in the frame buffer.

use core::fmt;

/// Order of the colours of a pixel in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PixelFormat {
    /// Red first.
    Rgb,
    /// Blue first.
    Bgr,
    /// One byte of brightness.
    Grey,
}

/// A checked frame buffer layout: every pixel lies in the mapped memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    width: usize,
    height: usize,
    stride: usize,
    bytes_per_pixel: usize,
    format: PixelFormat,
    offset: usize,
}

/// Why there is no usable frame buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GeometryError {
    /// The `framebuffer=` argument is missing.
    Missing,
    /// It does not have the form `WIDTHxHEIGHT:STRIDE:BYTES:FORMAT:OFFSET`, in decimal numbers.
    Damaged,
    /// Its numbers contradict each other.
    Impossible,
    /// The mapped memory is too short for it.
    BeyondMemory {
        /// Bytes it needs.
        needed: usize,
        /// Bytes mapped.
        mapped: usize,
    },
}

impl fmt::Display for GeometryError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GeometryError::Missing => formatter.write_str("argument framebuffer= is missing"),
            GeometryError::Damaged => formatter.write_str("argument framebuffer= is damaged"),
            GeometryError::Impossible => formatter.write_str("the frame buffer's description contradicts itself"),
            GeometryError::BeyondMemory { needed, mapped } => {
                write!(formatter, "the frame buffer needs {needed} bytes and {mapped} are mapped")
            }
        }
    }
}

impl core::error::Error for GeometryError {}

/// Most pixels a side may have: what 16 bits hold, so that products fit.
const MAX_SIDE: usize = 1 << 16;

impl Geometry {
    /// Finds and checks the `framebuffer=` argument; `mapped` bytes of frame buffer memory are there.
    ///
    /// # Errors
    /// [`GeometryError`]
    pub fn from_arguments<'a>(
        arguments: impl IntoIterator<Item = &'a str>,
        mapped: usize,
    ) -> Result<Geometry, GeometryError> {
        let text = arguments
            .into_iter()
            .find_map(|argument| argument.strip_prefix("framebuffer="))
            .ok_or(GeometryError::Missing)?;
        let (width, rest) = text.split_once('x').ok_or(GeometryError::Damaged)?;
        let mut numbers = core::iter::once(width).chain(rest.split(':'));
        let mut next = || {
            let number = numbers.next().ok_or(GeometryError::Damaged)?;
            number.parse::<usize>().map_err(|_| GeometryError::Damaged)
        };
        let (width, height, stride) = (next()?, next()?, next()?);
        let (bytes_per_pixel, format, offset) = (next()?, next()?, next()?);
        if numbers.next().is_some() {
            return Err(GeometryError::Damaged);
        }
        let format = match (format, bytes_per_pixel) {
            (0, 3 | 4) => PixelFormat::Rgb,
            (1, 3 | 4) => PixelFormat::Bgr,
            (2, 1) => PixelFormat::Grey,
            _ => return Err(GeometryError::Impossible),
        };
        let sides = [width, height, stride];
        if sides.iter().any(|&side| side == 0 || side > MAX_SIDE) || stride < width {
            return Err(GeometryError::Impossible);
        }
        let geometry = Geometry { width, height, stride, bytes_per_pixel, format, offset };
        let needed = ((height - 1) * stride + width)
            .checked_mul(bytes_per_pixel)
            .and_then(|bytes| bytes.checked_add(offset))
            .ok_or(GeometryError::Impossible)?;
        if needed > mapped {
            return Err(GeometryError::BeyondMemory { needed, mapped });
        }
        Ok(geometry)
    }

    /// Visible pixels in a row.
    #[must_use]
    pub const fn width(&self) -> usize {
        self.width
    }

    /// Rows of pixels.
    #[must_use]
    pub const fn height(&self) -> usize {
        self.height
    }

    /// Bytes in a pixel: 1, 3 or 4.
    #[must_use]
    pub const fn bytes_per_pixel(&self) -> usize {
        self.bytes_per_pixel
    }

    /// Offset of a pixel from the start of the mapped memory, in bytes.
    #[must_use]
    pub const fn pixel_offset(&self, x: usize, y: usize) -> usize {
        self.offset + (y * self.stride + x) * self.bytes_per_pixel
    }

    /// A colour as the bytes of a pixel; the first [`Self::bytes_per_pixel`] count.
    #[must_use]
    pub fn pixel(&self, [red, green, blue]: [u8; 3]) -> [u8; 4] {
        match self.format {
            PixelFormat::Rgb => [red, green, blue, 0],
            PixelFormat::Bgr => [blue, green, red, 0],
            PixelFormat::Grey => {
                // Rec. 601 brightness, in 1/256.
                let sum = u32::from(red) * 77 + u32::from(green) * 150 + u32::from(blue) * 29;
                [(sum >> 8) as u8, 0, 0, 0]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, mapped: usize) -> Result<Geometry, GeometryError> {
        Geometry::from_arguments(["layout=us104", text], mapped)
    }

    #[test]
    fn a_true_description_is_accepted() {
        let needed = 16 + (799 * 1280 + 1280) * 4;
        let geometry = parse("framebuffer=1280x800:1280:4:1:16", needed).expect("it fits");
        assert_eq!((geometry.width(), geometry.height()), (1280, 800));
        assert_eq!(geometry.pixel_offset(1279, 799), needed - 4);
        assert_eq!(geometry.pixel([1, 2, 3]), [3, 2, 1, 0]);
        let short = parse("framebuffer=1280x800:1280:4:1:16", needed - 1);
        assert_eq!(short, Err(GeometryError::BeyondMemory { needed, mapped: needed - 1 }));
    }

    #[test]
    fn grey_weighs_colours() {
        let geometry = parse("framebuffer=8x8:8:1:2:0", 64).expect("it fits");
        assert_eq!(geometry.pixel([255, 255, 255])[0], 255);
        assert!(geometry.pixel([0, 255, 0])[0] > geometry.pixel([255, 0, 0])[0]);
    }

    #[test]
    fn false_descriptions_are_refused() {
        assert_eq!(parse("", 0), Err(GeometryError::Missing));
        for text in [
            "framebuffer=",
            "framebuffer=8",
            "framebuffer=8x8",
            "framebuffer=8x8:8:4:1",
            "framebuffer=8x8:8:4:1:0:0",
            "framebuffer=8x-8:8:4:1:0",
            "framebuffer=8x8:8:4:BGR:0",
            "framebuffer=99999999999999999999x8:8:4:1:0",
        ] {
            assert_eq!(parse(text, 1 << 30), Err(GeometryError::Damaged), "{text}");
        }
        for text in [
            "framebuffer=0x8:8:4:1:0",
            "framebuffer=8x0:8:4:1:0",
            "framebuffer=9x8:8:4:1:0",
            "framebuffer=8x8:8:2:1:0",
            "framebuffer=8x8:8:4:2:0",
            "framebuffer=8x8:8:4:3:0",
            "framebuffer=8x8:8:0:1:0",
            "framebuffer=65537x8:65537:4:1:0",
            "framebuffer=8x8:8:4:1:18446744073709551615",
        ] {
            assert_eq!(parse(text, usize::MAX), Err(GeometryError::Impossible), "{text}");
        }
    }
}
