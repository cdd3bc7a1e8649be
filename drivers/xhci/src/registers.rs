//! The controller's registers (chapter 5).

use airox_driver_traits::registers::Registers;
use airox_usb::hub::{PortStatus, Speed};
use core::fmt;

/// Why a controller cannot be driven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetupError {
    /// Its registers are not in its memory, or what they say cannot be.
    Unsuitable,
    /// It did not become ready, or did not stop.
    NotReady,
    /// There is no memory that it could use.
    NoMemory,
}

impl fmt::Display for SetupError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            SetupError::Unsuitable => "this is no controller that can be driven",
            SetupError::NotReady => "the controller does not become ready",
            SetupError::NoMemory => "there is no memory for the controller",
        })
    }
}

impl core::error::Error for SetupError {}

/// Reads of a register while the controller stops or starts; at a microsecond or so each.
const LOOKS: u32 = 1_000_000;

/// Capability registers (section 5.3).
const CAPABILITY_BYTES: u64 = 0x20;
const PARAMETERS_1: usize = 0x04;
const PARAMETERS_2: usize = 0x08;
const CAPABILITIES_1: usize = 0x10;
const DOORBELLS: usize = 0x14;
const RUNTIME: usize = 0x18;

/// Operational registers (section 5.4).
const COMMAND: usize = 0x00;
const RUN: u32 = 1 << 0;
const RESET: u32 = 1 << 1;
const INTERRUPTS: u32 = 1 << 2;
const STATUS: usize = 0x04;
const HALTED: u32 = 1 << 0;
/// An error of the host system; an interrupt is pending; an error of the controller.
const FATAL: u32 = 1 << 2 | 1 << 12;
const PENDING: u32 = 1 << 3;
const NOT_READY: u32 = 1 << 11;
const PAGE_SIZE: usize = 0x08;
const COMMAND_RING: usize = 0x18;
const CONTEXTS: usize = 0x30;
const CONFIGURE: usize = 0x38;
const PORTS: usize = 0x400;
const PORT_BYTES: usize = 0x10;

/// Runtime registers of interrupter 0 (section 5.5.2).
const MANAGEMENT: usize = 0x20;
const MODERATION: usize = 0x24;
const SEGMENTS: usize = 0x28;
const SEGMENT_TABLE: usize = 0x30;
const DEQUEUE: usize = 0x38;
const BUSY: u64 = 1 << 3;
const RUNTIME_BYTES: u64 = 0x40;

/// A port's register (section 5.4.8). Most bits are cleared by writing them, enabled among them.
mod port {
    pub const CONNECTED: u32 = 1 << 0;
    pub const ENABLED: u32 = 1 << 1;
    pub const RESET: u32 = 1 << 4;
    pub const POWER: u32 = 1 << 9;
    pub const CONNECTION_CHANGE: u32 = 1 << 17;
    /// All of the changes.
    pub const CHANGES: u32 = 0x7f << 17;
    /// What stays as it is when it is written back.
    pub const KEPT: u32 = POWER | 3 << 14 | 7 << 25;
}

/// The extended capability by which firmware hands the controller over (section 7.1).
mod legacy {
    pub const ID: u8 = 1;
    pub const BY_FIRMWARE: u32 = 1 << 16;
    pub const BY_SYSTEM: u32 = 1 << 24;
    pub const CONTROL: usize = 4;
    /// System management interrupts that are pending are cleared by writing them; the others are switched off.
    pub const PENDING: u32 = 7 << 29;
}

/// How many extended capabilities are looked at: more than there are kinds.
const EXTENDED: u32 = 64;

/// What the controller is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Devices it can have.
    pub slots: u8,
    /// Ports.
    pub ports: u8,
    /// Pages it wants for itself.
    pub scratch: usize,
    /// Bytes of a context.
    pub context: usize,
}

/// A controller's registers.
#[derive(Debug)]
pub struct Bank<R> {
    operational: R,
    runtime: R,
    doorbells: R,
    parameters: Parameters,
}

impl<R: Registers> Bank<R> {
    /// Finds the registers, takes the controller over from firmware and resets it: it uses no memory any more. `window` gives so many bytes of its
    /// memory from a byte on, if they are there.
    pub fn reset(mut window: impl FnMut(u64, u64) -> Option<R>) -> Result<Bank<R>, SetupError> {
        let mut part = |offset, length| window(offset, length).ok_or(SetupError::Unsuitable);
        let mut capabilities = part(0, CAPABILITY_BYTES)?;
        let length = u64::from(capabilities.read_u32(0) & 0xff);
        let (first, second) = (capabilities.read_u32(PARAMETERS_1), capabilities.read_u32(PARAMETERS_2));
        let flags = capabilities.read_u32(CAPABILITIES_1);
        let parameters = Parameters {
            slots: first as u8,
            ports: (first >> 24) as u8,
            scratch: (second >> 21 & 0x1f) as usize * 32 + (second >> 27) as usize,
            context: if flags & 1 << 2 == 0 { 32 } else { 64 },
        };
        if length < CAPABILITY_BYTES || !length.is_multiple_of(4) || parameters.slots == 0 || parameters.ports == 0 {
            return Err(SetupError::Unsuitable);
        }
        let doorbells = u64::from(capabilities.read_u32(DOORBELLS) & !3);
        let runtime = u64::from(capabilities.read_u32(RUNTIME) & !0x1f);
        take_over(u64::from(flags >> 16) * 4, &mut part)?;
        let mut controller = Bank {
            operational: part(length, (PORTS + usize::from(parameters.ports) * PORT_BYTES) as u64)?,
            runtime: part(runtime, RUNTIME_BYTES)?,
            doorbells: part(doorbells, 4 * (u64::from(parameters.slots) + 1))?,
            parameters,
        };
        controller.operational.write_u32(COMMAND, 0);
        controller.wait(STATUS, HALTED, HALTED)?;
        controller.operational.write_u32(COMMAND, RESET);
        controller.wait(COMMAND, RESET, 0)?;
        controller.wait(STATUS, NOT_READY, 0)?;
        // Rings and contexts are in pages of 4 KiB.
        if controller.operational.read_u32(PAGE_SIZE) & 1 == 0 { Err(SetupError::Unsuitable) } else { Ok(controller) }
    }

    fn wait(&mut self, register: usize, mask: u32, value: u32) -> Result<(), SetupError> {
        let there = |it: u32| it != u32::MAX && it & mask == value;
        let ready = (0..LOOKS).any(|_| there(self.operational.read_u32(register)));
        if ready { Ok(()) } else { Err(SetupError::NotReady) }
    }

    /// What it is like.
    pub const fn parameters(&self) -> Parameters {
        self.parameters
    }

    /// Lets it run with these, all of them addresses: of the table of contexts, the ring of commands, the table of events' segments, the first event.
    pub fn start(
        &mut self,
        slots: u8,
        contexts: u64,
        commands: u64,
        segments: u64,
        events: u64,
    ) -> Result<(), SetupError> {
        self.operational.write_u32(CONFIGURE, slots.into());
        write_address(&mut self.operational, CONTEXTS, contexts);
        write_address(&mut self.operational, COMMAND_RING, commands | 1);
        self.runtime.write_u32(SEGMENTS, 1);
        write_address(&mut self.runtime, DEQUEUE, events);
        write_address(&mut self.runtime, SEGMENT_TABLE, segments);
        // At most 8,000 interrupts a second, in units of 250 ns.
        self.runtime.write_u32(MODERATION, 500);
        self.runtime.write_u32(MANAGEMENT, 0b11);
        self.operational.write_u32(COMMAND, RUN | INTERRUPTS);
        self.wait(STATUS, HALTED, 0)
    }

    /// Tells it that a ring has something: of an endpoint of a slot, of commands if both are 0.
    pub fn ring(&mut self, slot: u8, endpoint: u8) {
        self.doorbells.write_u32(4 * usize::from(slot), endpoint.into());
    }

    /// An interrupt has been seen; returns whether the controller can go on. One that has gone reads as all ones.
    pub fn acknowledge(&mut self) -> bool {
        let status = self.operational.read_u32(STATUS);
        self.operational.write_u32(STATUS, PENDING);
        status != u32::MAX && status & (FATAL | HALTED) == 0
    }

    /// Events up to this address have been taken.
    pub fn set_dequeue(&mut self, address: u64) {
        write_address(&mut self.runtime, DEQUEUE, address | BUSY);
    }

    /// The status of a port, which count from 1.
    pub fn port(&mut self, number: u8) -> PortStatus {
        let status = self.operational.read_u32(place(number));
        let speed = match status >> 10 & 0xf {
            1 => Speed::Full,
            2 => Speed::Low,
            3 => Speed::High,
            _ => Speed::Super,
        };
        let gone = status == u32::MAX;
        let is = |bit| !gone && status & bit != 0;
        PortStatus {
            connected: is(port::CONNECTED),
            enabled: is(port::ENABLED),
            resetting: is(port::RESET),
            connection_changed: is(port::CONNECTION_CHANGE),
            speed,
        }
    }

    /// Forgets a port's changes.
    pub fn clear_changes(&mut self, number: u8) {
        self.change_port(number, port::CHANGES);
    }

    /// Gives all ports power. Returns whether they had it.
    pub fn power_ports(&mut self) -> bool {
        let mut had = true;
        for number in 1..=self.parameters.ports {
            had &= self.operational.read_u32(place(number)) & port::POWER != 0;
            self.change_port(number, port::POWER);
        }
        had
    }

    /// Resets what is at a port.
    pub fn reset_port(&mut self, number: u8) {
        self.change_port(number, port::RESET);
    }

    fn change_port(&mut self, number: u8, bits: u32) {
        let status = self.operational.read_u32(place(number));
        self.operational.write_u32(place(number), status & port::KEPT | bits);
    }
}

/// Where a port's register is.
fn place(number: u8) -> usize {
    PORTS + usize::from(number.saturating_sub(1)) * PORT_BYTES
}

/// In two halves, which every controller takes (section 5.1).
fn write_address(registers: &mut impl Registers, offset: usize, address: u64) {
    registers.write_u32(offset, address as u32);
    registers.write_u32(offset + 4, (address >> 32) as u32);
}

/// Has firmware let go of the controller. One that does not is overruled.
fn take_over<R: Registers>(
    mut offset: u64,
    part: &mut impl FnMut(u64, u64) -> Result<R, SetupError>,
) -> Result<(), SetupError> {
    for _ in 0..EXTENDED {
        if offset == 0 {
            break;
        }
        let mut capability = part(offset, 8)?;
        let header = capability.read_u32(0);
        if header as u8 == legacy::ID {
            capability.write_u32(0, header | legacy::BY_SYSTEM);
            let let_go = (0..LOOKS).any(|_| capability.read_u32(0) & legacy::BY_FIRMWARE == 0);
            if !let_go {
                log::warn!("firmware does not let go of the controller");
            }
            capability.write_u32(legacy::CONTROL, legacy::PENDING);
        }
        let next = u64::from(header >> 8 & 0xff);
        offset = if next == 0 { 0 } else { offset + next * 4 };
    }
    Ok(())
}
