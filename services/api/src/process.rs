//! Programs and processes, as a person sees them: start, list, wait, end, inspect.
//!
//! The process server runs programs of the bundle and merges what init's supervisor tells about system components.

use crate::files::FileGrant;
use airox_api_macros::interface;
use airox_sys::Port;
use alloc::string::String;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// Number of the first program; the components of the system have smaller ones.
pub const FIRST_PROGRAM: u32 = 1001;

/// Whether a process belongs to the system or was started by a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// A component of the system file, supervised by init.
    Component,
    /// A program run through the process server.
    Program,
    /// The root task.
    Root,
}

/// What a process does; the states of its most active thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// Created or suspended.
    Suspended,
    /// Could run.
    Ready,
    /// Runs now.
    Running,
    /// Waits for a server to receive its call.
    Sending,
    /// Waits for a server's reply.
    AwaitingReply,
    /// Waits for a message.
    Receiving,
    /// Waits for a signal.
    Waiting,
    /// Waits for its fault handler.
    Faulted,
    /// Has ended and is not restarted.
    Dead,
    /// Has ended and will be restarted.
    Restarting,
}

impl State {
    /// A word for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            State::Suspended => "suspended",
            State::Ready => "ready",
            State::Running => "running",
            State::Sending => "sending",
            State::AwaitingReply => "awaiting reply",
            State::Receiving => "receiving",
            State::Waiting => "waiting",
            State::Faulted => "faulted",
            State::Dead => "dead",
            State::Restarting => "restarting",
        }
    }
}

impl From<airox_abi::info::ThreadState> for State {
    fn from(state: airox_abi::info::ThreadState) -> State {
        use airox_abi::info::ThreadState;
        match state {
            ThreadState::Suspended => State::Suspended,
            ThreadState::Ready => State::Ready,
            ThreadState::Running => State::Running,
            ThreadState::Sending => State::Sending,
            ThreadState::AwaitingReply => State::AwaitingReply,
            ThreadState::Receiving => State::Receiving,
            ThreadState::Waiting => State::Waiting,
            ThreadState::Faulted => State::Faulted,
            ThreadState::Dead => State::Dead,
        }
    }
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExitStatus {
    /// It exited with this code, or was ended with it.
    Exited(i64),
    /// A fault ended it.
    Faulted,
    /// A person or the system ended it.
    Killed,
}

/// One process in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessEntry {
    /// Its number: unique among live processes, for people.
    pub id: u32,
    /// Its name.
    pub name: String,
    /// What it does.
    pub state: State,
    /// Highest priority among its threads.
    pub priority: u8,
    /// CPU time used, in nanoseconds.
    pub cpu_ns: u64,
    /// Memory mapped and backed, in bytes.
    pub memory_bytes: u64,
    /// Handles held.
    pub handles: u32,
    /// Live threads.
    pub threads: u32,
    /// How often it was restarted.
    pub restarts: u32,
    /// Whose it is.
    pub kind: Kind,
    /// The processor of its first thread, while there is one.
    pub processor: Option<u32>,
    /// Its budget, if it has one of its own.
    pub budget: Option<BudgetUse>,
    /// The kernel's number of it, as in the kernel's trace, while it runs.
    pub number: Option<u32>,
}

/// A budget and what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetUse {
    /// Processor time in each period, in nanoseconds.
    pub time_ns: u64,
    /// The period, in nanoseconds.
    pub period_ns: u64,
    /// How often it ran out under a thread that would have gone on.
    pub overruns: u64,
}

/// With which priority and processor time a program runs. The default: a low priority and no budget.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// Its priority. One above the usual needs a budget.
    pub priority: Option<u8>,
    /// Its budget.
    pub budget: Option<Budget>,
    /// The one processor that its threads may run on, and on which its budget is. Without it they may run on all that programs may use, and start on
    /// the first.
    pub processor: Option<u32>,
    /// How long after each period's begin its job must have ended, in nanoseconds; at a real-time priority the period, if nothing is said.
    pub deadline_ns: Option<u64>,
    /// Most calls that a job makes, its servers' calls for it included; needed if they may have to wait for other processors.
    pub calls_per_job: Option<u32>,
}

/// Processor time in each period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// In nanoseconds.
    pub time_ns: u64,
    /// In nanoseconds.
    pub period_ns: u64,
}

/// Why a program does not run on the terms asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NotAdmitted {
    /// A priority above this one needs a budget.
    NeedsBudget(u8),
    /// No program gets a priority above this one: it would be above a server it calls, or above what the system file allows.
    Priority(u8),
    /// A budget is at least 5 us of a period of at least 50 us, and at most its period.
    BadBudget,
    /// A deadline needs a budget whose period is at least as long.
    BadDeadline,
    /// Programs may not use this processor, if there is one of that number at all.
    NoProcessor {
        /// Which was asked for.
        wanted: u32,
        /// Those they may use: bit n for processor n.
        allowed: u64,
    },
    /// The budgets of all programs would exceed what the system file leaves for them, in millionths of a processor.
    Overload {
        /// The processor.
        processor: u32,
        /// What they would take.
        wanted: u32,
        /// What there is.
        limit: u32,
    },
    /// Somebody's job could end after its deadline: a component's, a program's, or its own.
    Late {
        /// Whose.
        name: String,
        /// The longest response in nanoseconds, as far as it was computed.
        response_ns: u64,
        /// The deadline in nanoseconds.
        deadline_ns: u64,
    },
    /// Somebody's calls may have to wait for other processors, and nobody says how many a job makes.
    UnknownCalls {
        /// Whose deadline.
        name: String,
    },
    /// Somebody's deadline could not be kept, as another is as urgent, or serves others above it, for nobody knows how long.
    Unbounded {
        /// Whose deadline.
        name: String,
        /// Who is in its way.
        by: String,
    },
}

impl core::fmt::Display for NotAdmitted {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            NotAdmitted::NeedsBudget(priority) => {
                write!(formatter, "a priority above {priority} needs a budget")
            }
            NotAdmitted::Priority(priority) => {
                write!(formatter, "no program gets a priority above {priority}")
            }
            NotAdmitted::BadBudget => {
                formatter.write_str("a budget is at least 5 us of a period of at least 50 us, and at most its period")
            }
            NotAdmitted::BadDeadline => {
                formatter.write_str("a deadline needs a budget whose period is at least as long")
            }
            NotAdmitted::NoProcessor { wanted, allowed } => {
                write!(formatter, "programs cannot run on processor {wanted}; they can on")?;
                let mut before = " ";
                for number in (0..u64::BITS).filter(|number| allowed >> number & 1 == 1) {
                    write!(formatter, "{before}{number}")?;
                    before = ", ";
                }
                Ok(())
            }
            NotAdmitted::Overload { processor, wanted, limit } => write!(
                formatter,
                "the budgets of all programs would take {} % of processor {processor}, and they may have {} %",
                wanted.div_ceil(10_000),
                limit / 10_000
            ),
            NotAdmitted::Late { name, response_ns, deadline_ns } => write!(
                formatter,
                "a job of `{name}` could take {} us or more, and its deadline is after {} us",
                response_ns.div_ceil(1_000),
                deadline_ns / 1_000
            ),
            NotAdmitted::UnknownCalls { name } => {
                write!(
                    formatter,
                    "calls of `{name}` may have to wait for other processors, and nobody says how many a job makes"
                )
            }
            NotAdmitted::Unbounded { name, by } => {
                write!(formatter, "`{by}` could keep `{name}` from its deadline for nobody knows how long")
            }
        }
    }
}

/// One handle a process holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandleEntry {
    /// Its value in that process.
    pub handle: u32,
    /// Kind of object: an [`airox_abi::ObjectKind`] code.
    pub kind: u8,
    /// [`airox_abi::Rights`] bits.
    pub rights: u16,
    /// Badge, 0 if none.
    pub badge: u64,
    /// The object's number: the same in every process that holds a handle to it.
    pub object: u64,
    /// The name it was granted under, empty if unknown.
    pub name: String,
}

/// Objects of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectCount {
    /// An [`airox_abi::QuotaKind`] code.
    pub kind: u8,
    /// Live now.
    pub used: u32,
    /// How many there can be.
    pub capacity: u32,
}

/// Memory, objects and processors of the whole machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// RAM the kernel can hand out, in bytes.
    pub total_bytes: u64,
    /// RAM handed out now, in bytes.
    pub used_bytes: u64,
    /// Objects of each kind.
    pub objects: Vec<ObjectCount>,
    /// Processors, numbered from 0.
    pub processors: u32,
    /// Time since boot in which they had nothing to do, of all processors together, in nanoseconds.
    pub idle_ns: u64,
}

/// What was read of a processor's trace ring.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traced {
    /// How many events had been recorded before the first of these.
    pub first: u64,
    /// How many these are.
    pub count: u32,
}

/// What the process server refuses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProcessError {
    /// The bundle has no such program.
    UnknownProgram,
    /// There is no such process.
    UnknownProcess,
    /// The handle may not do this.
    NotAllowed,
    /// The root task can be neither ended nor looked into.
    RootTask,
    /// It is no component of the system, or one that runs only once.
    NotRestartable,
    /// As many programs run as can.
    TooManyPrograms,
    /// No room: memory, handles, threads or places in the server's table.
    OutOfQuota,
    /// The arguments do not fit in the start block.
    ArgumentsTooLong,
    /// The program could not be started: an [`airox_abi::Error`] code.
    Kernel(u32),
    /// The supervisor does not answer.
    SupervisorDied,
    /// The component does not run now.
    NotRunning,
    /// Who asks was not given these files, so it cannot pass them on.
    FilesNotGranted(FileGrant),
    /// The program cannot have the priority or processor time asked for.
    NotAdmitted(NotAdmitted),
}

impl core::fmt::Display for ProcessError {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let text = match self {
            ProcessError::UnknownProgram => "no such program",
            ProcessError::UnknownProcess => "no such process",
            ProcessError::NotAllowed => "not allowed",
            ProcessError::RootTask => "the root task can be neither ended nor looked into",
            ProcessError::NotRestartable => "it cannot be restarted",
            ProcessError::TooManyPrograms => "as many programs run as can",
            ProcessError::OutOfQuota => "out of memory or other quota",
            ProcessError::ArgumentsTooLong => "arguments too long",
            ProcessError::Kernel(code) => match airox_abi::Error::from_code(u64::from(*code)) {
                Some(error) => error.text(),
                None => "unknown kernel error",
            },
            ProcessError::SupervisorDied => "the supervisor does not answer",
            ProcessError::NotRunning => "it does not run now",
            ProcessError::FilesNotGranted(grant) => {
                return write!(formatter, "`{grant}` is more than the shell may use itself, so it cannot be given");
            }
            ProcessError::NotAdmitted(why) => return why.fmt(formatter),
        };
        formatter.write_str(text)
    }
}

impl From<airox_abi::Error> for ProcessError {
    fn from(error: airox_abi::Error) -> ProcessError {
        match error {
            airox_abi::Error::QuotaExceeded => ProcessError::OutOfQuota,
            other => ProcessError::Kernel(other as u32),
        }
    }
}

/// The process server.
#[interface(name = "process")]
pub trait Process {
    /// The names of the programs a person can run, from place `cursor` on, as many as fit; none past the end.
    fn programs(cursor: u32) -> Result<Vec<String>, ProcessError>;

    /// Starts a program with these arguments, on these terms and, if given, this console. It may use these files, which have to be the caller's to
    /// give; without a list, `/boot` to read and `/tmp` to write, as far as they are. Returns its number. It is admitted only if all
    /// deadlines of the system hold with it.
    fn run(
        program: &str,
        arguments: &[String],
        terms: Terms,
        files: Option<Vec<FileGrant>>,
        #[rights(SEND | COPY)] console: Option<Port>,
    ) -> Result<u32, ProcessError>;

    /// Answers, when the process has ended, with how. Each process started through `run` can be waited for once
    /// more after its end.
    #[deferred]
    #[inline_reply]
    fn wait(id: u32) -> Result<ExitStatus, ProcessError>;

    /// Ends a process by its number or its name. A component may be restarted by its policy.
    fn kill(process: &str) -> Result<(), ProcessError>;

    /// Ends a component, if it runs, and starts it anew, whatever its policy says.
    fn restart(name: &str) -> Result<(), ProcessError>;

    /// All processes, from place `cursor` on, as many as fit in one answer; none past the end.
    fn list(cursor: u32) -> Result<Vec<ProcessEntry>, ProcessError>;

    /// The handles of a process by its number or name, from place `cursor` on, as many as fit; none past the end.
    fn handles(process: &str, cursor: u32) -> Result<Vec<HandleEntry>, ProcessError>;

    /// Memory, objects and processors of the whole machine.
    fn memory() -> Result<Memory, ProcessError>;

    /// Reads a processor's trace ring: those of the events recorded after the first `sequence` that are still there, oldest first, as many as fit in the
    /// buffer, each in the bytes of an [`airox_abi::trace::Event`]. If there were none between `sequence` and the first, they have been overwritten.
    /// A system file without `trace = true` leaves the ring empty.
    fn trace(processor: u32, sequence: u64, events: &mut [u8]) -> Result<Traced, ProcessError>;
}
