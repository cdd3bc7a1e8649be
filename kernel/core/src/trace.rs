//! The trace ring: the last events, for `cargo xtask inspect`.

use crate::kernel::Kernel;
use crate::machine::Machine;
use airox_abi::trace::{Event, EventKind};
use alloc::vec;
use alloc::vec::Vec;

/// A ring of events.
pub(crate) struct Trace {
    pub(crate) on: bool,
    events: Vec<Event>,
    /// Events recorded so far; the next goes to this modulo the length.
    count: u64,
}

impl Trace {
    const EVENTS: usize = 2048;
    /// Memory it takes.
    pub(crate) const BYTES: usize = Self::EVENTS * size_of::<Event>();

    pub(crate) fn new() -> Trace {
        Trace {
            on: false,
            events: vec![Event::default(); Self::EVENTS],
            count: 0,
        }
    }

    /// The recorded events, oldest first.
    pub(crate) fn events(&self) -> impl Iterator<Item = &Event> {
        let start = (self.count as usize) % Self::EVENTS;
        let (newer, older) = self.events.split_at(start);
        older.iter().chain(newer).filter(|event| event.kind_a != 0)
    }
}

impl<M: Machine> Kernel<M> {
    /// Records an event while tracing is on.
    #[inline(always)]
    pub(crate) fn trace(&mut self, kind: EventKind, a: u32, b: u32, c: u64, d: u64) {
        if self.trace.on {
            self.record(kind, a, b, c, d);
        }
    }

    #[cold]
    #[inline(never)]
    fn record(&mut self, kind: EventKind, a: u32, b: u32, c: u64, d: u64) {
        let ticks = self.machine.now();
        let slot = (self.trace.count as usize) % Trace::EVENTS;
        self.trace.count += 1;
        let kind_a = (kind as u32) << 24 | a & 0x00ff_ffff;
        self.trace.events[slot] = Event {
            ticks,
            kind_a,
            b,
            c,
            d,
        };
    }
}
