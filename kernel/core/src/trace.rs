//! The trace ring: a processor's last events, for `cargo xtask inspect`.
//!
//! An event costs a compare and a branch that is not taken while tracing is off. While it is on, it costs 16 instructions (row `trace_event` of
//! `cargo xtask bench`): the time, the place in the ring, five stores. Calls and replies then go through [`crate::port`], since the entry stubs' short path records nothing.

use crate::kernel::Kernel;
use crate::machine::Machine;
use airox_abi::trace::{Event, EventKind, TRACE_READ, TraceBuffer};
use alloc::boxed::Box;
use alloc::vec;
use core::hint::cold_path;

/// Events a ring holds; a power of two, so that the place of the next is the low bits of a count.
pub(crate) const EVENTS: usize = 8192;
const _: () = assert!(EVENTS.is_power_of_two());

/// A ring of events.
pub(crate) struct Ring {
    /// The length is part of the type: no place needs checking.
    events: Box<[Event; EVENTS]>,
    recorded: u64,
}

impl Ring {
    /// Memory it takes.
    pub(crate) const BYTES: usize = EVENTS * size_of::<Event>();

    pub(crate) fn new() -> Ring {
        let Ok(events) = vec![Event::default(); EVENTS].into_boxed_slice().try_into() else {
            unreachable!("made of this length")
        };
        Ring { events, recorded: 0 }
    }

    #[inline(always)]
    pub(crate) fn record(&mut self, event: Event) {
        self.events[self.recorded as usize % EVENTS] = event;
        self.recorded = self.recorded.wrapping_add(1);
    }

    /// Events recorded since boot.
    pub(crate) fn recorded(&self) -> u64 {
        self.recorded
    }

    /// The first events since `sequence` was the number of those recorded that are still there, in one piece: their first's number, how many, and they.
    pub(crate) fn since(&self, sequence: u64) -> (u64, usize, TraceBuffer) {
        let first = sequence.clamp(self.recorded.saturating_sub(EVENTS as u64), self.recorded);
        let count = ((self.recorded - first) as usize).min(TRACE_READ);
        let event = |index| self.events[(first as usize + index) % EVENTS];
        (first, count, core::array::from_fn(event))
    }

    /// The events still there, oldest first.
    pub(crate) fn events(&self) -> impl Iterator<Item = &Event> {
        let (newer, older) = self.events.split_at(self.recorded as usize % EVENTS);
        let held = older.iter().chain(newer);
        held.skip(EVENTS.saturating_sub(self.recorded as usize))
    }
}

impl<M: Machine> Kernel<M> {
    /// Records an event while tracing is on. `a` has at most 24 bits, as all objects' numbers and interrupt lines have.
    #[inline(always)]
    pub(crate) fn trace(&mut self, kind: EventKind, a: u32, b: u32, c: u64, d: u64) {
        if self.tracing {
            cold_path();
            self.cpu.ring.record(Event { ticks: self.machine.now(), kind_a: (kind as u32) << 24 | a, b, c, d });
        }
    }
}
