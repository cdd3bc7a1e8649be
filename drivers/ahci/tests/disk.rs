//! The disk's logic against a model controller that keeps its blocks in a vector, and lies.

use std::cell::RefCell;
use std::rc::Rc;

use airox_ahci::{Ahci, SetupError};
use airox_driver_traits::block::{BlockError, Geometry};
use airox_driver_traits::dma::{DmaMemory, ModelMemory};
use airox_driver_traits::queue::{BlockQueue, Broken, Done, Full, Kind, Request};
use airox_driver_traits::registers::{Bytes, Registers, Width};

const BASE: u64 = 0x1_0010_0000;
const DATA: u64 = 0x1000_0000;
const BLOCKS: u64 = 10_000;
const BLOCK: usize = 512;
/// The port with the disk.
const PORT: usize = 0x100 + 2 * 0x80;
const TASK_ERROR: u32 = 1 << 30;

#[derive(Debug)]
struct World {
    registers: Bytes,
    memory: Option<ModelMemory>,
    data: ModelMemory,
    disk: Vec<u8>,
    identity: Vec<u8>,
    /// What does not end: the controller's reset, a port's stop.
    resets: bool,
    stops: bool,
    /// Whether the disk answers when it is asked what it is.
    identifies: bool,
    started: u32,
}

#[derive(Clone, Debug)]
struct Model(Rc<RefCell<World>>);

fn words(pairs: &[(usize, u16)]) -> Vec<u8> {
    let mut identity = vec![0; 512];
    for (word, value) in pairs {
        identity[2 * word..2 * word + 2].copy_from_slice(&value.to_le_bytes());
    }
    identity
}

const GOOD: [(usize, u16); 3] = [(83, 1 << 10), (85, 1 << 5), (100, BLOCKS as u16)];

impl Model {
    fn new() -> Model {
        let mut registers = Bytes(vec![0; 0x1000]);
        registers.write_u32(0, 1 << 31 | 31 << 8);
        // Ports 1 and 2; nothing is at the first.
        registers.write_u32(0x0c, 0b110);
        registers.write_u32(PORT + 0x24, 0x101);
        registers.write_u32(PORT + 0x28, 0x113);
        Model(Rc::new(RefCell::new(World {
            registers,
            memory: None,
            data: ModelMemory::new(DATA, 8 << 20),
            disk: vec![0; BLOCKS as usize * BLOCK],
            identity: words(&GOOD),
            resets: true,
            stops: true,
            identifies: true,
            started: 0,
        })))
    }

    fn world(&self) -> std::cell::RefMut<'_, World> {
        self.0.borrow_mut()
    }

    fn disk(&self) -> Result<Ahci<Model, ModelMemory>, SetupError> {
        Ahci::new(self.clone(), |bytes| {
            let memory = ModelMemory::new(BASE, bytes);
            self.world().memory = Some(memory.clone());
            Ok(memory)
        })
    }

    fn set(&self, register: usize, value: u32) {
        self.world().registers.write_u32(register, value);
    }

    /// Does the command that was issued, as the specification says, or fails it.
    fn work(&self, fails: bool) -> bool {
        let mut world = self.world();
        if world.registers.read_u32(PORT + 0x38) == 0 {
            return false;
        }
        if !fails {
            world.transfer();
            world.registers.write_u32(PORT + 0x38, 0);
        }
        world.registers.write_u32(PORT + 0x10, if fails { TASK_ERROR } else { 1 });
        true
    }
}

impl World {
    fn transfer(&mut self) {
        let mut memory = self.memory.clone().unwrap();
        let list = u64::from(self.registers.read_u32(PORT)) | u64::from(self.registers.read_u32(PORT + 4)) << 32;
        assert_eq!((list, list % 1024), (BASE, 0));
        let header = memory.read_u32(0);
        let table = (memory.read_u64(8) - BASE) as usize;
        let mut frame = [0; 20];
        memory.copy_out(table, &mut frame);
        assert_eq!((header & 0x1f, &frame[..2]), (5, &[0x27, 0x80][..]));
        let first = u64::from_le_bytes([frame[4], frame[5], frame[6], frame[8], frame[9], frame[10], 0, 0]) as usize;
        let count = usize::from(u16::from_le_bytes([frame[12], frame[13]]));
        let address = memory.read_u64(table + 0x80);
        let length = (memory.read_u64(table + 0x88) >> 32) as usize + 1;
        let writes = header & 1 << 6 != 0;
        let blocks = first * BLOCK..(first + count) * BLOCK;
        match frame[2] {
            0xec => {
                assert_eq!((length, header >> 16, writes), (512, 1, false));
                memory.copy_in((address - BASE) as usize, &self.identity);
            }
            0x25 | 0x35 => {
                assert_eq!((length, header >> 16, writes, frame[7]), (count * BLOCK, 1, frame[2] == 0x35, 0x40));
                let at = (address - DATA) as usize;
                let mut data = self.data.bytes();
                let place = &mut data[at..at + length];
                if writes {
                    self.disk[blocks].copy_from_slice(place)
                } else {
                    place.copy_from_slice(&self.disk[blocks])
                }
            }
            0xea => assert_eq!(header >> 16, 0),
            other => panic!("{other:#x}"),
        }
    }
}

impl Registers for Model {
    fn length(&self) -> usize {
        0x1000
    }

    fn read(&mut self, offset: usize, width: Width) -> u64 {
        self.world().registers.read(offset, width)
    }

    fn write(&mut self, offset: usize, width: Width, value: u64) {
        let mut world = self.world();
        match offset {
            0x04 if world.resets => world.registers.write(offset, width, value & !1),
            // Starting and receiving are what they are told to be.
            0x118 | 0x198 | 0x218 => {
                let told = value as u32;
                world.started += told & 1;
                let before = world.registers.read_u32(offset);
                let runs = if world.stops { (told & 1) << 15 | (told & 16) << 10 } else { before | 1 << 15 };
                world.registers.write_u32(offset, told & 0xff | runs);
            }
            // Cleared by writing it.
            _ if offset == PORT + 0x10 => {
                let status = world.registers.read_u32(offset);
                world.registers.write_u32(offset, status & !(value as u32));
            }
            _ => world.registers.write(offset, width, value),
        }
        let identify = offset == PORT + 0x38 && world.started == 1 && world.registers.read_u32(PORT + 0x14) == 0;
        if identify && world.identifies {
            drop(world);
            self.work(false);
        } else if identify {
            world.registers.write_u32(PORT + 0x10, TASK_ERROR);
        }
    }
}

fn request(kind: Kind, first: u64, count: u32, offset: u64) -> Request {
    Request { kind, first, count, address: DATA + offset }
}

fn done(id: u32) -> Result<Option<Done>, Broken> {
    Ok(Some(Done { id, result: Ok(()) }))
}

#[test]
fn it_is_what_the_disk_says() {
    let model = Model::new();
    let disk = model.disk().unwrap();
    assert_eq!(disk.geometry(), Geometry { block_size: 512, blocks: BLOCKS, read_only: false });
    assert_eq!((disk.has_cache(), disk.most_blocks()), (true, 8192));
    assert_ne!(model.world().registers.read_u32(PORT + 0x14), 0, "it may interrupt");
    assert_eq!(model.world().registers.read_u32(4), 1 << 31 | 1 << 1);
    let long = Model::new();
    long.world().identity =
        words(&[(83, 1 << 10), (103, 0), (100, 7), (101, 1), (106, 1 << 14 | 1 << 12), (117, 2048)]);
    let disk = long.disk().unwrap();
    assert_eq!(disk.geometry(), Geometry { block_size: 4096, blocks: 0x1_0007, read_only: false });
    assert_eq!((disk.has_cache(), disk.most_blocks()), (false, 1024));
}

#[test]
fn blocks_go_and_come_back_one_command_at_a_time() {
    let model = Model::new();
    let mut disk = model.disk().unwrap();
    let pattern: Vec<u8> = (0..4_usize << 20).map(|index| (index * 7 + index / 512) as u8).collect();
    for (round, (offset, count)) in [(0, 1), (2, 7), (4094, 300), (0, 8192)].into_iter().enumerate() {
        let (first, length) = (round as u64 * 400, count as usize * BLOCK);
        let (from, to) = (first as usize * BLOCK, offset as usize);
        model.world().data.bytes()[to..to + length].copy_from_slice(&pattern[..length]);
        disk.submit(1, &request(Kind::Write, first, count, offset)).unwrap();
        assert_eq!(disk.submit(2, &request(Kind::Flush, 0, 0, 0)), Err(Full));
        assert_eq!(disk.next_done(), Ok(None));
        assert!(model.work(false));
        assert_eq!((disk.next_done(), disk.next_done()), (done(1), Ok(None)));
        assert!(model.world().disk[from..from + length] == pattern[..length], "{round}");
        model.world().data.bytes().fill(0);
        disk.submit(3, &request(Kind::Read, first, count, offset)).unwrap();
        model.work(false);
        assert_eq!(disk.next_done(), done(3));
        let world = model.world();
        let data = world.data.bytes();
        assert!(data[to..to + length] == pattern[..length] && data[to + length..].iter().all(|byte| *byte == 0));
    }
    disk.submit(4, &request(Kind::Flush, 0, 0, 0)).unwrap();
    model.work(false);
    assert_eq!(disk.next_done(), done(4));
}

#[test]
fn a_command_that_fails_is_told_and_the_next_one_works() {
    let model = Model::new();
    let mut disk = model.disk().unwrap();
    let failed = Done { id: 1, result: Err(BlockError::Medium { block: 9 }) };
    // The controller may keep the bit of a command that failed, or clear it.
    for clears in [false, true] {
        disk.submit(1, &request(Kind::Read, 9, 1, 0)).unwrap();
        model.work(true);
        if clears {
            model.set(PORT + 0x38, 0);
        }
        let started = model.world().started;
        assert_eq!(disk.next_done(), Ok(Some(failed)));
        assert_eq!(model.world().started, started + 1);
        model.set(PORT + 0x38, 0);
        disk.submit(2, &request(Kind::Read, 9, 1, 0)).unwrap();
        model.work(false);
        assert_eq!(disk.next_done(), done(2));
    }
    // One that does not stop, and one that has gone.
    disk.submit(1, &request(Kind::Read, 9, 1, 0)).unwrap();
    model.work(true);
    model.world().stops = false;
    assert_eq!(disk.next_done(), Err(Broken));
    let gone = Model::new();
    let mut disk = gone.disk().unwrap();
    disk.submit(1, &request(Kind::Read, 9, 1, 0)).unwrap();
    gone.world().registers.0.fill(0xff);
    assert_eq!(disk.next_done(), Err(Broken));
}

#[test]
fn controllers_and_disks_that_cannot_be_driven_are_refused() {
    type Change = fn(&mut World);
    let cases: [(Change, SetupError); 10] = [
        (|world| world.resets = false, SetupError::NotReady),
        (|world| world.registers.write_u32(0, 0), SetupError::Unsuitable),
        (|world| world.registers.write_u32(0x0c, 0b011), SetupError::NoDisk),
        (|world| world.registers.write_u32(0x0c, 0), SetupError::NoDisk),
        (|world| world.registers.write_u32(PORT + 0x24, 0xeb14_0101), SetupError::NoDisk),
        (|world| world.registers.write_u32(PORT + 0x20, 0x80), SetupError::NoDisk),
        (|world| world.identifies = false, SetupError::BadDisk),
        (|world| world.identity = words(&[(100, 9)]), SetupError::BadDisk),
        (|world| world.identity = words(&[(83, 1 << 10)]), SetupError::BadDisk),
        (|world| world.identity = words(&[(83, 1 << 10), (103, 2)]), SetupError::BadDisk),
    ];
    for (index, (change, error)) in cases.into_iter().enumerate() {
        let model = Model::new();
        change(&mut model.world());
        assert_eq!(model.disk().unwrap_err(), error, "{index}");
    }
    for size in [0, 1, 300, 0xffff] {
        let model = Model::new();
        model.world().identity = words(&[(83, 1 << 10), (100, 9), (106, 1 << 14 | 1 << 12), (117, size)]);
        assert_eq!(model.disk().unwrap_err(), SetupError::BadDisk, "{size}");
    }
    let stuck = Model::new();
    stuck.world().stops = false;
    assert_eq!(stuck.disk().unwrap_err(), SetupError::NotReady);
    let crooked = Ahci::new(Model::new(), |bytes| Ok::<_, SetupError>(ModelMemory::new(BASE + 512, bytes)));
    assert_eq!(crooked.unwrap_err(), SetupError::Unsuitable);
}

#[test]
fn firmware_is_asked_to_let_go() {
    let model = Model::new();
    model.set(0x24, 1);
    model.set(0x28, 1);
    // It never does, and the disk is taken all the same.
    assert!(model.disk().is_ok());
    assert_eq!(model.world().registers.read_u32(0x28), 0b11);
}
