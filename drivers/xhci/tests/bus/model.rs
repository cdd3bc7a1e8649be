//! A model controller: registers, rings and contexts in a model's memory.

use std::cell::{RefCell, RefMut};
use std::collections::BTreeMap;
use std::rc::Rc;

use airox_driver_traits::dma::{DmaMemory, ModelMemory};
use airox_driver_traits::registers::{Registers, Width};

use crate::devices::{Answer, Device};

pub const PORTS: usize = 4;
const OPERATIONAL: usize = 0x40;
const RUNTIME: usize = 0x1000;
const DOORBELLS: usize = 0x2000;
const PORT_REGISTERS: usize = OPERATIONAL + 0x400;

/// Where a ring goes on, and the cycle there.
type Place = (u64, u32);

/// A device that has a slot.
#[derive(Clone, Default)]
pub struct Slot {
    /// The way to the device.
    pub route: Vec<usize>,
    /// Where its endpoints' rings go on, and whether they are halted.
    pub endpoints: BTreeMap<u8, (Place, bool)>,
    /// Doorbells that were rung and have not been served.
    rung: Vec<u8>,
}

#[derive(Default)]
pub struct Inner {
    memory: Vec<ModelMemory>,
    next_address: u64,
    registers: BTreeMap<usize, u32>,
    commands: Place,
    events: (u64, usize, u32),
    pub slots: BTreeMap<u8, Slot>,
    pub ports: [Option<Device>; PORTS],
    changes: [bool; PORTS],
    enabled: [bool; PORTS],
    /// Commands that are not answered, by kind; and answers to them instead.
    pub deaf_to: Vec<u32>,
    /// Commands that came, by kind.
    pub commanded: Vec<u32>,
    pub stopped: bool,
}

/// The controller.
#[derive(Clone, Default)]
pub struct Model(Rc<RefCell<Inner>>);

/// A part of its registers.
#[derive(Clone)]
pub struct Window {
    model: Model,
    offset: usize,
    length: usize,
}

impl Model {
    pub fn inner(&self) -> RefMut<'_, Inner> {
        self.0.borrow_mut()
    }

    pub fn window(&self, offset: u64, length: u64) -> Option<Window> {
        (offset + length <= 0x3000).then(|| Window {
            model: self.clone(),
            offset: offset as usize,
            length: length as usize,
        })
    }

    pub fn allocate(&self, bytes: usize) -> Option<ModelMemory> {
        let mut inner = self.inner();
        // Pages that straddle the boundaries of blocks' data.
        inner.next_address += 0x10_0000;
        let memory = ModelMemory::new(0x7000_f000 + inner.next_address, bytes);
        inner.memory.push(memory.clone());
        Some(memory)
    }

    pub fn free(&self, memory: &ModelMemory) {
        let address = memory.device_address();
        self.inner().memory.retain(|other| other.device_address() != address);
    }

    /// How much memory the controller uses, in pieces.
    pub fn pieces(&self) -> usize {
        self.inner().memory.len()
    }

    pub fn plug(&self, port: usize, device: Option<Device>) {
        let mut inner = self.inner();
        inner.enabled[port - 1] = false;
        inner.changes[port - 1] = true;
        inner.ports[port - 1] = device;
        inner.event(0, 0, 34 << 10);
    }

    /// Something changed in a device: what waits for it is tried again.
    pub fn with_device(&self, route: &[usize], change: impl FnOnce(&mut Device)) {
        let mut inner = self.inner();
        inner.device(route).map(change);
        let slots: Vec<u8> = inner.slots.keys().copied().collect();
        slots.into_iter().for_each(|slot| inner.serve(slot));
    }

    /// An event as no controller should make it.
    pub fn forge(&self, parameter: u64, status: u32, control: u32) {
        self.inner().event(parameter, status, control);
    }
}

impl Inner {
    fn piece(&mut self, address: u64) -> Option<(ModelMemory, usize)> {
        let memory = self
            .memory
            .iter()
            .find(|it| (it.device_address()..it.device_address() + it.length() as u64).contains(&address))?;
        Some((memory.clone(), (address - memory.device_address()) as usize))
    }

    fn read(&mut self, address: u64) -> u32 {
        let (mut memory, offset) = self.piece(address).unwrap_or_else(|| panic!("{address:#x} was freed"));
        memory.read_u32(offset)
    }

    fn read_wide(&mut self, address: u64) -> u64 {
        u64::from(self.read(address)) | u64::from(self.read(address + 4)) << 32
    }

    fn write(&mut self, address: u64, value: u32) {
        let (mut memory, offset) = self.piece(address).unwrap_or_else(|| panic!("{address:#x} was freed"));
        memory.write_u32(offset, value);
    }

    pub fn event(&mut self, parameter: u64, status: u32, control: u32) {
        let (base, index, cycle) = self.events;
        if base == 0 {
            return;
        }
        let at = base + index as u64 * 16;
        self.write(at, parameter as u32);
        self.write(at + 4, (parameter >> 32) as u32);
        self.write(at + 8, status);
        self.write(at + 12, control & !1 | cycle);
        self.events = if index == 255 { (base, 0, cycle ^ 1) } else { (base, index + 1, cycle) };
    }

    pub fn device(&mut self, route: &[usize]) -> Option<&mut Device> {
        let (root, rest) = route.split_first()?;
        let mut device = self.ports.get_mut(root - 1)?.as_mut()?;
        for port in rest {
            device = device.ports.get_mut(port - 1)?.0.as_deref_mut()?;
        }
        Some(device)
    }

    /// The next block of a ring, links followed: its address, the block, where it goes on.
    fn block(&mut self, (mut at, mut cycle): Place) -> Option<(u64, [u32; 4], Place)> {
        for _ in 0..2 {
            let words = [0, 4, 8, 12].map(|offset| self.read(at + offset));
            if words[3] & 1 != cycle {
                return None;
            }
            if words[3] >> 10 & 0x3f != 6 {
                return Some((at, words, (at + 16, cycle)));
            }
            at = u64::from(words[0]) | u64::from(words[1]) << 32;
            cycle ^= words[3] >> 1 & 1;
        }
        None
    }

    fn commands(&mut self) {
        while let Some((at, words, next)) = self.block(self.commands) {
            self.commands = next;
            let kind = words[3] >> 10 & 0x3f;
            self.commanded.push(kind);
            if self.deaf_to.contains(&kind) {
                continue;
            }
            let parameter = u64::from(words[0]) | u64::from(words[1]) << 32;
            let (slot, endpoint) = ((words[3] >> 24) as u8, (words[3] >> 16 & 0x1f) as u8);
            let (code, slot) = self.command(kind, slot, endpoint, parameter);
            self.event(at, code << 24, 33 << 10 | u32::from(slot) << 24);
        }
    }

    fn command(&mut self, kind: u32, slot: u8, endpoint: u8, parameter: u64) -> (u32, u8) {
        if kind == 9 {
            let free = (1..=8).find(|slot| !self.slots.contains_key(slot)).unwrap_or(0);
            if free == 0 {
                return (9, 0);
            }
            self.slots.insert(free, Slot::default());
            return (1, free);
        }
        if !self.slots.contains_key(&slot) {
            return (11, slot);
        }
        let input = |inner: &mut Inner, context: u64, word: u64| inner.read(parameter + (context + 1) * 32 + word * 4);
        let code = match kind {
            10 => {
                self.slots.remove(&slot);
                1
            }
            11..=13 => {
                let (drop, add) = (self.read(parameter), self.read(parameter + 4));
                let (first, second) = (input(self, 0, 0), input(self, 0, 1));
                let mut route = vec![(second >> 16 & 0xff) as usize];
                route.extend((0..5).map(|depth| (first >> (4 * depth) & 0xf) as usize).take_while(|port| *port != 0));
                for number in 1..32 {
                    if add & 1 << number != 0 && (kind != 13) {
                        let low = u64::from(input(self, number, 2)) | u64::from(input(self, number, 3)) << 32;
                        let slot = self.slots.get_mut(&slot).unwrap();
                        let known = slot.endpoints.insert(number as u8, ((low & !1, (low & 1) as u32), false));
                        // What is set up already must be dropped first.
                        assert!(known.is_none() || drop & 1 << number != 0);
                    }
                }
                if kind == 11 {
                    self.slots.get_mut(&slot).unwrap().route = route;
                }
                1
            }
            14 | 15 => {
                let entry = self.slots.get_mut(&slot).unwrap();
                entry.rung.retain(|other| *other != endpoint);
                match entry.endpoints.get_mut(&endpoint) {
                    Some((_, halted)) if *halted == (kind == 14) => {
                        *halted = false;
                        1
                    }
                    _ => 19,
                }
            }
            16 => {
                let entry = self.slots.get_mut(&slot).unwrap();
                entry.endpoints.insert(endpoint, ((parameter & !1, (parameter & 1) as u32), false));
                1
            }
            _ => 5,
        };
        (code, slot)
    }

    /// Serves the doorbells of a slot.
    pub fn serve(&mut self, slot: u8) {
        let rung = self.slots.get_mut(&slot).map(|entry| std::mem::take(&mut entry.rung)).unwrap_or_default();
        for endpoint in rung {
            while self.transfer(slot, endpoint) {}
        }
    }

    /// Does one transfer. Returns whether there may be another.
    fn transfer(&mut self, slot: u8, endpoint: u8) -> bool {
        let Some(entry) = self.slots.get(&slot).cloned() else { return false };
        let Some((start, false)) = entry.endpoints.get(&endpoint).copied() else { return false };
        let mut blocks = Vec::new();
        let mut at = start;
        loop {
            let Some((address, words, next)) = self.block(at) else { return false };
            blocks.push((address, words));
            at = next;
            let kind = words[3] >> 10 & 0x3f;
            // A request ends with its status.
            if (endpoint == 1 && kind == 4) || (endpoint != 1 && words[3] & 1 << 4 == 0) {
                break;
            }
        }
        let is_data = |words: &[u32; 4]| matches!(words[3] >> 10 & 0x3f, 1 | 3);
        let data: Vec<(u64, u32, u64)> = blocks
            .iter()
            .filter(|(_, words)| is_data(words))
            .map(|(at, words)| (u64::from(words[0]) | u64::from(words[1]) << 32, words[2] & 0x1_ffff, *at))
            .collect();
        for (address, length, _) in &data {
            assert!(*length == 0 || address >> 16 == (address + u64::from(*length) - 1) >> 16, "crosses a boundary");
        }
        let mut sent = Vec::new();
        let is_out = (endpoint == 1 && blocks[0].1[0] & 0x80 == 0) || (endpoint != 1 && endpoint.is_multiple_of(2));
        for (address, length, _) in data.iter().filter(|_| is_out) {
            sent.extend((0..*length).map(|index| {
                let (mut memory, offset) = self.piece(address + u64::from(index)).expect("memory");
                memory.read_u8(offset)
            }));
        }
        let setup = [blocks[0].1[0].to_le_bytes(), blocks[0].1[1].to_le_bytes()].concat();
        let Some(device) = self.device(&entry.route).filter(|device| !device.silent) else {
            self.slots.get_mut(&slot).unwrap().rung.push(endpoint);
            return false;
        };
        let answer = match endpoint {
            1 => device.request(setup.try_into().unwrap(), &sent),
            _ if is_out => {
                device.output.extend(&sent);
                Answer::Data(vec![])
            }
            _ => device.send(),
        };
        let place = |inner: &mut Inner, place, halted| {
            inner.slots.get_mut(&slot).unwrap().endpoints.insert(endpoint, (place, halted));
        };
        let control = 32 << 10 | u32::from(endpoint) << 16 | u32::from(slot) << 24;
        match answer {
            Answer::Wait => {
                self.slots.get_mut(&slot).unwrap().rung.push(endpoint);
                false
            }
            Answer::Stall => {
                place(self, (blocks[0].0, start.1), true);
                self.event(blocks.last().unwrap().0, 6 << 24, control);
                false
            }
            Answer::Data(bytes) => {
                let mut bytes = bytes.into_iter();
                let mut short = false;
                for (address, length, at) in data.iter().filter(|_| !is_out) {
                    let mut moved = 0;
                    for (index, byte) in (0..*length).zip(bytes.by_ref()) {
                        let (mut memory, offset) = self.piece(address + u64::from(index)).expect("memory");
                        memory.write_u8(offset, byte);
                        moved += 1;
                    }
                    if moved < *length && !short {
                        short = true;
                        self.event(*at, 13 << 24 | (length - moved), control);
                    }
                }
                if endpoint == 1 || !short {
                    self.event(blocks.last().unwrap().0, 1 << 24, control);
                }
                place(self, at, false);
                true
            }
        }
    }

    fn port(&self, index: usize) -> u32 {
        let mut status = 1 << 9;
        if let Some(device) = &self.ports[index] {
            status |= 1 | device.speed << 10;
        }
        status |= if self.enabled[index] { 2 } else { 0 };
        status | if self.changes[index] { 1 << 17 } else { 0 }
    }

    fn read_register(&mut self, at: usize) -> u32 {
        match at {
            _ if self.stopped => u32::MAX,
            0 => OPERATIONAL as u32 | 0x0100 << 16,
            4 => 8 | 1 << 8 | (PORTS as u32) << 24,
            // Three scratch pages.
            8 => 3 << 27,
            0x10 => 1 | 0x8 << 16,
            0x14 => DOORBELLS as u32,
            0x18 => RUNTIME as u32,
            // Legacy support: firmware has it until it is asked.
            0x20 => {
                let value = self.registers.get(&at).copied().unwrap_or(1 | 1 << 16);
                if value & 1 << 24 != 0 { value & !(1 << 16) } else { value }
            }
            0x44 => {
                let running = self.registers.get(&OPERATIONAL).is_some_and(|command| command & 1 != 0);
                if running { 0 } else { 1 }
            }
            0x48 => 1,
            _ if (PORT_REGISTERS..PORT_REGISTERS + PORTS * 16).contains(&at) && at.is_multiple_of(16) => {
                self.port((at - PORT_REGISTERS) / 16)
            }
            _ => self.registers.get(&at).copied().unwrap_or(0),
        }
    }

    fn write_register(&mut self, at: usize, value: u32) {
        self.registers.insert(at, value);
        let wide = |inner: &Inner, at: usize| {
            u64::from(inner.registers[&at]) | u64::from(inner.registers.get(&(at + 4)).copied().unwrap_or(0)) << 32
        };
        match at {
            OPERATIONAL if value & 2 != 0 => {
                self.registers.insert(at, 0);
                self.slots.clear();
                self.events = (0, 0, 1);
            }
            0x5c => {
                let ring = wide(self, 0x58);
                self.commands = (ring & !0x3f, (ring & 1) as u32);
            }
            // The table of segments, with one of 256.
            0x1034 => {
                let table = wide(self, 0x1030);
                self.events = (self.read_wide(table), 0, 1);
                assert_eq!(self.read(table + 8), 256);
            }
            DOORBELLS => self.commands(),
            _ if (DOORBELLS..DOORBELLS + 36).contains(&at) => {
                let slot = ((at - DOORBELLS) / 4) as u8;
                if let Some(entry) = self.slots.get_mut(&slot) {
                    entry.rung.retain(|other| *other != value as u8);
                    entry.rung.push(value as u8);
                }
                self.serve(slot);
            }
            _ if (PORT_REGISTERS..PORT_REGISTERS + PORTS * 16).contains(&at) && at.is_multiple_of(16) => {
                let index = (at - PORT_REGISTERS) / 16;
                assert!(value & 2 == 0, "that would disable the port");
                self.changes[index] &= value & 1 << 17 == 0;
                if value & 1 << 4 != 0 && self.ports[index].is_some() {
                    self.enabled[index] = true;
                    self.event(0, 0, 34 << 10);
                }
            }
            _ => {}
        }
    }
}

impl Registers for Window {
    fn length(&self) -> usize {
        self.length
    }

    fn read(&mut self, offset: usize, width: Width) -> u64 {
        assert!(width == Width::Four && offset + 4 <= self.length);
        self.model.inner().read_register(self.offset + offset).into()
    }

    fn write(&mut self, offset: usize, width: Width, value: u64) {
        assert!(width == Width::Four && offset + 4 <= self.length);
        self.model.inner().write_register(self.offset + offset, value as u32);
    }
}
