//! The controller's logic against a model of its registers and rings, which lies.

use std::cell::RefCell;
use std::rc::Rc;

use airox_driver_traits::dma::{DmaMemory, ModelMemory};
use airox_driver_traits::network::{Link, MacAddress, NetworkDevice, Received};
use airox_driver_traits::queue::{Broken, Full};
use airox_driver_traits::registers::{Bytes, Registers, Width};
use airox_e1000_net::{E1000, Model as Kind, SetupError};

const BASE: u64 = 0x1_0020_0000;
const CONTROL: usize = 0;
const STATUS: usize = 8;
const CAUSES: usize = 0xc0;
const ENABLED: usize = 0xd0;
const RECEIVE: usize = 0x2800;
const SEND: usize = 0x3800;
const ADDRESS: usize = 0x5400;
const ENTRIES: u32 = 64;

#[derive(Debug)]
struct World {
    registers: Bytes,
    memory: Option<ModelMemory>,
    resets: bool,
}

#[derive(Clone, Debug)]
struct Device(Rc<RefCell<World>>);

impl Device {
    fn new() -> Device {
        let mut registers = Bytes(vec![0; 0x2_0000]);
        registers.write_u32(ADDRESS, u32::from_le_bytes([0x52, 0x54, 0, 0x12]));
        registers.write_u32(ADDRESS + 4, 1 << 31 | 0x5634);
        registers.write_u32(STATUS, 0x82);
        // What somebody before this driver left.
        registers.write_u32(ENABLED, 0xff);
        registers.write_u32(0x5210, 7);
        Device(Rc::new(RefCell::new(World { registers, memory: None, resets: true })))
    }

    fn world(&self) -> std::cell::RefMut<'_, World> {
        self.0.borrow_mut()
    }

    fn card(&self, kind: Kind) -> Result<E1000<Device, ModelMemory>, SetupError> {
        E1000::new(kind, self.clone(), |bytes| {
            let memory = ModelMemory::new(BASE, bytes);
            self.world().memory = Some(memory.clone());
            Ok(memory)
        })
    }

    fn get(&self, register: usize) -> u32 {
        self.world().registers.read_u32(register)
    }

    fn set(&self, register: usize, value: u32) {
        self.world().registers.write_u32(register, value);
    }

    /// The descriptor at a ring's head, as an offset in memory; none if the driver gave no more.
    fn head(&self, ring: usize) -> Option<usize> {
        let (head, tail) = (self.get(ring + 0x10), self.get(ring + 0x18));
        assert_eq!(self.get(ring + 8), ENTRIES * 16);
        let base = u64::from(self.get(ring)) | u64::from(self.get(ring + 4)) << 32;
        (head != tail).then(|| (base - BASE) as usize + 16 * head as usize)
    }

    fn advance(&self, ring: usize) {
        self.set(ring + 0x10, (self.get(ring + 0x10) + 1) % ENTRIES);
    }

    /// A frame comes, in a descriptor with this length, status and errors.
    fn come(&self, frame: &[u8], length: u16, status: u8, errors: u8) -> bool {
        let Some(at) = self.head(RECEIVE) else { return false };
        let mut memory = self.world().memory.clone().unwrap();
        let buffer = (memory.read_u64(at) - BASE) as usize;
        memory.copy_in(buffer, frame);
        memory.write_u16(at + 8, length);
        memory.write_u8(at + 13, errors);
        memory.write_u8(at + 12, status);
        self.advance(RECEIVE);
        true
    }

    fn good(&self, frame: &[u8]) -> bool {
        self.come(frame, frame.len() as u16, 3, 0)
    }

    /// Sends what the driver gave next.
    fn leave(&self) -> Option<Vec<u8>> {
        let at = self.head(SEND)?;
        let mut memory = self.world().memory.clone().unwrap();
        assert_eq!(memory.read_u8(at + 11), 0b1011);
        let mut frame = vec![0; memory.read_u16(at + 8).into()];
        let buffer = (memory.read_u64(at) - BASE) as usize;
        memory.copy_out(buffer, &mut frame);
        memory.write_u8(at + 12, 1);
        self.advance(SEND);
        Some(frame)
    }
}

impl Registers for Device {
    fn length(&self) -> usize {
        0x2_0000
    }

    fn read(&mut self, offset: usize, width: Width) -> u64 {
        let mut world = self.world();
        let value = world.registers.read(offset, width);
        if offset == CAUSES && value != 0xffff_ffff {
            world.registers.write_u32(CAUSES, 0);
        }
        value
    }

    fn write(&mut self, offset: usize, width: Width, value: u64) {
        let mut world = self.world();
        match offset {
            CONTROL if world.resets => world.registers.write(offset, width, value & !(1 << 26)),
            CAUSES => {}
            0xd8 => {
                let enabled = world.registers.read_u32(ENABLED);
                world.registers.write_u32(ENABLED, enabled & !(value as u32));
            }
            _ => world.registers.write(offset, width, value),
        }
    }
}

#[test]
fn it_tells_its_address_and_its_link() {
    let device = Device::new();
    let mut card = device.card(Kind::Line).unwrap();
    assert_eq!(card.address(), MacAddress([0x52, 0x54, 0, 0x12, 0x34, 0x56]));
    for (status, up, megabits) in [(0x82, true, 1000), (0x42, true, 100), (0x02, true, 10), (0x80, false, 0)] {
        device.set(STATUS, status);
        assert_eq!(card.link(), Link { up, megabits: up.then_some(megabits) });
    }
    assert_eq!(device.get(0x5210), 0, "multicasts of others");
    assert_eq!((device.get(ENABLED), device.get(0xe4)), (0xd5, 0));
    let device = Device::new();
    device.card(Kind::from_device(0x10d3)).unwrap();
    assert_eq!((device.get(ENABLED), device.get(0xe4)), (0x0150_00d5, 0x8_0808));
    assert_eq!((Kind::from_device(0x100e), Kind::from_device(0x10d3)), (Kind::Line, Kind::Messages));
}

#[test]
fn frames_come_in_order_for_ever() {
    let device = Device::new();
    let mut card = device.card(Kind::Line).unwrap();
    for round in 0..50_usize {
        let mut count = 0;
        while device.good(&vec![(round + count) as u8; 60 + count]) {
            count += 1;
        }
        assert_eq!(count, 63);
        for frame in 0..count {
            assert_eq!(card.receive(), Ok(Some(Received::Frame(vec![(round + frame) as u8; 60 + frame]))));
        }
        assert_eq!(card.receive(), Ok(None));
    }
}

#[test]
fn frames_are_sent_while_there_is_room() {
    let device = Device::new();
    let mut card = device.card(Kind::Line).unwrap();
    for _ in 0..5 {
        let sent = (0..).take_while(|length| card.send(&vec![*length as u8; 60 + length]).is_ok()).count();
        assert_eq!((sent, card.send(&[1; 60])), (63, Err(Full)));
        for length in 0..sent {
            assert_eq!(device.leave(), Some(vec![length as u8; 60 + length]));
        }
        assert_eq!(device.leave(), None);
    }
    assert_eq!(card.send(&[0; 2049]), Err(Full));
}

#[test]
fn what_is_no_frame_is_damaged_and_a_liar_is_found_out() {
    let device = Device::new();
    let mut card = device.card(Kind::Line).unwrap();
    for (length, status, errors) in [(60, 1, 0), (60, 3, 1), (60, 3, 0x80), (5, 3, 0), (1515, 3, 0), (0, 3, 0)] {
        assert!(device.come(&[1; 8], length, status, errors));
        assert_eq!(card.receive(), Ok(Some(Received::Damaged)), "{length} {status} {errors}");
    }
    assert!(device.come(&[], 2049, 3, 0));
    assert_eq!(card.receive(), Err(Broken));
    device.set(CAUSES, 0x14);
    assert_eq!((card.interrupted(), device.get(CAUSES)), (Ok(()), 0));
    device.set(CAUSES, u32::MAX);
    assert_eq!(card.interrupted(), Err(Broken));
    device.set(STATUS, u32::MAX);
    assert!(!card.link().up);
    // One that says at once that it has sent everything, and that it has received what nobody sent.
    let memory = device.world().memory.clone().unwrap();
    memory.bytes()[..2048].fill(0xff);
    assert_eq!(card.receive(), Err(Broken));
    assert_eq!((0..1000).filter(|_| card.send(&[1; 60]).is_ok()).count(), 63);
}

#[test]
fn controllers_that_cannot_be_driven_are_refused() {
    let device = Device::new();
    device.world().resets = false;
    assert_eq!(device.card(Kind::Line).unwrap_err(), SetupError::NotReady);
    // None that counts, nobody's, and one of a group.
    for (low, high) in [(0x1200_5452, 0x5634), (0, 1 << 31), (0x1200_5401, 1 << 31)] {
        let device = Device::new();
        device.set(ADDRESS, low);
        device.set(ADDRESS + 4, high);
        assert_eq!(device.card(Kind::Line).unwrap_err(), SetupError::NoAddress);
    }
    for (base, bytes) in [(BASE + 8, 1 << 20), (BASE, 4096)] {
        let card = E1000::new(Kind::Line, Device::new(), |_| Ok::<_, SetupError>(ModelMemory::new(base, bytes)));
        assert_eq!(card.map(drop).unwrap_err(), SetupError::BadMemory);
    }
}
