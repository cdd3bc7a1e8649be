//! Requests over a port.

use crate::disk::{Answer, Remote, RemoteDisk};
use airox_api::CallError;
use airox_api::block::{BlockClient, BlockRefusal, Piece};
use airox_driver_traits::block::{BlockError, Geometry};
use airox_rt::abi::layout::PAGE_SIZE;
use airox_rt::{Error, MapFlags, Mapping, Port, Region, RegionKind};

/// A driver's port and contiguous memory of this program.
#[derive(Debug)]
pub struct PortDisk {
    client: BlockClient,
    region: Region,
    mapping: Mapping,
    /// Whether this program has attached anything yet.
    attached: bool,
}

impl RemoteDisk<PortDisk> {
    /// A disk behind this port, as the device manager's `open` gives it, with contiguous memory of its own that the device reaches: `for_reading` bytes, the most
    /// that is read with one request, and `for_writing` bytes for what was written and not flushed yet.
    ///
    /// A program opens each port once: what it attached through another value for the same port is given up.
    ///
    /// # Errors
    /// The disk is gone, or there is no memory.
    pub fn over(port: Port, for_reading: usize, for_writing: usize) -> Result<RemoteDisk<PortDisk>, BlockError> {
        let pages = (for_reading.saturating_add(for_writing) as u64).div_ceil(PAGE_SIZE);
        let region = Region::create_on(None, pages, RegionKind::Contiguous).map_err(kernel)?;
        let mapping = Mapping::new(&region, MapFlags::WRITE).map_err(kernel)?;
        RemoteDisk::new(PortDisk { client: BlockClient::new(port), region, mapping, attached: false }, for_reading)
    }
}

fn kernel(error: Error) -> BlockError {
    BlockError::Kernel(error as u32)
}

fn answer(error: CallError<BlockRefusal>) -> Answer {
    let misuse = Answer::Failed(kernel(Error::InvalidArgument));
    match error {
        // A later call waits for the next instance; once there will be none, all of them end here.
        CallError::ServerDied | CallError::Service(BlockRefusal::NotAttached) => Answer::Unknown,
        CallError::Kernel(error) => Answer::Failed(kernel(error)),
        CallError::Service(BlockRefusal::Failed(error)) => Answer::Failed(error),
        CallError::Service(BlockRefusal::Full) => Answer::Failed(kernel(Error::QuotaExceeded)),
        CallError::Service(BlockRefusal::NoSuchPart) => Answer::Failed(BlockError::Gone),
        CallError::Service(BlockRefusal::OutsideMemory) | CallError::Protocol(_) | CallError::Decode => misuse,
    }
}

impl Remote for PortDisk {
    fn geometry(&mut self) -> Result<Geometry, Answer> {
        self.client.geometry().map_err(answer)
    }

    fn attach(&mut self) -> Result<u64, Answer> {
        let first = !self.attached;
        let attachment = self.client.attach(&self.region, first).map_err(answer)?;
        self.attached = true;
        Ok(attachment)
    }

    fn detach(&mut self, attachment: u64) {
        // A driver that was started since knows nothing of it, and one that is gone has nothing.
        let _ = self.client.detach(attachment);
    }

    fn read(&mut self, attachment: u64, first: u64, count: u32) -> Result<(), Answer> {
        self.client.read(attachment, 0, first, count).map_err(answer)
    }

    fn write(&mut self, attachment: u64, pieces: &[Piece], flush: bool) -> Result<(), Answer> {
        self.client.write(attachment, pieces, flush).map_err(answer)
    }

    fn capacity(&self) -> usize {
        self.mapping.len()
    }

    fn fill(&mut self, offset: usize, bytes: &[u8]) {
        let copied = self.mapping.window().copy_from(offset, bytes);
        debug_assert!(copied.is_some(), "a piece fits the memory");
    }

    fn take(&mut self, bytes: &mut [u8]) {
        let copied = self.mapping.window().copy_to(0, bytes);
        debug_assert!(copied.is_some(), "a piece fits the memory");
    }
}
