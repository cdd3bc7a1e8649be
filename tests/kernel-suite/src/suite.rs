//! What every test gets: the root task's authority and a few helpers that wait with a limit.

use core::fmt::Write;

use airox_abi::info::{KernelInfo, ThreadState};
use airox_abi::root::RootBlock;
use airox_abi::{Error, Handle, MapFlags};
use airox_kernel_suite::options::Options;
use airox_kernel_suite::text::Text;

use crate::child::Image;
use crate::failure::{Failure, Outcome};
use crate::kernel::{self, Owned};
use crate::memory;

/// How long the suite waits for something that another process is to do, in ns.
pub const PATIENCE: u64 = 2_000_000_000;
/// Bit of the suite's own signal that its timer sets.
const TIMER: u64 = 1 << 63;

/// The suite's authority and state.
pub struct Suite {
    /// Handles from the kernel.
    pub root: &'static RootBlock,
    /// The suite's own program.
    pub image: Image,
    /// What the run was asked to do.
    pub options: Options<'static>,
    signal: Owned,
}

impl Suite {
    /// Maps the bundle and finds the suite's program and options in it.
    pub fn new(root: &'static RootBlock) -> Result<Suite, Failure> {
        memory::keep_page_tables()?;
        let bytes = map_bundle(root)?;
        let image = Image::find(root.bundle, bytes)?;
        Ok(Suite { root, image, options: read_options(bytes)?, signal: kernel::signal_create(Handle::NONE)? })
    }

    /// Writes a line to the debug UART.
    pub fn print(&self, arguments: core::fmt::Arguments<'_>) {
        let mut line = Text::<320>::format(arguments);
        let _ = line.write_char('\n');
        // The root task holds every right on the machine; nothing can be told if even this fails.
        let _ = kernel::debug_write(self.root.machine, line.as_str().as_bytes());
    }

    /// Sleeps, so that every other thread of this priority and below can run.
    pub fn sleep(&self, nanoseconds: u64) -> Result<(), Error> {
        kernel::timer_set(self.signal.get(), kernel::now() + nanoseconds, TIMER)?;
        kernel::wait(self.signal.get(), TIMER).map(drop)
    }

    /// Waits until the condition holds.
    #[track_caller]
    pub fn until(&self, mut condition: impl FnMut() -> Result<bool, Error>) -> Outcome {
        let location = core::panic::Location::caller();
        let deadline = kernel::now() + PATIENCE;
        while !condition()? {
            if kernel::now() > deadline {
                return Err(Failure::new(format_args!("waited in vain at {}:{}", location.file(), location.line())));
            }
            self.sleep(20_000)?;
        }
        Ok(())
    }

    /// Waits until a thread is in this state.
    #[track_caller]
    pub fn await_state(&self, thread: Handle, state: ThreadState) -> Outcome {
        let location = core::panic::Location::caller();
        let reached = self.until(|| Ok(kernel::thread_info(thread)?.state == state as u8));
        reached.map_err(|_| {
            let now = kernel::thread_info(thread).map(|info| ThreadState::from_code(info.state.into()));
            Failure::new(format_args!("line {}: the thread is {now:?}, not {state:?}", location.line()))
        })
    }

    /// The kernel's counts.
    pub fn kernel_info(&self) -> Result<KernelInfo, Error> {
        kernel::kernel_info(self.root.machine)
    }

    /// Ends QEMU through its `isa-debug-exit` device: status 1 if all is well, else 3.
    pub fn exit(&self, good: bool) -> ! {
        /// The device's I/O port, as the machine is configured for tests.
        const EXIT_PORT: u64 = 0xf4;
        let ports = kernel::io_ports_create(self.root.machine, EXIT_PORT, 4)
            .and_then(|ports| kernel::io_ports_bind(ports.get(), Handle::NONE).map(|()| ports));
        if ports.is_ok() {
            // SAFETY: 1. the port was just bound to this process; 2. the device ends the machine, or nothing
            // is there and the write is lost.
            unsafe {
                core::arch::asm!("out dx, eax", in("dx") EXIT_PORT as u16, in("eax") u32::from(!good));
            }
        }
        self.print(format_args!("the machine has no isa-debug-exit device; halting"));
        loop {
            let _ = kernel::wait(self.signal.get(), 1 << 62);
        }
    }
}

fn map_bundle(root: &RootBlock) -> Result<&'static [u8], Failure> {
    /// Where the bundle goes: far from the window of `memory`.
    const BUNDLE: u64 = 0x1_0000_0000;
    let pages = root.bundle_length.div_ceil(airox_abi::layout::PAGE_SIZE);
    kernel::region_map(root.bundle, Handle::NONE, BUNDLE, 0, pages, MapFlags::POPULATE)?;
    // SAFETY: 1. the range was just mapped, and stays so; 2. the bundle is never written.
    Ok(unsafe { core::slice::from_raw_parts(BUNDLE as *const u8, root.bundle_length as usize) })
}

fn read_options(bundle: &'static [u8]) -> Result<Options<'static>, Failure> {
    let parsed = airox_bundle::Bundle::parse(bundle).map_err(|error| Failure::new(format_args!("{error}")))?;
    let Some(bytes) = parsed.file("test.arguments") else {
        return Ok(Options::DEFAULT);
    };
    let text = core::str::from_utf8(bytes).map_err(|_| Failure::new(format_args!("test.arguments is not UTF-8")))?;
    Options::parse(text).map_err(|error| Failure::new(format_args!("test.arguments: {error}")))
}
