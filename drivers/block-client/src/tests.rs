//! A driver that dies at every point, and a disk that loses what was not flushed when it does.

use crate::{Answer, Remote, RemoteDisk};
use airox_api::block::{MAX_PIECES, Piece};
use airox_driver_traits::block::{BlockDevice, BlockError, Geometry};
use std::cell::Cell;
use std::rc::Rc;
use std::vec;
use std::vec::Vec;

const BLOCK: usize = 512;
const BLOCKS: u64 = 64;
/// For reading, and in all.
const READING: usize = 4 * BLOCK;
const CAPACITY: usize = READING + 8 * BLOCK;

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
    /// Pieces written, and flushes.
    written: u32,
    flushes: u32,
    given_back: Rc<Cell<u32>>,
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
            written: 0,
            flushes: 0,
            given_back: Rc::default(),
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

impl Model {
    /// A request that needs the attachment.
    fn known_as(&mut self, attachment: u64) -> Result<(), Answer> {
        self.live()?;
        if self.known != Some(attachment) {
            return Err(Answer::Unknown);
        }
        self.fails.map_or(Ok(()), |error| Err(Answer::Failed(error)))
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

    fn detach(&mut self, attachment: u64) {
        if self.known_as(attachment).is_ok() {
            self.known = None;
            self.given_back.set(self.given_back.get() + 1);
        }
    }

    fn read(&mut self, attachment: u64, first: u64, count: u32) -> Result<(), Answer> {
        self.known_as(attachment)?;
        let (start, length) = (first as usize * BLOCK, count as usize * BLOCK);
        self.memory[..length].copy_from_slice(&self.volatile[start..start + length]);
        Ok(())
    }

    /// The last piece first: clients must not rely on the order.
    fn write(&mut self, attachment: u64, pieces: &[Piece], flush: bool) -> Result<(), Answer> {
        assert!(pieces.len() <= MAX_PIECES);
        for piece in pieces.iter().rev() {
            self.known_as(attachment)?;
            let (start, length) = (piece.first as usize * BLOCK, piece.count as usize * BLOCK);
            let from = piece.offset as usize;
            self.volatile[start..start + length].copy_from_slice(&self.memory[from..from + length]);
            self.written += 1;
        }
        if flush {
            self.known_as(attachment)?;
            self.durable.clone_from(&self.volatile);
            self.flushes += 1;
        }
        Ok(())
    }

    fn capacity(&self) -> usize {
        CAPACITY
    }

    fn fill(&mut self, offset: usize, bytes: &[u8]) {
        self.memory[offset..offset + bytes.len()].copy_from_slice(bytes);
    }

    fn take(&mut self, bytes: &mut [u8]) {
        bytes.copy_from_slice(&self.memory[..bytes.len()]);
    }
}

fn pattern(seed: u8, blocks: usize) -> Vec<u8> {
    (0..blocks * BLOCK).map(|index| (index as u8).wrapping_mul(31) ^ seed).collect()
}

fn disk(lives: &[u32]) -> RemoteDisk<Model> {
    RemoteDisk::new(Model::new(lives), READING).unwrap()
}

#[test]
fn memory_is_given_back_once_it_was_attached() {
    for (reads, given_back) in [(0, 0), (1, 1), (2, 1)] {
        let mut disk = disk(&[]);
        for _ in 0..reads {
            disk.read(0, &mut [0; BLOCK]).unwrap();
        }
        let count = Rc::clone(&disk.remote().given_back);
        drop(disk);
        assert_eq!(count.get(), given_back, "{reads} reads");
    }
}

#[test]
fn a_driver_may_die_at_every_request() {
    for life in 0..40 {
        for second in 0..12 {
            let mut disk = disk(&[life, second]);
            // Larger than the memory, overlapping, and one after a flush.
            disk.write(3, &pattern(1, 10)).unwrap();
            disk.write(5, &pattern(2, 3)).unwrap();
            disk.write(6, &pattern(4, 1)).unwrap();
            disk.flush().unwrap();
            disk.write(40, &pattern(3, 9)).unwrap();
            let mut back = vec![0; 9 * BLOCK];
            disk.read(40, &mut back).unwrap();
            assert_eq!(back, pattern(3, 9), "{life} {second}");
            disk.flush().unwrap();
            let durable = &disk.remote().durable;
            assert_eq!(durable[3 * BLOCK..5 * BLOCK], pattern(1, 10)[..2 * BLOCK], "{life} {second}");
            assert_eq!(durable[5 * BLOCK..6 * BLOCK], pattern(2, 1), "{life} {second}");
            assert_eq!(durable[6 * BLOCK..7 * BLOCK], pattern(4, 1), "{life} {second}");
            assert_eq!(durable[7 * BLOCK..8 * BLOCK], pattern(2, 3)[2 * BLOCK..], "{life} {second}");
            assert_eq!(durable[8 * BLOCK..13 * BLOCK], pattern(1, 10)[5 * BLOCK..], "{life} {second}");
            assert_eq!(durable[40 * BLOCK..49 * BLOCK], pattern(3, 9), "{life} {second}");
        }
    }
}

#[test]
fn writes_travel_together_and_with_the_flush() {
    let mut disk = disk(&[]);
    for block in [3, 4, 20, 5] {
        disk.write(block, &pattern(block as u8, 1)).unwrap();
    }
    assert_eq!(disk.remote().written, 0);
    disk.flush().unwrap();
    assert_eq!((disk.remote().written, disk.remote().flushes), (3, 1));
    for block in [3, 4, 20, 5] {
        let place = block as usize * BLOCK;
        assert_eq!(disk.remote().durable[place..place + BLOCK], pattern(block as u8, 1));
    }
    disk.flush().unwrap();
    assert_eq!((disk.remote().written, disk.remote().flushes), (3, 2));
}

#[test]
fn full_memory_is_flushed() {
    let mut disk = disk(&[]);
    disk.write(0, &pattern(1, 20)).unwrap();
    assert_eq!(disk.remote().flushes, 2);
    assert_eq!(disk.remote().durable[..16 * BLOCK], pattern(1, 20)[..16 * BLOCK]);
    disk.flush().unwrap();
    assert_eq!(disk.remote().durable[..20 * BLOCK], pattern(1, 20));
}

#[test]
fn errors_of_the_disk_and_bad_requests_are_told() {
    let mut disk = disk(&[]);
    assert_eq!(disk.read(0, &mut [0; 100]), Err(BlockError::Unaligned));
    assert_eq!(disk.read(BLOCKS, &mut [0; BLOCK]), Err(BlockError::OutOfRange));
    assert_eq!(disk.write(u64::MAX, &[0; BLOCK]), Err(BlockError::OutOfRange));
    assert_eq!(disk.read(0, &mut []), Ok(()));
    let failure = BlockError::Medium { block: 7 };
    disk.remote().fails = Some(failure);
    assert_eq!(disk.read(7, &mut [0; BLOCK]), Err(failure));
    assert_eq!(disk.write(7, &[0; BLOCK]), Ok(()));
    assert_eq!(disk.flush(), Err(failure));
}

#[test]
fn an_error_of_a_write_that_waited_is_told_by_the_next_flush_too() {
    let mut disk = disk(&[]);
    let failure = BlockError::Medium { block: 7 };
    disk.write(9, &pattern(1, 1)).unwrap();
    disk.remote().fails = Some(failure);
    assert_eq!(disk.read(0, &mut [0; BLOCK]), Err(failure));
    disk.remote().fails = None;
    disk.write(10, &pattern(2, 1)).unwrap();
    assert_eq!(disk.flush(), Err(failure));
    // Once, and what came after it was written.
    assert_eq!(disk.flush(), Ok(()));
    assert_eq!(disk.remote().durable[10 * BLOCK..11 * BLOCK], pattern(2, 1));
}

#[test]
fn a_driver_that_never_comes_back_is_given_up() {
    assert!(matches!(RemoteDisk::new(Model::new(&[0; 100]), READING), Err(BlockError::Gone)));
    let mut disk = disk(&[1]);
    disk.remote().lives = vec![0; 100];
    assert_eq!(disk.read(0, &mut [0; BLOCK]), Err(BlockError::Gone));
    assert!(matches!(RemoteDisk::new(Model::new(&[]), CAPACITY), Err(BlockError::Unaligned)));
}
