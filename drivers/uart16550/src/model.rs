//! A register model of a 16550, after the PC16550D datasheet.

#![allow(missing_docs)]

use airox_driver_traits::PortIo;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::vec::Vec;

pub const BASE: u16 = 0x3f8;
const FIFO: usize = 16;

const IER_DATA: u8 = 1 << 0;
const IER_THRE: u8 = 1 << 1;
const IER_LINE: u8 = 1 << 2;
const LSR_DATA: u8 = 1 << 0;
pub const LSR_OVERRUN: u8 = 1 << 1;
pub const LSR_FRAMING: u8 = 1 << 3;
const LSR_THRE: u8 = 1 << 5;
const LSR_TEMT: u8 = 1 << 6;
const LCR_DLAB: u8 = 1 << 7;

/// How long the model's transmitter takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Speed {
    /// As QEMU's: each byte is gone at once.
    Instant,
    /// Bytes leave when [`Uart::tick`] is called.
    Ticks,
}

pub struct Uart {
    present: bool,
    speed: Speed,
    ier: u8,
    lcr: u8,
    mcr: u8,
    fcr: u8,
    scratch: u8,
    divisor: [u8; 2],
    errors: u8,
    receive: VecDeque<u8>,
    transmit: VecDeque<u8>,
    shifting: Option<u8>,
    thre_pending: bool,
    pub wire: Vec<u8>,
    /// Port reads so far: what a driver that polls would drive up.
    pub reads: u64,
}

#[derive(Clone)]
pub struct Model(Rc<RefCell<Uart>>);

impl Model {
    pub fn new(speed: Speed) -> Model {
        Model(Rc::new(RefCell::new(Uart {
            present: true,
            speed,
            ier: 0,
            lcr: 0,
            mcr: 0,
            fcr: 0,
            scratch: 0,
            divisor: [0; 2],
            errors: 0,
            receive: VecDeque::new(),
            transmit: VecDeque::new(),
            shifting: None,
            thre_pending: false,
            wire: Vec::new(),
            reads: 0,
        })))
    }

    pub fn absent() -> Model {
        let model = Model::new(Speed::Instant);
        model.0.borrow_mut().present = false;
        model
    }

    /// Bytes arrive on the line; those that do not fit are overruns.
    pub fn arrive(&self, bytes: &[u8]) {
        let mut uart = self.0.borrow_mut();
        for &byte in bytes {
            if uart.receive.len() < FIFO {
                uart.receive.push_back(byte);
            } else {
                uart.errors |= LSR_OVERRUN;
            }
        }
    }

    pub fn fail(&self, error: u8) {
        self.0.borrow_mut().errors |= error;
    }

    /// Whether the interrupt line is high (the receive timeout counts as passed).
    pub fn line(&self) -> bool {
        let uart = self.0.borrow();
        uart.mcr & 0x08 != 0 && uart.interrupt() != 0x01
    }

    /// One character time passes. Returns whether one was sent.
    pub fn tick(&self) -> bool {
        self.0.borrow_mut().tick()
    }

    pub fn wire(&self) -> Vec<u8> {
        self.0.borrow().wire.clone()
    }

    pub fn reads(&self) -> u64 {
        self.0.borrow().reads
    }

    pub fn divisor(&self) -> u16 {
        u16::from_le_bytes(self.0.borrow().divisor)
    }
}

impl Uart {
    /// The interrupt identification without its FIFO bits.
    fn interrupt(&self) -> u8 {
        if self.ier & IER_LINE != 0 && self.errors != 0 {
            0x06
        } else if self.ier & IER_DATA != 0 && !self.receive.is_empty() {
            // At the trigger level, or by timeout.
            if self.receive.len() >= 8 { 0x04 } else { 0x0c }
        } else if self.ier & IER_THRE != 0 && self.thre_pending {
            0x02
        } else {
            0x01
        }
    }

    fn tick(&mut self) -> bool {
        let sent = self.shifting.take();
        self.wire.extend(sent);
        if let Some(next) = self.transmit.pop_front() {
            self.shifting = Some(next);
            if self.transmit.is_empty() {
                self.thre_pending = true;
            }
        }
        sent.is_some() || self.shifting.is_some()
    }

    fn read(&mut self, register: u16) -> u8 {
        if !self.present {
            return 0xff;
        }
        let latch = self.lcr & LCR_DLAB != 0;
        match register {
            0 if latch => self.divisor[0],
            0 => self.receive.pop_front().unwrap_or(0),
            1 if latch => self.divisor[1],
            1 => self.ier,
            2 => {
                let cause = self.interrupt();
                if cause == 0x02 {
                    self.thre_pending = false;
                }
                cause | if self.fcr & 1 != 0 { 0xc0 } else { 0 }
            }
            3 => self.lcr,
            4 => self.mcr,
            5 => {
                let mut status = core::mem::take(&mut self.errors);
                if !self.receive.is_empty() {
                    status |= LSR_DATA;
                }
                if self.transmit.is_empty() {
                    status |= LSR_THRE;
                    if self.shifting.is_none() {
                        status |= LSR_TEMT;
                    }
                }
                // A read takes about a microsecond: now and then a character time passes.
                if self.speed == Speed::Ticks && self.reads.is_multiple_of(87) {
                    self.tick();
                }
                status
            }
            7 => self.scratch,
            _ => 0,
        }
    }

    fn write(&mut self, register: u16, value: u8) {
        let latch = self.lcr & LCR_DLAB != 0;
        match register {
            0 if latch => self.divisor[0] = value,
            0 => {
                assert!(self.transmit.len() < FIFO, "the driver overfilled the FIFO");
                self.thre_pending = false;
                self.transmit.push_back(value);
                if self.speed == Speed::Instant {
                    while self.tick() {}
                } else if self.shifting.is_none() {
                    self.tick();
                }
            }
            1 if latch => self.divisor[1] = value,
            1 => {
                let enabled = value & !self.ier & IER_THRE != 0;
                self.ier = value;
                if enabled && self.transmit.is_empty() {
                    self.thre_pending = true;
                }
            }
            2 => {
                self.fcr = value;
                if value & 2 != 0 {
                    self.receive.clear();
                }
                if value & 4 != 0 {
                    self.transmit.clear();
                }
            }
            3 => self.lcr = value,
            4 => self.mcr = value,
            7 => self.scratch = value,
            _ => {}
        }
    }
}

impl PortIo for Model {
    fn read_u8(&mut self, port: u16) -> u8 {
        let mut uart = self.0.borrow_mut();
        uart.reads += 1;
        uart.read(port - BASE)
    }

    fn write_u8(&mut self, port: u16, value: u8) {
        let mut uart = self.0.borrow_mut();
        if uart.present {
            uart.write(port - BASE, value);
        }
    }

    fn read_u16(&mut self, _port: u16) -> u16 {
        panic!("a 16550 has no 16-bit registers")
    }

    fn write_u16(&mut self, _port: u16, _value: u16) {
        panic!("a 16550 has no 16-bit registers")
    }
}
