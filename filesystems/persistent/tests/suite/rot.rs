//! Bit rot: bits are flipped anywhere on a volume. Whatever is read afterwards is right or an error that says which block is
//! damaged.

use airox_persistent::{Error, NodeKind, ROOT, Volume};
use std::collections::BTreeMap;

use crate::disk::{MemoryDisk, Random};
use crate::workload::{SMALL, digest, format, mount, step};

/// What a volume holds: for each path the contents of a file, or `None` for a directory.
type Contents = BTreeMap<String, Option<Vec<u8>>>;

/// Reads everything that can be read. Errors other than damage are failures of the test.
fn contents(volume: &mut Volume<MemoryDisk>) -> (Contents, u64) {
    let (mut contents, mut errors) = (Contents::new(), 0);
    let mut waiting = vec![(String::new(), ROOT)];
    while let Some((path, node)) = waiting.pop() {
        let mut look = || -> Result<Option<Vec<u8>>, Error> {
            let found = volume.node(node)?;
            if found.kind == NodeKind::File {
                let mut bytes = vec![0; found.size as usize];
                volume.read(node, 0, &mut bytes)?;
                return Ok(Some(bytes));
            }
            for listed in volume.list(node, 0, 1000)? {
                waiting.push((format!("{path}/{}", listed.entry.name), listed.entry.node));
            }
            Ok(None)
        };
        match look() {
            Ok(found) => _ = contents.insert(path, found),
            Err(Error::Corrupt(_)) => errors += 1,
            Err(error) => panic!("{path}: {error}"),
        }
    }
    (contents, errors)
}

#[test]
fn a_flipped_bit_is_noticed_or_harmless() {
    let (mut flips, mut unmountable, mut noticed) = (0, 0, 0);
    for seed in 0..8 {
        let mut random = Random(seed);
        let mut volume = mount(format(800, seed));
        for time in 0..200 {
            step(&mut volume, &mut random, time).expect("a good disk");
        }
        volume.checkpoint().expect("a good disk");
        let before = contents(&mut volume).0;
        step(&mut volume, &mut random, 1000).expect("a good disk");
        volume.sync().expect("a good disk");
        let right = contents(&mut volume).0;
        // Once with something in the log, once without.
        let with_log = volume.abandon();
        let (without_log, result) = mount(with_log.clone()).unmount();
        assert_eq!(result, Ok(()));
        for (image, trials) in [(with_log, 400), (without_log, 800)] {
            let used: Vec<u64> = (0..800).filter(|block| image.block(*block) != [0; 4096]).collect();
            for _ in 0..trials {
                flips += 1;
                let mut rotten = image.clone();
                let block = used[random.below(used.len() as u64) as usize];
                let mut bytes = rotten.block(block);
                for _ in 0..=random.below(3) {
                    bytes[random.below(4096) as usize] ^= 1 << random.below(8);
                }
                rotten.set_block(block, &bytes);
                let (mut volume, mounted) = match Volume::mount(rotten, SMALL) {
                    Ok(mounted) => mounted,
                    Err(Error::Corrupt(damage)) => {
                        assert_eq!(damage.block, block, "{damage}: the wrong block is named");
                        unmountable += 1;
                        continue;
                    }
                    Err(error) => panic!("seed {seed}, block {block}: {error}"),
                };
                let (found, errors) = contents(&mut volume);
                let allowed = if mounted.cut_short.is_some() { &before } else { &right };
                for (path, found) in &found {
                    let expected = allowed.get(path);
                    assert_eq!(Some(found), expected, "seed {seed}, block {block}, {path}: wrong data");
                }
                assert!(errors > 0 || found.len() == allowed.len(), "seed {seed}, block {block}: something is missing");
                let report = volume.check().expect("only damage");
                assert!(errors == 0 || report.problem_count > 0, "seed {seed}, block {block}: the check missed it");
                noticed += u64::from(report.problem_count > 0 || mounted.restored.is_some());
            }
        }
    }
    println!("{flips} times bits flipped: {noticed} times named by the check, {unmountable} times by mounting");
    assert!(noticed > 1000 && unmountable > 20);
}

#[test]
fn damage_is_named_by_file_and_block() {
    let mut volume = mount(format(800, 9));
    let directory = volume.create(ROOT, "notes", NodeKind::Directory).expect("fits");
    let node = volume.create(directory, "today", NodeKind::File).expect("fits");
    let marker = Random(77).bytes(4096);
    volume.write(node, 8192, &marker).expect("fits");
    let (image, _) = volume.unmount();
    let place = (0..800).find(|block| image.block(*block) == marker).expect("it was written");
    let mut rotten = image.clone();
    rotten.set_sectors(place, &[0; 4096], 0x10);
    let mut volume = mount(rotten);
    let report = volume.check().expect("only damage");
    let said: Vec<String> = report.problems.iter().map(ToString::to_string).collect();
    assert_eq!(said, [format!("/notes/today: block {place} is damaged (file data), node {node}")]);
    let mut bytes = vec![7; 4096];
    assert!(matches!(volume.read(node, 8192, &mut bytes), Err(Error::Corrupt(damage)) if damage.block == place));
    assert_eq!(volume.read(node, 0, &mut bytes), Ok(4096), "what is not damaged can be read");
    // Writing it anew heals it.
    volume.write(node, 8192, &marker).expect("fits");
    assert_eq!(volume.check().expect("readable").problems, []);
    assert!(digest(&mut volume).is_ok());
}
