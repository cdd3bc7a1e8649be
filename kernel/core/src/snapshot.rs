//! A picture of the kernel for a debugger outside the machine; the format is in `airox_abi::snapshot`.

use crate::kernel::Kernel;
use crate::machine::Machine;
use crate::processor::Processor;
use crate::slab::{Id, NONE};
use crate::thread::{State, Thread};
use crate::trace::Ring;
use airox_abi::snapshot::{PortEntry, RingEntry, SNAPSHOT_MAGIC, SnapshotHeader, ThreadEntry};
use airox_abi::trace::Event;
use alloc::vec;
use alloc::vec::Vec;
use zerocopy::{Immutable, IntoBytes};

/// The buffer; its memory is reserved at boot.
pub(crate) struct Snapshot {
    bytes: Vec<u8>,
    used: usize,
    sequence: u64,
}

impl Snapshot {
    /// Memory it takes for all but traces.
    pub(crate) const BYTES: usize = 256 * 1024;
    /// Memory it takes for each processor's trace.
    pub(crate) const BYTES_EACH: usize = Ring::BYTES + size_of::<RingEntry>();

    pub(crate) fn new(processors: u32) -> Snapshot {
        Snapshot { bytes: vec![0; Self::BYTES + processors as usize * Self::BYTES_EACH], used: 0, sequence: 0 }
    }

    fn room(&self) -> usize {
        self.bytes.len() - self.used
    }

    /// Appends an entry; false if the buffer is full.
    fn push(&mut self, entry: &(impl IntoBytes + Immutable)) -> bool {
        let entry = entry.as_bytes();
        let end = self.used + entry.len();
        match self.bytes.get_mut(self.used..end) {
            Some(to) => {
                to.copy_from_slice(entry);
                self.used = end;
                true
            }
            None => false,
        }
    }
}

impl<M: Machine> Kernel<M> {
    /// The snapshot buffer, for the symbol by which the host finds it.
    #[must_use]
    pub fn snapshot_buffer(&self) -> &[u8] {
        &self.snapshot.bytes
    }

    /// Writes a picture of all objects into the snapshot buffer.
    pub fn take_snapshot(&mut self) {
        let mut snapshot = core::mem::replace(&mut self.snapshot, Snapshot { bytes: Vec::new(), used: 0, sequence: 0 });
        snapshot.sequence += 1;
        snapshot.bytes[..8].fill(0);
        snapshot.used = size_of::<SnapshotHeader>();
        let mut header = SnapshotHeader {
            magic: SNAPSHOT_MAGIC,
            sequence: snapshot.sequence,
            ticks: self.machine.now(),
            base_ticks: self.clock.page().base_ticks,
            ticks_per_second: self.clock.ticks_per_second,
            kernel: self.kernel_info(),
            ..Default::default()
        };
        let mut count = |counter: &mut u32, pushed: bool| {
            *if pushed { counter } else { &mut header.omitted } += 1;
        };
        let (mut processes, mut threads, mut ports, mut rings) = (0, 0, 0, 0);
        for (id, process) in self.processes.iter() {
            if process.alive {
                count(&mut processes, snapshot.push(&self.process_info(id)));
            }
        }
        for (id, thread) in self.threads.iter() {
            if !self.is_own(id) {
                count(&mut threads, snapshot.push(&self.thread_entry(id, thread)));
            }
        }
        for (id, port) in self.ports.iter() {
            let entry = PortEntry {
                label: port.label,
                number: id.number(),
                handles: self.ports.references(id),
                receiving: port.receivers.iter(&self.threads).count() as u32,
                sending: port.senders.iter(&self.threads).count() as u32,
            };
            count(&mut ports, snapshot.push(&entry));
        }
        for Processor { number, ring, .. } in self.all_processors() {
            // The newest events are the last to go.
            let held = ring.events().count();
            let room = snapshot.room().saturating_sub(size_of::<RingEntry>()) / size_of::<Event>();
            let room = room.min(held);
            let entry = RingEntry { processor: *number, events: room as u32, recorded: ring.recorded() };
            count(&mut rings, snapshot.push(&entry));
            for event in ring.events().skip(held - room) {
                snapshot.push(event);
            }
        }
        (header.processes, header.threads, header.ports, header.rings) = (processes, threads, ports, rings);
        let bytes = header.as_bytes();
        // The magic number last: a reader that sees it sees a whole snapshot.
        snapshot.bytes[8..bytes.len()].copy_from_slice(&bytes[8..]);
        snapshot.bytes[..8].copy_from_slice(&bytes[..8]);
        self.snapshot = snapshot;
    }

    fn thread_entry(&self, id: Id<Thread>, thread: &Thread) -> ThreadEntry {
        let waits_at = match thread.state {
            State::Sending(port) | State::Receiving(port) => port.number(),
            State::Waiting(signal) => signal.number(),
            _ => NONE,
        };
        let owes = self.threads.upgrade(thread.reply_to);
        ThreadEntry {
            info: self.thread_info(id),
            waits_at,
            owes: owes.map_or(NONE, Id::number),
            instruction: thread.context.ip,
        }
    }
}
