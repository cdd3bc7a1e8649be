//! The events of the kernel's trace rings, one ring a processor; `cargo xtask inspect` reads them from outside.

use zerocopy::{FromBytes, Immutable, IntoBytes};

codes! {
    /// What happened.
    EventKind:
    /// Another thread runs: `a` = thread, `b` = its process. The kernel's own threads have process 0: those with an even number idle, the others end
    /// processes.
    Switch = 1, "switch";
    /// A call reached a server: `a` = caller, `b` = port number, `c` = tag, `d` = word 0.
    Call = 2, "call";
    /// A reply reached its caller: `a` = replier, `b` = caller, `c` = tag, `d` = word 0.
    Reply = 3, "reply";
    /// A signal was notified: `a` = thread, `b` = signal number, `c` = bits.
    Signal = 4, "notify";
    /// An interrupt line fired: `a` = line.
    Irq = 5, "irq";
    /// A thread faulted: `a` = thread, `b` = kind, `c` = instruction, `d` = address.
    Fault = 6, "fault";
    /// A process ended: `a` = process, `b` = 1 if by fault, `c` = exit code, `d` = first bytes of its name.
    Exit = 7, "exit";
    /// A budget ran out: `a` = thread, `b` = budget, `c` = TSC of its next replenishment.
    Budget = 8, "budget";
    /// The timer interrupted: `a` = thread, `c` = TSC it was set to.
    Timer = 9, "timer";
    /// A thread can run again: `a` = thread that runs, `b` = the other.
    Wake = 10, "wake";
}

/// Most events that one `trace_read` writes.
pub const TRACE_READ: usize = 64;

/// One event: 32 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, Immutable, IntoBytes)]
#[repr(C)]
pub struct Event {
    /// TSC ticks.
    pub ticks: u64,
    /// [`EventKind`] code in the top byte, `a` in the low 24 bits.
    pub kind_a: u32,
    /// See [`EventKind`].
    pub b: u32,
    /// See [`EventKind`].
    pub c: u64,
    /// See [`EventKind`].
    pub d: u64,
}

/// Room for what one `trace_read` writes.
pub type TraceBuffer = [Event; TRACE_READ];
