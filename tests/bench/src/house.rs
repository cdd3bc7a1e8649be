//! The bench's authority, and the making of its children.

use alloc::format;
use alloc::string::String;
use core::mem::ManuallyDrop;

use airox_api::log::Level;
use airox_bench::options::{self, Options};
use airox_bench::protocol::{CHILD_PROGRAM, Role};
use airox_bench::samples::Samples;
use airox_bundle::{Bundle, Program};
use airox_rt::abi::info::ThreadState;
use airox_rt::sys::{self, clock::ticks};
use airox_rt::{
    Budget, Error, Handle, IoPorts, Irq, Machine, PortRange, QuotaKind, Region, RootBlock, Signal, TypedHandle,
    exit_code, memory,
};
use airox_spawn::{Grant, QuotaSource, SpawnError, SpawnRequest, Spawned, SystemKernel, TimeRequest, spawn};

use crate::screen::Display;

/// Priority of the bench and of children that take part in what it measures.
pub const NORMAL: u8 = 100;
/// Highest priority a child gets.
const HIGHEST: u8 = 200;
const STACK_BYTES: u32 = 32 << 10;
const HEAP_BYTES: u32 = 64 << 10;
/// The bit that tells a child's end.
pub const ENDED: u64 = 1 << 32;

/// Why a row has no numbers.
#[derive(Debug)]
pub enum Failure {
    /// A system call failed.
    Kernel(Error),
    /// A child could not be made.
    Spawn(SpawnError),
    /// The bundle is not what the bench needs.
    Bundle(String),
    /// Something happened that spoils the measurement.
    Disturbed(&'static str),
}

impl core::fmt::Display for Failure {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Failure::Kernel(error) => error.fmt(formatter),
            Failure::Spawn(error) => error.fmt(formatter),
            Failure::Bundle(text) => formatter.write_str(text),
            Failure::Disturbed(text) => formatter.write_str(text),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Kernel(error)
    }
}

impl From<SpawnError> for Failure {
    fn from(error: SpawnError) -> Failure {
        Failure::Spawn(error)
    }
}

/// What every row works with.
pub struct House {
    root: &'static RootBlock,
    machine: ManuallyDrop<Machine>,
    bundle_bytes: &'static [u8],
    program: Program<'static>,
    /// For timers and the end of children.
    pub signal: Signal,
    overhead: u64,
    /// What it was asked to do.
    pub options: Options,
}

/// A child; its process ends with this value.
pub struct Child {
    spawned: Spawned,
}

impl House {
    /// Maps the bundle, finds the child program, and measures what reading the counter costs.
    pub fn new(root: &'static RootBlock) -> Result<House, Failure> {
        let region = ManuallyDrop::new(Region::from_raw(root.bundle));
        let bytes = memory::map_constant(&region, root.bundle_length as usize)?;
        let bundle = Bundle::parse(bytes).map_err(|error| Failure::Bundle(format!("{error}")))?;
        let program = bundle
            .program(CHILD_PROGRAM)
            .ok_or_else(|| Failure::Bundle(format!("the bundle has no {CHILD_PROGRAM}")))?;
        let options = bundle.file(options::FILE).unwrap_or_default();
        let options = core::str::from_utf8(options)
            .map_err(|_| "not text")
            .and_then(Options::parse)
            .map_err(|line| Failure::Bundle(format!("{}: {line}", options::FILE)))?;
        sys::thread_priority(root.thread, NORMAL)?;
        Ok(House {
            root,
            machine: ManuallyDrop::new(Machine::from_raw(root.machine)),
            bundle_bytes: bytes,
            program,
            signal: Signal::create()?,
            overhead: counter_overhead(),
            options,
        })
    }

    /// How often a row is repeated, if it is `usual` without any options.
    pub fn rounds(&self, usual: usize) -> usize {
        self.options.rounds.unwrap_or(usual)
    }

    /// The frame buffer, if there is one.
    pub fn display(&self) -> Result<Option<Display>, Failure> {
        Display::new(&self.machine, &self.root.framebuffer)
    }

    /// The ports and the interrupt line of a device.
    pub fn device(&self, (first, count, line): (u16, u16, u64)) -> Result<(IoPorts, Irq), Failure> {
        Ok((self.ports(first, count)?, self.machine.irq(line)?))
    }

    /// A range of I/O ports.
    pub fn ports(&self, first: u16, count: u16) -> Result<IoPorts, Failure> {
        Ok(self.machine.io_ports(first, count.into())?)
    }

    /// Has the bench itself run on this budget; on none of its own again with `None`.
    pub fn use_budget(&self, budget: Option<&Budget>) -> Result<(), Failure> {
        let budget = budget.map_or(Handle::NONE, TypedHandle::raw);
        Ok(sys::budget_bind(self.root.thread, budget, false)?)
    }

    /// Writes a line to the debug UART.
    pub fn print(&self, arguments: core::fmt::Arguments<'_>) {
        // The root task holds every right on the machine; nothing can be told if even this fails.
        let _ = self.machine.debug_write(&format!("{arguments}\n"));
    }

    /// Turns the kernel's trace on or off.
    pub fn trace(&self, on: bool) -> Result<(), Failure> {
        Ok(sys::trace_set(self.root.machine, on)?)
    }

    /// Room for samples.
    pub fn samples(&self, count: usize) -> Samples {
        Samples::new(count, self.overhead)
    }

    /// Makes a child of the bench's priority.
    pub fn child(&self, role: Role, grants: &[Grant<'_>]) -> Result<Child, Failure> {
        self.child_at(role, NORMAL, grants, Handle::NONE)
    }

    /// Makes a child.
    pub fn child_at(
        &self,
        role: Role,
        priority: u8,
        grants: &[Grant<'_>],
        fault_port: Handle,
    ) -> Result<Child, Failure> {
        let request = SpawnRequest {
            bundle: self.root.bundle,
            bundle_bytes: self.bundle_bytes,
            program: &self.program,
            name: role.name(),
            arguments: &[role.name()],
            quota: QuotaSource::Given(self.root.quota),
            grants,
            priority,
            max_priority: HIGHEST,
            stack_bytes: STACK_BYTES,
            heap_bytes: HEAP_BYTES,
            fault_port,
            log_level: Level::Off,
            time: TimeRequest::default(),
        };
        let spawned = spawn(&mut SystemKernel, &request)?;
        Ok(Child { spawned })
    }

    /// Has the bench's signal tell a child's end.
    pub fn watch(&self, child: &Child) -> Result<(), Failure> {
        Ok(sys::process_watch(child.spawned.process, self.signal.raw(), ENDED)?)
    }

    /// Waits for the end of the child that was last watched.
    pub fn wait_for_end(&self) -> Result<(), Failure> {
        self.signal.wait(ENDED)?;
        Ok(())
    }

    /// Frames charged to the quota that the bench and its children share.
    pub fn used_frames(&self) -> Result<u32, Failure> {
        let (_, used) = sys::quota_info(self.root.quota)?;
        Ok(used.get(QuotaKind::Frames))
    }

    /// Lets every other thread of the bench's priority and below run for a while.
    pub fn pause(&self) -> Result<(), Failure> {
        const TIME_UP: u64 = 1 << 33;
        const PAUSE_NS: u64 = 1_000_000;
        self.signal.set_timer(sys::clock::nanoseconds() + PAUSE_NS, TIME_UP)?;
        self.signal.wait(TIME_UP)?;
        Ok(())
    }

    /// Waits for ever.
    pub fn rest(&self) -> ! {
        loop {
            let _ = self.signal.wait(1 << 62);
        }
    }

    /// Ends the machine: QEMU's status is 1 if all is well, else 3.
    pub fn exit(&self, good: bool) -> ! {
        /// I/O port of QEMU's `isa-debug-exit`, and how many it has.
        const EXIT: (u16, u16) = (0xf4, 4);
        let range =
            self.machine.io_ports(EXIT.0, EXIT.1.into()).and_then(|ports| PortRange::bind(ports, EXIT.0, EXIT.1));
        if let Ok(range) = range {
            range.write_u32(0, u32::from(!good));
        }
        self.print(format_args!("the machine has no isa-debug-exit device; halting"));
        self.rest()
    }
}

impl Child {
    /// Its process, which lasts as long as this value.
    pub fn process(&self) -> Handle {
        self.spawned.process
    }

    /// Whether it ended by itself, with success.
    pub fn has_succeeded(&self) -> Result<bool, Failure> {
        let info = sys::process_info(self.spawned.process)?;
        let ended = info.state == ThreadState::Dead as u8;
        Ok(ended && info.faulted == 0 && info.exit_code == exit_code::SUCCESS)
    }

    /// Keeps its first thread from running.
    pub fn suspend(&self) -> Result<(), Failure> {
        Ok(sys::thread_suspend(self.spawned.thread)?)
    }

    /// Lets it run again.
    pub fn resume(&self) -> Result<(), Failure> {
        Ok(sys::thread_resume(self.spawned.thread)?)
    }

    /// Takes its budget: from its next `receive` on it runs on its callers'.
    pub fn make_passive(&self) -> Result<(), Failure> {
        Ok(sys::budget_bind(self.spawned.thread, Handle::NONE, true)?)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = sys::process_kill(self.spawned.process, 0);
        for handle in [self.spawned.thread, self.spawned.process] {
            let _ = sys::handle_close(handle);
        }
    }
}

/// The smallest difference of two adjacent readings of the counter.
fn counter_overhead() -> u64 {
    (0..1000)
        .map(|_| {
            let start = ticks();
            ticks().wrapping_sub(start)
        })
        .min()
        .unwrap_or(0)
}
