//! Random operations on a file system and on the model: both must say the same and look the same.

use super::{Model, entries};
use crate::{FileError, FileSystem, Kind, Node, read_all, read_slice};
use std::fmt::Debug;
use std::string::String;
use std::vec::Vec;

/// Names that random operations use: few, so that they meet.
const NAMES: [&str; 6] = ["a", "b", "c", "long name with spaces", "ü", ".."];
/// Random files get no longer than about this.
const LENGTH: u64 = 40_000;

/// A small generator of numbers, the same everywhere (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }

    /// Lengths and offsets: often small, now and then large.
    fn size(&mut self) -> u64 {
        let limit = self.pick(&[10, 600, 5_000, LENGTH]);
        self.below(limit)
    }
}

/// `steps` random operations from this seed, with the tree compared at the end. The file system is empty at first.
pub fn check_random<F: FileSystem + ?Sized>(files: &mut F, seed: u64, steps: usize) {
    let mut random = Random(seed);
    let mut model = Model::new();
    // The same node here and there, living or not.
    let mut nodes: Vec<(Node, Node)> = std::vec![(model.root(), files.root())];
    for step in 0..steps {
        let what = std::format!("seed {seed}, step {step}");
        one_step(&mut random, &mut model, files, &mut nodes, &what);
    }
    let here = tree(&mut model, seed);
    let there = tree(files, seed);
    assert_eq!(here, there, "seed {seed}: the trees differ at the end");
}

fn one_step<F: FileSystem + ?Sized>(
    random: &mut Random,
    model: &mut Model,
    files: &mut F,
    nodes: &mut Vec<(Node, Node)>,
    what: &str,
) {
    let (at, other) = (random.pick(nodes), random.pick(nodes));
    let (name, other_name) = (random.pick(&NAMES), random.pick(&NAMES));
    let kind = random.pick(&[Kind::File, Kind::Directory]);
    let now = random.below(1 << 40);
    match random.below(8) {
        0 | 1 => {
            let here = model.create(at.0, name, kind, now);
            let there = files.create(at.1, name, kind, now);
            alike(&here.map(drop), &there.map(drop), what);
            if let (Ok(here), Ok(there)) = (here, there) {
                nodes.push((here, there));
            }
        }
        2 | 3 => {
            let (offset, length) = (random.size(), random.size() as usize);
            let fill = random.next() as u8;
            let data: Vec<u8> = (0..length).map(|n| (n as u8).wrapping_mul(31) ^ fill).collect();
            let here = crate::write_all(model, at.0, offset, &data, now);
            alike(&here, &crate::write_all(files, at.1, offset, &data, now), what);
        }
        4 => {
            let length = random.size();
            alike(&model.truncate(at.0, length, now), &files.truncate(at.1, length, now), what);
        }
        5 => {
            let here = model.rename((at.0, name), (other.0, other_name), now);
            alike(&here, &files.rename((at.1, name), (other.1, other_name), now), what);
        }
        6 => {
            let here = model.unlink(at.0, name, kind, now);
            alike(&here, &files.unlink(at.1, name, kind, now), what);
        }
        _ => {
            let offset = random.size();
            let (mut here, mut there) = (std::vec![0; random.size() as usize], Vec::new());
            there.resize(here.len(), 0);
            let read = read_slice(model, at.0, offset, &mut here);
            alike(&read, &read_slice(files, at.1, offset, &mut there), what);
            assert!(here == there, "{what}: other bytes were read");
            let here = model.stat(at.0).map(|found| (found.kind, found.size));
            let there = files.stat(at.1).map(|found| (found.kind, found.size));
            alike(&here, &there, what);
        }
    }
}

/// The same result; of two errors any, as several things may be wrong at once, but none that blames the disk.
fn alike<T: PartialEq + Debug>(here: &Result<T, FileError>, there: &Result<T, FileError>, what: &str) {
    match (here, there) {
        (Ok(here), Ok(there)) => assert_eq!(here, there, "{what}"),
        (Err(_), Err(FileError::Corrupt { .. } | FileError::Device(_) | FileError::NoSpace)) | (Ok(_), Err(_)) => {
            panic!("{what}: {here:?} was expected, not {there:?}")
        }
        (Err(_), Err(_)) => {}
        (Err(_), Ok(_)) => panic!("{what}: {here:?} was expected, not success"),
    }
}

/// Every path of a file system, with the content of files.
fn tree<F: FileSystem + ?Sized>(files: &mut F, seed: u64) -> Vec<(String, Option<Vec<u8>>)> {
    let mut all = Vec::new();
    let mut open = std::vec![(files.root(), String::new())];
    while let Some((directory, path)) = open.pop() {
        let batch = 1 + (seed % 5) as usize;
        for (name, (node, kind)) in entries(files, directory, batch).expect("a directory can be listed") {
            let path = std::format!("{path}/{name}");
            assert_eq!(files.lookup(directory, &name), Ok(node), "{path}");
            match kind {
                Kind::Directory => {
                    all.push((path.clone(), None));
                    open.push((node, path));
                }
                Kind::File => {
                    let bytes = read_all(files, node, 1 << 20).expect("a file can be read");
                    all.push((path, Some(bytes)));
                }
            }
        }
    }
    all.sort();
    all
}
