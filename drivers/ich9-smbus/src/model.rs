//! A model of the host with an EEPROM behind it, for tests; and as a broken one.

use crate::registers::{ADDRESS, COMMAND, CONTROL, DATA_0, DATA_1, Protocol, READ, STATUS, control, status};
use airox_driver_traits::patience::Patience;
use airox_driver_traits::registers::{Registers, Width};
use alloc::rc::Rc;
use core::cell::RefCell;

/// Where the EEPROM is.
pub const EEPROM: u8 = 0x50;

/// What is wrong with the host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    #[default]
    None,
    /// Transactions never end, but can be ended.
    Hangs,
    /// Not even that.
    Stuck,
    Collides,
    /// Pulled out.
    Gone,
}

/// The state of it.
#[derive(Debug)]
pub struct State {
    registers: [u8; 8],
    pub memory: [u8; 256],
    /// Where the EEPROM reads next.
    place: u8,
    pub fault: Fault,
    /// Interrupts that are waited for until time is up.
    pub patience: u32,
}

/// A handle to it, for the driver and the test.
#[derive(Clone, Debug)]
pub struct Model(pub Rc<RefCell<State>>);

impl Model {
    pub fn new() -> Model {
        let memory = core::array::from_fn(|index| (index as u8).wrapping_mul(7));
        let state = State { registers: [0; 8], memory, place: 0, fault: Fault::None, patience: 1000 };
        Model(Rc::new(RefCell::new(state)))
    }
}

impl State {
    fn next(&mut self) -> u8 {
        let byte = self.memory[usize::from(self.place)];
        self.place = self.place.wrapping_add(1);
        byte
    }

    fn end(&mut self, bits: u8) {
        self.registers[STATUS] = self.registers[STATUS] & !status::BUSY | bits;
    }

    fn start(&mut self) {
        self.registers[STATUS] |= status::BUSY;
        let (address, reads) = (self.registers[ADDRESS] >> 1, self.registers[ADDRESS] & READ != 0);
        match self.fault {
            Fault::Hangs | Fault::Stuck => return,
            Fault::Collides => return self.end(status::COLLISION),
            _ if address != EEPROM => return self.end(status::DEVICE_ERROR),
            _ => {}
        }
        let protocol = self.registers[CONTROL] & 0x1c;
        let command = self.registers[COMMAND];
        if protocol == Protocol::Byte as u8 && reads {
            self.registers[DATA_0] = self.next();
        } else if protocol != Protocol::Quick as u8 {
            self.place = command;
            let data = [DATA_0, DATA_1];
            let count = if protocol == Protocol::Byte as u8 { 0 } else { usize::from(protocol / 4) - 1 };
            for register in &data[..count] {
                if reads {
                    self.registers[*register] = self.next();
                } else {
                    self.memory[usize::from(self.place)] = self.registers[*register];
                    self.place = self.place.wrapping_add(1);
                }
            }
        }
        self.end(status::DONE);
    }
}

impl Registers for Model {
    fn length(&self) -> usize {
        32
    }

    fn read(&mut self, offset: usize, width: Width) -> u64 {
        let state = self.0.borrow();
        if state.fault == Fault::Gone { width.nothing() } else { state.registers[offset].into() }
    }

    fn write(&mut self, offset: usize, _width: Width, value: u64) {
        let state = &mut *self.0.borrow_mut();
        let value = value as u8;
        if offset != STATUS {
            state.registers[offset] = value;
        }
        let busy = state.registers[STATUS] & status::BUSY != 0;
        match offset {
            STATUS => state.registers[STATUS] &= !value | status::BUSY,
            CONTROL if value & control::KILL != 0 && state.fault != Fault::Stuck && busy => state.end(status::KILLED),
            CONTROL if value & control::START != 0 => state.start(),
            _ => {}
        }
    }
}

impl Patience for Model {
    fn begin(&mut self) {}

    fn wait(&mut self) -> bool {
        let left = &mut self.0.borrow_mut().patience;
        *left = left.saturating_sub(1);
        *left > 0
    }
}
