//! What the kernel tells about itself: plain structs it writes to a caller's buffer.

use crate::QuotaLimits;
use crate::layout::NAME_LENGTH;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// The page every process sees at [`crate::layout::CLOCK_PAGE`].
///
/// Nanoseconds since boot = `(rdtsc() - base_ticks) * multiplier >> shift`, in 128-bit arithmetic. The values never change
/// after boot, so no lock or sequence count is needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, Immutable, IntoBytes)]
#[repr(C)]
pub struct ClockPage {
    /// TSC value at the kernel's entry.
    pub base_ticks: u64,
    /// TSC ticks a second.
    pub ticks_per_second: u64,
    /// See the formula.
    pub multiplier: u64,
    /// See the formula.
    pub shift: u64,
}

impl ClockPage {
    /// Nanoseconds since boot at this TSC value.
    #[must_use]
    pub const fn nanoseconds(&self, ticks: u64) -> u64 {
        ((ticks.wrapping_sub(self.base_ticks) as u128 * self.multiplier as u128) >> self.shift) as u64
    }
}

/// General registers of a stopped thread. Vector registers are not shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, Immutable, IntoBytes)]
#[repr(C)]
#[allow(missing_docs)]
pub struct Registers {
    pub rax: u64,
    pub rbx: u64,
    pub rcx: u64,
    pub rdx: u64,
    pub rsi: u64,
    pub rdi: u64,
    pub rbp: u64,
    pub rsp: u64,
    pub r8: u64,
    pub r9: u64,
    pub r10: u64,
    pub r11: u64,
    pub r12: u64,
    pub r13: u64,
    pub r14: u64,
    pub r15: u64,
    pub rip: u64,
    pub rflags: u64,
}

/// Exit code of a process that ended because its creator did.
pub const EXIT_CREATOR_ENDED: i64 = i64::MIN;

codes! {
    /// What a thread does. The codes are ordered: of a process's threads, the one with the highest tells most about it.
    ThreadState:
    /// Has ended.
    Dead = 0, "dead";
    /// Created, not started; or suspended.
    Suspended = 1, "suspended";
    /// Waits for a signal.
    Waiting = 2, "waiting";
    /// Waits for a message.
    Receiving = 3, "receiving";
    /// Waits for a server to receive its call.
    Sending = 4, "sending";
    /// Waits for a reply.
    AwaitingReply = 5, "awaiting reply";
    /// Could run, and waits for the CPU.
    Ready = 6, "ready";
    /// Runs now.
    Running = 7, "running";
    /// Waits for its fault handler.
    Faulted = 8, "faulted";
}

/// What `thread_info` writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, Immutable, IntoBytes)]
#[repr(C)]
pub struct ThreadInfo {
    /// The thread's number, unique among live threads; for people and traces, not an authority.
    pub number: u32,
    /// The number of its process.
    pub process: u32,
    /// A [`ThreadState`] code.
    pub state: u8,
    /// Its priority.
    pub priority: u8,
    /// The processor it runs on when it can.
    pub processor: u8,
    /// Zero.
    pub reserved: [u8; 5],
    /// CPU time used, in TSC ticks.
    pub cpu_ticks: u64,
}

/// What `process_info` writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, Immutable, IntoBytes)]
#[repr(C)]
pub struct ProcessInfo {
    /// The name given at creation, padded with zeros.
    pub name: [u8; NAME_LENGTH],
    /// The process's number, unique among live processes; for people and traces, not an authority.
    pub number: u32,
    /// Live threads.
    pub threads: u32,
    /// Handles held: as many as `process_handles` walks.
    pub handles: u32,
    /// Pages mapped and backed.
    pub resident_pages: u32,
    /// State of the most active thread: a [`ThreadState`] code; `Dead` once the process has ended.
    pub state: u8,
    /// Highest priority among its threads.
    pub priority: u8,
    /// Highest priority its threads may be given.
    pub max_priority: u8,
    /// 1 if the end came from a fault nobody handled, else 0.
    pub faulted: u8,
    /// Zero.
    pub reserved: [u8; 4],
    /// The processors its threads may run on without a budget: bit n for processor n.
    pub processors: u64,
    /// Exit code, once it has ended.
    pub exit_code: i64,
    /// CPU time used by all its threads so far, in TSC ticks.
    pub cpu_ticks: u64,
    /// Limits of its quota.
    pub limits: QuotaLimits,
    /// Use of its quota (which other processes and objects may share).
    pub used: QuotaLimits,
}

/// What `budget_info` writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, Immutable, IntoBytes)]
#[repr(C)]
pub struct BudgetInfo {
    /// The budget's number, unique among live budgets; for people and traces, not an authority.
    pub number: u32,
    /// Whose time it is.
    pub processor: u32,
    /// Time in each period, in ns.
    pub budget_ns: u64,
    /// The period, in ns.
    pub period_ns: u64,
    /// What can be used now, in TSC ticks.
    pub available_ticks: u64,
    /// What has been used since it was made, in TSC ticks.
    pub used_ticks: u64,
    /// How often it ran out under a thread that would have gone on.
    pub overruns: u64,
}

/// What `kernel_info` writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, Immutable, IntoBytes)]
#[repr(C)]
pub struct KernelInfo {
    /// Live objects of each [`crate::QuotaKind`], in the order of their codes; for `Frames`, those handed out.
    pub objects: QuotaLimits,
    /// How many of each kind the kernel can hold, or hand out.
    pub capacity: QuotaLimits,
    /// Context switches since boot.
    pub switches: u64,
    /// System calls since boot that left the fast path.
    pub system_calls: u64,
    /// Interrupts since boot.
    pub interrupts: u64,
    /// Ticks in which no thread could run, of all processors together.
    pub idle_ticks: u64,
    /// Processors, numbered from 0.
    pub processors: u64,
    /// The physical address devices write to for [`MESSAGE_LINES`](crate::layout::MESSAGE_LINES).
    pub message_address: u64,
}
