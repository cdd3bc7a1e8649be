//! Displays, which read the shell's memory by themselves.

use crate::opened::Opened;
use crate::small::failure;
use airox_api::display::{DisplayClient, PIXEL, Size};
use airox_rt::abi::layout::PAGE_SIZE;
use airox_rt::{Error, MapFlags, Mapping, Region, RegionKind};
use airox_shell::services::{Answer, Displays, Failure};
use alloc::string::ToString;
use alloc::vec::Vec;

const NAME: &str = "display";

pub struct DisplayService(pub Opened<DisplayClient>);

/// A picture in memory that a device can read.
fn draw(size: Size, pixel: &dyn Fn(Size, u32, u32) -> [u8; 3]) -> Result<Region, Error> {
    let picture = Region::create_on(None, size.bytes().div_ceil(PAGE_SIZE), RegionKind::Contiguous)?;
    let mapping = Mapping::new(&picture, MapFlags::WRITE)?;
    let mut row = Vec::with_capacity(size.width as usize * PIXEL as usize);
    for y in 0..size.height {
        row.clear();
        for x in 0..size.width {
            let [red, green, blue] = pixel(size, x, y);
            row.extend([blue, green, red, 0]);
        }
        mapping.window().copy_from(y as usize * row.len(), &row).ok_or(Error::InvalidArgument)?;
    }
    Ok(picture)
}

impl Displays for DisplayService {
    fn show(&mut self, path: &str, pixel: &dyn Fn(Size, u32, u32) -> [u8; 3]) -> Answer<Size> {
        let display = self.0.get(path)?;
        let size = display.size().map_err(|error| failure(NAME, error))?;
        let picture = draw(size, pixel).map_err(|error| Failure::Refused(error.to_string()))?;
        display.show(&picture).map_err(|error| failure(NAME, error))?;
        Ok(size)
    }
}
