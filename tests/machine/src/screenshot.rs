//! What the screen shows.

use crate::{Machine, MachineError};

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
        let file = machine.run_folder().join("screen.ppm");
        machine.qmp().screenshot(&file)?;
        let bytes = std::fs::read(&file).map_err(|error| MachineError::Qmp(format!("{}: {error}", file.display())))?;
        Screenshot::parse(&bytes).ok_or_else(|| MachineError::Qmp(format!("{} is no PPM image", file.display())))
    }

    /// One of these pixels, row by row; `None` if they are not `width` times `height`.
    #[must_use]
    pub fn new(width: usize, height: usize, brightness: Vec<u8>) -> Option<Screenshot> {
        (brightness.len() == width * height).then_some(Screenshot { width, height, brightness })
    }

    /// A binary PPM: `P6`, width, height, 255, then three bytes a pixel.
    fn parse(bytes: &[u8]) -> Option<Screenshot> {
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
        let brightness: Vec<u8> = rest.chunks_exact(3).map(|pixel| pixel[0].max(pixel[1]).max(pixel[2])).collect();
        Screenshot::new(width, height, brightness)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_parsed_and_garbage_is_not() {
        let image = Screenshot::parse(b"P6\n2 1\n255\n\x00\x10\x20\xff\x00\x00").unwrap();
        assert_eq!(image.size(), (2, 1));
        assert_eq!(image.row(0, 0, 2), [0x20, 0xff]);
        assert_eq!(image.lit(), 2);
        for bad in [&b""[..], b"P5 1 1 255\n...", b"P6 2 2 255\n...", b"P6 x 1 255\n...", b"P6 1 1 65535\n..."] {
            assert!(Screenshot::parse(bad).is_none());
        }
    }
}
