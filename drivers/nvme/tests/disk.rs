//! The disk's logic against a model controller that keeps its blocks in a vector, and lies.

use std::cell::RefCell;
use std::rc::Rc;

use airox_driver_traits::block::{BlockError, Geometry};
use airox_driver_traits::dma::{DmaMemory, ModelMemory};
use airox_driver_traits::queue::{BlockQueue, Broken, Done, Full, Kind, Request};
use airox_driver_traits::registers::{Registers, Width};
use airox_nvme::{Nvme, SetupError};

const BASE: u64 = 0x10_0000;
const DATA: u64 = 0x1000_0000;
const BLOCKS: u64 = 4096;
const BLOCK: usize = 512;

/// A controller.
#[derive(Debug)]
struct World {
    memory: Option<ModelMemory>,
    data: ModelMemory,
    disk: Vec<u8>,
    status: u32,
    capabilities: u64,
    /// What the namespace and the controller say.
    namespace: Vec<u8>,
    controller: Vec<u8>,
    /// Rings: commands, completions, entries, head, tail, round.
    rings: [Option<(u64, u64)>; 2],
    heads: [u16; 2],
    tails: [u16; 2],
    completed: [u16; 2],
    admin: [u64; 2],
    /// Status of administrative commands with this opcode.
    refuses: Option<(u8, u16)>,
    pending: Vec<[u32; 16]>,
}

#[derive(Clone, Debug)]
struct Model(Rc<RefCell<World>>);

impl Model {
    fn new() -> Model {
        let mut namespace = vec![0; 4096];
        namespace[..8].copy_from_slice(&BLOCKS.to_le_bytes());
        namespace[26] = 1;
        namespace[128 + 4 + 2] = 9;
        let mut controller = vec![0; 4096];
        controller[77] = 5;
        controller[525] = 1;
        Model(Rc::new(RefCell::new(World {
            memory: None,
            data: ModelMemory::new(DATA, 1 << 20),
            disk: vec![0; BLOCKS as usize * BLOCK],
            status: 0,
            capabilities: 63,
            namespace,
            controller,
            rings: [None; 2],
            heads: [0; 2],
            tails: [0; 2],
            completed: [0; 2],
            admin: [0; 2],
            refuses: None,
            pending: vec![],
        })))
    }

    fn disk(&self) -> Result<Nvme<Model, ModelMemory>, SetupError> {
        Nvme::new(self.clone(), |bytes| {
            let memory = ModelMemory::new(BASE, bytes);
            self.0.borrow_mut().memory = Some(memory.clone());
            Ok(memory)
        })
    }

    fn world(&self) -> std::cell::RefMut<'_, World> {
        self.0.borrow_mut()
    }

    /// Does the oldest command about blocks, as the specification says, with this status.
    fn work(&self, status: u16) -> bool {
        let mut world = self.world();
        if world.pending.is_empty() {
            return false;
        }
        let command = world.pending.remove(0);
        if status == 0 {
            world.transfer(&command);
        }
        world.complete(1, (command[0] >> 16) as u16, status);
        true
    }
}

impl World {
    fn memory(&mut self, address: u64) -> (ModelMemory, usize) {
        match address {
            DATA.. => (self.data.clone(), (address - DATA) as usize),
            _ => (self.memory.clone().unwrap(), (address - BASE) as usize),
        }
    }

    fn read<const N: usize>(&mut self, address: u64) -> [u8; N] {
        let (memory, at) = self.memory(address);
        let bytes = memory.bytes();
        bytes[at..at + N].try_into().unwrap()
    }

    fn write(&mut self, address: u64, data: &[u8]) {
        let (memory, at) = self.memory(address);
        memory.bytes()[at..at + data.len()].copy_from_slice(data);
    }

    fn ring_of(&self, queue: usize) -> (u64, u64) {
        if queue == 0 { (self.admin[0], self.admin[1]) } else { self.rings[1].unwrap() }
    }

    /// Takes new commands of a queue.
    fn bell(&mut self, queue: usize, tail: u32) {
        self.tails[queue] = tail as u16;
        while self.heads[queue] != self.tails[queue] {
            let at = self.ring_of(queue).0 + u64::from(self.heads[queue]) * 64;
            let bytes: [u8; 64] = self.read(at);
            let mut command = [0; 16];
            for (word, bytes) in command.iter_mut().zip(bytes.chunks(4)) {
                *word = u32::from_le_bytes(bytes.try_into().unwrap());
            }
            self.heads[queue] = (self.heads[queue] + 1) % 64;
            if queue == 0 { self.administer(&command) } else { self.pending.push(command) }
        }
    }

    fn administer(&mut self, command: &[u32; 16]) {
        let opcode = command[0] as u8;
        let address = u64::from(command[6]) | u64::from(command[7]) << 32;
        let refused = self.refuses.filter(|(refused, _)| *refused == opcode).map(|(_, status)| status);
        if refused.is_none() {
            match opcode {
                6 if command[10] == 1 => self.write(address, &self.controller.clone()),
                6 => {
                    assert_eq!((command[1], command[10]), (1, 0));
                    self.write(address, &self.namespace.clone());
                }
                5 => {
                    assert_eq!((command[10], command[11]), (63 << 16 | 1, 3));
                    self.rings[1] = Some((0, address));
                }
                1 => {
                    assert_eq!((command[10], command[11]), (63 << 16 | 1, 1 << 16 | 1));
                    self.rings[1] = Some((address, self.rings[1].unwrap().1));
                }
                other => panic!("{other}"),
            }
        }
        self.complete(0, (command[0] >> 16) as u16, refused.unwrap_or(0));
    }

    fn complete(&mut self, queue: usize, number: u16, status: u16) {
        let completed = self.completed[queue];
        self.completed[queue] = completed.wrapping_add(1);
        let round = 1 ^ ((completed / 64) % 2);
        let at = self.ring_of(queue).1 + u64::from(completed % 64) * 16;
        self.write(at + 12, &number.to_le_bytes());
        self.write(at + 14, &(status << 1 | round).to_le_bytes());
    }

    /// Moves the blocks of a command, page by page as its lists say.
    fn transfer(&mut self, command: &[u32; 16]) {
        let opcode = command[0] as u8;
        if opcode == 0 {
            return;
        }
        let long = |index: usize| u64::from(command[index]) | u64::from(command[index + 1]) << 32;
        let mut at = long(10) as usize * BLOCK;
        let mut left = (command[12] as usize + 1) * BLOCK;
        let (mut address, second) = (long(6), long(8));
        let first = 4096 - (address % 4096) as usize;
        let listed = left > first + 4096;
        let mut index = 0;
        let mut page = first;
        while left > 0 {
            let length = left.min(page);
            if opcode == 2 {
                let bytes = self.disk[at..at + length].to_vec();
                self.write(address, &bytes);
            } else {
                let (memory, offset) = self.memory(address);
                self.disk[at..at + length].copy_from_slice(&memory.bytes()[offset..offset + length]);
            }
            (at, left, page) = (at + length, left - length, 4096);
            if left > 0 {
                address = if listed { u64::from_le_bytes(self.read(second + index * 8)) } else { second };
                assert_eq!(address % 4096, 0);
                index += 1;
            }
        }
    }
}

impl Registers for Model {
    fn length(&self) -> usize {
        0x1100
    }

    fn read(&mut self, offset: usize, _width: Width) -> u64 {
        match offset {
            0 => self.world().capabilities,
            0x1c => self.world().status.into(),
            _ => 0,
        }
    }

    fn write(&mut self, offset: usize, _width: Width, value: u64) {
        let mut world = self.world();
        match offset {
            0x14 if world.status & 2 == 0 => world.status = value as u32 & 1,
            0x28 => world.admin[0] = value,
            0x30 => world.admin[1] = value,
            0x1000 => world.bell(0, value as u32),
            0x1008 => world.bell(1, value as u32),
            _ => {}
        }
    }
}

fn request(kind: Kind, first: u64, count: u32, offset: u64) -> Request {
    Request { kind, first, count, address: DATA + offset }
}

#[test]
fn it_is_what_the_controller_says() {
    let disk = Model::new().disk().unwrap();
    assert_eq!(disk.geometry(), Geometry { block_size: 512, blocks: BLOCKS, read_only: false });
    assert!(disk.has_cache());
    assert_eq!(disk.most_blocks(), (4096 << 5) / 512);
    let other = Model::new();
    other.world().controller[77] = 0;
    other.world().controller[525] = 0;
    other.world().namespace[99] = 1;
    other.world().namespace[26] = 0;
    other.world().namespace[128 + 2] = 12;
    let disk = other.disk().unwrap();
    assert_eq!(disk.geometry(), Geometry { block_size: 4096, blocks: BLOCKS, read_only: true });
    assert_eq!((disk.has_cache(), disk.most_blocks()), (false, 511));
}

#[test]
fn blocks_go_wherever_memory_begins() {
    let model = Model::new();
    let mut disk = model.disk().unwrap();
    let pattern: Vec<u8> = (0..1 << 20).map(|index: u32| (index * 7 + index / 512) as u8).collect();
    // Inside a page, up to its end, over one boundary, over two, over many; aligned and not.
    for (round, (offset, count)) in
        [(0, 1), (512, 7), (512, 8), (8, 16), (4088, 17), (0, 24), (520, 200), (0, 256)].into_iter().enumerate()
    {
        model.world().data.bytes().copy_from_slice(&pattern);
        let first = round as u64 * 300;
        disk.submit(1, &request(Kind::Write, first, count, offset)).unwrap();
        assert!(model.work(0));
        assert_eq!(disk.next_done(), Ok(Some(Done { id: 1, result: Ok(()) })));
        let length = count as usize * BLOCK;
        let (from, to) = (first as usize * BLOCK, offset as usize);
        assert_eq!(model.world().disk[from..from + length], pattern[to..to + length], "{offset} {count}");
        model.world().data.bytes().fill(0);
        disk.submit(2, &request(Kind::Read, first, count, offset)).unwrap();
        assert!(model.work(0));
        assert_eq!(disk.next_done(), Ok(Some(Done { id: 2, result: Ok(()) })));
        let world = model.world();
        assert_eq!(world.data.bytes()[to..to + length], pattern[to..to + length]);
        assert!(world.data.bytes()[to + length..].iter().all(|byte| *byte == 0));
    }
    disk.submit(3, &request(Kind::Flush, 0, 0, 0)).unwrap();
    assert_eq!(model.world().pending[0][0] as u8, 0);
    model.work(0);
    assert_eq!(disk.next_done(), Ok(Some(Done { id: 3, result: Ok(()) })));
}

#[test]
fn rings_go_round_and_are_never_overfull() {
    let model = Model::new();
    let mut disk = model.disk().unwrap();
    for round in 0..10 {
        let mut count = 0;
        while disk.submit(count, &request(Kind::Write, 0, 1, 0)).is_ok() {
            count += 1;
        }
        assert_eq!(count, 63, "{round}");
        assert_eq!(disk.submit(99, &request(Kind::Write, 0, 1, 0)), Err(Full));
        while model.work(0) {}
        for id in 0..count {
            assert_eq!(disk.next_done(), Ok(Some(Done { id, result: Ok(()) })));
        }
        assert_eq!(disk.next_done(), Ok(None));
    }
}

#[test]
fn controllers_that_cannot_be_driven_are_refused() {
    type Change = fn(&mut World);
    let cases: [(Change, SetupError); 8] = [
        (|world| world.capabilities = 62, SetupError::Unsuitable),
        (|world| world.capabilities |= 5 << 32, SetupError::Unsuitable),
        (|world| world.capabilities |= 1 << 48, SetupError::Unsuitable),
        (|world| world.namespace[..8].fill(0), SetupError::NoNamespace),
        (|world| world.namespace[128 + 4 + 2] = 8, SetupError::NoNamespace),
        (|world| world.namespace[128 + 4 + 2] = 255, SetupError::NoNamespace),
        (|world| world.refuses = Some((6, 2)), SetupError::Refused(2)),
        (|world| world.refuses = Some((5, 0x101)), SetupError::Refused(0x101)),
    ];
    for (index, (change, error)) in cases.into_iter().enumerate() {
        let model = Model::new();
        change(&mut model.world());
        assert_eq!(model.disk().unwrap_err(), error, "{index}");
    }
    let dead = Model::new();
    dead.world().status = 3;
    assert_eq!(dead.disk().unwrap_err(), SetupError::NotReady);
    let crooked = Nvme::new(Model::new(), |bytes| Ok::<_, SetupError>(ModelMemory::new(BASE + 8, bytes)));
    assert_eq!(crooked.unwrap_err(), SetupError::Unsuitable);
}

#[test]
fn failures_and_lies_are_told_apart() {
    let model = Model::new();
    let mut disk = model.disk().unwrap();
    disk.submit(1, &request(Kind::Read, 9, 1, 0)).unwrap();
    model.work(0x281);
    let failed = Done { id: 1, result: Err(BlockError::Medium { block: 9 }) };
    assert_eq!(disk.next_done(), Ok(Some(failed)));
    // An answer to no command, one of a number that does not exist, and a controller that gives up.
    for number in [3, 63, 0xffff] {
        model.world().complete(1, number, 0);
        assert_eq!(disk.next_done(), Err(Broken), "{number}");
    }
    assert_eq!(disk.next_done(), Ok(None));
    disk.submit(1, &request(Kind::Read, 9, 1, 0)).unwrap();
    model.world().status |= 2;
    assert_eq!(disk.next_done(), Err(Broken));
    assert_eq!(model.world().data.device_address(), DATA);
}
