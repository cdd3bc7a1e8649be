//! What the loader's messages look like on the screen, painted anew with its font to be compared with a screenshot.

use std::convert::Infallible;

use airox_loader::framebuffer::FONT;
use airox_machine::Screenshot;
use embedded_graphics::Pixel;
use embedded_graphics::draw_target::DrawTarget;
use embedded_graphics::geometry::{OriginDimensions, Point, Size};
use embedded_graphics::mono_font::MonoTextStyle;
use embedded_graphics::pixelcolor::BinaryColor;
use embedded_graphics::text::{Baseline, Text};

use super::reporter::Outcome;

/// Pixels, lit or not.
struct Canvas {
    width: usize,
    height: usize,
    lit: Vec<bool>,
}

impl OriginDimensions for Canvas {
    fn size(&self) -> Size {
        Size::new(self.width as u32, self.height as u32)
    }
}

impl DrawTarget for Canvas {
    type Color = BinaryColor;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<BinaryColor>>>(&mut self, pixels: I) -> Result<(), Infallible> {
        for Pixel(point, color) in pixels {
            let (Ok(x), Ok(y)) = (usize::try_from(point.x), usize::try_from(point.y)) else {
                continue;
            };
            if x < self.width && y < self.height {
                self.lit[y * self.width + x] = color.is_on();
            }
        }
        Ok(())
    }
}

/// Whether the screen shows these lines from its top, and nothing else.
pub fn shows(screen: &Screenshot, lines: &[&str]) -> Outcome {
    let (width, height) = screen.size();
    let mut canvas = Canvas { width, height, lit: vec![false; width * height] };
    let line_height = FONT.character_size.height as usize;
    for (row, line) in lines.iter().enumerate() {
        let place = Point::new(0, (row * line_height) as i32);
        let style = MonoTextStyle::new(&FONT, BinaryColor::On);
        let text = Text::with_baseline(line, place, style, Baseline::Top);
        let Ok(_) = embedded_graphics::Drawable::draw(&text, &mut canvas);
    }
    for (y, wanted) in canvas.lit.chunks_exact(width).enumerate() {
        let found = screen.row(0, y, width).iter();
        let x = found.zip(wanted).position(|(found, wanted)| (*found > Screenshot::DARK) != *wanted);
        if let Some(x) = x {
            return Err(format!(
                "the screen differs in line {}, column {} from:\n{}",
                y / line_height + 1,
                x / FONT.character_size.width as usize + 1,
                lines.join("\n")
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_screen_without_the_line_is_told_apart() {
        let dark = Screenshot::new(90, 30, vec![0; 90 * 30]).unwrap();
        assert_eq!(shows(&dark, &[]), Ok(()));
        assert_eq!(shows(&dark, &["", "  "]), Ok(()));
        let reason = shows(&dark, &["", " #"]).unwrap_err();
        assert!(reason.contains("line 2, column 2"), "{reason}");
    }
}
