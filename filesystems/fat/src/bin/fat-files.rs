//! The program: the files of a stick behind the interface `file-system`.
//!
//! Argument `disk=PATH`: the disk whose first FAT volume it is, by the device manager's name. Nobody waits for it: while there is none, there are no files.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

extern crate alloc;

use airox_api::device::DeviceClient;
use airox_block_client::Disk;
use airox_driver_traits::block::BlockError;
use airox_fat::layout::Layout;
use airox_fat::{NotMounted, Removable, Stick};
use airox_rt::Start;
use alloc::boxed::Box;

/// Bytes that one request reads from the disk, in memory that the device reaches.
const READ: usize = 128 << 10;
/// Bytes written that are kept there until they are flushed, in case the disk's driver is restarted.
const WRITTEN: usize = 1 << 20;

airox_rt::entry!(main);

fn main(start: &'static Start) -> Result<(), Box<dyn core::error::Error>> {
    let path = start.arguments().iter().find_map(|argument| argument.strip_prefix("disk="));
    let path = path.ok_or("the argument disk=PATH is missing")?;
    let stick = ByManager { devices: start.connect()?, path };
    Ok(airox_file_server::serve(start, Removable::new(stick), None)?)
}

/// A stick that the device manager knows by this path.
struct ByManager {
    devices: DeviceClient,
    path: &'static str,
}

impl Stick for ByManager {
    type Disk = Disk;

    fn disk(&mut self) -> Result<Disk, BlockError> {
        let port = self.devices.open(self.path, false).map_err(|_| BlockError::Gone)?;
        Disk::over(port, READ, WRITTEN)
    }

    fn tell(&mut self, news: Result<Layout, NotMounted>) {
        let path = self.path;
        match news {
            Ok(layout) => {
                let mebibytes = (u64::from(layout.clusters()) * u64::from(layout.cluster)) >> 20;
                log::info!("{path}: {:?}, {mebibytes} MiB", layout.width);
            }
            Err(NotMounted::Device(BlockError::Gone)) => log::info!("{path}: the stick is gone"),
            Err(why) => log::warn!("{path}: {why}"),
        }
    }
}
