//! A model of the SJA1000 in PeliCAN mode, for tests: as the data sheet describes it, and as a broken one.

use crate::registers::{
    ACCEPTANCE_MASK, CHIP_BYTES, CLOCK_DIVIDER, COMMAND, FRAME, INTERRUPT, INTERRUPT_ENABLE, MODE, RECEIVE_ERRORS,
    STATUS, TRANSMIT_ERRORS, command, interrupt, mode, status,
};
use airox_driver_traits::registers::{Registers, Width};
use alloc::collections::VecDeque;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::RefCell;

/// Bytes of a frame in the chip.
pub type Image = [u8; 13];
/// Frames that the model's buffer takes.
const ROOM: usize = 5;

/// What the chip is like.
#[derive(Debug, Default)]
pub struct State {
    pub registers: [u8; CHIP_BYTES],
    pub received: VecDeque<Image>,
    pub transmit: Image,
    pub sent: Vec<Image>,
    /// No other node acknowledges.
    pub alone: bool,
    pub reasons: u8,
    pub status: u8,
    /// The chip has been pulled out.
    pub gone: bool,
    /// Stays in reset for ever.
    pub stuck: bool,
    /// Says for ever that there is a frame.
    pub flood: bool,
}

/// A handle to it, for the driver and the test.
#[derive(Clone, Debug, Default)]
pub struct Model(pub Rc<RefCell<State>>);

impl State {
    fn in_reset(&self) -> bool {
        self.registers[MODE] & mode::RESET != 0
    }

    /// A frame comes from the bus.
    pub fn arrive(&mut self, image: Image) {
        if self.received.len() >= ROOM {
            self.status |= status::OVERRUN;
            self.reasons |= interrupt::OVERRUN;
        } else {
            self.received.push_back(image);
        }
    }

    /// The frame on its way is acknowledged.
    pub fn acknowledge(&mut self) {
        self.sent.push(self.transmit);
        self.status |= status::TRANSMIT_FREE | status::TRANSMITTED;
        self.reasons |= interrupt::TRANSMIT;
    }

    /// Too many errors (section 6.4.5): the chip resets itself.
    pub fn bus_off(&mut self) {
        self.registers[MODE] |= mode::RESET;
        self.registers[TRANSMIT_ERRORS] = 127;
        self.status |= status::BUS_OFF | status::ERRORS | status::TRANSMIT_FREE;
        self.status &= !status::TRANSMITTED;
        self.reasons |= interrupt::ERRORS;
    }

    /// 128 times 11 recessive bits have passed, if the chip counts them.
    pub fn quiet(&mut self) {
        if !self.in_reset() {
            self.registers[TRANSMIT_ERRORS] = 0;
            self.status &= !(status::BUS_OFF | status::ERRORS);
            self.reasons |= interrupt::ERRORS;
        }
    }

    /// Whether the chip pulls its interrupt line.
    pub fn interrupts(&self) -> bool {
        let frames = if self.received.is_empty() { 0 } else { interrupt::RECEIVE };
        (self.reasons | frames) & self.registers[INTERRUPT_ENABLE] != 0
    }

    fn command(&mut self, value: u8) {
        if value & command::TRANSMIT != 0 {
            self.status &= !(status::TRANSMIT_FREE | status::TRANSMITTED);
            if !self.alone {
                self.acknowledge();
            }
        }
        if value & command::ABORT != 0 && self.status & status::TRANSMIT_FREE == 0 {
            self.status |= status::TRANSMIT_FREE;
            self.reasons |= interrupt::TRANSMIT;
        }
        if value & command::RELEASE != 0 {
            self.received.pop_front();
        }
        if value & command::CLEAR_OVERRUN != 0 {
            self.status &= !status::OVERRUN;
        }
    }
}

impl Registers for Model {
    fn length(&self) -> usize {
        CHIP_BYTES
    }

    fn read(&mut self, offset: usize, width: Width) -> u64 {
        assert_eq!(width, Width::One);
        let state = &mut *self.0.borrow_mut();
        if state.gone {
            return width.nothing();
        }
        let value = match offset {
            STATUS if state.flood || !state.received.is_empty() => state.status | status::RECEIVED,
            STATUS => state.status,
            INTERRUPT => core::mem::take(&mut state.reasons),
            FRAME..CLOCK_DIVIDER if !state.in_reset() => {
                let image = state.received.front().copied().unwrap_or([0x9f; 13]);
                image.get(offset - FRAME).copied().unwrap_or(0)
            }
            _ => state.registers[offset],
        };
        value.into()
    }

    fn write(&mut self, offset: usize, _width: Width, value: u64) {
        let state = &mut *self.0.borrow_mut();
        let value = value as u8;
        match offset {
            COMMAND => state.command(value),
            STATUS | INTERRUPT => {}
            MODE if state.stuck => state.registers[MODE] = value | mode::RESET,
            FRAME..CLOCK_DIVIDER if !state.in_reset() => state.transmit[offset - FRAME] = value,
            RECEIVE_ERRORS | TRANSMIT_ERRORS if !state.in_reset() => {}
            _ => state.registers[offset] = value,
        }
        if offset == MODE && value & mode::RESET != 0 {
            state.status = status::TRANSMIT_FREE | status::TRANSMITTED | state.status & status::BUS_OFF;
        }
        assert!(offset != ACCEPTANCE_MASK || value == u8::MAX || !state.in_reset(), "all frames are accepted");
    }
}
