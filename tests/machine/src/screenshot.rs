//! What the screen shows.

use crate::{Machine, MachineError};

/// What a screen shows, in colours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Red, green and blue, row by row.
    pub pixels: Vec<[u8; 3]>,
}

impl Picture {
    /// Takes one of the screen, or of that of the device with this id.
    ///
    /// # Errors
    /// [`MachineError::Qmp`] if QEMU makes none.
    pub fn take(machine: &mut Machine, device: Option<&str>) -> Result<Picture, MachineError> {
        let file = machine.run_folder().join("screen.ppm");
        machine.qmp().screenshot(device, &file)?;
        let bytes = std::fs::read(&file).map_err(|error| MachineError::Qmp(format!("{}: {error}", file.display())))?;
        Picture::parse(&bytes).ok_or_else(|| MachineError::Qmp(format!("{} is no PPM image", file.display())))
    }

    /// A binary PPM: `P6`, width, height, 255, then three bytes a pixel.
    fn parse(bytes: &[u8]) -> Option<Picture> {
        let mut rest = bytes;
        let mut word = || {
            let start = rest.iter().position(|byte| !byte.is_ascii_whitespace())?;
            let end = start + rest[start..].iter().position(|byte| byte.is_ascii_whitespace())?;
            let word = std::str::from_utf8(&rest[start..end]).ok()?;
            rest = &rest[end + 1..];
            Some(word)
        };
        if word()? != "P6" {
            return None;
        }
        let (width, height): (usize, usize) = (word()?.parse().ok()?, word()?.parse().ok()?);
        if word()? != "255" {
            return None;
        }
        let pixels = rest.as_chunks::<3>().0.to_vec();
        (pixels.len() == width * height).then_some(Picture { width, height, pixels })
    }
}

/// A screenshot; the brightest of each pixel's three colours is enough to read it.
pub struct Screenshot {
    width: usize,
    height: usize,
    brightness: Vec<u8>,
}

impl Screenshot {
    /// Darker than this is background.
    pub const DARK: u8 = 24;

    /// Takes one.
    ///
    /// # Errors
    /// [`MachineError::Qmp`] if QEMU makes none.
    pub fn take(machine: &mut Machine) -> Result<Screenshot, MachineError> {
        Picture::take(machine, None).map(Screenshot::from)
    }

    /// One of these pixels, row by row; `None` if they are not `width` times `height`.
    #[must_use]
    pub fn new(width: usize, height: usize, brightness: Vec<u8>) -> Option<Screenshot> {
        (brightness.len() == width * height).then_some(Screenshot { width, height, brightness })
    }

    /// Width and height in pixels.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    /// Pixels that are not background.
    #[must_use]
    pub fn lit(&self) -> usize {
        self.brightness.iter().filter(|brightness| **brightness > Self::DARK).count()
    }

    /// The brightness of `length` pixels of row `y` from column `x` on.
    ///
    /// # Panics
    /// If they are not all on the screen.
    #[must_use]
    pub fn row(&self, x: usize, y: usize, length: usize) -> &[u8] {
        assert!(x + length <= self.width, "pixels beyond the screen");
        &self.brightness[y * self.width + x..][..length]
    }
}

impl From<Picture> for Screenshot {
    fn from(Picture { width, height, pixels }: Picture) -> Screenshot {
        let brightness = pixels.into_iter().map(|[red, green, blue]| red.max(green).max(blue)).collect();
        Screenshot { width, height, brightness }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_parsed_and_garbage_is_not() {
        let picture = Picture::parse(b"P6\n2 1\n255\n\x00\x10\x20\xff\x00\x00").unwrap();
        assert_eq!(picture.pixels, [[0, 0x10, 0x20], [0xff, 0, 0]]);
        let image = Screenshot::from(picture);
        assert_eq!(image.size(), (2, 1));
        assert_eq!(image.row(0, 0, 2), [0x20, 0xff]);
        assert_eq!(image.lit(), 2);
        for bad in [&b""[..], b"P5 1 1 255\n...", b"P6 2 2 255\n...", b"P6 x 1 255\n...", b"P6 1 1 65535\n..."] {
            assert_eq!(Picture::parse(bad), None);
        }
    }
}
