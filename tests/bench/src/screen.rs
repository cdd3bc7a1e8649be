//! The machine's screen, for a bench that a person watches.

use alloc::boxed::Box;
use alloc::format;

use airox_rt::abi::root::Framebuffer;
use airox_rt::{Machine, MapFlags, Mapping, Window};
use airox_screen_console::{Geometry, Painter};
use airox_terminal::Screen;

use crate::house::Failure;

const PAGE: u64 = 4096;

/// Text on the frame buffer.
pub struct Display {
    painter: Painter<Window<'static>>,
    screen: Screen,
}

impl Display {
    /// Takes the frame buffer; `None` if firmware gave none.
    pub fn new(machine: &Machine, buffer: &Framebuffer) -> Result<Option<Display>, Failure> {
        if buffer.width == 0 {
            return Ok(None);
        }
        let offset = buffer.address % PAGE;
        let pages = (offset + buffer.length).div_ceil(PAGE);
        let region = machine.device(buffer.address - offset, pages)?;
        let flags = MapFlags::WRITE | MapFlags::WRITE_COMBINE;
        // The bench never ends, nor does its screen.
        let mapping: &'static Mapping = Box::leak(Box::new(Mapping::new(&region, flags)?));
        core::mem::forget(region);
        let form = format!(
            "framebuffer={}x{}:{}:{}:{}:{offset}",
            buffer.width, buffer.height, buffer.stride, buffer.bytes_per_pixel, buffer.format,
        );
        let geometry = Geometry::from_arguments([form.as_str()], mapping.len())
            .map_err(|_| Failure::Disturbed("the frame buffer is damaged"))?;
        let painter = Painter::new(mapping.window(), geometry);
        let (columns, rows) = painter.size();
        let screen = Screen::new(columns, rows).map_err(|_| Failure::Disturbed("the screen is too large"))?;
        Ok(Some(Display { painter, screen }))
    }

    /// Writes lines.
    pub fn write(&mut self, text: &str) {
        for line in text.lines() {
            self.screen.write(line.as_bytes());
            self.screen.write(b"\r\n");
        }
        let painter = &mut self.painter;
        self.screen.repaint(|column, row, cell| painter.paint(column, row, cell));
    }
}
