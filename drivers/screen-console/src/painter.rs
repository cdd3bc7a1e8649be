//! Cells to pixels.

use crate::geometry::Geometry;
use crate::glyph::{Font, Glyph, MAX_WIDTH};
use airox_sys::volatile::Window;
use airox_terminal::{Attributes, Cell, rgb};

/// Memory that can be written.
pub trait Canvas {
    /// Writes bytes; those that would lie outside are left out with the whole write.
    fn write(&mut self, offset: usize, bytes: &[u8]);
}

impl Canvas for Window<'_> {
    fn write(&mut self, offset: usize, bytes: &[u8]) {
        // Out of range or read-only: left out, as the trait says.
        let _left_out = self.copy_from(offset, bytes);
    }
}

/// Bytes of the widest pixel.
const MAX_PIXEL: usize = 4;
/// Steps of coverage between background and ink that are told apart.
const STEPS: usize = 32;

/// Paints cells on a canvas.
pub struct Painter<C> {
    canvas: C,
    geometry: Geometry,
    font: Font,
    /// Pixels from background to ink, for the colours painted last.
    ramp: [[u8; 4]; STEPS],
    ramp_colours: Option<(u8, u8)>,
}

impl<C: Canvas> Painter<C> {
    /// A painter; blackens the whole frame buffer.
    pub fn new(canvas: C, geometry: Geometry) -> Painter<C> {
        let mut painter = Painter {
            canvas,
            geometry,
            font: Font::for_screen(geometry.width(), geometry.height()),
            ramp: [[0; 4]; STEPS],
            ramp_colours: None,
        };
        painter.clear();
        painter
    }

    /// Columns and rows of whole cells that fit.
    pub fn size(&self) -> (usize, usize) {
        (self.geometry.width() / self.font.width(), self.geometry.height() / self.font.height())
    }

    /// Paints one cell. Cells that are not on the screen are left out.
    pub fn paint(&mut self, column: usize, row: usize, cell: Cell) {
        let (columns, rows) = self.size();
        if column >= columns || row >= rows {
            return;
        }
        self.choose_colours(cell.colours());
        let bold = cell.attributes.contains(Attributes::BOLD);
        let glyph = self.font.glyph(cell.character, bold);
        let underlined = cell.attributes.contains(Attributes::UNDERLINE);
        let origin = (column * self.font.width(), row * self.font.height());
        match self.geometry.bytes_per_pixel() {
            1 => self.paint_glyph::<1>(origin, glyph, underlined),
            3 => self.paint_glyph::<3>(origin, glyph, underlined),
            _ => self.paint_glyph::<4>(origin, glyph, underlined),
        }
    }

    /// Paints a glyph whose top left pixel is `origin`, with `N` bytes a pixel.
    fn paint_glyph<const N: usize>(&mut self, origin: (usize, usize), glyph: Glyph, underlined: bool) {
        let (width, height) = (self.font.width(), self.font.height());
        let underline = height - height / 8;
        let mut coverage = [0; MAX_WIDTH];
        let mut bytes = [0; MAX_WIDTH * MAX_PIXEL];
        for y in 0..height {
            let coverage = &mut coverage[..width];
            if underlined && y == underline {
                coverage.fill(u8::MAX);
            } else {
                glyph.row(self.font, y, coverage);
            }
            for (pixel, &coverage) in bytes.as_chunks_mut::<N>().0.iter_mut().zip(&*coverage) {
                let colour = &self.ramp[usize::from(coverage) * STEPS / 256];
                pixel.copy_from_slice(&colour[..N]);
            }
            let offset = self.geometry.pixel_offset(origin.0, origin.1 + y);
            self.canvas.write(offset, &bytes[..width * N]);
        }
    }

    /// Gives the canvas back.
    pub fn into_canvas(self) -> C {
        self.canvas
    }

    fn choose_colours(&mut self, colours: (u8, u8)) {
        if self.ramp_colours == Some(colours) {
            return;
        }
        let (ink, background) = (rgb(colours.0), rgb(colours.1));
        for (step, entry) in self.ramp.iter_mut().enumerate() {
            let mix = |index: usize| {
                let (to, from) = (usize::from(ink[index]), usize::from(background[index]));
                ((to * step + from * (STEPS - 1 - step)) / (STEPS - 1)) as u8
            };
            *entry = self.geometry.pixel([mix(0), mix(1), mix(2)]);
        }
        self.ramp_colours = Some(colours);
    }

    fn clear(&mut self) {
        let black = [0; 256];
        let row_bytes = self.geometry.width() * self.geometry.bytes_per_pixel();
        for y in 0..self.geometry.height() {
            let start = self.geometry.pixel_offset(0, y);
            let mut done = 0;
            while done < row_bytes {
                let count = (row_bytes - done).min(black.len());
                self.canvas.write(start + done, &black[..count]);
                done += count;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec;
    use std::vec::Vec;

    impl Canvas for Vec<u8> {
        fn write(&mut self, offset: usize, bytes: &[u8]) {
            self[offset..offset + bytes.len()].copy_from_slice(bytes);
        }
    }

    fn painter(text: &str, mapped: usize) -> Painter<Vec<u8>> {
        let geometry = Geometry::from_arguments([text], mapped).expect("it fits");
        Painter::new(vec![0xaa; mapped], geometry)
    }

    #[test]
    fn clears_what_is_visible_only() {
        let canvas = painter("framebuffer=100x20:110:4:1:8", 8 + 110 * 20 * 4).into_canvas();
        assert_eq!(&canvas[..8], [0xaa; 8]);
        assert_eq!(&canvas[8..408], [0; 400]);
        assert_eq!(&canvas[408..448], [0xaa; 40]);
    }

    #[test]
    fn paints_a_cell_in_its_colours() {
        for (bytes, format) in [(4, 1), (3, 0), (1, 2)] {
            let text = std::format!("framebuffer=64x64:64:{bytes}:{format}:0");
            let mut painter = painter(&text, 64 * 64 * bytes);
            let full = Cell { character: '█', foreground: 9, ..Cell::BLANK };
            painter.paint(1, 1, full);
            painter.paint(99, 0, full);
            painter.paint(0, 99, full);
            let (width, height) = (painter.font.width(), painter.font.height());
            let expected = painter.geometry.pixel(rgb(9));
            let canvas = painter.into_canvas();
            for y in 0..64 {
                for x in 0..64 {
                    let pixel = &canvas[(y * 64 + x) * bytes..][..bytes];
                    let inside = (width..2 * width).contains(&x) && (height..2 * height).contains(&y);
                    if inside {
                        assert_eq!(pixel, &expected[..bytes], "{x},{y}");
                    } else {
                        assert!(pixel.iter().all(|&byte| byte == 0), "{x},{y}");
                    }
                }
            }
        }
    }

    #[test]
    fn reverse_and_underline_show() {
        let mut painter = painter("framebuffer=64x64:64:1:2:0", 64 * 64);
        let cell = |attributes| Cell { attributes, ..Cell::BLANK };
        painter.paint(0, 0, cell(Attributes::REVERSE));
        painter.paint(1, 0, cell(Attributes::UNDERLINE));
        let width = painter.font.width();
        let canvas = painter.into_canvas();
        assert!(canvas[0] > 150);
        let column: Vec<_> = (0..16).filter(|y| canvas[y * 64 + width] > 150).collect();
        assert_eq!(column, [14]);
    }
}
