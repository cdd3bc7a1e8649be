//! The linear frame buffer, and text on it.

use bootloader_api::info::{FrameBufferInfo, PixelFormat};
use core::convert::Infallible;
use core::fmt;

use embedded_graphics::Pixel;
use embedded_graphics::draw_target::DrawTarget;
use embedded_graphics::geometry::{OriginDimensions, Point, Size};
use embedded_graphics::mono_font::ascii::FONT_9X15;
use embedded_graphics::mono_font::{MonoFont, MonoTextStyle, MonoTextStyleBuilder};
use embedded_graphics::pixelcolor::{Gray8, GrayColor};
use embedded_graphics::text::{Baseline, Text};

/// A linear frame buffer as firmware set it up.
#[derive(Clone, Copy, Debug)]
pub struct Framebuffer {
    /// Physical address; identity-mapped while the loader runs.
    pub address: u64,
    /// Its layout.
    pub info: FrameBufferInfo,
}

/// How well a mode suits us; more is better, `None` is unusable. A mode near 1280x800 is readable with
/// the console's font and cheap to scroll; larger ones only cost time.
pub fn mode_score(width: usize, height: usize) -> Option<usize> {
    const BEST: (usize, usize) = (1280, 800);
    if width < 640 || height < 400 {
        return None;
    }
    let area = width * height;
    if width <= BEST.0 && height <= BEST.1 {
        Some(usize::MAX / 2 + area)
    } else {
        Some(usize::MAX / 2 - area.min(usize::MAX / 2))
    }
}

/// What the loader's messages are painted with.
pub const FONT: MonoFont<'static> = FONT_9X15;

/// Loader messages on a frame buffer: white on black, no scrolling (after the last row comes the first).
pub struct PixelScreen {
    framebuffer: Framebuffer,
    cursor: Point,
}

impl PixelScreen {
    /// Clears the screen.
    ///
    /// # Safety
    /// `framebuffer` describes mapped, writable video memory that nothing else draws to.
    pub unsafe fn new(framebuffer: Framebuffer) -> Self {
        let mut screen = Self { framebuffer, cursor: Point::zero() };
        screen.clear_rows();
        screen
    }

    fn clear_rows(&mut self) {
        // SAFETY: (1) by the contract of `new` these bytes are mapped video memory of ours;
        // (2) every byte pattern is a valid pixel.
        unsafe {
            core::ptr::write_bytes(self.framebuffer.address as *mut u8, 0, self.framebuffer.info.byte_len);
        }
        self.cursor = Point::zero();
    }

    fn line_break(&mut self) {
        let height = FONT.character_size.height as i32;
        self.cursor = Point::new(0, self.cursor.y + height);
        if self.cursor.y + height > self.framebuffer.info.height as i32 {
            self.clear_rows();
        }
    }

    fn put(&mut self, character: char) {
        let width = FONT.character_size.width as i32;
        if self.cursor.x + width > self.framebuffer.info.width as i32 {
            self.line_break();
        }
        let style: MonoTextStyle<'_, Gray8> =
            MonoTextStyleBuilder::new().font(&FONT).text_color(Gray8::WHITE).background_color(Gray8::BLACK).build();
        let mut bytes = [0; 4];
        let text = Text::with_baseline(character.encode_utf8(&mut bytes), self.cursor, style, Baseline::Top);
        let Ok(_) = embedded_graphics::Drawable::draw(&text, self);
        self.cursor.x += width;
    }
}

impl OriginDimensions for PixelScreen {
    fn size(&self) -> Size {
        let info = &self.framebuffer.info;
        Size::new(info.width as u32, info.height as u32)
    }
}

impl DrawTarget for PixelScreen {
    type Color = Gray8;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<Gray8>>>(&mut self, pixels: I) -> Result<(), Infallible> {
        let info = self.framebuffer.info;
        for Pixel(point, color) in pixels {
            let (Ok(x), Ok(y)) = (usize::try_from(point.x), usize::try_from(point.y)) else {
                continue;
            };
            let offset = (y * info.stride + x) * info.bytes_per_pixel;
            if x >= info.width || y >= info.height || offset + info.bytes_per_pixel > info.byte_len {
                continue;
            }
            for byte in 0..info.bytes_per_pixel.min(channels(info.pixel_format)) {
                let address = self.framebuffer.address + (offset + byte) as u64;
                // SAFETY: (1) `offset + byte` is below `byte_len`, checked above; (2) by the contract
                // of `new` that memory is mapped video memory of ours.
                unsafe { (address as *mut u8).write_volatile(color.luma()) };
            }
        }
        Ok(())
    }
}

/// Bytes of a pixel that carry colour: grey text has the same value in each.
fn channels(format: PixelFormat) -> usize {
    match format {
        PixelFormat::U8 => 1,
        _ => 3,
    }
}

impl fmt::Write for PixelScreen {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            match character {
                '\n' => self.line_break(),
                character => self.put(character),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::fmt::Write;
    use std::vec;

    fn info(width: usize, height: usize, stride: usize, bytes_per_pixel: usize) -> FrameBufferInfo {
        FrameBufferInfo {
            byte_len: stride * height * bytes_per_pixel,
            width,
            height,
            pixel_format: PixelFormat::Bgr,
            bytes_per_pixel,
            stride,
        }
    }

    #[test]
    fn the_mode_nearest_1280x800_wins() {
        let modes = [(640, 480), (1280, 800), (1920, 1080), (1280, 1024), (1024, 768)];
        let best = modes.iter().max_by_key(|mode| mode_score(mode.0, mode.1));
        assert_eq!(best, Some(&(1280, 800)));
        let large = [(2560, 1600), (1920, 1080)];
        let best = large.iter().max_by_key(|mode| mode_score(mode.0, mode.1));
        assert_eq!(best, Some(&(1920, 1080)));
        assert_eq!(mode_score(320, 200), None);
    }

    #[test]
    fn text_stays_inside_the_visible_pixels() {
        let info = info(40, 32, 48, 4);
        let mut memory = vec![0xaa_u8; info.byte_len + 64];
        let framebuffer = Framebuffer { address: memory.as_mut_ptr() as u64, info };
        // SAFETY: the frame buffer describes `memory`, which outlives the screen.
        let mut screen = unsafe { PixelScreen::new(framebuffer) };
        write!(screen, "AIROX loader: a line far too long\nand another\n#").unwrap();
        assert!(memory[info.byte_len..].iter().all(|&byte| byte == 0xaa));
        assert!(memory[..info.byte_len].contains(&0xff));
        for row in memory[..info.byte_len].chunks(48 * 4) {
            assert!(row[40 * 4..].iter().all(|&byte| byte == 0));
        }
    }
}
