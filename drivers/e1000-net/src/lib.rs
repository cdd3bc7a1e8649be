//! Gigabit Ethernet controllers of Intel's 82540EM and 82574L, which differ in how they interrupt.
//!
//! Section and register names are those of the "PCI/PCI-X Family of Gigabit Ethernet Controllers Software Developer's Manual" (317453) and of the
//! "Intel 82574 GbE Controller Family Datasheet". Frames lie in two rings of legacy descriptors: the driver moves the tail of a ring, the
//! device its head, and says in each descriptor that it is done with it.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod ring;

pub use ring::MEMORY;

use airox_driver_traits::dma::DmaMemory;
use airox_driver_traits::network::{Link, MacAddress, NetworkDevice, Received};
use airox_driver_traits::queue::{Broken, Full};
use airox_driver_traits::registers::Registers;
use core::fmt;

use ring::{ReceiveRing, SendRing};

/// The base address register of the registers, and bytes of them that are used.
pub const BAR: u8 = 0;
/// See [`BAR`].
pub const REGISTERS: u64 = 0x2_0000;

/// Registers.
mod register {
    pub const CONTROL: usize = 0x0000;
    pub const STATUS: usize = 0x0008;
    pub const CAUSES: usize = 0x00c0;
    pub const ENABLE_CAUSES: usize = 0x00d0;
    pub const DISABLE_CAUSES: usize = 0x00d8;
    pub const VECTORS: usize = 0x00e4;
    pub const RECEIVE_CONTROL: usize = 0x0100;
    pub const SEND_CONTROL: usize = 0x0400;
    pub const SEND_GAP: usize = 0x0410;
    pub const RECEIVE_RING: usize = 0x2800;
    pub const SEND_RING: usize = 0x3800;
    pub const SEND_DESCRIPTORS: usize = 0x3828;
    pub const MULTICAST: usize = 0x5200;
    pub const ADDRESS_LOW: usize = 0x5400;
    pub const ADDRESS_HIGH: usize = 0x5404;
}
/// Words of the table of multicast addresses.
const MULTICAST_WORDS: usize = 128;
/// Of the control: detect the speed, bring the link up, reset.
const DETECT_SPEED: u32 = 1 << 5;
const LINK_UP: u32 = 1 << 6;
const RESET: u32 = 1 << 26;
/// Of the status: the link is up, and how fast it is.
const IS_UP: u32 = 1 << 1;
const SPEED: u32 = 6;
/// Causes of interrupts: sent, the link changed, descriptors run short, overrun, received; and, by message, a receive queue, a send queue, others.
const SENT: u32 = 1 << 0;
const LINK_CHANGED: u32 = 1 << 2;
const RECEIVED: u32 = 1 << 4 | 1 << 6 | 1 << 7;
const BY_MESSAGE: u32 = 1 << 20 | 1 << 22 | 1 << 24;
/// All of them by the first message; each place has a bit that says that it counts (82574: IVAR).
const FIRST_VECTOR: u32 = 1 << 3 | 1 << 11 | 1 << 19;
/// Of what is received: on; broadcasts; without check sequence. Buffers have 2048 bytes.
const RECEIVE: u32 = 1 << 1 | 1 << 15 | 1 << 26;
/// Of what is sent: on; short frames are padded; 16 tries, and 64 bytes of time, after a collision.
const SEND: u32 = 1 << 1 | 1 << 3 | 15 << 4 | 64 << 12;
/// Times between frames that the manual recommends (section 13.4.34).
const GAP: u32 = 10 | 8 << 10 | 6 << 20;
/// A bit that the 82574's datasheet wants set.
const COUNT_DESCRIPTORS: u32 = 1 << 22;
/// The address register counts.
const VALID: u32 = 1 << 31;
/// So often a register is read while the reset goes on, which takes a microsecond.
const LOOKS: u32 = 100_000;

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Model {
    /// 82540EM: by its line.
    Line,
    /// 82574L: by messages, which its registers assign to causes.
    Messages,
}

impl Model {
    /// The model of a PCI device.
    #[must_use]
    pub const fn from_device(device: u16) -> Model {
        if device == 0x10d3 { Model::Messages } else { Model::Line }
    }
}

/// Why a controller cannot be driven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetupError {
    /// Its reset does not end.
    NotReady,
    /// It has no address.
    NoAddress,
    /// The memory is not as it must be.
    BadMemory,
}

impl fmt::Display for SetupError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            SetupError::NotReady => "the controller does not come out of its reset",
            SetupError::NoAddress => "the controller has no Ethernet address",
            SetupError::BadMemory => "the memory does not suit the controller",
        })
    }
}

impl core::error::Error for SetupError {}

/// A controller.
#[derive(Debug)]
pub struct E1000<R, D> {
    registers: R,
    memory: D,
    received: ReceiveRing,
    sent: SendRing,
    address: MacAddress,
}

impl<R: Registers, D: DmaMemory> E1000<R, D> {
    /// Sets the controller up. `memory` is asked for memory of so many bytes, after the device has been reset.
    ///
    /// # Errors
    /// Why it cannot be driven.
    pub fn new<E: From<SetupError>>(
        model: Model,
        mut registers: R,
        memory: impl FnOnce(usize) -> Result<D, E>,
    ) -> Result<E1000<R, D>, E> {
        reset(&mut registers)?;
        let address = address(&mut registers)?;
        let mut memory = memory(MEMORY)?;
        let base = memory.device_address();
        if memory.length() < MEMORY || !base.is_multiple_of(16) {
            return Err(SetupError::BadMemory.into());
        }
        for word in 0..MULTICAST_WORDS {
            registers.write_u32(register::MULTICAST + 4 * word, 0);
        }
        registers.write_u32(register::CONTROL, DETECT_SPEED | LINK_UP);
        let received = ReceiveRing::start(&mut registers, &mut memory, register::RECEIVE_RING);
        let sent = SendRing::start(&mut registers, &memory, register::SEND_RING);
        registers.write_u32(register::SEND_GAP, GAP);
        let mut causes = SENT | LINK_CHANGED | RECEIVED;
        if model == Model::Messages {
            registers.write_u32(register::SEND_DESCRIPTORS, COUNT_DESCRIPTORS);
            registers.write_u32(register::VECTORS, FIRST_VECTOR);
            causes |= BY_MESSAGE;
        }
        registers.write_u32(register::SEND_CONTROL, SEND);
        registers.write_u32(register::RECEIVE_CONTROL, RECEIVE);
        registers.write_u32(register::ENABLE_CAUSES, causes);
        Ok(E1000 { registers, memory, received, sent, address })
    }
}

/// Resets a controller: it uses no memory any more and does not interrupt (section 14.2 and 14.9).
fn reset(registers: &mut impl Registers) -> Result<(), SetupError> {
    let quiet = |registers: &mut _| {
        Registers::write_u32(registers, register::DISABLE_CAUSES, u32::MAX);
        Registers::write_u32(registers, register::RECEIVE_CONTROL, 0);
        Registers::write_u32(registers, register::SEND_CONTROL, 0);
    };
    quiet(registers);
    let control = registers.read_u32(register::CONTROL);
    registers.write_u32(register::CONTROL, control | RESET);
    if (0..LOOKS).all(|_| registers.read_u32(register::CONTROL) & RESET != 0) {
        return Err(SetupError::NotReady);
    }
    quiet(registers);
    // Read, so that what it told before is forgotten.
    registers.read_u32(register::CAUSES);
    Ok(())
}

/// Its own address, which a reset reads from its memory of constants.
fn address(registers: &mut impl Registers) -> Result<MacAddress, SetupError> {
    let (low, high) = (registers.read_u32(register::ADDRESS_LOW), registers.read_u32(register::ADDRESS_HIGH));
    let ([a, b, c, d], [e, f, ..]) = (low.to_le_bytes(), high.to_le_bytes());
    let address = MacAddress([a, b, c, d, e, f]);
    let is_one = high & VALID != 0 && address != MacAddress::default() && a & 1 == 0;
    if is_one { Ok(address) } else { Err(SetupError::NoAddress) }
}

impl<R: Registers, D: DmaMemory> NetworkDevice for E1000<R, D> {
    fn address(&self) -> MacAddress {
        self.address
    }

    fn link(&mut self) -> Link {
        let status = self.registers.read_u32(register::STATUS);
        let megabits = match status >> SPEED & 3 {
            0 => 10,
            1 => 100,
            _ => 1000,
        };
        let up = status & IS_UP != 0 && status != u32::MAX;
        Link { up, megabits: up.then_some(megabits) }
    }

    fn send(&mut self, frame: &[u8]) -> Result<(), Full> {
        self.sent.send(&mut self.registers, &mut self.memory, frame)
    }

    fn receive(&mut self) -> Result<Option<Received>, Broken> {
        self.received.take(&mut self.registers, &mut self.memory)
    }

    fn interrupted(&mut self) -> Result<(), Broken> {
        let causes = self.registers.read_u32(register::CAUSES);
        if causes == u32::MAX {
            return Err(Broken);
        }
        // By its line, reading has cleared them; by message, writing does (82574: 10.2.4.1).
        self.registers.write_u32(register::CAUSES, causes);
        Ok(())
    }
}
