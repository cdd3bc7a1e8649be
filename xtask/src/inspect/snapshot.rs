//! Decodes the kernel's snapshot (`airox_abi::snapshot`): little-endian structs one after the other.

use airox_abi::info::{KernelInfo, ProcessInfo, ThreadInfo};
use airox_abi::snapshot::{PortEntry, RingEntry, SNAPSHOT_MAGIC, SnapshotHeader, ThreadEntry};
use airox_abi::trace::Event;
use airox_abi::{QuotaKind, QuotaLimits};
use anyhow::{Context, Result, bail};

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

// The readers below follow the structs field by field; a changed struct must not go unnoticed.
const _: () = {
    assert!(size_of::<SnapshotHeader>() == 200);
    assert!(size_of::<KernelInfo>() == 136);
    assert!(size_of::<ProcessInfo>() == 144);
    assert!(size_of::<ThreadEntry>() == 40);
    assert!(size_of::<PortEntry>() == 24);
    assert!(size_of::<RingEntry>() == 16);
    assert!(size_of::<Event>() == 32);
};

impl Snapshot {
    /// Reads a whole snapshot.
    pub fn parse(bytes: &[u8]) -> Result<Snapshot> {
        let mut fields = Fields(bytes);
        let header = header(&mut fields)?;
        Ok(Snapshot {
            processes: many(header.processes, &mut fields, process)?,
            threads: many(header.threads, &mut fields, thread)?,
            ports: many(header.ports, &mut fields, port)?,
            rings: many(header.rings, &mut fields, ring)?,
            header,
        })
    }

    /// The sequence number in a buffer's first bytes, if it holds a whole snapshot.
    pub fn sequence(bytes: &[u8]) -> Option<u64> {
        let mut fields = Fields(bytes);
        let magic = fields.u64().ok()?;
        (magic == SNAPSHOT_MAGIC).then(|| fields.u64().ok()).flatten()
    }
}

/// Bytes not read yet.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk::<N>().context("the snapshot is cut off")?;
        self.0 = rest;
        Ok(*first)
    }

    fn u8(&mut self) -> Result<u8> {
        Ok(u8::from_le_bytes(self.take()?))
    }

    fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_le_bytes(self.take()?))
    }

    fn u64(&mut self) -> Result<u64> {
        Ok(u64::from_le_bytes(self.take()?))
    }

    fn limits(&mut self) -> Result<QuotaLimits> {
        let mut limits = [0; QuotaKind::COUNT];
        for limit in &mut limits {
            *limit = self.u32()?;
        }
        Ok(QuotaLimits(limits))
    }
}

fn many<T>(count: u32, fields: &mut Fields<'_>, mut read: impl FnMut(&mut Fields<'_>) -> Result<T>) -> Result<Vec<T>> {
    (0..count).map(|_| read(fields)).collect()
}

fn header(fields: &mut Fields<'_>) -> Result<SnapshotHeader> {
    let header = SnapshotHeader {
        magic: fields.u64()?,
        sequence: fields.u64()?,
        ticks: fields.u64()?,
        base_ticks: fields.u64()?,
        ticks_per_second: fields.u64()?,
        processes: fields.u32()?,
        threads: fields.u32()?,
        ports: fields.u32()?,
        rings: fields.u32()?,
        omitted: fields.u32()?,
        reserved: fields.u32()?,
        kernel: KernelInfo {
            total_frames: fields.u64()?,
            used_frames: fields.u64()?,
            objects: fields.limits()?,
            capacity: fields.limits()?,
            switches: fields.u64()?,
            system_calls: fields.u64()?,
            interrupts: fields.u64()?,
            idle_ticks: fields.u64()?,
            processors: fields.u64()?,
        },
    };
    if header.magic != SNAPSHOT_MAGIC {
        bail!("the machine's memory holds no snapshot");
    }
    Ok(header)
}

fn process(fields: &mut Fields<'_>) -> Result<ProcessInfo> {
    Ok(ProcessInfo {
        name: fields.take()?,
        number: fields.u32()?,
        threads: fields.u32()?,
        handles: fields.u32()?,
        resident_pages: fields.u32()?,
        state: fields.u8()?,
        priority: fields.u8()?,
        max_priority: fields.u8()?,
        faulted: fields.u8()?,
        reserved: fields.take()?,
        processors: fields.u64()?,
        exit_code: fields.u64()?.cast_signed(),
        cpu_ticks: fields.u64()?,
        limits: fields.limits()?,
        used: fields.limits()?,
    })
}

fn thread(fields: &mut Fields<'_>) -> Result<ThreadEntry> {
    Ok(ThreadEntry {
        info: ThreadInfo {
            number: fields.u32()?,
            process: fields.u32()?,
            state: fields.u8()?,
            priority: fields.u8()?,
            processor: fields.u8()?,
            reserved: fields.take()?,
            cpu_ticks: fields.u64()?,
        },
        waits_at: fields.u32()?,
        owes: fields.u32()?,
        instruction: fields.u64()?,
    })
}

fn port(fields: &mut Fields<'_>) -> Result<PortEntry> {
    Ok(PortEntry {
        label: fields.u64()?,
        number: fields.u32()?,
        handles: fields.u32()?,
        receiving: fields.u32()?,
        sending: fields.u32()?,
    })
}

fn ring(fields: &mut Fields<'_>) -> Result<Ring> {
    let entry = RingEntry { processor: fields.u32()?, events: fields.u32()?, recorded: fields.u64()? };
    Ok(Ring { entry, events: many(entry.events, fields, event)? })
}

fn event(fields: &mut Fields<'_>) -> Result<Event> {
    Ok(Event { ticks: fields.u64()?, kind_a: fields.u32()?, b: fields.u32()?, c: fields.u64()?, d: fields.u64()? })
}

#[cfg(test)]
pub mod tests {
    use super::*;

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
