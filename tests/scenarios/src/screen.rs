//! Reading the screen: a screenshot's cells compared with the console's own font.

use std::path::Path;
use std::time::{Duration, Instant};

use airox_machine::Machine;
use noto_sans_mono_bitmap::{FontWeight, RasterHeight, get_raster, get_raster_width};

/// A screenshot; the brightest of each pixel's three colours is enough to read it.
pub struct Screenshot {
    width: usize,
    height: usize,
    brightness: Vec<u8>,
}

/// Darker than this is background.
const DARK: u8 = 24;

impl Screenshot {
    /// Takes one.
    pub fn take(machine: &mut Machine) -> Result<Screenshot, String> {
        let file = machine.run_folder().join("screen.ppm");
        machine
            .qmp()
            .screenshot(&file)
            .map_err(|error| error.to_string())?;
        Screenshot::read(&file)
    }

    fn read(file: &Path) -> Result<Screenshot, String> {
        let bytes = std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
        Screenshot::parse(&bytes).ok_or_else(|| format!("{} is no PPM image", file.display()))
    }

    /// A binary PPM: `P6`, width, height, 255, then three bytes a pixel.
    fn parse(bytes: &[u8]) -> Option<Screenshot> {
        let mut rest = bytes;
        let mut word = || {
            let start = rest.iter().position(|byte| !byte.is_ascii_whitespace())?;
            let end = start
                + rest[start..]
                    .iter()
                    .position(|byte| byte.is_ascii_whitespace())?;
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
        let brightness: Vec<u8> = rest
            .chunks_exact(3)
            .map(|pixel| pixel[0].max(pixel[1]).max(pixel[2]))
            .collect();
        (brightness.len() == width * height).then_some(Screenshot {
            width,
            height,
            brightness,
        })
    }

    /// Width and height in pixels.
    pub fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    /// Pixels that are not background.
    pub fn lit(&self) -> usize {
        self.brightness
            .iter()
            .filter(|brightness| **brightness > DARK)
            .count()
    }

    /// The screen's lines, read with the font size that fits better.
    pub fn text(&self) -> String {
        [RasterHeight::Size16, RasterHeight::Size24]
            .into_iter()
            .map(|size| self.read_with(size))
            .min_by_key(|(error, _)| *error)
            .map_or_else(String::new, |(_, text)| text)
    }

    /// The text, and how badly it matches.
    fn read_with(&self, size: RasterHeight) -> (u64, String) {
        let (width, height) = (get_raster_width(FontWeight::Regular, size), size.val());
        let mut text = String::new();
        let mut total = 0;
        for row in 0..self.height / height {
            let mut line = String::new();
            for column in 0..self.width / width {
                let (error, character) =
                    self.cell(column * width, row * height, (width, height), size);
                total += error;
                line.push(character);
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        (total, text)
    }

    /// The character whose glyph is most like a cell.
    fn cell(
        &self,
        left: usize,
        top: usize,
        (width, height): (usize, usize),
        size: RasterHeight,
    ) -> (u64, char) {
        let mut cell: Vec<u8> = (0..height)
            .flat_map(|y| &self.brightness[(top + y) * self.width + left..][..width])
            .copied()
            .collect();
        let most = cell.iter().copied().max().unwrap_or(0);
        if most <= DARK {
            return (0, ' ');
        }
        for brightness in &mut cell {
            *brightness = (u32::from(*brightness) * 255 / u32::from(most)) as u8;
        }
        // The cursor's cell is inverse.
        if cell.iter().filter(|brightness| **brightness > 128).count() * 2 > cell.len() {
            for brightness in &mut cell {
                *brightness = 255 - *brightness;
            }
        }
        (' '..='~')
            .flat_map(|character| {
                [
                    (character, FontWeight::Regular),
                    (character, FontWeight::Bold),
                ]
            })
            .filter_map(|(character, weight)| {
                let raster = get_raster(character, weight, size)?;
                let glyph = raster.pixels().iter();
                let error = glyph
                    .zip(&cell)
                    .map(|(glyph, cell)| u64::from(glyph.abs_diff(*cell)))
                    .sum();
                Some((error, character))
            })
            .min()
            .unwrap_or((0, ' '))
    }
}

/// Looks at the screen until it shows a text; returns everything it shows.
pub fn wait_for_screen(
    machine: &mut Machine,
    wanted: &str,
    limit: Duration,
) -> Result<String, String> {
    const PAUSE: Duration = Duration::from_millis(250);
    let deadline = Instant::now() + limit;
    loop {
        let text = Screenshot::take(machine)?.text();
        if text.contains(wanted) {
            return Ok(text);
        }
        if Instant::now() > deadline {
            return Err(format!(
                "the screen does not show {wanted:?} but:\n{}",
                text.trim_end()
            ));
        }
        std::thread::sleep(PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Paints text as the console does: one glyph for each cell.
    fn painted(lines: &[&str], size: RasterHeight) -> Screenshot {
        let (cell_width, cell_height) = (get_raster_width(FontWeight::Regular, size), size.val());
        let columns = lines.iter().map(|line| line.len()).max().unwrap_or(0);
        let (width, height) = (columns * cell_width, lines.len() * cell_height);
        let mut brightness = vec![0; width * height];
        for (row, line) in lines.iter().enumerate() {
            for (column, character) in line.chars().enumerate() {
                let raster = get_raster(character, FontWeight::Regular, size).unwrap();
                for (y, pixels) in raster.rows().enumerate() {
                    for (x, pixel) in pixels.iter().enumerate() {
                        let at = (row * cell_height + y) * width + column * cell_width + x;
                        // A grey ink.
                        brightness[at] = (u32::from(*pixel) * 200 / 255) as u8;
                    }
                }
            }
        }
        Screenshot {
            width,
            height,
            brightness,
        }
    }

    #[test]
    fn painted_text_is_read_back() {
        let lines = ["airox> echo 'Hello, World!'", "0123456789 {}[]()<>|/\\ ~#@"];
        for size in [RasterHeight::Size16, RasterHeight::Size24] {
            let text = painted(&lines, size).text();
            assert_eq!(text.lines().collect::<Vec<_>>(), lines);
        }
    }

    #[test]
    fn images_are_parsed_and_garbage_is_not() {
        let image = Screenshot::parse(b"P6\n2 1\n255\n\x00\x10\x20\xff\x00\x00").unwrap();
        assert_eq!(
            (image.size(), image.brightness.as_slice(), image.lit()),
            ((2, 1), &[0x20, 0xff][..], 2)
        );
        for bad in [
            &b""[..],
            b"P5 1 1 255\n...",
            b"P6 2 2 255\n...",
            b"P6 x 1 255\n...",
            b"P6 1 1 65535\n...",
        ] {
            assert!(Screenshot::parse(bad).is_none());
        }
    }
}
