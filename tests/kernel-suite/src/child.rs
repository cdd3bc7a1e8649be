//! Processes the suite makes: each in its own address space, running a function of the suite itself.
//!
//! A child maps the suite's text and constants straight from the bundle, has its own copy of the suite's data,
//! its own stack, and one page shared with the suite ([`Block`]). It has no handles but those it is granted.

use airox_abi::info::{ProcessInfo, ThreadState};
use airox_abi::layout::{PAGE_SIZE, STACK_TOP, START_BLOCK};
use airox_abi::{Error, Handle, MapFlags, RegionKind, Rights};

use crate::block::{Block, ChildFunction};
use crate::failure::{Failure, Outcome};
use crate::kernel::{self, Owned};
use crate::memory::{self, Mapped};
use crate::suite::Suite;

/// Pages of each thread's stack.
const STACK_PAGES: u64 = 8;
/// Address space from one thread's stack to the next: the rest is guard.
const STACK_SPAN: u64 = 32 * PAGE_SIZE;
/// Bit of the child's signal that tells its end.
const ENDED: u64 = 1;
/// Bit that tells the time is up.
const TIME_UP: u64 = 1 << 63;
/// How long a child may take to end, in ns.
const PATIENCE: u64 = 5_000_000_000;
/// Exit code of a child whose function failed.
const FAILED: i64 = 101;

/// Priority of the suite's main thread and, unless asked otherwise, of its children.
pub const NORMAL: u64 = 100;

/// How a child is made.
#[derive(Clone, Copy)]
pub struct Options {
    /// The quota it is charged to.
    pub quota: Handle,
    /// Priority of its first thread.
    pub priority: u64,
    /// Fault port of its threads.
    pub fault_port: Handle,
}

impl Options {
    /// On the suite's own quota, at the suite's priority, without a fault port.
    pub const DEFAULT: Options = Options { quota: Handle::NONE, priority: NORMAL, fault_port: Handle::NONE };
}

/// A process made by the suite; killed when it goes out of scope.
pub struct Child {
    /// All rights.
    pub process: Owned,
    /// Its first thread, all rights.
    pub thread: Owned,
    block: Mapped,
    ended: Owned,
    options: Options,
}

impl Child {
    /// A child with default options.
    pub fn new(suite: &Suite) -> Result<Child, Error> {
        Child::with(suite, Options::DEFAULT)
    }

    /// A child that is ready to start.
    pub fn with(suite: &Suite, options: Options) -> Result<Child, Error> {
        let process = kernel::process_create(options.quota, b"suite-child\0\0\0\0\0")?;
        suite.image.map_into(process.get(), options.quota)?;
        let block = Mapped::of(kernel::region_create(options.quota, 1, RegionKind::Lazy)?, 1)?;
        kernel::region_map(block.region(), process.get(), START_BLOCK, 0, 1, MapFlags::WRITE)?;
        map_stack(process.get(), options.quota, 0)?;
        let thread = kernel::thread_create(process.get(), options.priority, options.fault_port)?;
        let ended = kernel::signal_create(Handle::NONE)?;
        kernel::process_watch(process.get(), ended.get(), ENDED)?;
        Ok(Child { process, thread, block, ended, options })
    }

    /// A child that runs `function` at once.
    pub fn run(suite: &Suite, function: ChildFunction) -> Result<Child, Error> {
        let child = Child::new(suite)?;
        child.start(function)?;
        Ok(child)
    }

    /// The page shared with it.
    pub fn block(&self) -> &Block {
        // SAFETY: 1. the page is mapped as long as `self` lives; 2. a `Block` is made of atomics only, for
        // which every bit pattern is valid, and fits a page.
        unsafe { &*(self.block.address() as *const Block) }
    }

    /// Copies from the shared page, at a byte offset, behind what [`Block`] uses.
    pub fn copy_page(&self, offset: usize, buffer: &mut [u8]) {
        for (index, byte) in buffer.iter_mut().enumerate() {
            *byte = self.block.byte((offset + index) as u64);
        }
    }

    /// Gives the child a copy of a handle and tells it the value as argument `index`.
    pub fn grant(&self, index: usize, handle: Handle, rights: Rights) -> Result<Handle, Error> {
        self.grant_badged(index, handle, rights, 0)
    }

    /// The same, with a badge.
    pub fn grant_badged(&self, index: usize, handle: Handle, rights: Rights, badge: u64) -> Result<Handle, Error> {
        let value = kernel::process_grant(self.process.get(), handle, rights, badge)?;
        self.block().set_argument(index, u64::from(value.0));
        Ok(value)
    }

    /// Starts the first thread.
    pub fn start(&self, function: ChildFunction) -> Result<(), Error> {
        self.block().set_function(0, function);
        kernel::thread_start(self.thread.get(), entry(), stack_pointer(0), START_BLOCK)
    }

    /// Makes and starts another thread, `index` 1 to 3.
    pub fn start_thread(&self, index: usize, priority: u64, function: ChildFunction) -> Result<Owned, Error> {
        map_stack(self.process.get(), self.options.quota, index as u64)?;
        let thread = kernel::thread_create(self.process.get(), priority, self.options.fault_port)?;
        self.block().set_function(index, function);
        let argument = START_BLOCK + index as u64;
        kernel::thread_start(thread.get(), entry(), stack_pointer(index as u64), argument)?;
        Ok(thread)
    }

    /// Waits until the process has ended.
    #[track_caller]
    pub fn wait(&self) -> Result<ProcessInfo, Failure> {
        let location = core::panic::Location::caller();
        let signal = self.ended.get();
        let info = kernel::process_info(self.process.get())?;
        if info.state == ThreadState::Dead as u8 {
            return Ok(info);
        }
        kernel::timer_set(signal, kernel::now() + PATIENCE, TIME_UP)?;
        let bits = kernel::wait(signal, ENDED | TIME_UP)?;
        kernel::timer_set(signal, u64::MAX, TIME_UP)?;
        kernel::poll(signal, TIME_UP)?;
        if bits & ENDED == 0 {
            let state = kernel::thread_info(self.thread.get()).map(|info| info.state);
            return Err(Failure::new(format_args!(
                "the child awaited at line {} does not end, state {state:?}",
                location.line()
            )));
        }
        Ok(kernel::process_info(self.process.get())?)
    }

    /// Waits until the process has ended and hands on its failure.
    #[track_caller]
    pub fn finish(self) -> Outcome {
        let info = self.wait()?;
        match info.exit_code {
            0 if info.faulted == 0 => Ok(()),
            FAILED => Err(Failure::new(format_args!("child: {}", self.block().text()))),
            code => Err(Failure::new(format_args!("child ended with {code}, faulted: {}", info.faulted))),
        }
    }

    /// Ends it, and waits until it has ended.
    pub fn kill(&self) -> Result<ProcessInfo, Failure> {
        kernel::process_kill(self.process.get(), -9)?;
        self.wait()
    }

    /// The next message at `port`, to which the child's thread is expected to fault or call; fails if the child ends instead.
    #[track_caller]
    pub fn expect_message(&self, port: Handle) -> Result<kernel::Message, Failure> {
        kernel::port_bind(port, self.ended.get())?;
        kernel::timer_set(self.ended.get(), kernel::now() + PATIENCE, TIME_UP)?;
        let message = kernel::receive(port)?;
        kernel::port_bind(port, Handle::NONE)?;
        kernel::timer_set(self.ended.get(), u64::MAX, TIME_UP)?;
        if message.tag.kind() == airox_abi::message::MessageKind::Signal {
            kernel::notify(self.ended.get(), message.words[0] & ENDED)?;
            let text = self.block().text();
            return Err(Failure::new(format_args!("the child ended or hangs instead: {text}")));
        }
        Ok(message)
    }

    /// Waits until its first thread is in this state.
    #[track_caller]
    pub fn await_state(&self, suite: &Suite, state: ThreadState) -> Outcome {
        suite.await_state(self.thread.get(), state)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = kernel::process_kill(self.process.get(), -9);
    }
}

/// Address of the code every child thread starts with.
fn entry() -> u64 {
    child_entry as *const () as u64
}

/// The stack of thread `index`, as at the entry of a function: 8 bytes past a multiple of 16.
pub const fn stack_pointer(index: u64) -> u64 {
    STACK_TOP - index * STACK_SPAN - 8
}

/// Lowest mapped address of a stack.
pub const fn stack_base(index: u64) -> u64 {
    STACK_TOP - index * STACK_SPAN - STACK_PAGES * PAGE_SIZE
}

fn map_stack(process: Handle, quota: Handle, index: u64) -> Result<(), Error> {
    let region = kernel::region_create(quota, STACK_PAGES, RegionKind::Lazy)?;
    kernel::region_map(region.get(), process, stack_base(index), 0, STACK_PAGES, MapFlags::WRITE)
}

extern "C" fn child_entry(argument: u64) -> ! {
    let index = (argument % PAGE_SIZE) as usize;
    // SAFETY: the suite maps a `Block` at the page the argument points into, as long as this process lives.
    let block = unsafe { &*((argument - index as u64) as *const Block) };
    match block.function(index)(block) {
        Ok(()) if index == 0 => kernel::process_exit(0),
        Ok(()) => kernel::thread_exit(),
        Err(failure) => {
            block.report(&failure);
            kernel::process_exit(FAILED)
        }
    }
}

/// The suite's own program image, as its children map it.
pub struct Image {
    bundle: Handle,
    segments: [Option<airox_bundle::Segment>; Image::MAX_SEGMENTS],
    bytes: &'static [u8],
}

impl Image {
    const MAX_SEGMENTS: usize = 8;

    /// Finds the program in the bundle. `bytes` is the bundle mapped.
    pub fn find(bundle: Handle, bytes: &'static [u8]) -> Result<Image, Failure> {
        let parsed = airox_bundle::Bundle::parse(bytes).map_err(|error| Failure::new(format_args!("{error}")))?;
        let program = parsed
            .program(parsed.root_program())
            .ok_or_else(|| Failure::new(format_args!("the bundle has no root program")))?;
        let mut segments = [None; Image::MAX_SEGMENTS];
        for (index, segment) in program.segments().enumerate() {
            match segments.get_mut(index) {
                Some(place) => *place = Some(segment),
                None => {
                    return Err(Failure::new(format_args!("the program has too many segments")));
                }
            }
        }
        Ok(Image { bundle, segments, bytes })
    }

    /// Touches the suite's own data, so that it is backed before anything is counted.
    pub fn touch_data(&self) {
        for segment in self.segments.iter().flatten().filter(|segment| segment.writable) {
            for page in (0..segment.memory_size).step_by(PAGE_SIZE as usize) {
                // SAFETY: the kernel maps the program's data as long as it runs, and no other thread runs yet.
                unsafe { memory::touch(segment.address + page) };
            }
        }
    }

    /// Maps the program into a process: a fresh copy of its data, the rest straight from the bundle.
    fn map_into(&self, process: Handle, quota: Handle) -> Result<(), Error> {
        for segment in self.segments.iter().flatten() {
            let pages = segment.memory_size.div_ceil(PAGE_SIZE);
            if segment.writable {
                let copy = Mapped::of(kernel::region_create(quota, pages, RegionKind::Lazy)?, pages)?;
                let start = segment.offset as usize;
                copy.fill(0, &self.bytes[start..start + segment.file_size as usize]);
                kernel::region_map(copy.region(), process, segment.address, 0, pages, MapFlags::WRITE)?;
            } else {
                let flags = if segment.executable { MapFlags::EXECUTE } else { MapFlags::empty() };
                kernel::region_map(self.bundle, process, segment.address, segment.offset / PAGE_SIZE, pages, flags)?;
            }
        }
        Ok(())
    }
}

/// Addresses in the suite where a mapping of this many pages may be made; nothing is mapped there.
pub fn free_address(pages: u64) -> u64 {
    memory::reserve(pages)
}
