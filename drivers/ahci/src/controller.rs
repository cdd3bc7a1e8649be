//! The controller and one of its ports: reset, start, commands, what became of them (sections 3, 5, 6 and 10).

use airox_driver_traits::dma::DmaMemory;
use airox_driver_traits::queue::Broken;
use airox_driver_traits::registers::Registers;
use core::fmt;
use core::sync::atomic::{Ordering, fence};

use crate::command::{self, Command, IDENTITY, IDENTITY_BYTES, operation};
use crate::identity::Identity;

/// The base address register of the registers, and bytes of them: the controller's, and those of 30 ports, which fit the page that every controller has.
pub const BAR: u8 = 5;
/// See [`BAR`].
pub const REGISTERS: u64 = 0x1000;
const PORTS: usize = 30;

/// The controller's (section 3.1).
const CAPABILITIES: usize = 0x00;
const LONG_ADDRESSES: u32 = 1 << 31;
const CONTROL: usize = 0x04;
const RESET: u32 = 1 << 0;
const INTERRUPTS: u32 = 1 << 1;
const ENABLE: u32 = 1 << 31;
const PENDING: usize = 0x08;
const IMPLEMENTED: usize = 0x0c;
const CAPABILITIES_2: usize = 0x24;
const HAS_HANDOFF: u32 = 1 << 0;
const HANDOFF: usize = 0x28;
const FIRMWARE_OWNS: u32 = 1 << 0;
const SYSTEM_OWNS: u32 = 1 << 1;

/// A port's (section 3.3), from here on and so far apart.
const FIRST_PORT: usize = 0x100;
const PORT: usize = 0x80;
const LIST: usize = 0x00;
const FRAMES: usize = 0x08;
const STATUS: usize = 0x10;
const ENABLED: usize = 0x14;
const COMMAND: usize = 0x18;
const TASK: usize = 0x20;
const SIGNATURE: usize = 0x24;
const LINK: usize = 0x28;
const ERRORS: usize = 0x30;
const ISSUED: usize = 0x38;
/// The first command's bit there.
const FIRST: u32 = 1 << 0;

/// Of the command register: start; spin up; power; receive frames; frames are received, and commands done.
const START: u32 = 1 << 0;
const SPIN_UP: u32 = 1 << 1;
const POWER: u32 = 1 << 2;
const RECEIVE: u32 = 1 << 4;
const RECEIVING: u32 = 1 << 14;
const RUNNING: u32 = 1 << 15;
/// Of the status: frames that end commands, and errors: of the task, of the bus, of the interface.
const ENDS: u32 = 0b1111;
const TASK_ERROR: u32 = 1 << 30;
const FATAL: u32 = 7 << 27;
/// Of the task: busy, or wants data.
const BUSY: u32 = 0x88;
/// A disk is there and talks.
const TALKS: u32 = 3;
const LINK_MASK: u32 = 0xf;
const DISK: u32 = 0x0101;

/// So often a register is read while something is waited for, which takes hundreds of nanoseconds at least. A link comes up in 10 ms (section 10.1).
const LOOKS: u32 = 5_000_000;
const LINK_LOOKS: u32 = 100_000;

/// Why a controller or its disk cannot be driven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetupError {
    /// Its reset, a port's start or stop does not end.
    NotReady,
    /// It cannot name memory above 4 GiB, or its memory is not as it must be.
    Unsuitable,
    /// No disk is there.
    NoDisk,
    /// The disk does not say what it is, or says what cannot be.
    BadDisk,
}

impl fmt::Display for SetupError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            SetupError::NotReady => "the controller does not become ready",
            SetupError::Unsuitable => "the controller cannot work as this driver needs it",
            SetupError::NoDisk => "the controller has no disk",
            SetupError::BadDisk => "the disk makes no sense",
        })
    }
}

impl core::error::Error for SetupError {}

/// Waits for bits of a register to have this value.
fn wait(registers: &mut impl Registers, offset: usize, mask: u32, value: u32, looks: u32) -> Result<(), SetupError> {
    let there = (0..looks).any(|_| registers.read_u32(offset) & mask == value);
    if there { Ok(()) } else { Err(SetupError::NotReady) }
}

/// A controller that uses no memory.
#[derive(Debug)]
pub struct Resting<R>(R);

/// Takes a controller from firmware and resets it (sections 10.4.3 and 10.6.3).
pub fn reset<R: Registers>(mut registers: R) -> Result<Resting<R>, SetupError> {
    if registers.read_u32(CAPABILITIES_2) & HAS_HANDOFF != 0 {
        let owners = registers.read_u32(HANDOFF);
        registers.write_u32(HANDOFF, owners | SYSTEM_OWNS);
        // Firmware that does not let go in time has lost its claim.
        let _ = wait(&mut registers, HANDOFF, FIRMWARE_OWNS, 0, LINK_LOOKS);
    }
    registers.write_u32(CONTROL, ENABLE);
    registers.write_u32(CONTROL, ENABLE | RESET);
    wait(&mut registers, CONTROL, RESET, 0, LOOKS)?;
    registers.write_u32(CONTROL, ENABLE);
    if registers.read_u32(CAPABILITIES) & LONG_ADDRESSES == 0 {
        return Err(SetupError::Unsuitable);
    }
    Ok(Resting(registers))
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Done.
    Well,
    /// The disk or the way to it failed.
    Badly,
}

/// A port with a disk, at work.
#[derive(Debug)]
pub struct Port<R, D> {
    registers: R,
    memory: D,
    /// Where its registers begin.
    base: usize,
    number: usize,
    /// Whether a command is under way.
    busy: bool,
}

impl<R: Registers> Resting<R> {
    /// Starts the first port that has a disk.
    pub fn first_disk<D: DmaMemory>(mut self, memory: D) -> Result<Port<R, D>, SetupError> {
        if memory.length() < command::MEMORY || !memory.device_address().is_multiple_of(0x400) {
            return Err(SetupError::Unsuitable);
        }
        let implemented = self.0.read_u32(IMPLEMENTED);
        let mut port = Port { registers: self.0, memory, base: 0, number: 0, busy: false };
        for number in (0..PORTS).filter(|number| implemented & 1 << number != 0) {
            (port.base, port.number) = (FIRST_PORT + number * PORT, number);
            if port.has_disk()? {
                port.go()?;
                return Ok(port);
            }
        }
        Err(SetupError::NoDisk)
    }
}

impl<R: Registers, D: DmaMemory> Port<R, D> {
    fn read(&mut self, register: usize) -> u32 {
        self.registers.read_u32(self.base + register)
    }

    fn write(&mut self, register: usize, value: u32) {
        self.registers.write_u32(self.base + register, value);
    }

    fn wait(&mut self, register: usize, mask: u32, value: u32) -> Result<(), SetupError> {
        wait(&mut self.registers, self.base + register, mask, value, LOOKS)
    }

    /// Whether a disk is there. It is told where its frames go, because its first one says what it is (section 10.1.2).
    fn has_disk(&mut self) -> Result<bool, SetupError> {
        self.stop()?;
        let base = self.memory.device_address();
        for (register, offset) in [(LIST, command::HEADERS), (FRAMES, command::RECEIVED)] {
            let address = base + offset as u64;
            self.write(register, address as u32);
            self.write(register + 4, (address >> 32) as u32);
        }
        self.write(ERRORS, u32::MAX);
        self.write(COMMAND, SPIN_UP | POWER);
        let talks = wait(&mut self.registers, self.base + LINK, LINK_MASK, TALKS, LINK_LOOKS).is_ok();
        if talks {
            self.write(COMMAND, SPIN_UP | POWER | RECEIVE);
            let ready = self.wait(TASK, BUSY, 0).is_ok();
            if ready && self.read(SIGNATURE) == DISK {
                return Ok(true);
            }
        }
        self.stop()?;
        Ok(false)
    }

    /// Stops doing commands, then receiving frames (section 10.1.2).
    fn stop(&mut self) -> Result<(), SetupError> {
        for (bit, goes_on) in [(START, RUNNING), (RECEIVE, RECEIVING)] {
            let now = self.read(COMMAND);
            self.write(COMMAND, now & !bit);
            self.wait(COMMAND, goes_on, 0)?;
        }
        Ok(())
    }

    /// Does commands from now on. The link's errors so far are of no interest.
    fn go(&mut self) -> Result<(), SetupError> {
        self.write(ERRORS, u32::MAX);
        self.write(STATUS, u32::MAX);
        let now = self.read(COMMAND);
        self.write(COMMAND, now | RECEIVE | START);
        self.wait(COMMAND, RUNNING, RUNNING)
    }

    /// Lets it interrupt.
    pub fn interrupt(&mut self) {
        self.write(ENABLED, ENDS | TASK_ERROR | FATAL);
        self.registers.write_u32(CONTROL, ENABLE | INTERRUPTS);
    }

    /// Begins a command; none is under way.
    pub fn start(&mut self, command: &Command) {
        command.place(&mut self.memory);
        self.busy = true;
        // The controller reads the command when it sees the bit.
        fence(Ordering::SeqCst);
        self.write(ISSUED, FIRST);
    }

    /// Whether the command has ended since the last look, and how.
    ///
    /// # Errors
    /// The controller has gone, or cannot go on.
    pub fn look(&mut self) -> Result<Option<Ended>, Broken> {
        let status = self.read(STATUS);
        // First what is told, then what is asked: what ends in between is told again.
        self.write(STATUS, status);
        self.registers.write_u32(PENDING, 1 << self.number);
        let pending = self.read(ISSUED);
        if self.read(COMMAND) == u32::MAX {
            return Err(Broken);
        }
        let failed = status & (TASK_ERROR | FATAL) != 0;
        if !self.busy || (pending & FIRST != 0 && !failed) {
            return Ok(None);
        }
        self.busy = false;
        fence(Ordering::Acquire);
        if !failed {
            return Ok(Some(Ended::Well));
        }
        // Nothing more is done until it has been stopped and started (section 6.2.2.1).
        self.stop().and_then(|()| self.go()).map_err(|_| Broken)?;
        Ok(Some(Ended::Badly))
    }

    /// Asks the disk what it is.
    pub fn identify(&mut self) -> Result<Identity, SetupError> {
        let memory = Some((self.memory.device_address() + IDENTITY as u64, IDENTITY_BYTES as u32));
        self.start(&Command { operation: operation::IDENTIFY, memory, ..Command::default() });
        for _ in 0..LOOKS {
            match self.look() {
                Ok(None) => {}
                Ok(Some(Ended::Well)) => {
                    let mut bytes = [0; IDENTITY_BYTES];
                    self.memory.copy_out(IDENTITY, &mut bytes);
                    return Identity::read(&bytes);
                }
                Ok(Some(Ended::Badly)) | Err(Broken) => break,
            }
        }
        Err(SetupError::BadDisk)
    }
}
