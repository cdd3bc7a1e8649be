//! The controller: its reset, what it says of itself, its queues (sections 3.1, 5 and 7.6).

use airox_driver_traits::block::{Geometry, SECTOR};
use airox_driver_traits::dma::DmaMemory;
use airox_driver_traits::registers::Registers;
use core::fmt;

use crate::ring::{Command, Completion, Ring};

/// Bytes of registers that the driver uses: doorbells of two pairs of queues are the last.
pub const REGISTERS: u64 = 0x1000 + 4 * LARGEST_STRIDE as u64;
/// Bytes of a page of memory, the smallest that a controller can be told.
pub const PAGE: usize = 4096;
/// Pages of the driver's memory before those with lists: both pairs of rings, and what the controller says of itself.
pub const PAGES: usize = 5;
/// Entries of each ring: as many commands as fit a page.
pub const ENTRIES: u16 = 64;
/// The namespace that is used.
pub const NAMESPACE: u32 = 1;

const CAPABILITIES: usize = 0x00;
const CONFIGURATION: usize = 0x14;
const STATUS: usize = 0x1c;
const ADMIN_SIZES: usize = 0x24;
const ADMIN_COMMANDS: usize = 0x28;
const ADMIN_COMPLETIONS: usize = 0x30;
const DOORBELLS: usize = 0x1000;
const LARGEST_STRIDE: usize = 64;

/// Of the configuration: enabled, and the sizes of commands (2^6) and completions (2^4).
const ENABLE: u32 = 1;
const SIZES: u32 = 6 << 16 | 4 << 20;
const READY: u32 = 1;
const FATAL: u32 = 2;

/// Administrative commands (section 5).
const CREATE_COMMANDS: u8 = 1;
const CREATE_COMPLETIONS: u8 = 5;
const IDENTIFY: u8 = 6;
const IDENTIFY_NAMESPACE: u32 = 0;
const IDENTIFY_CONTROLLER: u32 = 1;
const CONTIGUOUS: u32 = 1;
const INTERRUPTS: u32 = 2;

/// Largest block that is driven, and most pages of one command: the first, and a list that fills a page.
const LARGEST_BLOCK_LOG: u8 = 16;
const MOST_BYTES: u64 = (PAGE / 8 * PAGE) as u64;
/// So often a register is read while the controller is waited for, which takes hundreds of nanoseconds at least.
const LOOKS: u32 = 5_000_000;

/// Where a page of the driver's memory begins.
pub const fn page(number: usize) -> usize {
    number * PAGE
}

/// Why a controller cannot be driven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetupError {
    /// It does not become ready, or does not end its reset.
    NotReady,
    /// It takes other pages, or fewer commands, or has its doorbells elsewhere than the driver can handle.
    Unsuitable,
    /// It has no namespace, or one with blocks of a strange size.
    NoNamespace,
    /// It refused an administrative command with this status, or did not answer.
    Refused(u16),
}

impl fmt::Display for SetupError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SetupError::NotReady => formatter.write_str("the controller does not become ready"),
            SetupError::Unsuitable => formatter.write_str("the controller cannot work as this driver needs it"),
            SetupError::NoNamespace => formatter.write_str("the controller has no usable namespace"),
            SetupError::Refused(status) => write!(formatter, "the controller refuses to be set up: {status:#x}"),
        }
    }
}

impl core::error::Error for SetupError {}

/// What is known of the namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Namespace {
    /// Size and kind.
    pub geometry: Geometry,
    /// Whether writes need a flush.
    pub has_cache: bool,
    /// Most blocks of a command.
    pub most_blocks: u32,
}

/// A controller in reset.
#[derive(Debug)]
pub struct Resting<R> {
    registers: R,
    stride: usize,
}

/// A controller at work.
#[derive(Debug)]
pub struct Controller<R, D> {
    registers: R,
    memory: D,
    stride: usize,
    admin: Ring,
    ring: Ring,
}

/// Waits for a state of the controller; not for one that has failed.
fn wait(registers: &mut impl Registers, ready: u32) -> Result<(), SetupError> {
    for _ in 0..LOOKS {
        let status = registers.read_u32(STATUS);
        if status & FATAL != 0 && ready != 0 {
            break;
        }
        if status & READY == ready {
            return Ok(());
        }
    }
    Err(SetupError::NotReady)
}

impl<R: Registers> Controller<R, ()> {
    /// Resets a controller: it uses no memory any more.
    pub fn reset(mut registers: R) -> Result<Resting<R>, SetupError> {
        registers.write_u32(CONFIGURATION, 0);
        wait(&mut registers, 0)?;
        let capabilities = registers.read_u64(CAPABILITIES);
        let entries = (capabilities & 0xffff) + 1;
        let stride = 4 << (capabilities >> 32 & 0xf);
        let smallest_page = capabilities >> 48 & 0xf;
        if entries < u64::from(ENTRIES) || stride > LARGEST_STRIDE || smallest_page != 0 {
            return Err(SetupError::Unsuitable);
        }
        Ok(Resting { registers, stride })
    }
}

impl<R: Registers> Resting<R> {
    /// Starts it with its administrative queue in this memory.
    pub fn start<D: DmaMemory>(mut self, memory: D) -> Result<Controller<R, D>, SetupError> {
        let base = memory.device_address();
        if memory.length() < page(PAGES) || !base.is_multiple_of(PAGE as u64) {
            return Err(SetupError::Unsuitable);
        }
        let last = u32::from(ENTRIES) - 1;
        self.registers.write_u32(ADMIN_SIZES, last << 16 | last);
        self.registers.write_u64(ADMIN_COMMANDS, base + page(0) as u64);
        self.registers.write_u64(ADMIN_COMPLETIONS, base + page(1) as u64);
        self.registers.write_u32(CONFIGURATION, ENABLE | SIZES);
        wait(&mut self.registers, READY)?;
        Ok(Controller {
            registers: self.registers,
            memory,
            stride: self.stride,
            admin: Ring::new(page(0), page(1), ENTRIES),
            ring: Ring::new(page(2), page(3), ENTRIES),
        })
    }
}

impl<R: Registers, D: DmaMemory> Controller<R, D> {
    /// The driver's memory.
    pub fn memory(&mut self) -> &mut D {
        &mut self.memory
    }

    /// The address of a page of it, as the controller names it.
    fn address(&self, number: usize) -> u64 {
        self.memory.device_address() + page(number) as u64
    }

    /// Tells the controller about queue `queue`: of commands (0) or completions (1).
    fn ring_bell(&mut self, queue: usize, kind: usize, value: u32) {
        self.registers.write_u32(DOORBELLS + (2 * queue + kind) * self.stride, value);
    }

    /// Does an administrative command and waits for it.
    fn administer(&mut self, command: &Command) -> Result<(), SetupError> {
        let tail = self.admin.push(&mut self.memory, command);
        self.ring_bell(0, 0, tail);
        for _ in 0..LOOKS {
            if let Some((completion, head)) = self.admin.pop(&mut self.memory) {
                self.ring_bell(0, 1, head);
                let answered = completion.number == command.number && completion.status == 0;
                return if answered { Ok(()) } else { Err(SetupError::Refused(completion.status)) };
            }
            if self.has_failed() {
                break;
            }
        }
        Err(SetupError::Refused(u16::MAX))
    }

    /// Asks what the controller and its first namespace are (section 5.15).
    pub fn identify(&mut self) -> Result<Namespace, SetupError> {
        const TRANSFER_LIMIT: usize = 77;
        const CACHE: usize = 525;
        const BLOCKS: usize = 0;
        const FORMAT: usize = 26;
        const ATTRIBUTES: usize = 99;
        const FORMATS: usize = 128;
        let at = page(4);
        let ask = |controller: &mut Self, namespace, what| {
            let pages = (controller.address(4), 0);
            controller.administer(&Command { opcode: IDENTIFY, number: 1, namespace, pages, words: [what, 0, 0] })
        };
        ask(self, 0, IDENTIFY_CONTROLLER)?;
        let limit = match self.memory.read_u8(at + TRANSFER_LIMIT) {
            0 => MOST_BYTES,
            log => (PAGE as u64).checked_shl(log.into()).unwrap_or(MOST_BYTES).clamp(PAGE as u64, MOST_BYTES),
        };
        let has_cache = self.memory.read_u8(at + CACHE) & 1 != 0;
        ask(self, NAMESPACE, IDENTIFY_NAMESPACE)?;
        let blocks = self.memory.read_u64(at + BLOCKS);
        let format = usize::from(self.memory.read_u8(at + FORMAT) & 0xf);
        let log = self.memory.read_u8(at + FORMATS + 4 * format + 2);
        if blocks == 0 || !(SECTOR.trailing_zeros() as u8..=LARGEST_BLOCK_LOG).contains(&log) {
            return Err(SetupError::NoNamespace);
        }
        let block_size = 1_u32 << log;
        let read_only = self.memory.read_u8(at + ATTRIBUTES) & 1 != 0;
        // A page less: the first may begin in the middle. A command counts blocks in 16 bits.
        let bytes = if limit == MOST_BYTES { limit - PAGE as u64 } else { limit };
        let most_blocks = (bytes / u64::from(block_size)).clamp(1, 1 << 16) as u32;
        Ok(Namespace { geometry: Geometry { block_size, blocks, read_only }, has_cache, most_blocks })
    }

    /// Makes the queues for blocks. Completions interrupt by the first interrupt.
    pub fn create_queues(&mut self) -> Result<(), SetupError> {
        let sizes = (u32::from(ENTRIES) - 1) << 16 | 1;
        let mut create = |opcode, number, memory, flags| {
            let pages = (self.address(memory), 0);
            self.administer(&Command { opcode, number, namespace: 0, pages, words: [sizes, flags, 0] })
        };
        create(CREATE_COMPLETIONS, 2, 3, INTERRUPTS | CONTIGUOUS)?;
        create(CREATE_COMMANDS, 3, 2, 1 << 16 | CONTIGUOUS)
    }

    /// Gives it a command about blocks. The caller sees to it that there is room.
    pub fn submit(&mut self, command: &Command) {
        let tail = self.ring.push(&mut self.memory, command);
        self.ring_bell(1, 0, tail);
    }

    /// The next command that is done.
    pub fn take(&mut self) -> Option<Completion> {
        let (completion, head) = self.ring.pop(&mut self.memory)?;
        self.ring_bell(1, 1, head);
        Some(completion)
    }

    /// Whether it says that it cannot go on, or has gone: then it reads as all ones.
    pub fn has_failed(&mut self) -> bool {
        self.registers.read_u32(STATUS) & FATAL != 0
    }
}
