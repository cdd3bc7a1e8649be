//! What to make a process from, what comes of it, and why it may not.

use alloc::vec::Vec;

use airox_abi::{BudgetFlags, Error, Handle, ObjectKind, QuotaLimits, Rights};
use airox_api::log::Level;
use airox_api::start::StartHandle;
use airox_bundle::Program;

use crate::image::ImageError;

/// What a process is made from. Handles are borrowed: they stay the creator's.
#[derive(Clone, Copy, Debug)]
pub struct SpawnRequest<'a> {
    /// The region that holds the bundle from its first byte on: `READ`, `EXECUTE`.
    pub bundle: Handle,
    /// The same bundle's bytes, as the creator has them mapped.
    pub bundle_bytes: &'a [u8],
    /// The program, of that bundle.
    pub program: &'a Program<'a>,
    /// The process's name.
    pub name: &'a str,
    /// What it finds as its arguments.
    pub arguments: &'a [&'a str],
    /// What it is charged to.
    pub quota: QuotaSource,
    /// The handles it gets.
    pub grants: &'a [Grant<'a>],
    /// Priority of its first thread.
    pub priority: u8,
    /// Highest priority it may give to its threads.
    pub max_priority: u8,
    /// Bytes of its stack, rounded up to whole pages.
    pub stack_bytes: u32,
    /// Bytes its runtime reserves for the heap, from its own quota.
    pub heap_bytes: u32,
    /// Where faults of its first thread go: a badged port handle with `SEND` and `COPY`, or
    /// [`Handle::NONE`], and a fault ends the process.
    pub fault_port: Handle,
    /// Records less important than this are not even sent to the log.
    pub log_level: Level,
    /// Its processor time.
    pub time: TimeRequest,
}

/// Which processor time a process gets.
#[derive(Clone, Copy, Debug, Default)]
pub struct TimeRequest {
    /// The processors that its threads may run on, one bit each, if not its creator's. It starts, and has its budget, on the lowest.
    pub processors: Option<u64>,
    /// A budget of its own, charged to its quota; without one it shares its creator's.
    pub budget: Option<BudgetRequest>,
    /// Whether its first thread runs on its callers' time alone, from its first `receive` on.
    pub passive: bool,
    /// Weight of its first thread, if not the usual one.
    pub weight: Option<u16>,
    /// Deadline of its jobs after each release, in ns; releases come with the budget's period.
    pub deadline_ns: Option<u64>,
}

/// A budget to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BudgetRequest {
    /// Processor time in each period, in ns.
    pub time_ns: u64,
    /// The period, in ns.
    pub period_ns: u64,
    /// What happens when it has run out.
    pub flags: BudgetFlags,
}

/// Which quota the process gets.
#[derive(Clone, Copy, Debug)]
pub enum QuotaSource {
    /// This one, shared with whatever else is charged to it.
    Given(Handle),
    /// A child of its own.
    Carved {
        /// Carved out of this quota: `CONTROL`.
        parent: Handle,
        /// The child's limits.
        limits: QuotaLimits,
    },
}

/// One handle that the process gets.
#[derive(Clone, Copy, Debug)]
pub struct Grant<'a> {
    /// The name under which the process finds it.
    pub name: &'a str,
    /// The creator's handle: `COPY`.
    pub handle: Handle,
    /// What it names.
    pub kind: ObjectKind,
    /// At most these rights.
    pub rights: Rights,
    /// Badge of the copy; 0 keeps the creator's.
    pub badge: u64,
}

/// A running process. The handles are the creator's, with all rights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spawned {
    /// The process.
    pub process: Handle,
    /// Its first thread.
    pub thread: Handle,
    /// Its quota, if one was carved.
    pub quota: Option<Handle>,
    /// Its budget, if one was made; it lives as long as this handle.
    pub budget: Option<Handle>,
    /// First address of its stack; the page below is the guard.
    pub stack_base: u64,
    /// The handles it got, as it knows them.
    pub granted: Vec<StartHandle>,
}

/// A step of making a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Carving its quota.
    Quota,
    /// Making the process.
    Process,
    /// Saying on which processors it may run.
    Processors,
    /// Making its budget, or binding its thread to it.
    Budget,
    /// Setting its highest priority.
    Priority,
    /// Granting a handle.
    Grant,
    /// Making and writing the region for start block, data and stack.
    Memory,
    /// Mapping a part of it, or of the bundle.
    Map,
    /// Making the first thread.
    Thread,
    /// Starting it.
    Start,
}

impl Step {
    const fn text(self) -> &'static str {
        match self {
            Step::Quota => "carve its quota",
            Step::Process => "create the process",
            Step::Processors => "choose its processors",
            Step::Budget => "give it processor time",
            Step::Priority => "set its highest priority",
            Step::Grant => "grant a handle",
            Step::Memory => "reserve memory",
            Step::Map => "map its memory",
            Step::Thread => "create its thread",
            Step::Start => "start its thread",
        }
    }
}

/// Why no process was made. Nothing is left over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpawnError {
    /// The program does not fit a process.
    Image(ImageError),
    /// Name, arguments and handle names do not fit the start block.
    StartBlockTooLarge,
    /// The kernel refused a step.
    Kernel(Step, Error),
}

impl core::fmt::Display for SpawnError {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            SpawnError::Image(error) => write!(formatter, "bad program image: {error}"),
            SpawnError::StartBlockTooLarge => {
                formatter.write_str("name, arguments and handle names exceed the start block")
            }
            SpawnError::Kernel(step, error) => {
                write!(formatter, "cannot {}: {error}", step.text())
            }
        }
    }
}

impl core::error::Error for SpawnError {}
