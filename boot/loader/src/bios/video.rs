//! The frame buffer, through the VESA BIOS extensions (interrupt 0x10, ah = 0x4f).

use airox_loader::framebuffer::{Framebuffer, mode_score};
use bootloader_api::info::{FrameBufferInfo, PixelFormat};

use crate::thunk::{self, Registers};

/// The mode list's end.
const LAST_MODE: u16 = 0xffff;
/// Modes looked at, should a list have no end.
const MAXIMUM_MODES: usize = 256;
/// A mode's number with this bit: with a linear frame buffer.
const LINEAR: u16 = 1 << 14;
/// Mode attributes that must be set: supported, colour, graphics, linear frame buffer.
const ATTRIBUTES: u16 = 1 | 1 << 3 | 1 << 4 | 1 << 7;
/// Memory model of modes with separate red, green and blue bits.
const DIRECT_COLOR: u8 = 6;

/// The start of what a VESA BIOS tells about itself.
#[repr(C, packed)]
#[derive(Clone, Copy)]
struct Controller {
    signature: [u8; 4],
    version: u16,
    maker: u32,
    capabilities: u32,
    modes: u32,
    rest: [u8; 494],
}

/// What it tells about a mode.
#[repr(C, packed)]
#[derive(Clone, Copy)]
struct Mode {
    attributes: u16,
    windows: [u8; 14],
    pitch: u16,
    width: u16,
    height: u16,
    character: [u8; 2],
    planes: u8,
    bits_per_pixel: u8,
    banks: u8,
    memory_model: u8,
    bank_size: u8,
    pages: u8,
    reserved: u8,
    red_size: u8,
    red_position: u8,
    green_size: u8,
    green_position: u8,
    blue_size: u8,
    blue_position: u8,
    reserved_size: u8,
    reserved_position: u8,
    direct_color: u8,
    framebuffer: u32,
    /// Reserved memory, then for version 3 the linear modes' own pitch.
    off_screen: [u8; 6],
    linear_pitch: u16,
    rest: [u8; 204],
}

/// Calls function `function`, which fills `buffer`; `None` if it failed.
fn ask<T: Copy>(function: u16, number: u16, buffer: &mut T) -> Option<T> {
    let (segment, offset) = thunk::segment_and_offset(buffer as *mut T as usize)?;
    let mut registers =
        Registers { eax: function.into(), ecx: number.into(), edi: offset.into(), es: segment, ..Registers::default() };
    // SAFETY: both functions used fill a buffer of at most the sizes of `Controller` and `Mode`.
    unsafe { thunk::call(0x10, &mut registers) };
    // SAFETY: the BIOS wrote to it behind the compiler's back; every byte pattern is valid.
    let filled = unsafe { (buffer as *const T).read_volatile() };
    (registers.eax & 0xffff == 0x004f).then_some(filled)
}

fn mode(number: u16) -> Option<Mode> {
    // SAFETY: all fields are numbers; 0 is valid for each.
    let mut mode = unsafe { core::mem::zeroed() };
    ask(0x4f01, number, &mut mode)
}

/// The numbers of the BIOS's modes; none if it has no linear frame buffers. Also its version.
fn mode_numbers() -> (heapless::Vec<u16, MAXIMUM_MODES>, u16) {
    let mut numbers = heapless::Vec::new();
    // SAFETY: all fields are numbers; 0 is valid for each.
    let mut buffer: Controller = unsafe { core::mem::zeroed() };
    // Asks for the list of version 2 and later.
    buffer.signature = *b"VBE2";
    let Some(controller) = ask(0x4f00, 0, &mut buffer) else {
        return (numbers, 0);
    };
    let version = controller.version;
    if controller.signature != *b"VESA" || version < 0x200 {
        return (numbers, version);
    }
    // The list often lies in the buffer itself, which therefore must live until here.
    let list = thunk::flat(controller.modes) as *const u16;
    for index in 0..MAXIMUM_MODES {
        // SAFETY: a real-mode pointer leads below 1 MiB and 64 KiB; that and what is behind it is mapped.
        let number = unsafe { list.add(index).read_volatile() };
        if number == LAST_MODE || numbers.push(number).is_err() {
            break;
        }
    }
    (numbers, version)
}

/// Sets the most suitable mode and returns its frame buffer; `None` leaves the screen in text mode.
pub fn set_up() -> Option<Framebuffer> {
    let (numbers, version) = mode_numbers();
    let mut best: Option<(usize, u16, Framebuffer)> = None;
    for number in numbers {
        let found = mode(number).and_then(|mode| usable(&mode, version));
        if let Some((score, framebuffer)) = found
            && best.is_none_or(|(best, _, _)| score > best)
        {
            best = Some((score, number, framebuffer));
        }
    }
    let (_, number, framebuffer) = best?;
    let mut registers = Registers { eax: 0x4f02, ebx: (number | LINEAR).into(), ..Registers::default() };
    // SAFETY: the service sets the mode and writes no memory but the screen's.
    unsafe { thunk::call(0x10, &mut registers) };
    (registers.eax & 0xffff == 0x004f).then_some(framebuffer)
}

/// A mode's score and frame buffer, if we can draw in it.
fn usable(mode: &Mode, version: u16) -> Option<(usize, Framebuffer)> {
    let bytes_per_pixel = usize::from(mode.bits_per_pixel / 8);
    let supported = mode.attributes & ATTRIBUTES == ATTRIBUTES
        && mode.memory_model == DIRECT_COLOR
        && mode.framebuffer != 0
        && matches!(mode.bits_per_pixel, 24 | 32);
    if !supported {
        return None;
    }
    let pixel_format = match (mode.red_position, mode.green_position, mode.blue_position) {
        (16, 8, 0) => PixelFormat::Bgr,
        (0, 8, 16) => PixelFormat::Rgb,
        _ => return None,
    };
    let (width, height) = (usize::from(mode.width), usize::from(mode.height));
    let linear_pitch = mode.linear_pitch;
    let pitch = if version >= 0x300 && linear_pitch != 0 { usize::from(linear_pitch) } else { usize::from(mode.pitch) };
    // Of two modes of one size the one with whole words a pixel is faster to draw in.
    let score = mode_score(width, height)? + bytes_per_pixel;
    let framebuffer = Framebuffer {
        address: mode.framebuffer.into(),
        info: FrameBufferInfo {
            byte_len: pitch * height,
            width,
            height,
            pixel_format,
            bytes_per_pixel,
            stride: pitch / bytes_per_pixel,
        },
    };
    Some((score, framebuffer))
}
