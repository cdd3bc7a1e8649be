//! A picture of the kernel for a debugger outside the machine; the format is in `airox_abi::snapshot`.

use crate::kernel::Kernel;
use crate::machine::Machine;
use crate::processor::Processor;
use crate::slab::{Id, NONE};
use crate::thread::{State, Thread};
use crate::trace::Ring;
use airox_abi::snapshot::{PortEntry, RingEntry, SNAPSHOT_MAGIC, SnapshotHeader, ThreadEntry};
use alloc::vec;
use alloc::vec::Vec;
use zerocopy::{Immutable, IntoBytes};

/// The buffer; its memory is reserved at boot.
#[derive(Default)]
pub(crate) struct Snapshot {
    bytes: Vec<u8>,
    used: usize,
    header: SnapshotHeader,
}

impl Snapshot {
    /// Memory it takes for all but traces.
    pub(crate) const BYTES: usize = 256 * 1024;
    /// Memory it takes for each processor's trace.
    pub(crate) const BYTES_EACH: usize = Ring::BYTES + size_of::<RingEntry>();

    pub(crate) fn new(processors: u32) -> Snapshot {
        let bytes = vec![0; Self::BYTES + processors as usize * Self::BYTES_EACH];
        Snapshot { bytes, ..Snapshot::default() }
    }

    fn push(&mut self, entry: &(impl IntoBytes + Immutable)) {
        let end = self.used + size_of_val(entry);
        self.bytes[self.used..end].copy_from_slice(entry.as_bytes());
        self.used = end;
    }

    /// Appends and counts an object, or counts it as left out. Objects leave the traces their room.
    fn push_object(&mut self, count: fn(&mut SnapshotHeader) -> &mut u32, entry: &(impl IntoBytes + Immutable)) {
        if self.used + size_of_val(entry) <= Self::BYTES {
            self.push(entry);
            *count(&mut self.header) += 1;
        } else {
            self.header.omitted += 1;
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
        let mut snapshot = core::mem::take(&mut self.snapshot);
        snapshot.bytes[..8].fill(0);
        snapshot.used = size_of::<SnapshotHeader>();
        snapshot.header = SnapshotHeader {
            magic: SNAPSHOT_MAGIC,
            sequence: snapshot.header.sequence + 1,
            ticks: self.machine.now(),
            base_ticks: self.clock.page.base_ticks,
            ticks_per_second: self.clock.page.ticks_per_second,
            rings: self.processors,
            kernel: self.kernel_info(),
            ..Default::default()
        };
        for (id, _) in self.processes.iter().filter(|(_, process)| process.alive) {
            snapshot.push_object(|header| &mut header.processes, &self.process_info(id));
        }
        for (id, thread) in self.threads.iter().filter(|&(id, _)| !self.is_own(id)) {
            snapshot.push_object(|header| &mut header.threads, &self.thread_entry(id, thread));
        }
        for (id, port) in self.ports.iter() {
            let entry = PortEntry {
                label: port.label,
                number: id.number(),
                handles: self.ports.references(id),
                receiving: port.receivers.iter(&self.threads).count() as u32,
                sending: port.senders.iter(&self.threads).count() as u32,
            };
            snapshot.push_object(|header| &mut header.ports, &entry);
        }
        for Processor { number, ring, .. } in self.all_processors() {
            let events = ring.events().count() as u32;
            snapshot.push(&RingEntry { processor: *number, events, recorded: ring.recorded() });
            ring.events().for_each(|event| snapshot.push(event));
        }
        // The magic number last: a reader that sees it sees a whole snapshot.
        let bytes = snapshot.header.as_bytes();
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
