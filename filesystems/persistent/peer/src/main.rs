//! The same operations as `tests/suite/cost.rs`, on redoxfs, whose smallest durable unit is a transaction:
//! `cargo run --release --manifest-path filesystems/persistent/peer/Cargo.toml`.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Instant;

use redoxfs::{Disk, FileSystem, Node, TreePtr};
use syscall::error::Result;

const BLOCK: usize = 4096;
const GIB: usize = 1 << 30;

#[derive(Clone, Copy, Default)]
struct Counts {
    blocks_read: u64,
    blocks_written: u64,
    reads: u64,
    writes: u64,
}

/// A disk in memory that counts.
struct Memory {
    bytes: Vec<u8>,
    counts: Rc<Cell<Counts>>,
}

impl Disk for Memory {
    unsafe fn read_at(&mut self, block: u64, buffer: &mut [u8]) -> Result<usize> {
        let mut counts = self.counts.get();
        counts.reads += 1;
        counts.blocks_read += (buffer.len() / BLOCK) as u64;
        self.counts.set(counts);
        let at = block as usize * BLOCK;
        buffer.copy_from_slice(&self.bytes[at..at + buffer.len()]);
        Ok(buffer.len())
    }

    unsafe fn write_at(&mut self, block: u64, buffer: &[u8]) -> Result<usize> {
        let mut counts = self.counts.get();
        counts.writes += 1;
        counts.blocks_written += (buffer.len() / BLOCK) as u64;
        self.counts.set(counts);
        let at = block as usize * BLOCK;
        self.bytes[at..at + buffer.len()].copy_from_slice(buffer);
        Ok(buffer.len())
    }

    fn size(&mut self) -> Result<u64> {
        Ok(self.bytes.len() as u64)
    }
}

/// Xorshift: the same numbers each time.
fn random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

fn measure(what: &str, counts: &Cell<Counts>, count: u64, mut operation: impl FnMut(u64)) {
    let (before, start) = (counts.get(), Instant::now());
    (0..count).for_each(&mut operation);
    let (after, time) = (counts.get(), start.elapsed());
    let each = |later: u64, earlier: u64| (later - earlier) as f64 / count as f64;
    println!(
        "| {what} | {:.3} | {:.3} | {:.3} | {:.3} | {:.2} |",
        each(after.blocks_read, before.blocks_read),
        each(after.blocks_written, before.blocks_written),
        each(after.reads, before.reads),
        each(after.writes, before.writes),
        time.as_secs_f64() * 1e6 / count as f64
    );
}

fn main() -> Result<()> {
    println!("| per operation | blocks read | written | read requests | writes | us |");
    println!("|---|---|---|---|---|---|");
    let counts = Rc::new(Cell::new(Counts::default()));
    let mut files = FileSystem::create(Memory { bytes: vec![0; GIB], counts: counts.clone() }, None, 0, 0)?;
    let mode = Node::MODE_FILE | 0o644;
    let node = files.tx(|tx| tx.create_node(TreePtr::root(), "file", mode, 0, 0))?.ptr();
    let mut state = 1;
    let data: Vec<u8> = (0..1 << 20).map(|_| random(&mut state) as u8).collect();
    let mut buffer = vec![0; 1 << 20];
    measure("sequential write of 1 MiB", &counts, 256, |number| {
        files.tx(|tx| tx.write_node(node, number << 20, &data, 0, 0)).expect("fits");
    });
    measure("sequential read of 1 MiB", &counts, 256, |number| {
        files.tx(|tx| tx.read_node(node, number << 20, &mut buffer, 0, 0)).expect("readable");
    });
    for mebibytes in [16, 256] {
        measure(&format!("random 4 KiB + sync in {mebibytes} MiB"), &counts, 5000, |_| {
            let offset = random(&mut state) % (mebibytes << 8) * BLOCK as u64;
            files.tx(|tx| tx.write_node(node, offset, &data[..BLOCK], 0, 0)).expect("fits");
        });
    }
    measure("create and sync", &counts, 10_000, |number| {
        let name = format!("file-{number:07}");
        files.tx(|tx| tx.create_node(TreePtr::root(), &name, mode, 0, 0)).expect("fits");
    });
    let disk = files.disk;
    let start = Instant::now();
    FileSystem::open(disk, None, None, false)?;
    println!("mounting 1 GiB takes {:.1} ms", start.elapsed().as_secs_f64() * 1e3);
    Ok(())
}
