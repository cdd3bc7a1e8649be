//! The unit against a model of one: registers that do what section 10.4 says, and requests of devices that are translated by the tables in memory.

use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::RefCell;

use airox_driver_traits::dma::{DmaMemory, ModelMemory};
use airox_driver_traits::registers::{Registers, Width};

use crate::{Error, FRAME_BYTES, Fault, REGISTER_BYTES, Source, TableMemory, Unit};

const TABLES: u64 = 0x40_0000;
const DISK: Source = Source { bus: 0, function: 0x20 };
const CARD: Source = Source { bus: 3, function: 0x01 };
const MEMORY: u64 = 0x1234_5000;
/// 3 levels, 16 domains, records at 0x220, 2 of them; the cache's registers at 0xf0.
const CAPABILITY: u64 = 2 << 8 | 0x22 << 24 | 1 << 40;
const EXTENDED: u64 = 0xf << 8;

#[derive(Debug, Default)]
struct State {
    capability: u64,
    extended: u64,
    /// Commands are never carried out.
    stuck: bool,
    status: u32,
    root_register: u64,
    /// What translation uses, since the command.
    root: u64,
    fault_status: u32,
    fault_message: [u32; 4],
    records: [(u64, u64); 2],
    /// What it remembers of pages: by function and page, memory or nothing.
    remembered: Vec<(Source, u64, Option<u64>)>,
    protected: u32,
}

/// Memory behind a cache: the unit sees what was written back.
#[derive(Debug)]
struct Cached {
    written: ModelMemory,
    memory: ModelMemory,
}

impl Registers for Cached {
    fn length(&self) -> usize {
        self.written.length()
    }

    fn read(&mut self, offset: usize, width: Width) -> u64 {
        self.written.read(offset, width)
    }

    fn write(&mut self, offset: usize, width: Width, value: u64) {
        self.written.write(offset, width, value);
    }
}

impl DmaMemory for Cached {
    fn device_address(&self) -> u64 {
        self.memory.device_address()
    }
}

impl TableMemory for Cached {
    fn write_back(&mut self, offset: usize) {
        let start = offset - offset % 64;
        for word in (start..start + 64).step_by(8) {
            self.memory.write_u64(word, self.written.read_u64(word));
        }
    }
}

/// The unit; both ends of it.
#[derive(Clone, Debug)]
struct Model {
    state: Rc<RefCell<State>>,
    tables: ModelMemory,
}

impl Model {
    fn new(capability: u64, extended: u64, frames: usize) -> Model {
        let state = State { capability, extended, ..State::default() };
        Model { state: Rc::new(RefCell::new(state)), tables: ModelMemory::new(TABLES, frames * FRAME_BYTES as usize) }
    }

    fn unit(&self) -> Result<Unit<Model, Cached>, Error> {
        let mut written = ModelMemory::new(TABLES, self.tables.length());
        for offset in (0..written.length()).step_by(8) {
            written.write_u64(offset, self.tables.clone().read_u64(offset));
        }
        Unit::new(self.clone(), Cached { written, memory: self.tables.clone() })
    }

    fn word(&self, address: u64) -> u64 {
        self.tables.clone().read_u64((address - TABLES) as usize)
    }

    /// Where a request of a function ends up, by the tables alone.
    fn walk(&self, source: Source, address: u64, root: u64) -> Option<u64> {
        let entry = self.word(root + 16 * u64::from(source.bus));
        (entry & 1 != 0).then_some(())?;
        let context = (entry & !0xfff) + 16 * u64::from(source.function);
        let (low, high) = (self.word(context), self.word(context + 8));
        assert_eq!(low & 0b1110, 0, "translated, and faults recorded");
        (low & 1 != 0).then_some(())?;
        let levels = (high & 7) + 2;
        assert_ne!(high >> 8 & 0xffff, 0, "a domain of its own");
        let mut table = low & !0xfff;
        for level in (0..levels).rev() {
            let entry = self.word(table + 8 * (address >> (12 + 9 * level) & 511));
            (entry & 3 == 3).then_some(())?;
            table = entry & !0xfff;
        }
        Some(table | address & 0xfff)
    }

    /// A request of a function: where it ends up, or that it is blocked and recorded.
    fn request(&self, source: Source, address: u64, read: bool) -> Option<u64> {
        let (on, root) = (self.state.borrow().status >> 31 == 1, self.state.borrow().root);
        if !on {
            return Some(address);
        }
        let page = address & !0xfff;
        let known = self.state.borrow().remembered.iter().find(|it| it.0 == source && it.1 == page).map(|it| it.2);
        let found = known.unwrap_or_else(|| self.walk(source, page, root));
        let mut state = self.state.borrow_mut();
        if known.is_none() && (found.is_some() || state.capability >> 7 & 1 != 0) {
            state.remembered.push((source, page, found));
        }
        if found.is_none() {
            let read = u64::from(read) << 62;
            let from = u64::from(source.bus) << 8 | u64::from(source.function);
            match state.records.iter_mut().find(|record| record.1 >> 63 == 0) {
                Some(record) => *record = (page, 1 << 63 | read | 6 << 32 | from),
                None => state.fault_status |= 1,
            }
        }
        found.map(|memory| memory | address & 0xfff)
    }

    fn reads(&self, source: Source, address: u64) -> Option<u64> {
        self.request(source, address, true)
    }
}

impl Registers for Model {
    fn length(&self) -> usize {
        REGISTER_BYTES
    }

    fn read(&mut self, offset: usize, width: Width) -> u64 {
        let state = self.state.borrow();
        match (offset, width) {
            (0x08, Width::Eight) => state.capability,
            (0x10, Width::Eight) => state.extended,
            (0x1c, Width::Four) => state.status.into(),
            (0x28, Width::Eight) | (0xf8, Width::Eight) => u64::from(state.stuck) << 63,
            (0x34, Width::Four) => state.fault_status.into(),
            (0x64, Width::Four) => state.protected.into(),
            (0x220..0x240, Width::Eight) => {
                let record = state.records[(offset - 0x220) / 16];
                if offset.is_multiple_of(16) { record.0 } else { record.1 }
            }
            _ => panic!("read of {offset:#x}, {width:?}"),
        }
    }

    fn write(&mut self, offset: usize, width: Width, value: u64) {
        let mut state = self.state.borrow_mut();
        match (offset, width) {
            (0x18, Width::Four) if state.stuck => {}
            (0x18, Width::Four) => {
                let command = value as u32;
                if command >> 30 & 1 != 0 {
                    state.root = state.root_register;
                }
                // The root table's status stays; flushing is over at once.
                state.status = state.status & 1 << 30 | command & !(1 << 27);
            }
            (0x20, Width::Eight) => state.root_register = value,
            (0x28, Width::Eight) => assert_eq!(value, 5 << 61, "all contexts"),
            (0xf8, Width::Eight) => state.remembered.clear(),
            (0x34, Width::Four) => state.fault_status &= !(value as u32),
            (0x38..0x48, Width::Four) => state.fault_message[(offset - 0x38) / 4] = value as u32,
            (0x64, Width::Four) => state.protected = value as u32 & 1 << 31 | value as u32 >> 31,
            (0x228 | 0x238, Width::Eight) => {
                assert_eq!(value, 1 << 63);
                state.records[(offset - 0x220) / 16] = (0, 0);
            }
            _ => panic!("write of {offset:#x}, {width:?}"),
        }
    }
}

fn good() -> (Model, Unit<Model, Cached>) {
    let model = Model::new(CAPABILITY, EXTENDED, 32);
    let unit = model.unit().expect("a good unit");
    (model, unit)
}

#[test]
fn nobody_reaches_anything_at_first() {
    let model = Model::new(CAPABILITY | 3 << 5, EXTENDED, 32);
    model.tables.clone().write_u64(16 * 3, u64::MAX);
    model.state.borrow_mut().protected = 1 << 31 | 1;
    assert_eq!(model.reads(DISK, MEMORY), Some(MEMORY), "off");
    let unit = model.unit();
    assert!(unit.is_ok());
    assert_eq!((model.reads(DISK, MEMORY), model.reads(CARD, 0)), (None, None));
    assert_eq!(model.state.borrow().protected, 0, "what firmware protected is not any more");
}

#[test]
fn a_function_reaches_what_is_mapped_for_it() {
    for levels in [2, 4, 6] {
        let model = Model::new(CAPABILITY & !0x1f00 | levels << 8, EXTENDED, 32);
        let mut unit = model.unit().unwrap();
        unit.attach(DISK).unwrap();
        unit.attach(CARD).unwrap();
        let address = unit.map(DISK, MEMORY, 3).unwrap();
        let high = unit.map(DISK, 0xf_ffff_f000_0000, 1).unwrap();
        assert!(address >= 1 << 20 && high < 0xfee0_0000);
        assert_eq!(model.reads(DISK, address + 0x2abc), Some(MEMORY + 0x2abc));
        assert_eq!(model.reads(DISK, high), Some(0xf_ffff_f000_0000));
        // Neither beside it, nor by its memory's own address, nor as another function.
        assert_eq!(model.reads(DISK, address + 0x3000), None);
        assert_eq!(model.reads(DISK, MEMORY), None);
        assert_eq!(model.reads(CARD, address), None);
        unit.unmap(DISK, address).unwrap();
        assert_eq!(model.reads(DISK, address), None);
        assert_eq!(model.reads(DISK, high), Some(0xf_ffff_f000_0000));
        unit.detach(DISK).unwrap();
        assert_eq!(model.reads(DISK, high), None);
    }
}

#[test]
fn a_unit_that_remembers_absence_is_told() {
    let model = Model::new(CAPABILITY | 1 << 7, EXTENDED, 32);
    let mut unit = model.unit().unwrap();
    assert_eq!(model.reads(DISK, 1 << 20), None);
    unit.attach(DISK).unwrap();
    assert_eq!(model.reads(DISK, 1 << 20), None);
    assert_eq!(unit.map(DISK, MEMORY, 1), Ok(1 << 20));
    assert_eq!(model.reads(DISK, 1 << 20), Some(MEMORY));
}

#[test]
fn faults_name_who_and_where() {
    let (model, mut unit) = good();
    unit.tell_faults(0x1_fee0_1000, 0x9f);
    assert_eq!(model.state.borrow().fault_message, [0, 0x9f, 0xfee0_1000, 1]);
    assert_eq!(unit.take_faults(), (Vec::new(), false));
    model.reads(CARD, 0xdead_b123);
    model.request(DISK, 0x7000, false);
    model.reads(DISK, 0x8000);
    let card = Fault { source: CARD, address: 0xdead_b000, read: true, reason: 6 };
    let disk = Fault { source: DISK, address: 0x7000, read: false, reason: 6 };
    assert_eq!(unit.take_faults(), (alloc::vec![card, disk], true));
    assert_eq!(unit.take_faults(), (Vec::new(), false));
}

#[test]
fn what_makes_no_sense_is_refused() {
    let (_, mut unit) = good();
    assert_eq!(unit.map(DISK, MEMORY, 1), Err(Error::NotAttached));
    assert_eq!(unit.unmap(DISK, MEMORY), Err(Error::NotAttached));
    assert_eq!(unit.detach(DISK), Err(Error::NotAttached));
    unit.attach(DISK).unwrap();
    assert_eq!(unit.attach(DISK), Err(Error::Attached));
    for (physical, pages) in [(MEMORY + 8, 1), (MEMORY, 0), (MEMORY, u64::MAX), (1 << 52, 1), (u64::MAX - 0xfff, 2)] {
        assert_eq!(unit.map(DISK, physical, pages), Err(Error::BadMemory), "{physical:#x} {pages}");
    }
    assert_eq!(unit.unmap(DISK, 1 << 20), Err(Error::NotMapped));
    assert_eq!(unit.map(DISK, MEMORY, 1 << 20), Err(Error::Full), "more addresses than there are");
}

#[test]
fn what_does_not_fit_leaves_nothing_behind() {
    let (model, mut unit) = good();
    let before = unit.free_frames();
    unit.attach(DISK).unwrap();
    let attached = unit.free_frames();
    // Each 2 MiB take a table, and there are fewer than 32.
    assert_eq!(unit.map(DISK, 0, 40 * 512), Err(Error::Full));
    assert_eq!(model.reads(DISK, 1 << 20), None);
    assert!(unit.map(DISK, MEMORY, 1).is_ok());
    unit.detach(DISK).unwrap();
    // The table of contexts of its bus stays.
    assert_eq!(unit.free_frames(), before - 1);
    unit.attach(DISK).unwrap();
    assert_eq!(unit.free_frames(), attached);
    // As many domains as it tells apart, but for number 0.
    for function in 1..15 {
        unit.attach(Source { bus: 0, function }).unwrap();
    }
    assert_eq!(unit.attach(CARD), Err(Error::Full));
    unit.detach(DISK).unwrap();
    assert!(unit.attach(CARD).is_ok());
}

#[test]
fn addresses_are_used_again_and_never_touch() {
    let (_, mut unit) = good();
    unit.attach(DISK).unwrap();
    let pages = [3, 1, 7, 2];
    let addresses = pages.map(|pages| unit.map(DISK, MEMORY, pages).unwrap());
    for (pair, pages) in addresses.windows(2).zip(pages) {
        assert_eq!(pair[1] - pair[0], (pages + 1) * FRAME_BYTES);
    }
    unit.unmap(DISK, addresses[2]).unwrap();
    assert_eq!(unit.map(DISK, MEMORY, 8), Ok(addresses[3] + 3 * FRAME_BYTES));
    assert_eq!(unit.map(DISK, MEMORY, 7), Ok(addresses[2]));
}

#[test]
fn units_that_cannot_be_driven_are_left_alone() {
    let refused = [
        (u64::MAX, EXTENDED, Error::NoAnswer),
        (CAPABILITY & !0x1f00, EXTENDED, Error::Unsupported),
        (CAPABILITY | 0x3ff << 24, EXTENDED, Error::Unsupported),
        (CAPABILITY, 0x3ff << 8, Error::Unsupported),
    ];
    for (capability, extended, error) in refused {
        let model = Model::new(capability, extended, 32);
        assert_eq!(model.unit().err(), Some(error), "{capability:#x}");
        assert_eq!(model.state.borrow().status, 0);
    }
    assert_eq!(Model::new(CAPABILITY, EXTENDED, 0).unit().err(), Some(Error::BadMemory));
    let stuck = Model::new(CAPABILITY, EXTENDED, 4);
    stuck.state.borrow_mut().stuck = true;
    assert_eq!(stuck.unit().err(), Some(Error::NoAnswer));
}

#[test]
fn a_unit_that_stops_answering_keeps_its_tables() {
    let (model, mut unit) = good();
    unit.attach(DISK).unwrap();
    let address = unit.map(DISK, MEMORY, 1).unwrap();
    let free = unit.free_frames();
    model.state.borrow_mut().stuck = true;
    assert_eq!(unit.unmap(DISK, address), Err(Error::NoAnswer));
    assert_eq!(unit.detach(DISK), Err(Error::NoAnswer));
    assert_eq!(unit.free_frames(), free);
    assert_eq!(model.tables.device_address(), TABLES);
}
