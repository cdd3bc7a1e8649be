//! Decodes the kernel's snapshot (`airox_abi::snapshot`): structs one after the other, as they lay in the kernel's memory.

use airox_abi::info::ProcessInfo;
use airox_abi::snapshot::{PortEntry, RingEntry, SNAPSHOT_MAGIC, SnapshotHeader, ThreadEntry};
use airox_abi::trace::Event;
use anyhow::{Context, Result, bail};
use zerocopy::FromBytes;

/// What the kernel knew at one moment.
pub struct Snapshot {
    /// Machine-wide numbers.
    pub header: SnapshotHeader,
    /// Every process.
    pub processes: Vec<ProcessInfo>,
    /// Every thread.
    pub threads: Vec<ThreadEntry>,
    /// Every port.
    pub ports: Vec<PortEntry>,
    /// The trace rings.
    pub rings: Vec<Ring>,
}

/// A processor's trace ring.
pub struct Ring {
    /// Whose it is, and how much was recorded.
    pub entry: RingEntry,
    /// What is still there, oldest first.
    pub events: Vec<Event>,
}

impl Snapshot {
    /// Reads a whole snapshot.
    pub fn parse(bytes: &[u8]) -> Result<Snapshot> {
        let mut rest = Rest(bytes);
        let header: SnapshotHeader = rest.one()?;
        if header.magic != SNAPSHOT_MAGIC {
            bail!("the machine's memory holds no snapshot");
        }
        Ok(Snapshot {
            processes: rest.many(header.processes)?,
            threads: rest.many(header.threads)?,
            ports: rest.many(header.ports)?,
            rings: (0..header.rings).map(|_| rest.ring()).collect::<Result<_>>()?,
            header,
        })
    }

    /// The sequence number in a buffer's first bytes, if it holds a whole snapshot.
    pub fn sequence(bytes: &[u8]) -> Option<u64> {
        let ([magic, sequence], _) = <[u64; 2]>::read_from_prefix(bytes).ok()?;
        (magic == SNAPSHOT_MAGIC).then_some(sequence)
    }
}

/// Bytes not read yet.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn one<T: FromBytes>(&mut self) -> Result<T> {
        let (value, rest) = T::read_from_prefix(self.0).ok().context("the snapshot is cut off")?;
        self.0 = rest;
        Ok(value)
    }

    fn many<T: FromBytes>(&mut self, count: u32) -> Result<Vec<T>> {
        (0..count).map(|_| self.one()).collect()
    }

    fn ring(&mut self) -> Result<Ring> {
        let entry: RingEntry = self.one()?;
        Ok(Ring { entry, events: self.many(entry.events)? })
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use airox_abi::info::KernelInfo;

    /// One process, one thread, one port, a ring with one event.
    pub fn example() -> Vec<u8> {
        let mut bytes = Vec::new();
        for word in [SNAPSHOT_MAGIC, 7, 3_000, 1_000, 1_000] {
            bytes.extend(word.to_le_bytes());
        }
        for count in [1u32, 1, 1, 1, 0, 0] {
            bytes.extend(count.to_le_bytes());
        }
        bytes.extend([0; size_of::<KernelInfo>()]);
        let process = bytes.len();
        bytes.extend([0; size_of::<ProcessInfo>()]);
        bytes[process..process + 3].copy_from_slice(b"log");
        bytes[process + 16] = 5;
        bytes.extend([0; size_of::<ThreadEntry>()]);
        bytes.extend([0; size_of::<PortEntry>()]);
        let port = bytes.len() - size_of::<PortEntry>();
        bytes[port + 8] = 9;
        for word in [3u32, 1, 40, 0] {
            bytes.extend(word.to_le_bytes());
        }
        bytes.extend([0; size_of::<Event>()]);
        bytes
    }

    #[test]
    fn a_snapshot_is_read() {
        let snapshot = Snapshot::parse(&example()).unwrap();
        assert_eq!(Snapshot::sequence(&example()), Some(7));
        assert_eq!(snapshot.processes[0].number, 5);
        assert_eq!(&snapshot.processes[0].name[..4], b"log\0");
        assert_eq!(snapshot.ports[0].number, 9);
        assert_eq!(snapshot.rings[0].entry.processor, 3);
        assert_eq!(snapshot.rings[0].entry.recorded, 40);
        assert_eq!(snapshot.rings[0].events, [Event::default()]);
        assert_eq!(snapshot.header.ticks_per_second, 1_000);
    }

    #[test]
    fn a_cut_or_foreign_snapshot_is_refused() {
        let bytes = example();
        for length in 0..bytes.len() {
            assert!(Snapshot::parse(&bytes[..length]).is_err(), "{length}");
        }
        assert!(Snapshot::parse(&[0; 4096]).is_err());
        assert_eq!(Snapshot::sequence(&[0; 64]), None);
    }
}
