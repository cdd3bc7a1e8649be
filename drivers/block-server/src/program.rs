//! The wiring of a disk driver: its port, what tells that requests are done, and who lets its device use memory.

use airox_api::block::{BlockDispatcher, BlockInterface, BlockRefusal};
use airox_api::{Deferred, Dispatch, Outcome};
use airox_driver_kit::{Device, DeviceHost, KitError};
use airox_driver_traits::block::{BlockError, Geometry};
use airox_driver_traits::dma::DmaMemory;
use airox_driver_traits::queue::BlockQueue;
use airox_rt::abi::layout::PAGE_SIZE;
use airox_rt::server::{Handler, KernelMessage, Server};
use airox_rt::time::{Duration, Instant};
use airox_rt::{Region, Signal, Start, exit_code};
use alloc::boxed::Box;
use alloc::format;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;
use core::error::Error;

use crate::attachments::{Mapper, Memory};
use crate::blocking::Blocking;
use crate::partitions::{Partition, partitions};
use crate::server::{BlockServer, Part};

/// The bit of the driver's signal that says that requests may be done.
pub const DONE: u64 = 1;
/// The bit that says that it took too long.
pub const TIMER: u64 = 2;
/// Pages of memory for reading the partition table.
const TABLE_PAGES: usize = 4;
/// A device that has something to do and says nothing for so long is taken for broken.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Serves a disk: never returns, unless with an error. The device tells by its first interrupt that something is done.
///
/// # Errors
/// The driver was not given what it needs.
pub fn serve<Q: BlockQueue>(start: &'static Start, device: Device, queue: Q) -> Result<(), Box<dyn Error>> {
    let signal = Signal::create()?;
    let _interrupt = device.interrupt(0, &signal, DONE)?;
    serve_woken(start, signal, device, queue)
}

/// Serves a disk whose device notifies [`DONE`] of the signal when something is done: never returns, unless with an error.
///
/// # Errors
/// The driver was not given what it needs.
pub fn serve_woken<Q: BlockQueue, H: DeviceHost>(
    start: &'static Start,
    signal: Signal,
    device: H,
    mut queue: Q,
) -> Result<(), Box<dyn Error>> {
    let port = start.served_port::<BlockInterface>()?;
    let signal = Rc::new(signal);
    let summary = describe(queue.geometry());
    let found = parts(&mut queue, &device, &signal)?;
    let names: Vec<String> = found.iter().map(|partition| partition.name.clone()).collect();
    let parts: Vec<Part> = found.iter().map(|partition| partition.part).collect();
    let device = Rc::new(device);
    let first = Instant::now().as_nanoseconds();
    let server = BlockServer::new(queue, &parts, ByManager(Rc::clone(&device)), first);
    device.announce(&summary, &names)?;
    let handler = Serving { dispatcher: BlockDispatcher(server), signal: Rc::clone(&signal), watched: false };
    Ok(Server::new(port).with_signal(&signal)?.run(handler)?)
}

/// The disk's parts. One that cannot be read has none.
fn parts<Q: BlockQueue>(queue: &mut Q, device: &impl DeviceHost, signal: &Signal) -> Result<Vec<Partition>, KitError> {
    let memory = device.memory(PAGE_SIZE as usize * TABLE_PAGES)?;
    let address = memory.device_address();
    let wait = || {
        let deadline = Instant::now().as_nanoseconds().saturating_add(PATIENCE.as_nanos() as u64);
        let kernel = |error: airox_rt::Error| BlockError::Kernel(error as u32);
        signal.set_timer(deadline, TIMER).map_err(kernel)?;
        match signal.wait(DONE | TIMER).map_err(kernel)? {
            bits if bits & DONE != 0 => Ok(()),
            _ => Err(BlockError::Timeout),
        }
    };
    let found = partitions(&mut Blocking::new(queue, memory, wait));
    // Nobody waits for the timer any more.
    let _ = signal.stop_timer();
    match found {
        Ok(found) => {
            device.unmap(address)?;
            Ok(found)
        }
        Err(BlockError::Timeout | BlockError::Gone) => {
            log::error!("the device does not answer");
            airox_rt::sys::process_exit(exit_code::FAILURE)
        }
        Err(error) => {
            log::warn!("the partition table cannot be read: {error}");
            device.unmap(address)?;
            Ok(Vec::new())
        }
    }
}

/// A disk in a few words.
fn describe(geometry: Geometry) -> String {
    let access = if geometry.read_only { ", read-only" } else { "" };
    let bytes = geometry.bytes().unwrap_or(u64::MAX);
    format!("{} MiB in blocks of {}{access}", bytes >> 20, geometry.block_size)
}

/// Memory mapped by the device manager.
struct ByManager<H>(Rc<H>);

impl<H: DeviceHost> Mapper for ByManager<H> {
    fn map(&mut self, region: Region) -> Result<Memory, BlockRefusal> {
        let kernel = |error: airox_rt::Error| BlockRefusal::Failed(BlockError::Kernel(error as u32));
        let (pages, _, _) = region.region_info().map_err(kernel)?;
        let address = self.0.map(&region).map_err(|error| match error {
            KitError::Kernel(error) => kernel(error),
            _ => kernel(airox_rt::Error::InvalidArgument),
        })?;
        Ok(Memory { address, length: pages * PAGE_SIZE })
    }

    fn unmap(&mut self, memory: Memory) {
        if let Err(error) = self.0.unmap(memory.address) {
            log::error!("memory that was mapped cannot be unmapped: {error}");
        }
    }
}

type Disk<Q, H> = BlockServer<Q, ByManager<H>, Deferred<(), BlockRefusal>>;

/// Requests to the server, interrupts to its device.
struct Serving<Q, H> {
    dispatcher: BlockDispatcher<Disk<Q, H>>,
    signal: Rc<Signal>,
    /// Whether the timer runs.
    watched: bool,
}

impl<Q: BlockQueue, H: DeviceHost> Serving<Q, H> {
    /// Begins or ends to wait for a device that does not answer.
    fn watch(&mut self, again: bool) {
        let busy = self.dispatcher.0.is_busy();
        if busy && (again || !self.watched) {
            let deadline = Instant::now().as_nanoseconds().saturating_add(PATIENCE.as_nanos() as u64);
            // The driver's own signal; there is nothing to do if it were gone.
            let _ = self.signal.set_timer(deadline, TIMER);
        }
        self.watched = busy;
    }
}

impl<Q: BlockQueue, H: DeviceHost> Handler for Serving<Q, H> {
    fn request(&mut self, message: &mut KernelMessage) -> Outcome {
        let outcome = self.dispatcher.dispatch(message);
        self.watch(false);
        outcome
    }

    fn signal(&mut self, bits: u64) {
        if let Err(error) = self.dispatcher.0.pump() {
            log::error!("{error}");
            airox_rt::sys::process_exit(exit_code::FAILURE);
        }
        if bits & DONE == 0 && bits & TIMER != 0 && self.watched && self.dispatcher.0.is_busy() {
            log::error!("the device does not answer");
            airox_rt::sys::process_exit(exit_code::FAILURE);
        }
        self.watch(bits & DONE != 0);
    }
}
