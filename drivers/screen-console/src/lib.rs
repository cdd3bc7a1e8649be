//! Console over the frame buffer, a PS/2 keyboard and those that the device manager finds.
//!
//! # Principles
//! - The frame buffer is written and never read: what is on it is known from the screen model, and only cells that changed are
//!   painted, at most [`FRAME_NS`] apart.
//! - What firmware says about the frame buffer is a claim: [`Geometry`] is checked against the mapped memory once, and every write
//!   against its bounds.
//! - The keyboard controller is asked with bounded patience; a machine without one gives an error, not a hang.
#![no_std]
#![forbid(unsafe_code)]

mod controller;
mod geometry;
mod glyph;
mod keyboard;
mod painter;
mod screen_console;
mod usage;

pub use controller::{Controller, ControllerError, KeyboardFound};
pub use geometry::{Geometry, GeometryError, PixelFormat};
pub use keyboard::{Keyboard, UnknownLayout};
pub use painter::{Canvas, Painter};
pub use screen_console::{FRAME_NS, ScreenConsole};
