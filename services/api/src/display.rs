//! A display: a picture in the client's memory that the device shows.
//!
//! There is one picture at a time: the one that was shown last.

use airox_api_macros::interface;
use airox_sys::Region;

pub use airox_driver_traits::display::{Area, DisplayError, PIXEL, Size};

/// A display.
#[interface(name = "display")]
pub trait Display {
    /// How many pixels it has.
    fn size() -> Result<Size, DisplayError>;

    /// Shows the picture in this contiguous memory (see [`PIXEL`]); all of it counts as changed.
    fn show(#[rights(READ | WRITE | DMA | COPY)] picture: Region) -> Result<(), DisplayError>;

    /// The caller's picture has changed there.
    fn update(area: Area) -> Result<(), DisplayError>;
}
