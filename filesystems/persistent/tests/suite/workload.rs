//! Seeded operations on a volume, and a digest of all that a volume holds.

use airox_driver_traits::block::BlockDevice;
use airox_persistent::{Error, Format, NodeKind, ROOT, Settings, Volume};

use crate::disk::{MemoryDisk, Random};

/// Little memory, so that eviction, early writing and checkpoints are frequent.
pub const SMALL: Settings = Settings { cache_blocks: 24, buffer_blocks: 6, table_bytes: 6000 };

/// A new volume.
pub fn format(blocks: u64, seed: u64) -> MemoryDisk {
    let volume = u128::from(seed) << 64 | u128::from(!seed);
    let format = Format { volume, label: "test", log_blocks: None, now: 1 };
    Volume::format(MemoryDisk::new(blocks), &format).expect("formats")
}

pub fn mount<D: BlockDevice>(device: D) -> Volume<D> {
    Volume::mount(device, SMALL).expect("mounts").0
}

fn name(random: &mut Random, count: u64) -> String {
    format!("name{}", random.below(count))
}

/// Some directory.
fn directory<D: BlockDevice>(volume: &mut Volume<D>, random: &mut Random) -> Result<u64, Error> {
    let mut at = ROOT;
    while random.below(3) != 0 {
        let entries = volume.list(at, 0, 64)?;
        let below: Vec<u64> = entries
            .iter()
            .filter(|found| found.entry.kind == NodeKind::Directory)
            .map(|found| found.entry.node)
            .collect();
        if below.is_empty() {
            break;
        }
        at = below[random.below(below.len() as u64) as usize];
    }
    Ok(at)
}

/// Some file in a directory. If it is not there it is made, and that was the operation.
fn file<D: BlockDevice>(volume: &mut Volume<D>, random: &mut Random) -> Result<Option<u64>, Error> {
    let directory = directory(volume, random)?;
    let name = name(random, 12);
    match volume.lookup(directory, &name) {
        Err(Error::NotFound) => volume.create(directory, &name, NodeKind::File).map(|_| None),
        found => found.map(Some),
    }
}

/// One operation. What the volume refuses for good reason is fine.
pub fn step<D: BlockDevice>(volume: &mut Volume<D>, random: &mut Random, time: u64) -> Result<(), Error> {
    volume.set_time(time);
    let result = match random.below(20) {
        kind @ 0..=10 => match file(volume, random) {
            Ok(Some(node)) => change_file(volume, random, node, kind),
            other => other.map(|_| ()),
        },
        11 => {
            let at = directory(volume, random)?;
            volume.create(at, &name(random, 12), NodeKind::Directory).map(|_| ())
        }
        12..=14 => {
            let at = directory(volume, random)?;
            volume.remove(at, &name(random, 12), None)
        }
        15..=17 => {
            let (from, to) = (directory(volume, random)?, directory(volume, random)?);
            volume.rename((from, &name(random, 12)), (to, &name(random, 12)))
        }
        18 => volume.checkpoint(),
        _ => {
            let at = directory(volume, random)?;
            volume.set_quota(at, 40 + random.below(40), 5 + random.below(10))
        }
    };
    match result {
        Err(error @ (Error::Corrupt(_) | Error::Device(_) | Error::Failed | Error::ReadOnly)) => Err(error),
        _ => Ok(()),
    }
}

fn change_file<D: BlockDevice>(volume: &mut Volume<D>, random: &mut Random, node: u64, kind: u64) -> Result<(), Error> {
    if kind >= 9 {
        return volume.truncate(node, random.below(120_000));
    }
    if kind == 8 {
        return volume.append(node, &random.bytes(300)).map(|_| ());
    }
    let length = match random.below(4) {
        0 => random.below(100),
        1 => 4096 * random.below(4),
        2 => random.below(20_000),
        _ => 4096,
    };
    let offset = if random.below(2) == 0 { 4096 * random.below(30) } else { random.below(100_000) };
    volume.write(node, offset, &random.bytes(length as usize))
}

/// A number that differs for any two volumes that hold different things: all paths, kinds, sizes, times and contents.
pub fn digest<D: BlockDevice>(volume: &mut Volume<D>) -> Result<u64, Error> {
    let mut digest = 0;
    let mut waiting = vec![(String::new(), ROOT)];
    while let Some((path, node)) = waiting.pop() {
        let found = volume.node(node)?;
        let mut bytes = path.clone().into_bytes();
        bytes.extend_from_slice(&found.size.to_le_bytes());
        bytes.extend_from_slice(&found.modified.to_le_bytes());
        bytes.extend_from_slice(&found.entries.to_le_bytes());
        bytes.extend_from_slice(&found.quota.to_le_bytes());
        if found.kind == NodeKind::File {
            let mut contents = vec![0; found.size as usize];
            assert_eq!(volume.read(node, 0, &mut contents)?, contents.len());
            bytes.extend_from_slice(&contents);
        } else {
            bytes.push(b'/');
            for listed in volume.list(node, 0, 1000)? {
                waiting.push((format!("{path}/{}", listed.entry.name), listed.entry.node));
            }
        }
        // A sum does not depend on the order.
        digest = airox_persistent::checksum::of_metadata(&bytes).wrapping_add(digest);
    }
    Ok(digest)
}
