//! The power is cut after every single write of seeded histories: in the order of the writes, with any of the writes since the last
//! flush missing, and with torn blocks.
//!
//! What is asked of each image: it mounts, [`Volume::check`] finds nothing, it holds exactly what the volume held after some operation that is
//! not before the last acknowledged `sync`, and mounting it once more shows the same.

use airox_persistent::Volume;
use std::collections::BTreeSet;

use crate::disk::{MemoryDisk, Random, Recorder, Request};
use crate::workload::{SMALL, digest, format, mount, step};

const BLOCKS: u64 = 640;

/// What was recorded of a history.
struct History {
    start: MemoryDisk,
    requests: Vec<Request>,
    /// After each operation: how many requests there were, and what the volume held.
    states: Vec<(usize, u64)>,
    /// Operation after which a `sync` was acknowledged, and how many requests there were then.
    syncs: Vec<(usize, usize)>,
}

fn record(seed: u64, operations: u64) -> History {
    let mut random = Random(seed);
    let start = format(BLOCKS, seed);
    let recorder = Recorder::new(start.clone());
    let record = recorder.record.clone();
    let mut volume = mount(recorder);
    let mut states = vec![(0, digest(&mut volume).expect("readable"))];
    let mut syncs = vec![(0, 0)];
    for time in 0..operations {
        step(&mut volume, &mut random, 2 + time).expect("a good disk");
        states.push((record.borrow().len(), digest(&mut volume).expect("readable")));
        if random.below(4) == 0 {
            volume.sync().expect("a good disk");
            syncs.push((states.len() - 1, record.borrow().len()));
        }
    }
    let requests = record.borrow().clone();
    History { start, requests, states, syncs }
}

/// Holds an image to its promise. `cut` is how many requests were made.
fn judge(history: &History, cut: usize, image: &MemoryDisk, what: &str, seed: u64) {
    let at = || format!("seed {seed}, cut after request {cut}, {what}");
    let (mut volume, _) = Volume::mount(image.clone(), SMALL).unwrap_or_else(|error| panic!("{}: {error}", at()));
    let held = digest(&mut volume).unwrap_or_else(|error| panic!("{}: {error}", at()));
    let report = volume.check().unwrap_or_else(|error| panic!("{}: {error}", at()));
    assert_eq!(report.problems, [], "{}", at());
    // The state of the last acknowledged sync, or of a later operation that had begun.
    let acknowledged = history.syncs.iter().rev().find(|(_, requests)| *requests <= cut).map_or(0, |(state, _)| *state);
    let begun = history.states.iter().position(|(requests, _)| *requests >= cut).unwrap_or(history.states.len() - 1);
    let begun = (begun + 1).min(history.states.len() - 1).max(acknowledged);
    let allowed: BTreeSet<u64> = history.states[acknowledged..=begun].iter().map(|(_, digest)| *digest).collect();
    assert!(allowed.contains(&held), "{}: the volume holds what it never held since the last sync", at());
    let (device, result) = volume.unmount();
    result.unwrap_or_else(|error| panic!("{}: {error}", at()));
    let mut again = mount(device);
    assert_eq!(digest(&mut again), Ok(held), "{}: mounting again shows something else", at());
}

/// Cuts the power after every write of a history; returns how many cuts that were.
fn cut_everywhere(seed: u64, operations: u64) -> u64 {
    let history = record(seed, operations);
    let mut random = Random(!seed);
    let mut cuts = 0;
    // What is on the medium for sure, and what was written since the last flush.
    let mut durable = history.start.clone();
    let mut pending: Vec<(u64, std::rc::Rc<[u8]>)> = Vec::new();
    for (index, request) in history.requests.iter().enumerate() {
        match request {
            Request::Flush => {
                for (block, bytes) in pending.drain(..) {
                    durable.set_block(block, &bytes);
                }
                continue;
            }
            Request::Write(block, bytes) => pending.push((*block, bytes.clone())),
        }
        let cut = index + 1;
        // In order, the last write whole.
        let mut image = durable.clone();
        pending.iter().for_each(|(block, bytes)| image.set_block(*block, bytes));
        judge(&history, cut, &image, "in order", seed);
        // In order, the last write torn.
        let mut image = durable.clone();
        let (last, before) = pending.split_last().expect("just pushed");
        before.iter().for_each(|(block, bytes)| image.set_block(*block, bytes));
        image.set_sectors(last.0, &last.1, random.next() as u8);
        judge(&history, cut, &image, "the last write torn", seed);
        // Any subset, some of it torn.
        let mut image = durable.clone();
        let odds = random.below(4);
        for (block, bytes) in &pending {
            match random.below(4) {
                luck if luck < odds => image.set_block(*block, bytes),
                3 => image.set_sectors(*block, bytes, random.next() as u8),
                _ => {}
            }
        }
        judge(&history, cut, &image, "a subset, torn", seed);
        cuts += 3;
    }
    cuts
}

#[test]
fn every_cut_leaves_what_was_promised() {
    let mut cuts = 0;
    let mut seed = 0;
    while cuts < 12_000 {
        cuts += cut_everywhere(seed, 90);
        seed += 1;
    }
    println!("{cuts} cut points in {seed} histories, no failure");
    assert!(cuts >= 10_000);
}
