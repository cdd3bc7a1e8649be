//! What characters look like: Noto Sans Mono, rasterised beforehand, and lines and blocks drawn here.

use noto_sans_mono_bitmap::{FontWeight, RasterHeight, get_raster, get_raster_width};

/// Shown for characters without a glyph.
const REPLACEMENT: char = '\u{fffd}';

/// Full coverage of a pixel.
const INK: u8 = 0xff;

/// A font size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Font {
    size: RasterHeight,
}

/// The pixels of one character.
#[derive(Clone, Copy)]
pub enum Glyph {
    /// A row-major raster of coverage, as wide and high as the font.
    Raster(&'static [u8]),
    /// Lines from the centre: up, down, left, right.
    Lines([bool; 4]),
    /// A filled rectangle in eighths of the cell: left, top, right, bottom.
    Block([usize; 4]),
    /// Evenly covered.
    Shade(u8),
}

/// The widest font, in pixels.
pub const MAX_WIDTH: usize = 32;

impl Font {
    /// The larger size if it leaves a screen of this many pixels at least 90 columns and 30 rows.
    pub fn for_screen(width: usize, height: usize) -> Font {
        let large = Font { size: RasterHeight::Size24 };
        if width / large.width() >= 90 && height / large.height() >= 30 {
            large
        } else {
            Font { size: RasterHeight::Size16 }
        }
    }

    /// Width of every character, in pixels.
    pub fn width(self) -> usize {
        get_raster_width(FontWeight::Regular, self.size)
    }

    /// Height of every character, in pixels.
    pub fn height(self) -> usize {
        self.size.val()
    }

    /// What a character looks like.
    pub fn glyph(self, character: char, bold: bool) -> Glyph {
        let weight = if bold { FontWeight::Bold } else { FontWeight::Regular };
        let raster = |character| get_raster(character, weight, self.size);
        if let Some(glyph) = drawn(character) {
            return glyph;
        }
        match raster(character)
            .or_else(|| raster(REPLACEMENT))
            .filter(|raster| raster.width() == self.width() && raster.height() == self.height())
        {
            Some(raster) => Glyph::Raster(raster.pixels()),
            None => Glyph::Shade(0),
        }
    }
}

impl Glyph {
    /// Coverage of a row's pixels by ink, 0 to 255 each, one for each pixel of the font's width.
    pub fn row(self, font: Font, y: usize, coverage: &mut [u8]) {
        let (width, height) = (font.width(), font.height());
        match self {
            Glyph::Raster(pixels) => match pixels.get(y * width..(y + 1) * width) {
                Some(row) => coverage.copy_from_slice(row),
                None => coverage.fill(0),
            },
            Glyph::Shade(value) => coverage.fill(value),
            Glyph::Lines([up, down, left, right]) => {
                let thickness = height / 16;
                let (middle_x, middle_y) = (width / 2, height / 2);
                coverage.fill(0);
                if (up && y < middle_y + thickness) || (down && y >= middle_y) {
                    coverage[middle_x..middle_x + thickness].fill(INK);
                }
                if (middle_y..middle_y + thickness).contains(&y) {
                    if left {
                        coverage[..middle_x + thickness].fill(INK);
                    }
                    if right {
                        coverage[middle_x..].fill(INK);
                    }
                }
            }
            Glyph::Block([left, top, right, bottom]) => {
                coverage.fill(0);
                if (top * height / 8..bottom * height / 8).contains(&y) {
                    coverage[left * width / 8..right * width / 8].fill(INK);
                }
            }
        }
    }
}

/// Characters that must meet their neighbours without a gap.
fn drawn(character: char) -> Option<Glyph> {
    const NO: bool = false;
    const YES: bool = true;
    Some(match character {
        ' ' => Glyph::Shade(0),
        '─' | '━' | '═' | '╌' | '┄' => Glyph::Lines([NO, NO, YES, YES]),
        '│' | '┃' | '║' | '╎' | '┆' => Glyph::Lines([YES, YES, NO, NO]),
        '┌' | '┏' | '╔' | '╭' => Glyph::Lines([NO, YES, NO, YES]),
        '┐' | '┓' | '╗' | '╮' => Glyph::Lines([NO, YES, YES, NO]),
        '└' | '┗' | '╚' | '╰' => Glyph::Lines([YES, NO, NO, YES]),
        '┘' | '┛' | '╝' | '╯' => Glyph::Lines([YES, NO, YES, NO]),
        '├' | '┣' | '╠' => Glyph::Lines([YES, YES, NO, YES]),
        '┤' | '┫' | '╣' => Glyph::Lines([YES, YES, YES, NO]),
        '┬' | '┳' | '╦' => Glyph::Lines([NO, YES, YES, YES]),
        '┴' | '┻' | '╩' => Glyph::Lines([YES, NO, YES, YES]),
        '┼' | '╋' | '╬' => Glyph::Lines([YES, YES, YES, YES]),
        '▀' => Glyph::Block([0, 0, 8, 4]),
        // The lower eighths, one to eight.
        '▁'..='█' => Glyph::Block([0, 8 - (character as usize - '▁' as usize + 1), 8, 8]),
        // The left eighths, seven to one.
        '▉'..='▏' => Glyph::Block([0, 0, 7 - (character as usize - '▉' as usize), 8]),
        '▐' => Glyph::Block([4, 0, 8, 8]),
        '░' => Glyph::Shade(INK / 4),
        '▒' => Glyph::Shade(INK / 2),
        '▓' => Glyph::Shade(INK / 4 * 3),
        '•' => Glyph::Block([3, 3, 5, 5]),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sizes_and_weights_have_every_glyph() {
        for font in [Font::for_screen(640, 480), Font::for_screen(1920, 1080)] {
            for character in '!'..='~' {
                for bold in [false, true] {
                    let glyph = font.glyph(character, bold);
                    assert!(
                        matches!(glyph, Glyph::Raster(pixels) if pixels.len() == font.width() * font.height()),
                        "{character}"
                    );
                }
            }
            assert!(matches!(font.glyph('漢', false), Glyph::Raster(_)));
        }
    }

    #[test]
    fn lines_meet_at_the_edges() {
        let font = Font::for_screen(640, 480);
        let (width, height) = (font.width(), font.height());
        let row = |character, y| {
            let mut coverage = [1; MAX_WIDTH];
            font.glyph(character, false).row(font, y, &mut coverage[..width]);
            coverage
        };
        let full = |character, y| row(character, y)[..width].iter().all(|&pixel| pixel == INK);
        assert!(full('┼', height / 2));
        let corner = row('└', height / 2);
        assert_eq!((corner[0], corner[width - 1]), (0, INK));
        assert_eq!(row('└', 0)[width / 2], INK);
        assert_eq!(row('└', height - 1)[width / 2], 0);
        assert!((0..height).all(|y| full('█', y)));
        assert!(full('▄', height - 1) && !full('▄', 0));
        assert!(row(' ', 3)[..width].iter().all(|&pixel| pixel == 0));
    }
}
