//! One command at a time, from its wrapper to its status (Bulk-Only Transport 1.0, sections 5 and 6).

use airox_driver_traits::dma::DmaMemory;
use airox_driver_traits::usb::{Description, EndpointKind, Setup, TransferError, UsbError, UsbFunction};
use alloc::vec::Vec;

use crate::command::Command;

/// Bytes of memory that the transport needs: wrapper, status, small data.
pub const MEMORY: usize = 512;
const STATUS_AT: usize = 64;
const DATA_AT: usize = 128;

const WRAPPER_SIGNATURE: u32 = 0x4342_5355;
const WRAPPER_BYTES: u32 = 31;
const STATUS_SIGNATURE: u32 = 0x5342_5355;
const STATUS_BYTES: u32 = 13;
/// The class request that resets the device's side (section 3.1).
const RESET: u8 = 0xff;

/// What became of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done, with so many bytes moved.
    Passed(u32),
    /// The device says that it failed.
    Failed,
    /// Device and driver did not understand each other, and have begun anew.
    Confused,
}

/// The device has gone, or cannot be brought back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost;

impl From<UsbError> for Lost {
    fn from(_: UsbError) -> Lost {
        Lost
    }
}

/// What is under way. Its number is that of the transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Idle,
    Wrapper,
    Data,
    /// The data's endpoint is recovered, and the status comes next.
    DataRecovered,
    Status,
    /// The endpoint of the status is recovered, and it is asked for once more.
    StatusRecovered,
    StatusAgain,
    Reset,
    InRecovered,
    OutRecovered,
}

/// A device and its two endpoints.
#[derive(Debug)]
pub struct Transport<F, D> {
    function: F,
    memory: D,
    interface: u8,
    endpoint_in: u8,
    endpoint_out: u8,
    step: Step,
    command: Option<Command>,
    moved: u32,
    tag: u32,
}

impl<F: UsbFunction, D: DmaMemory> Transport<F, D> {
    /// With the device's first endpoints for data; `None` if it lacks one.
    pub fn new(function: F, description: &Description, memory: D) -> Option<Transport<F, D>> {
        let find = |is_in| {
            let mut endpoints = description.endpoints.iter();
            endpoints.find(|it| it.kind == EndpointKind::Bulk && it.is_in() == is_in).map(|it| it.address)
        };
        let interface = description.address.interface;
        let (endpoint_in, endpoint_out) = (find(true)?, find(false)?);
        let (step, command) = (Step::Idle, None);
        Some(Transport { function, memory, interface, endpoint_in, endpoint_out, step, command, moved: 0, tag: 0 })
    }

    /// The address of the transport's own room for data.
    pub fn data(&self) -> u64 {
        self.memory.device_address() + DATA_AT as u64
    }

    /// The bytes there.
    pub fn read(&mut self, length: usize) -> Vec<u8> {
        (0..length.min(MEMORY - DATA_AT)).map(|at| self.memory.read_u8(DATA_AT + at)).collect()
    }

    /// Whether a command is under way.
    pub fn is_busy(&self) -> bool {
        self.step != Step::Idle
    }

    /// Begins a command; none may be under way.
    pub fn begin(&mut self, command: Command) -> Result<(), Lost> {
        self.tag = self.tag.wrapping_add(1);
        self.memory.write_u32(0, WRAPPER_SIGNATURE);
        self.memory.write_u32(4, self.tag);
        self.memory.write_u32(8, command.length);
        let direction = if command.is_in { 0x80 } else { 0 };
        let mut rest = [0; 20];
        rest[0] = direction;
        // A SCSI command's length is told by its first byte (SAM-5): groups of six, ten and so on.
        rest[2] = if command.bytes[0] < 0x20 { 6 } else { 10 };
        rest[3..3 + command.bytes.len()].copy_from_slice(&command.bytes);
        for (index, byte) in rest.iter().enumerate() {
            self.memory.write_u8(12 + index, *byte);
        }
        (self.command, self.moved) = (Some(command), 0);
        self.transfer(Step::Wrapper, self.endpoint_out, self.memory.device_address(), WRAPPER_BYTES)
    }

    fn transfer(&mut self, step: Step, endpoint: u8, address: u64, length: u32) -> Result<(), Lost> {
        self.step = step;
        Ok(self.function.transfer(step as u32, endpoint, address, length)?)
    }

    fn recover(&mut self, step: Step, endpoint: u8) -> Result<(), Lost> {
        self.step = step;
        Ok(self.function.recover(step as u32, endpoint)?)
    }

    fn ask_status(&mut self, step: Step) -> Result<(), Lost> {
        // What was there is not taken for an answer.
        self.memory.write_u32(STATUS_AT, 0);
        let address = self.memory.device_address() + STATUS_AT as u64;
        self.transfer(step, self.endpoint_in, address, STATUS_BYTES)
    }

    fn reset(&mut self) -> Result<(), Lost> {
        self.step = Step::Reset;
        let kind = Setup::CLASS | Setup::INTERFACE;
        let setup = Setup { kind, request: RESET, value: 0, index: self.interface.into(), length: 0 };
        Ok(self.function.request(Step::Reset as u32, setup, 0)?)
    }

    /// Goes on with what is over. Returns what became of the command, once that is known.
    pub fn advance(&mut self) -> Result<Option<Outcome>, Lost> {
        while let Some(done) = self.function.next_done()? {
            if self.step == Step::Idle || done.id != self.step as u32 {
                // Nothing else is ever under way.
                return Err(Lost);
            }
            if let Some(outcome) = self.step(done.result)? {
                (self.step, self.command) = (Step::Idle, None);
                return Ok(Some(outcome));
            }
        }
        Ok(None)
    }

    fn step(&mut self, result: Result<u32, TransferError>) -> Result<Option<Outcome>, Lost> {
        let command = self.command.ok_or(Lost)?;
        let data_endpoint = if command.is_in { self.endpoint_in } else { self.endpoint_out };
        match (self.step, result) {
            (_, Err(TransferError::Gone)) => return Err(Lost),
            (Step::Wrapper, Ok(WRAPPER_BYTES)) if command.length > 0 => {
                self.transfer(Step::Data, data_endpoint, command.address, command.length)?;
            }
            (Step::Wrapper, Ok(WRAPPER_BYTES)) | (Step::DataRecovered, Ok(_)) => self.ask_status(Step::Status)?,
            (Step::Data, Ok(moved)) => {
                self.moved = moved;
                self.ask_status(Step::Status)?;
            }
            (Step::Data, Err(TransferError::Stalled)) => self.recover(Step::DataRecovered, data_endpoint)?,
            (Step::Status, Err(TransferError::Stalled)) => self.recover(Step::StatusRecovered, self.endpoint_in)?,
            (Step::StatusRecovered, Ok(_)) => self.ask_status(Step::StatusAgain)?,
            (Step::Status | Step::StatusAgain, Ok(STATUS_BYTES)) => match self.status() {
                Some(outcome) => return Ok(Some(outcome)),
                None => self.reset()?,
            },
            (Step::Reset, Ok(_)) => self.recover(Step::InRecovered, self.endpoint_in)?,
            (Step::InRecovered, Ok(_)) => self.recover(Step::OutRecovered, self.endpoint_out)?,
            (Step::OutRecovered, Ok(_)) => return Ok(Some(Outcome::Confused)),
            // What cannot be reset cannot be used.
            (Step::Reset | Step::InRecovered | Step::OutRecovered, Err(_)) => return Err(Lost),
            _ => self.reset()?,
        }
        Ok(None)
    }

    /// What the device says of the command; `None` if that makes no sense.
    fn status(&mut self) -> Option<Outcome> {
        let [signature, tag, residue] = [0, 4, 8].map(|at| self.memory.read_u32(STATUS_AT + at));
        let length = self.command.map_or(0, |command| command.length);
        if signature != STATUS_SIGNATURE || tag != self.tag || residue > length {
            return None;
        }
        match self.memory.read_u8(STATUS_AT + 12) {
            0 => Some(Outcome::Passed(self.moved.min(length - residue))),
            1 => Some(Outcome::Failed),
            _ => None,
        }
    }
}
