//! The device manager, and disks.

use crate::small::failure;
use airox_api::CallError;
use airox_api::device::{DeviceClient, DeviceError};
use airox_block_client::Disk;
use airox_driver_traits::block::{BlockDevice, BlockError};
use airox_rt::time::Instant;
use airox_shell::services::{Answer, DeviceEntry, Devices, Failure, Report};
use airox_shell::verify::verify;
use alloc::format;
use alloc::rc::Rc;
use alloc::vec::Vec;

const NAME: &str = "device";
/// Bytes that one request reads from a disk, and of writes until they are flushed.
const READ: usize = 64 << 10;
const WRITTEN: usize = 256 << 10;

pub struct DeviceService(pub Option<Rc<DeviceClient>>);

impl DeviceService {
    fn client(&self) -> Answer<&DeviceClient> {
        self.0.as_deref().ok_or(Failure::Missing(NAME))
    }

    fn call<T>(&self, call: impl FnOnce(&DeviceClient) -> Result<T, CallError<DeviceError>>) -> Answer<T> {
        call(self.client()?).map_err(|error| failure(NAME, error))
    }

    fn open(&self, path: &str) -> Answer<Disk> {
        let port = self.call(|client| client.open(path, false))?;
        Disk::over(port, READ, WRITTEN).map_err(refused)
    }
}

fn refused(error: BlockError) -> Failure {
    Failure::Refused(format!("{error}"))
}

impl Devices for DeviceService {
    fn list(&mut self) -> Answer<Vec<DeviceEntry>> {
        let mut list = Vec::new();
        loop {
            let next = self.call(|client| client.list(list.len() as u32))?;
            if next.is_empty() {
                return Ok(list);
            }
            list.extend(next);
        }
    }

    fn rescan(&mut self) -> Answer<u32> {
        self.call(DeviceClient::rescan)
    }

    fn read_block(&mut self, path: &str, block: u64) -> Answer<Vec<u8>> {
        let mut disk = self.open(path)?;
        let mut bytes = alloc::vec![0; disk.geometry().block_size as usize];
        disk.read(block, &mut bytes).map_err(refused)?;
        Ok(bytes)
    }

    fn verify(&mut self, path: &str, rounds: u64, seed: u64) -> Answer<Report> {
        let mut disk = self.open(path)?;
        verify(&mut disk, rounds, seed, || Instant::now().as_nanoseconds()).map_err(refused)
    }
}
