//! The frame buffer, through the graphics output protocol.

use airox_loader::framebuffer::{Framebuffer, mode_score};
use bootloader_api::info::{FrameBufferInfo, PixelFormat};
use uefi::boot;
use uefi::proto::console::gop::{self, GraphicsOutput};

use crate::firmware::call;

/// Sets the most suitable mode and returns its frame buffer; `None` on a machine without one.
pub fn set_up() -> Option<Framebuffer> {
    let mut output = call(|| {
        let handle = boot::get_handle_for_protocol::<GraphicsOutput>().ok()?;
        boot::open_protocol_exclusive::<GraphicsOutput>(handle).ok()
    })?;
    let best = call(|| {
        output
            .modes()
            .filter(|mode| format(mode.info()).is_some())
            .filter_map(|mode| {
                let (width, height) = mode.info().resolution();
                Some((mode_score(width, height)?, mode))
            })
            .max_by_key(|(score, _)| *score)
    });
    if let Some((_, mode)) = best
        && mode.info() != &output.current_mode_info()
    {
        // A mode that cannot be set leaves the current one, which serves as well.
        let _ = call(|| output.set_mode(&mode));
    }
    let info = output.current_mode_info();
    let pixel_format = format(&info)?;
    let (width, height) = info.resolution();
    let mut memory = output.frame_buffer();
    let framebuffer = Framebuffer {
        address: memory.as_mut_ptr() as u64,
        info: FrameBufferInfo {
            byte_len: memory.size(),
            width,
            height,
            pixel_format,
            bytes_per_pixel: 4,
            stride: info.stride(),
        },
    };
    // Keep the protocol open: closing it would let firmware's own console draw again.
    core::mem::forget(output);
    Some(framebuffer)
}

/// Our name for a mode's pixels; `None` if they cannot be written directly.
fn format(info: &gop::ModeInfo) -> Option<PixelFormat> {
    match info.pixel_format() {
        gop::PixelFormat::Rgb => Some(PixelFormat::Rgb),
        gop::PixelFormat::Bgr => Some(PixelFormat::Bgr),
        gop::PixelFormat::Bitmask | gop::PixelFormat::BltOnly => None,
    }
}
