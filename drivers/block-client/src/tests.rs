//! A driver that dies at every point, and a disk that loses what was not flushed when it does.

use crate::{Answer, Direction, Remote, RemoteDisk};
use airox_driver_traits::block::{BlockDevice, BlockError, Geometry};
use std::vec;
use std::vec::Vec;

const BLOCK: usize = 512;
const BLOCKS: u64 = 64;
const CAPACITY: usize = 4 * BLOCK;

/// What a driver and its disk do.
struct Model {
    durable: Vec<u8>,
    volatile: Vec<u8>,
    memory: Vec<u8>,
    /// Number of the attachment that this instance of the driver knows.
    known: Option<u64>,
    next: u64,
    /// Requests until the driver dies; 0 before it does anything.
    lives: Vec<u32>,
    fails: Option<BlockError>,
}

impl Model {
    fn new(lives: &[u32]) -> Model {
        let bytes = vec![0; BLOCKS as usize * BLOCK];
        Model {
            durable: bytes.clone(),
            volatile: bytes,
            memory: vec![0; CAPACITY],
            known: None,
            next: 1,
            lives: lives.to_vec(),
            fails: None,
        }
    }

    /// One request more: whether the driver dies of it, and with it all that was not flushed.
    fn live(&mut self) -> Result<(), Answer> {
        if let Some(left) = self.lives.first_mut() {
            if *left == 0 {
                self.lives.remove(0);
                self.known = None;
                self.volatile.clone_from(&self.durable);
                return Err(Answer::Unknown);
            }
            *left -= 1;
        }
        Ok(())
    }
}

impl Remote for Model {
    fn geometry(&mut self) -> Result<Geometry, Answer> {
        self.live()?;
        Ok(Geometry { block_size: BLOCK as u32, blocks: BLOCKS, read_only: false })
    }

    fn attach(&mut self) -> Result<u64, Answer> {
        self.live()?;
        self.next += 1;
        self.known = Some(self.next);
        Ok(self.next)
    }

    fn transfer(&mut self, direction: Direction, attachment: u64, first: u64, count: u32) -> Result<(), Answer> {
        self.live()?;
        if self.known != Some(attachment) {
            return Err(Answer::Unknown);
        }
        if let Some(error) = self.fails {
            return Err(Answer::Failed(error));
        }
        let (start, length) = (first as usize * BLOCK, count as usize * BLOCK);
        let (disk, memory) = (&mut self.volatile[start..start + length], &mut self.memory[..length]);
        match direction {
            Direction::Read => memory.copy_from_slice(disk),
            Direction::Write => disk.copy_from_slice(memory),
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Answer> {
        self.live()?;
        if self.known.is_none() {
            return Err(Answer::Unknown);
        }
        self.durable.clone_from(&self.volatile);
        Ok(())
    }

    fn capacity(&self) -> usize {
        CAPACITY
    }

    fn fill(&mut self, bytes: &[u8]) {
        self.memory[..bytes.len()].copy_from_slice(bytes);
    }

    fn take(&mut self, bytes: &mut [u8]) {
        bytes.copy_from_slice(&self.memory[..bytes.len()]);
    }
}

fn pattern(seed: u8, blocks: usize) -> Vec<u8> {
    (0..blocks * BLOCK).map(|index| (index as u8).wrapping_mul(31) ^ seed).collect()
}

#[test]
fn a_driver_may_die_at_every_request() {
    for life in 0..40 {
        for second in 0..12 {
            let mut disk = RemoteDisk::new(Model::new(&[life, second]), 64 * BLOCK).unwrap();
            // Larger than the memory, overlapping, and one after a flush.
            disk.write(3, &pattern(1, 10)).unwrap();
            disk.write(5, &pattern(2, 3)).unwrap();
            disk.flush().unwrap();
            disk.write(40, &pattern(3, 9)).unwrap();
            let mut back = vec![0; 9 * BLOCK];
            disk.read(40, &mut back).unwrap();
            assert_eq!(back, pattern(3, 9), "{life} {second}");
            disk.flush().unwrap();
            let durable = &disk.remote().durable;
            assert_eq!(durable[3 * BLOCK..5 * BLOCK], pattern(1, 10)[..2 * BLOCK], "{life} {second}");
            assert_eq!(durable[5 * BLOCK..8 * BLOCK], pattern(2, 3), "{life} {second}");
            assert_eq!(durable[8 * BLOCK..13 * BLOCK], pattern(1, 10)[5 * BLOCK..], "{life} {second}");
            assert_eq!(durable[40 * BLOCK..49 * BLOCK], pattern(3, 9), "{life} {second}");
        }
    }
}

#[test]
fn what_could_not_be_kept_is_reported_once() {
    let mut disk = RemoteDisk::new(Model::new(&[4]), 5 * BLOCK).unwrap();
    // Geometry, attach and two writes are four requests; the third write is not answered.
    disk.write(0, &pattern(1, 12)).unwrap();
    assert_eq!(disk.flush(), Err(BlockError::Gone));
    disk.write(0, &pattern(1, 12)).unwrap();
    assert_eq!(disk.flush(), Ok(()));
    assert_eq!(disk.remote().durable[..12 * BLOCK], pattern(1, 12));
}

#[test]
fn without_a_restart_nothing_is_doubtful() {
    let mut disk = RemoteDisk::new(Model::new(&[]), 0).unwrap();
    disk.write(0, &pattern(1, 12)).unwrap();
    assert_eq!(disk.flush(), Ok(()));
}

#[test]
fn errors_of_the_disk_and_bad_requests_are_told() {
    let mut disk = RemoteDisk::new(Model::new(&[]), 1 << 20).unwrap();
    assert_eq!(disk.read(0, &mut [0; 100]), Err(BlockError::Unaligned));
    assert_eq!(disk.read(BLOCKS, &mut [0; BLOCK]), Err(BlockError::OutOfRange));
    assert_eq!(disk.write(u64::MAX, &[0; BLOCK]), Err(BlockError::OutOfRange));
    assert_eq!(disk.read(0, &mut []), Ok(()));
    disk.remote().fails = Some(BlockError::Medium { block: 7 });
    assert_eq!(disk.read(7, &mut [0; BLOCK]), Err(BlockError::Medium { block: 7 }));
    assert_eq!(disk.write(7, &[0; BLOCK]), Err(BlockError::Medium { block: 7 }));
}

#[test]
fn a_driver_that_never_comes_back_is_given_up() {
    assert!(matches!(RemoteDisk::new(Model::new(&[0; 100]), 0), Err(BlockError::Gone)));
    let mut disk = RemoteDisk::new(Model::new(&[1]), 0).unwrap();
    disk.remote().lives = vec![0; 100];
    assert_eq!(disk.read(0, &mut [0; BLOCK]), Err(BlockError::Gone));
}
