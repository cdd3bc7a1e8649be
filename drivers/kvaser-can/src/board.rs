//! Kvaser's `PCIcan` boards: up to four SJA1000 behind a PCI bridge chip, the S5920 of AMCC.

use crate::registers::{CHIP_BYTES, MODE, mode};
use airox_driver_traits::registers::{Registers, Width};
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::RefCell;

/// Base address register of the bridge chip's own registers.
pub const BRIDGE_BAR: u8 = 0;
/// Base address register of the CAN controllers, 32 ports each.
pub const CHIPS_BAR: u8 = 1;
/// Most controllers of a board.
pub const MAX_CHIPS: usize = 4;

/// Interrupt control and status of the bridge chip (S5920 data book, section "PCI bus operation registers").
const INTERRUPT_CONTROL: usize = 0x38;
/// Pass-through configuration: one byte for each region.
const PASS_THROUGH: usize = 0x60;
/// The interrupt pin of the chips behind the bridge becomes the board's interrupt line.
const ADD_ON_INTERRUPT: u32 = 1 << 13;
/// Every region answers as an add-on without a processor of its own does.
const PASSIVE: u32 = 0x8080_8080;

/// Lets the chips behind the bridge be reached and interrupt.
pub fn enable(bridge: &mut impl Registers) {
    bridge.write_u32(PASS_THROUGH, PASSIVE);
    bridge.write_u32(INTERRUPT_CONTROL, ADD_ON_INTERRUPT);
}

/// Which places of the board have a chip: one whose reset bit, once set, is set, and that is not the nothing of an empty place.
pub fn chips(registers: &mut impl Registers) -> Vec<usize> {
    let present = |chip: &usize| {
        let mode = chip * CHIP_BYTES + MODE;
        registers.write_u8(mode, mode::RESET);
        let read = registers.read_u8(mode);
        read & mode::RESET != 0 && read != u8::MAX
    };
    (0..MAX_CHIPS).filter(present).collect()
}

/// The registers of one chip, out of those of all.
#[derive(Clone, Debug)]
pub struct ChipRegisters<R> {
    all: Rc<RefCell<R>>,
    first: usize,
}

impl<R: Registers> ChipRegisters<R> {
    /// Those of the chip of this number.
    pub fn new(all: &Rc<RefCell<R>>, chip: usize) -> ChipRegisters<R> {
        ChipRegisters { all: Rc::clone(all), first: chip * CHIP_BYTES }
    }
}

impl<R: Registers> Registers for ChipRegisters<R> {
    fn length(&self) -> usize {
        CHIP_BYTES
    }

    fn read(&mut self, offset: usize, width: Width) -> u64 {
        match offset {
            0..CHIP_BYTES => self.all.borrow_mut().read(self.first + offset, width),
            _ => width.nothing(),
        }
    }

    fn write(&mut self, offset: usize, width: Width, value: u64) {
        if offset < CHIP_BYTES {
            self.all.borrow_mut().write(self.first + offset, width, value);
        }
    }
}
