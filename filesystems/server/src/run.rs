//! The server on ports, with the clock's time and regions of the kernel.

use crate::server::{FileServer, Host};
use airox_api::clock::ClockClient;
use airox_api::file_system::{FileSystemDispatcher, FileSystemInterface};
use airox_api::{Dispatch, Outcome};
use airox_file_system::{Extent, FileError, FileSystem};
use airox_rt::server::{Handler, KernelMessage, Server};
use airox_rt::time::{Duration, Instant};
use airox_rt::{Error, Handle, Region, Rights, Signal, Start, StartError, TypedHandle, memory};
use alloc::vec::Vec;

/// Most bytes of files that are kept as regions; more are made and forgotten by turns.
const MAX_MAPPED: u64 = 4 << 20;
const PAGE: u64 = airox_rt::abi::layout::PAGE_SIZE;

/// So long after a request at most, what it changed is durable, even if nobody asks.
const DURABLE_AFTER: Duration = Duration::from_secs(1);
/// The timer's bit of the server's signal.
const TIMER: u64 = 1;

/// Serves a file system on the port of the interface `file-system`; returns with what ended it. `constant` is the memory that a file system with extents is
/// made of.
///
/// # Errors
/// What was not granted, or the kernel's reason.
pub fn serve<F: FileSystem>(start: &Start, files: F, constant: Option<&'static [u8]>) -> Result<(), StartError> {
    let port = start.served_port::<FileSystemInterface>()?;
    let mut world = World { clock: start.connect().ok(), offset: None, pages: Pages::new(constant.unwrap_or(&[])) };
    world.refresh();
    let signal = Signal::create()?;
    let server = Server::new(port).with_signal(&signal)?;
    let dispatcher = FileSystemDispatcher(FileServer::new(files, world, monotonic()));
    Ok(server.run(Serving { dispatcher, signal, waits: false })?)
}

/// Requests to the server; some time after one, all changes are made durable.
struct Serving<F, H> {
    dispatcher: FileSystemDispatcher<FileServer<F, H>>,
    signal: Signal,
    /// Whether the timer runs.
    waits: bool,
}

impl<F: FileSystem, H: Host> Handler for Serving<F, H> {
    fn request(&mut self, message: &mut KernelMessage) -> Outcome {
        let outcome = self.dispatcher.dispatch(message);
        if !self.waits {
            let deadline = monotonic().saturating_add(DURABLE_AFTER.as_nanos() as u64);
            self.waits = self.signal.set_timer(deadline, TIMER).is_ok();
        }
        outcome
    }

    fn signal(&mut self, _: u64) {
        self.waits = false;
        // Who wants to know asks for it; nothing that was promised is lost.
        let _ = self.dispatcher.0.files().sync();
    }
}

/// Nanoseconds since boot.
fn monotonic() -> u64 {
    Instant::now().as_nanoseconds()
}

struct World {
    clock: Option<ClockClient>,
    /// What is added to the time since boot.
    offset: Option<u64>,
    pages: Pages,
}

impl Host for World {
    fn now_ns(&mut self) -> u64 {
        self.offset.map_or(0, |offset| offset.saturating_add(monotonic()))
    }

    fn refresh(&mut self) {
        let now = self.clock.as_ref().and_then(|clock| clock.now().ok());
        if let Some(now) = now {
            self.offset = Some(now.saturating_sub(monotonic()));
        }
    }

    fn pages(&mut self, extent: Extent) -> Result<Region, FileError> {
        self.pages.get(extent)
    }
}

/// Files as regions. The kernel maps whole regions or parts of them, but cannot hand out a part alone; so each file that is mapped gets a region of its own, made once
/// and shared by all who map it.
pub struct Pages {
    constant: &'static [u8],
    made: Vec<(Extent, Region)>,
}

impl Pages {
    /// Of this memory.
    #[must_use]
    pub fn new(constant: &'static [u8]) -> Pages {
        Pages { constant, made: Vec::new() }
    }

    /// A handle that can read, but not write.
    ///
    /// # Errors
    /// [`FileError::NotSupported`]: it lies elsewhere, or is empty or too long; [`FileError::NoSpace`]; the kernel's reason.
    pub fn get(&mut self, extent: Extent) -> Result<Region, FileError> {
        let start = usize::try_from(extent.offset).map_err(|_| FileError::NotSupported)?;
        let bytes = self.constant.get(start..).and_then(|rest| rest.get(..usize::try_from(extent.length).ok()?));
        let bytes = bytes.filter(|bytes| !bytes.is_empty() && extent.length <= MAX_MAPPED);
        let bytes = bytes.ok_or(FileError::NotSupported)?;
        if !self.made.iter().any(|(made, _)| *made == extent) {
            while self.made.iter().map(|(made, _)| made.length).sum::<u64>() + extent.length > MAX_MAPPED {
                // Who mapped it keeps it.
                self.made.remove(0);
            }
            let pages = extent.length.div_ceil(PAGE);
            let region = memory::filled_region(Handle::NONE, pages, pages, |memory| {
                memory[..bytes.len()].copy_from_slice(bytes);
            });
            self.made.push((extent, region.map_err(refusal)?));
        }
        let region = self.made.iter().find(|(made, _)| *made == extent).map(|(_, region)| region);
        region.ok_or(FileError::NoSpace)?.copy(Rights::READ | Rights::COPY).map_err(refusal)
    }
}

fn refusal(error: Error) -> FileError {
    match error {
        Error::QuotaExceeded => FileError::NoSpace,
        other => FileError::Kernel(other as u32),
    }
}
