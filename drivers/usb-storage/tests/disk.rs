//! The disk's logic against a model device that keeps its blocks in a vector, and lies.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use airox_driver_traits::block::{BlockError, Geometry};
use airox_driver_traits::dma::ModelMemory;
use airox_driver_traits::pci::BusAddress;
use airox_driver_traits::queue::{BlockQueue, Broken, Done, Full, Kind, Request};
use airox_driver_traits::usb::{
    Description, Done as Over, Endpoint, EndpointKind, Setup, TransferError, UsbAddress, UsbError, UsbFunction,
};
use airox_usb_storage::{Disk, MEMORY, SetupError};

const OWN: u64 = 1 << 32;
const DATA: u64 = 2 << 32;
const BLOCKS: usize = 1024;
const IN: u8 = 0x81;
const OUT: u8 = 2;

/// What goes wrong, once each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// The data, or the status, is refused, and then goes on.
    StallData,
    StallStatus,
    StallStatusTwice,
    /// The command fails with this sense key.
    Fail(u8),
    /// A status that is too short, has a wrong signature, tag, or says that the device is confused.
    ShortStatus,
    WrongSignature,
    WrongTag,
    WrongResidue,
    Confused,
    /// The transfer of the wrapper, or of data, does not get through.
    LoseWrapper,
    LoseData,
    /// Less data than wanted, though the command passes.
    LessData,
    /// Something that was not begun is over.
    Unasked,
}

struct World {
    own: ModelMemory,
    data: ModelMemory,
    disk: Vec<u8>,
    over: VecDeque<Over>,
    faults: VecDeque<Fault>,
    /// The command under way: its tag, bytes, data wanted.
    command: Option<(u32, Vec<u8>, u32)>,
    sense: u8,
    stalled: bool,
    resets: u32,
    gone: bool,
    read_only: bool,
    capacity: [u32; 2],
    kind: u8,
    commands: Vec<u8>,
}

#[derive(Clone)]
struct Model(Rc<RefCell<World>>);

impl World {
    fn fault(&mut self, fault: Fault) -> bool {
        let is = self.faults.front() == Some(&fault);
        if is {
            self.faults.pop_front();
        }
        is
    }

    fn place(&self, address: u64) -> (ModelMemory, usize) {
        match address >> 32 {
            1 => (self.own.clone(), (address - OWN) as usize),
            2 => (self.data.clone(), (address - DATA) as usize),
            _ => panic!("{address:#x} was not lent"),
        }
    }

    fn over(&mut self, id: u32, result: Result<u32, TransferError>) {
        self.over.push_back(Over { id, result });
    }

    fn wrapper(&mut self, id: u32, address: u64, length: u32) {
        let (memory, at) = self.place(address);
        let bytes = memory.bytes()[at..at + length as usize].to_vec();
        assert_eq!((length, &bytes[..4], bytes[13]), (31, &b"USBC"[..], 0));
        let number = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
        assert_eq!(usize::from(bytes[14]), if bytes[15] < 0x20 { 6 } else { 10 });
        self.commands.push(bytes[15]);
        self.command = Some((number(4), bytes[15..25].to_vec(), number(8)));
        let result = if self.fault(Fault::LoseWrapper) { Err(TransferError::Failed) } else { Ok(31) };
        self.over(id, result);
    }

    fn data(&mut self, id: u32, address: u64, length: u32, bytes: &[u8]) {
        if self.fault(Fault::StallData) {
            self.stalled = true;
            return self.over(id, Err(TransferError::Stalled));
        }
        if self.fault(Fault::LoseData) {
            return self.over(id, Err(TransferError::Failed));
        }
        let (memory, at) = self.place(address);
        let number = |bytes: &[u8]| bytes.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        let first = number(&bytes[2..6]) * 512;
        let answer = match bytes[0] {
            0x12 => [vec![self.kind], vec![0; 35]].concat(),
            0x25 => self.capacity.map(u32::to_be_bytes).concat(),
            0x1a => vec![3, 0, if self.read_only { 0x80 } else { 0 }, 0],
            0x03 => [vec![0x70, 0, self.sense], vec![0; 15]].concat(),
            0x28 => self.disk[first..first + length as usize].to_vec(),
            0x2a => {
                self.disk[first..first + length as usize].copy_from_slice(&memory.bytes()[at..at + length as usize]);
                return self.over(id, Ok(length));
            }
            other => panic!("{other:#x} has data"),
        };
        let less = if self.fault(Fault::LessData) { answer.len() / 2 } else { answer.len() };
        memory.bytes()[at..at + less].copy_from_slice(&answer[..less]);
        self.over(id, Ok(less as u32));
    }

    fn status(&mut self, id: u32, address: u64) {
        if self.fault(Fault::StallStatus) || self.faults.front() == Some(&Fault::StallStatusTwice) {
            if self.fault(Fault::StallStatusTwice) {
                self.faults.push_front(Fault::StallStatus);
            }
            self.stalled = true;
            return self.over(id, Err(TransferError::Stalled));
        }
        let Some((tag, bytes, _)) = self.command.take() else {
            return self.over(id, Err(TransferError::Failed));
        };
        let mut status = [b"USBS".to_vec(), tag.to_le_bytes().to_vec(), vec![0; 5]].concat();
        if bytes[0] != 3
            && let Some(Fault::Fail(key)) = self.faults.front().copied()
        {
            self.faults.pop_front();
            self.sense = key;
            status[12] = 1;
        }
        let mut length = 13;
        match self.faults.front().copied() {
            Some(Fault::ShortStatus) => length = 12,
            Some(Fault::WrongSignature) => status[0] ^= 1,
            Some(Fault::WrongTag) => status[4] ^= 1,
            Some(Fault::WrongResidue) => status[11] = 0xff,
            Some(Fault::Confused) => status[12] = 2,
            _ => length = 0,
        }
        if length != 0 {
            self.faults.pop_front();
        }
        let length = if length == 0 { 13 } else { length };
        let (memory, at) = self.place(address);
        memory.bytes()[at..at + 13].copy_from_slice(&status);
        self.over(id, Ok(length));
    }
}

impl UsbFunction for Model {
    fn transfer(&mut self, id: u32, endpoint: u8, address: u64, length: u32) -> Result<(), UsbError> {
        let mut world = self.0.borrow_mut();
        if world.gone {
            return Err(UsbError::Gone);
        }
        assert!(!world.stalled && world.over.is_empty());
        if world.fault(Fault::Unasked) {
            world.over(id + 77, Ok(0));
            return Ok(());
        }
        match world.command.clone() {
            _ if endpoint == OUT && length == 31 && address == OWN => world.wrapper(id, address, length),
            Some((_, bytes, wanted)) if wanted > 0 && address != OWN + 64 => {
                assert_eq!((wanted, endpoint), (length, if bytes[0] == 0x2a { OUT } else { IN }));
                world.data(id, address, length, &bytes);
            }
            _ => {
                assert_eq!((endpoint, length), (IN, 13));
                world.status(id, address);
            }
        }
        Ok(())
    }

    fn request(&mut self, id: u32, setup: Setup, _address: u64) -> Result<(), UsbError> {
        assert_eq!((setup.kind, setup.request, setup.index, setup.length), (0x21, 0xff, 0, 0));
        let mut world = self.0.borrow_mut();
        world.resets += 1;
        world.command = None;
        world.over(id, Ok(0));
        Ok(())
    }

    fn recover(&mut self, id: u32, endpoint: u8) -> Result<(), UsbError> {
        assert!(endpoint == IN || endpoint == OUT);
        let mut world = self.0.borrow_mut();
        world.stalled = false;
        world.over(id, Ok(0));
        Ok(())
    }

    fn next_done(&mut self) -> Result<Option<Over>, UsbError> {
        let mut world = self.0.borrow_mut();
        if world.gone { Err(UsbError::Gone) } else { Ok(world.over.pop_front()) }
    }
}

fn description() -> Description {
    let controller = BusAddress { bus: 0, device: 3, function: 0 };
    let bulk = |address| Endpoint { address, kind: EndpointKind::Bulk, packet: 512, interval: 0, burst: 0 };
    Description {
        address: UsbAddress { controller, ports: [1, 0, 0, 0, 0, 0], interface: 0 },
        device: (1, 2, 3),
        class: 0x08_0650,
        endpoints: vec![bulk(IN), bulk(OUT)],
        name: "stick".into(),
    }
}

fn model() -> Model {
    Model(Rc::new(RefCell::new(World {
        own: ModelMemory::new(OWN, MEMORY),
        data: ModelMemory::new(DATA, 1 << 20),
        disk: (0..BLOCKS * 512).map(|at| (at / 512) as u8).collect(),
        over: VecDeque::new(),
        faults: VecDeque::new(),
        command: None,
        sense: 0,
        stalled: false,
        resets: 0,
        gone: false,
        read_only: false,
        capacity: [BLOCKS as u32 - 1, 512],
        kind: 0,
        commands: vec![],
    })))
}

fn open(model: &Model) -> Result<Disk<Model, ModelMemory>, SetupError> {
    let own = model.0.borrow().own.clone();
    Disk::new(model.clone(), &description(), own, || Err(SetupError::Silent))
}

fn request(kind: Kind, first: u64, count: u32) -> Request {
    Request { kind, first, count, address: DATA + 4096 }
}

/// Submits and takes what comes back.
fn run(disk: &mut Disk<Model, ModelMemory>, request: Request) -> Result<Result<(), BlockError>, Broken> {
    disk.submit(5, &request).unwrap();
    assert_eq!(disk.submit(6, &request), Err(Full));
    let done = disk.next_done()?.expect("is done");
    assert_eq!(done.id, 5);
    assert_eq!(disk.next_done(), Ok(None));
    Ok(done.result)
}

#[test]
fn a_disk_is_read_and_written() {
    let model = model();
    // The first commands of a disk fail, to tell that it was switched on.
    model.0.borrow_mut().faults.extend([Fault::Fail(6), Fault::Fail(2)]);
    let mut disk = open(&model).unwrap();
    assert_eq!(disk.geometry(), Geometry { block_size: 512, blocks: BLOCKS as u64, read_only: false });
    assert_eq!((disk.has_cache(), disk.most_blocks()), (true, 256));
    assert_eq!(run(&mut disk, request(Kind::Read, 7, 3)), Ok(Ok(())));
    let world = model.0.borrow();
    let bytes = world.data.bytes()[4096..4096 + 1536].to_vec();
    assert_eq!([bytes[0], bytes[511], bytes[512], bytes[1535]], [7, 7, 8, 9]);
    world.data.bytes()[4096..4608].fill(0xaa);
    drop(world);
    assert_eq!(run(&mut disk, request(Kind::Write, 1023, 1)), Ok(Ok(())));
    assert_eq!(model.0.borrow().disk[1023 * 512..], [0xaa; 512]);
    assert_eq!(run(&mut disk, request(Kind::Flush, 0, 0)), Ok(Ok(())));
    assert_eq!(model.0.borrow().commands[model.0.borrow().commands.len() - 3..], [0x28, 0x2a, 0x35]);
}

#[test]
fn faults_are_recovered_from() {
    use Fault::*;
    for fault in [
        StallData,
        StallStatus,
        StallStatusTwice,
        Fail(6),
        Fail(2),
        Fail(0),
        Fail(1),
        ShortStatus,
        WrongSignature,
        WrongTag,
        WrongResidue,
        Confused,
        LoseWrapper,
        LoseData,
    ] {
        let model = model();
        let mut disk = open(&model).unwrap();
        model.0.borrow_mut().faults.push_back(fault);
        let result = run(&mut disk, request(Kind::Read, 7, 3));
        // Data that was refused is missing though the command passed.
        let wanted = if fault == StallData { Err(BlockError::Medium { block: 7 }) } else { Ok(()) };
        assert_eq!(result, Ok(wanted), "{fault:?}");
        assert!(model.0.borrow().faults.is_empty(), "{fault:?}");
        assert_eq!(run(&mut disk, request(Kind::Read, 9, 1)), Ok(Ok(())), "{fault:?}");
    }
}

#[test]
fn what_fails_for_good_is_told() {
    let medium = BlockError::Medium { block: 7 };
    for (key, error) in [(3, medium), (4, medium), (7, BlockError::ReadOnly), (5, medium), (0xf, medium)] {
        let model = model();
        let mut disk = open(&model).unwrap();
        model.0.borrow_mut().faults.push_back(Fault::Fail(key));
        assert_eq!(run(&mut disk, request(Kind::Write, 7, 1)), Ok(Err(error)), "{key}");
    }
    // For ever not ready, for ever confused.
    for fault in [Fault::Fail(2), Fault::Confused] {
        let model = model();
        let mut disk = open(&model).unwrap();
        model.0.borrow_mut().faults.extend([fault; 100]);
        assert_eq!(run(&mut disk, request(Kind::Write, 7, 1)), Ok(Err(medium)), "{fault:?}");
        model.0.borrow_mut().faults.clear();
        assert_eq!(run(&mut disk, request(Kind::Write, 7, 1)), Ok(Ok(())), "{fault:?}");
    }
    // Less than was wanted; a disk that knows no flush.
    let model = model();
    let mut disk = open(&model).unwrap();
    model.0.borrow_mut().faults.push_back(Fault::LessData);
    assert_eq!(run(&mut disk, request(Kind::Read, 7, 1)), Ok(Err(medium)));
    model.0.borrow_mut().faults.push_back(Fault::Fail(5));
    assert_eq!(run(&mut disk, request(Kind::Flush, 0, 0)), Ok(Ok(())));
}

#[test]
fn one_that_breaks_the_protocol_or_goes_ends_the_driver() {
    let model = model();
    let mut disk = open(&model).unwrap();
    model.0.borrow_mut().faults.push_back(Fault::Unasked);
    assert_eq!(run(&mut disk, request(Kind::Read, 7, 1)), Err(Broken));
    let model = self::model();
    let mut disk = open(&model).unwrap();
    model.0.borrow_mut().gone = true;
    assert_eq!(run(&mut disk, request(Kind::Read, 7, 1)), Err(Broken));
    assert_eq!(open(&model).err(), Some(SetupError::Lost));
}

#[test]
fn what_is_no_disk_is_refused() {
    let refused = |change: fn(&mut World)| {
        let model = model();
        change(&mut model.0.borrow_mut());
        open(&model).err()
    };
    assert_eq!(refused(|world| world.kind = 5), Some(SetupError::NoMedium));
    assert_eq!(refused(|world| world.faults.extend([Fault::Fail(2); 100])), Some(SetupError::NoMedium));
    assert_eq!(refused(|world| world.capacity[1] = 0), Some(SetupError::Unsuitable));
    assert_eq!(refused(|world| world.capacity[1] = 520), Some(SetupError::Unsuitable));
    assert_eq!(refused(|world| world.capacity[1] = 1 << 31), Some(SetupError::Unsuitable));
    assert_eq!(refused(|world| world.capacity[0] = u32::MAX), Some(SetupError::Unsuitable));
    assert_eq!(refused(|_| ()), None);
    let model = model();
    model.0.borrow_mut().read_only = true;
    assert!(open(&model).unwrap().geometry().read_only);
    let mut without = description();
    without.endpoints.pop();
    let none = Disk::new(model.clone(), &without, ModelMemory::new(OWN, MEMORY), || Ok(()));
    assert_eq!(none.err(), Some(SetupError::Lost));
}

#[test]
fn requests_outside_what_commands_can_say_are_not_taken() {
    let mut disk = open(&model()).unwrap();
    for bad in [request(Kind::Read, 1 << 32, 1), request(Kind::Read, 0, 1 << 16)] {
        assert_eq!(disk.submit(1, &bad), Err(Full));
    }
    assert_eq!(disk.next_done(), Ok::<Option<Done>, Broken>(None));
}
