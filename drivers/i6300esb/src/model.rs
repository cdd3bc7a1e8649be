//! A model of the watchdog, as the datasheet describes it: time passes when a test says so.

use airox_driver_traits::registers::{Bytes, Registers, Width};
use alloc::rc::Rc;
use core::cell::RefCell;

use crate::registers::{CONFIGURATION, LOCK, PRELOAD_1, PRELOAD_2, RELOAD, UNLOCK, configuration, lock, reload};

#[derive(Debug, Default)]
pub struct State {
    /// Whether it does as it is told, or is not there any more.
    pub deaf: bool,
    pub gone: bool,
    /// How often the machine was reset.
    pub resets: u32,
    pub preloads: [u32; 2],
    pub configuration: u16,
    pub lock: u8,
    keys: usize,
    has_reset: bool,
    /// Steps to the end of the second stage.
    left: u32,
}

impl State {
    fn begin(&mut self) {
        self.left = self.preloads[0] + self.preloads[1];
    }

    /// So many steps pass.
    pub fn pass(&mut self, steps: u32) {
        if self.lock & lock::RUNNING == 0 {
            return;
        }
        self.left = self.left.saturating_sub(steps);
        if self.left == 0 && self.configuration & configuration::NO_RESET == 0 {
            self.resets += 1;
            self.has_reset = true;
            self.lock = 0;
            self.preloads = [u32::MAX >> 12; 2];
        }
    }

    fn write(&mut self, offset: usize, width: Width, value: u64) {
        if self.keys < UNLOCK.len() {
            let right = offset == RELOAD && value == u64::from(UNLOCK[self.keys]);
            self.keys = if right { self.keys + 1 } else { 0 };
            return;
        }
        self.keys = 0;
        match (offset, width) {
            (PRELOAD_1, Width::Four) => self.preloads[0] = value as u32 & 0xf_ffff,
            (PRELOAD_2, Width::Four) => self.preloads[1] = value as u32 & 0xf_ffff,
            (RELOAD, Width::Two) => {
                self.has_reset &= value as u16 & reload::HAS_RESET == 0;
                if value as u16 & reload::FEED != 0 {
                    self.begin();
                }
            }
            _ => {}
        }
    }
}

/// Its registers in memory; clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Model(pub Rc<RefCell<State>>);

impl Registers for Model {
    fn length(&self) -> usize {
        16
    }

    fn read(&mut self, offset: usize, width: Width) -> u64 {
        let state = self.0.borrow();
        match offset {
            _ if state.gone => width.nothing(),
            RELOAD if state.has_reset => reload::HAS_RESET.into(),
            _ => 0,
        }
    }

    fn write(&mut self, offset: usize, width: Width, value: u64) {
        self.0.borrow_mut().write(offset, width, value);
    }
}

/// Its configuration space.
#[derive(Clone, Debug)]
pub struct ModelConfiguration(pub Model);

impl Registers for ModelConfiguration {
    fn length(&self) -> usize {
        256
    }

    fn read(&mut self, offset: usize, width: Width) -> u64 {
        let state = self.0.0.borrow();
        if state.gone {
            return width.nothing();
        }
        let mut bytes = Bytes(alloc::vec![0; 256]);
        bytes.write_u16(CONFIGURATION, state.configuration);
        bytes.write_u8(LOCK, state.lock);
        bytes.read(offset, width)
    }

    fn write(&mut self, offset: usize, width: Width, value: u64) {
        let mut state = self.0.0.borrow_mut();
        match (offset, width) {
            _ if state.deaf || state.gone => {}
            (CONFIGURATION, Width::Two) => state.configuration = value as u16,
            (LOCK, Width::One) if state.lock & lock::LOCKED == 0 => {
                let ran = state.lock & lock::RUNNING != 0;
                state.lock = value as u8;
                if !ran && state.lock & lock::RUNNING != 0 {
                    state.begin();
                }
            }
            _ => {}
        }
    }
}
