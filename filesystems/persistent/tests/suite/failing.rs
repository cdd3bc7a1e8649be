//! A device that fails now and then: whatever failed, mounting again finds everything that was synchronised, and nothing half done.

use airox_driver_traits::block::{BlockDevice, BlockError, Geometry};
use airox_persistent::{Error, Volume};
use std::cell::Cell;
use std::collections::BTreeSet;
use std::rc::Rc;

use crate::disk::{MemoryDisk, Random};
use crate::workload::{SMALL, digest, format, step};

/// A disk that fails after so many more requests. A write that fails may have been done in part.
struct Failing {
    disk: MemoryDisk,
    patience: Rc<Cell<u64>>,
}

impl Failing {
    fn request(&mut self) -> Result<(), BlockError> {
        self.patience.set(self.patience.get().saturating_sub(1));
        if self.patience.get() == 0 { Err(BlockError::Timeout) } else { Ok(()) }
    }
}

impl BlockDevice for Failing {
    fn geometry(&self) -> Geometry {
        self.disk.geometry()
    }

    fn read(&mut self, first: u64, buffer: &mut [u8]) -> Result<(), BlockError> {
        self.request()?;
        self.disk.read(first, buffer)
    }

    fn write(&mut self, first: u64, data: &[u8]) -> Result<(), BlockError> {
        let result = self.request();
        if result.is_err() {
            self.disk.set_sectors(first, &data[..4096], 0x3c);
        } else {
            self.disk.write(first, data)?;
        }
        result
    }

    fn flush(&mut self) -> Result<(), BlockError> {
        self.request()
    }
}

/// Now and then lets one of the next requests fail.
fn trouble(random: &mut Random, patience: &Cell<u64>) {
    patience.set(if random.below(6) == 0 { 1 + random.below(6) } else { u64::MAX });
}

#[test]
fn after_a_failure_of_the_device_what_was_synchronised_is_there() {
    let (mut failures, mut again) = (0, 0);
    for seed in 0..150 {
        let mut random = Random(seed);
        let patience = Rc::new(Cell::new(u64::MAX));
        let device = Failing { disk: format(800, seed), patience: patience.clone() };
        let (mut volume, _) = Volume::mount(device, SMALL).expect("a good disk");
        // What the volume held after each operation since the last sync.
        let mut states = BTreeSet::from([digest(&mut volume).expect("readable")]);
        for time in 0..120 {
            let before = digest(&mut volume).expect("readable");
            trouble(&mut random, &patience);
            let mut result = step(&mut volume, &mut random, time);
            let mut synced = false;
            if result.is_ok() && random.below(3) == 0 {
                patience.set(u64::MAX);
                states.insert(digest(&mut volume).expect("readable"));
                trouble(&mut random, &patience);
                result = volume.sync();
                synced = true;
                if result.is_ok() {
                    states.clear();
                }
            }
            patience.set(u64::MAX);
            if result.is_err() && !synced {
                let after = digest(&mut volume).expect("readable");
                assert_eq!(after, before, "seed {seed}, time {time}: an operation that failed left something");
            }
            failures += u64::from(result.is_err());
            assert!(matches!(result, Ok(()) | Err(Error::Device(BlockError::Timeout) | Error::Failed)), "{result:?}");
            if volume.has_failed() {
                let next = volume.superblock().next_node;
                volume.mount_again().expect("a good disk");
                again += 1;
                let held = digest(&mut volume).expect("readable");
                assert!(states.contains(&held), "seed {seed}, time {time}: it holds what it never held");
                assert!(volume.superblock().next_node >= next, "a number could be given twice");
                states.clear();
            }
            states.insert(digest(&mut volume).expect("readable"));
        }
        assert_eq!(volume.check().expect("a good disk").problems, [], "seed {seed}");
    }
    println!("{failures} operations failed, the volume was mounted again {again} times");
    assert!(failures > 500 && again > 100);
}
