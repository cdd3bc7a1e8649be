//! What belongs to one processor.

use crate::budget::Budget;
use crate::process::Process;
use crate::scheduler::Ready;
use crate::slab::{Id, NONE, Weak};
use crate::thread::Thread;
use crate::trace::Ring;

/// One processor.
pub(crate) struct Processor {
    pub(crate) number: u32,
    pub(crate) current: Id<Thread>,
    pub(crate) current_process: Id<Process>,
    pub(crate) idle: Id<Thread>,
    /// Someone more urgent may be ready, or the running thread has stopped.
    pub(crate) reschedule: bool,
    /// Some process's I/O ports are open to ring 3.
    pub(crate) io_ports_loaded: bool,
    /// The most urgent of the threads that have become ready in this kernel entry, if it is more urgent than the running one. It is in no queue.
    pub(crate) next: u32,
    /// Since when the running thread runs.
    pub(crate) last_switch: u64,
    /// When the running thread's turn among equals ends.
    pub(crate) slice_end: u64,
    /// What the hardware timer is set to.
    pub(crate) armed: u64,
    /// Whose time passes: a server that runs on its caller's budget changes nothing here.
    pub(crate) budget: Weak<Budget>,
    /// Since when it passes unaccounted.
    pub(crate) budget_since: u64,
    /// When the budget runs out.
    pub(crate) budget_end: u64,
    /// When what is left of it begins to be too short to be worth a switch.
    pub(crate) budget_close: u64,
    pub(crate) ready: Ready,
    pub(crate) ring: Ring,
}

impl Processor {
    /// A processor that idles.
    pub(crate) fn new(
        number: u32,
        idle: Id<Thread>,
        process: Id<Process>,
        budget: Weak<Budget>,
        now: u64,
    ) -> Processor {
        Processor {
            number,
            current: idle,
            current_process: process,
            idle,
            reschedule: true,
            io_ports_loaded: false,
            next: NONE,
            last_switch: now,
            slice_end: u64::MAX,
            armed: u64::MAX,
            budget,
            budget_since: now,
            budget_end: u64::MAX,
            budget_close: u64::MAX,
            ready: Ready::new(),
            ring: Ring::new(),
        }
    }
}
