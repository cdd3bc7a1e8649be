//! A model of a core, for tests: as its data sheet describes it, and as a broken one.

use crate::registers::{
    COMMAND, DEVICE, DEVICE_ID, INTERRUPT_ENABLE_SET, INTERRUPT_STATUS, MODE, RECEIVE_DATA, RECEIVE_STATUS, STATUS,
    TRANSMIT_BUFFER, TRANSMIT_COMMAND, TRANSMIT_STATUS, buffer, command, fault, interrupt, mode, status, transmit,
};
use airox_driver_traits::registers::{Registers, Width};
use alloc::collections::{BTreeMap, VecDeque};
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::RefCell;

/// What the core is like.
#[derive(Debug, Default)]
pub struct State {
    pub words: BTreeMap<usize, u32>,
    pub received: VecDeque<Vec<u32>>,
    pub sent: Vec<Vec<u32>>,
    /// State of the first transmit buffer.
    pub buffer: u32,
    pub happened: u32,
    pub status: u32,
    pub faults: u32,
    /// No other node acknowledges.
    pub alone: bool,
    pub gone: bool,
    /// Another device is here.
    pub other: bool,
}

/// A handle to it, for the driver and the test.
#[derive(Clone, Debug, Default)]
pub struct Model(pub Rc<RefCell<State>>);

impl State {
    /// A frame comes from the bus.
    pub fn arrive(&mut self, words: &[u32]) {
        self.received.push_back(words.to_vec());
        self.happened |= interrupt::RECEIVED;
    }

    /// Frames come that there is no room for.
    pub fn overrun(&mut self) {
        self.status |= status::OVERRUN;
        self.happened |= interrupt::OVERRUN;
    }

    /// Too many errors.
    pub fn bus_off(&mut self) {
        self.faults = fault::BUS_OFF;
        self.happened |= interrupt::FAULT_STATE | interrupt::TRANSMIT_STATE;
        self.buffer = buffer::FAILED;
    }

    /// Whether the core pulls its interrupt line.
    pub fn interrupts(&self) -> bool {
        self.happened & self.words.get(&INTERRUPT_ENABLE_SET).copied().unwrap_or(0) != 0
    }

    fn next_word(&mut self) -> u32 {
        let Some(frame) = self.received.front_mut() else { return 0 };
        let word = if frame.is_empty() { 0 } else { frame.remove(0) };
        if frame.is_empty() {
            self.received.pop_front();
        }
        word
    }

    fn transmit(&mut self, value: u32) {
        if value & transmit::READY != 0 {
            self.buffer = buffer::SENDING;
            if !self.alone {
                let word = |index: usize| self.words.get(&(TRANSMIT_BUFFER + 4 * index)).copied().unwrap_or(0);
                self.sent.push((0..6).map(word).collect());
                self.buffer = buffer::SENT;
            }
        }
        if value & transmit::ABORT != 0 && self.buffer == buffer::SENDING {
            self.buffer = buffer::ABORTED;
        }
        self.happened |= interrupt::TRANSMIT_STATE;
    }
}

impl Registers for Model {
    fn length(&self) -> usize {
        0x4000
    }

    fn read(&mut self, offset: usize, width: Width) -> u64 {
        assert_eq!(width, Width::Four);
        let state = &mut *self.0.borrow_mut();
        if state.gone {
            return width.nothing();
        }
        let value = match offset {
            DEVICE_ID if state.other => 0xbeef,
            DEVICE_ID => 0x0202_0000 | DEVICE,
            STATUS => state.status,
            INTERRUPT_STATUS => state.happened,
            crate::registers::FAULT_STATE => state.faults,
            RECEIVE_STATUS => (state.received.len() as u32) << 4,
            RECEIVE_DATA => state.next_word(),
            TRANSMIT_STATUS => 0x8880 | state.buffer,
            _ => state.words.get(&offset).copied().unwrap_or(0),
        };
        value.into()
    }

    fn write(&mut self, offset: usize, width: Width, value: u64) {
        assert_eq!(width, Width::Four);
        let state = &mut *self.0.borrow_mut();
        let value = value as u32;
        match offset {
            MODE if value & mode::RESET != 0 => {
                state.words.clear();
                state.words.insert(MODE, mode::FLEXIBLE_DATA_RATE | 1 << 9);
                state.buffer = buffer::EMPTY;
            }
            INTERRUPT_STATUS => {
                state.happened &= !value;
                if !state.received.is_empty() {
                    state.happened |= interrupt::RECEIVED;
                }
            }
            COMMAND => {
                if value & command::RELEASE_ALL != 0 {
                    state.received.clear();
                }
                if value & command::CLEAR_OVERRUN != 0 {
                    state.status &= !status::OVERRUN;
                }
                if value & command::RESET_ERRORS != 0 {
                    state.words.insert(COMMAND, value);
                }
            }
            TRANSMIT_COMMAND => state.transmit(value),
            _ => drop(state.words.insert(offset, value)),
        }
    }
}
