//! The events of the kernel's trace rings, one ring a processor; `cargo xtask inspect` reads them from outside.

use zerocopy::{FromBytes, Immutable, IntoBytes};

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum EventKind {
    /// Another thread runs: `a` = thread, `b` = its process.
    Switch = 1,
    /// A call reached a server: `a` = caller, `b` = port number, `c` = tag, `d` = word 0.
    Call = 2,
    /// A reply reached its caller: `a` = replier, `b` = caller, `c` = tag, `d` = word 0.
    Reply = 3,
    /// A signal was notified: `a` = thread, `b` = signal number, `c` = bits.
    Signal = 4,
    /// An interrupt line fired: `a` = line.
    Irq = 5,
    /// A thread faulted: `a` = thread, `b` = kind, `c` = instruction, `d` = address.
    Fault = 6,
    /// A process ended: `a` = process, `b` = 1 if by fault, `c` = exit code, `d` = first bytes of its name.
    Exit = 7,
    /// A budget ran out: `a` = thread, `b` = budget, `c` = TSC of its next replenishment.
    Budget = 8,
    /// The timer interrupted: `a` = thread, `c` = TSC it was set to.
    Timer = 9,
    /// A thread can run again: `a` = thread that runs, `b` = the other.
    Wake = 10,
}

impl EventKind {
    /// The kind with this code.
    #[must_use]
    pub const fn from_code(code: u8) -> Option<EventKind> {
        Some(match code {
            1 => EventKind::Switch,
            2 => EventKind::Call,
            3 => EventKind::Reply,
            4 => EventKind::Signal,
            5 => EventKind::Irq,
            6 => EventKind::Fault,
            7 => EventKind::Exit,
            8 => EventKind::Budget,
            9 => EventKind::Timer,
            10 => EventKind::Wake,
            _ => return None,
        })
    }
}

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
