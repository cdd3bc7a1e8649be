//! What operations cost, and how that grows: blocks of 4 KiB read and written per operation, requests, flushes, processor time. Ignored by default;
//!
//! ```text
//! cargo test --release -p airox-persistent --test suite -- --ignored --nocapture cost
//! ```

use airox_persistent::{NodeKind, ROOT, Settings, Volume};
use std::time::Instant;

use crate::disk::{MemoryDisk, Random};
use crate::workload::format;

type Mounted = Volume<MemoryDisk>;

/// Does `count` operations and prints what each cost on average.
fn measure(what: &str, volume: &mut Mounted, count: u64, mut operation: impl FnMut(&mut Mounted, u64)) {
    let (before, start) = (volume.statistics(), Instant::now());
    (0..count).for_each(|number| operation(volume, number));
    let (after, time) = (volume.statistics(), start.elapsed());
    let each = |later: u64, earlier: u64| (later - earlier) as f64 / count as f64;
    println!(
        "| {what} | {:.3} | {:.3} | {:.3} | {:.3} | {:.3} | {:.2} |",
        each(after.blocks_read, before.blocks_read),
        each(after.blocks_written, before.blocks_written),
        each(after.reads, before.reads),
        each(after.writes, before.writes),
        each(after.flushes, before.flushes),
        time.as_secs_f64() * 1e6 / count as f64
    );
}

fn title() {
    println!("\n| per operation | blocks read | written | read requests | writes | flushes | us |");
    println!("|---|---|---|---|---|---|---|");
}

fn new(gibibytes: u64) -> Mounted {
    Volume::mount(format(gibibytes << 18, 1), Settings::default()).expect("mounts").0
}

fn create_and_sync(volume: &mut Mounted, what: &str) {
    measure(&format!("create and sync, {what}"), volume, 10_000, |volume, number| {
        volume.create(ROOT, &format!("more-{number:07}"), NodeKind::File).expect("fits");
        volume.sync().expect("a good disk");
    });
}

#[test]
#[ignore = "prints figures"]
fn cost_of_a_large_directory() {
    title();
    create_and_sync(&mut new(1), "the first 10000");
    let mut volume = new(4);
    let mut random = Random(1);
    let mut files = 0;
    for size in [1_000, 10_000, 100_000, 1_000_000u64] {
        measure(&format!("create, up to {size} files"), &mut volume, size - files, |volume, number| {
            volume.create(ROOT, &format!("file-{:07}", files + number), NodeKind::File).expect("fits");
        });
        files = size;
        volume.checkpoint().expect("a good disk");
        measure(&format!("lookup among {size}"), &mut volume, 10_000, |volume, _| {
            volume.lookup(ROOT, &format!("file-{:07}", random.below(size))).expect("there");
        });
        let mut cursor = 0;
        measure(&format!("list 100 of {size}"), &mut volume, size / 100, |volume, _| {
            let listed = volume.list(ROOT, cursor, 100).expect("readable");
            assert_eq!(listed.len(), 100);
            cursor = listed[99].next;
        });
    }
    create_and_sync(&mut volume, "among 1000000");
    measure("remove among 1000000", &mut volume, 500_000, |volume, number| {
        volume.remove(ROOT, &format!("file-{number:07}"), None).expect("there");
    });
    let (device, result) = volume.unmount();
    assert_eq!(result, Ok(()));
    let start = Instant::now();
    let (volume, _) = Volume::mount(device, Settings::default()).expect("mounts");
    println!(
        "mounting then reads {} blocks, {:.1} ms",
        volume.statistics().blocks_read,
        start.elapsed().as_secs_f64() * 1e3
    );
}

#[test]
#[ignore = "prints figures"]
fn cost_of_a_sparse_file() {
    title();
    let mut random = Random(1);
    let data = random.bytes(1 << 20);
    for size in [1 << 24, 1 << 28, 1 << 34u64] {
        let mut volume = new(32);
        let shown = format!("{} MiB", size >> 20);
        let node = volume.create(ROOT, "sparse", NodeKind::File).expect("fits");
        volume.truncate(node, size).expect("grows");
        measure(&format!("random 4 KiB + sync in {shown}, sparse"), &mut volume, 20_000, |volume, _| {
            volume.write(node, random.below(size / 4096) * 4096, &data[..4096]).expect("fits");
            volume.sync().expect("a good disk");
        });
        measure(&format!("random 4 KiB, no sync, in {shown}"), &mut volume, 20_000, |volume, _| {
            volume.write(node, random.below(size / 4096) * 4096, &data[..4096]).expect("fits");
        });
        volume.checkpoint().expect("a good disk");
        let mut buffer = vec![0; 4096];
        measure(&format!("random 4 KiB read in {shown}"), &mut volume, 20_000, |volume, _| {
            volume.read(node, random.below(size / 4096) * 4096, &mut buffer).expect("readable");
        });
        measure(&format!("removing it ({shown})"), &mut volume, 1, |volume, _| {
            volume.remove(ROOT, "sparse", None).expect("there");
            volume.checkpoint().expect("a good disk");
        });
    }
}

#[test]
#[ignore = "prints figures"]
fn cost_of_sequential_access() {
    title();
    let data = Random(1).bytes(1 << 20);
    let mut buffer = vec![0; 1 << 20];
    for (what, piece) in [("4 KiB", 4096), ("64 KiB", 1 << 16), ("1 MiB", 1 << 20)] {
        let mut volume = new(4);
        let node = volume.create(ROOT, "file", NodeKind::File).expect("fits");
        let count = (256 << 20) / piece as u64;
        measure(&format!("sequential write of {what}"), &mut volume, count, |volume, number| {
            volume.write(node, number * piece as u64, &data[..piece]).expect("fits");
        });
        volume.checkpoint().expect("a good disk");
        measure(&format!("sequential read of {what}"), &mut volume, count, |volume, number| {
            volume.read(node, number * piece as u64, &mut buffer[..piece]).expect("readable");
        });
    }
}
