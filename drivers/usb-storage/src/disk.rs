//! The disk: what it is, and its requests, one after the other.

use airox_driver_traits::block::{BlockError, Geometry, SECTOR};
use airox_driver_traits::dma::DmaMemory;
use airox_driver_traits::queue::{BlockQueue, Broken, Done, Full, Kind, Request};
use airox_driver_traits::usb::{Description, UsbFunction};
use core::fmt;

use crate::command::{self, Command, Sense};
use crate::transport::{Lost, Outcome, Transport};

/// Most bytes of a command.
const MOST_BYTES: u32 = 128 * 1024;
/// Largest block.
const LARGEST_BLOCK: u32 = 4096;
/// How often a command is tried that may do better again: a disk tells of each thing that happened by a command that fails.
const TRIES: u32 = 5;

/// Why there is no disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetupError {
    /// It lacks an endpoint, has gone, or does not keep to the protocol.
    Lost,
    /// It is no disk, or has no medium.
    NoMedium,
    /// Its blocks are of a size, or are more, than can be used.
    Unsuitable,
    /// It does not answer.
    Silent,
}

impl From<Lost> for SetupError {
    fn from(_: Lost) -> SetupError {
        SetupError::Lost
    }
}

impl fmt::Display for SetupError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            SetupError::Lost => "the device does not keep to the protocol",
            SetupError::NoMedium => "there is no disk in it",
            SetupError::Unsuitable => "its blocks cannot be used",
            SetupError::Silent => "the device does not answer",
        })
    }
}

impl core::error::Error for SetupError {}

/// A request under way.
#[derive(Clone, Copy, Debug)]
struct Current {
    id: u32,
    request: Request,
    command: Command,
    tries: u32,
    /// It failed, and the device is being asked why.
    asking: bool,
}

/// A disk.
#[derive(Debug)]
pub struct Disk<F, D> {
    transport: Transport<F, D>,
    geometry: Geometry,
    current: Option<Current>,
}

impl<F: UsbFunction, D: DmaMemory> Disk<F, D> {
    /// Finds out what the disk is; `wait` waits until a transfer may be over, or says that it took too long.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub fn new(
        function: F,
        description: &Description,
        memory: D,
        mut wait: impl FnMut() -> Result<(), SetupError>,
    ) -> Result<Disk<F, D>, SetupError> {
        let mut transport = Transport::new(function, description, memory).ok_or(SetupError::Lost)?;
        let at = transport.data();
        let mut ask = |command: Command| settle(&mut transport, command, &mut wait);
        let what = ask(command::inquiry(at))?;
        // A disk that is there (SPC-4, section 6.6.2).
        if what.first() != Some(&0) {
            return Err(SetupError::NoMedium);
        }
        ask(command::TEST_UNIT_READY)?;
        let capacity = ask(command::read_capacity(at))?;
        let number = |from: usize| capacity.get(from..from + 4).and_then(|bytes| bytes.try_into().ok());
        let (Some(last), Some(size)) = (number(0).map(u32::from_be_bytes), number(4).map(u32::from_be_bytes)) else {
            return Err(SetupError::Unsuitable);
        };
        if !size.is_power_of_two() || !(SECTOR..=LARGEST_BLOCK).contains(&size) || last == u32::MAX {
            return Err(SetupError::Unsuitable);
        }
        // One that does not tell can be written, as far as anybody knows.
        let mode = ask(command::mode_sense(at)).unwrap_or_default();
        let read_only = mode.get(2).is_some_and(|flags| flags & 1 << 7 != 0);
        let geometry = Geometry { block_size: size, blocks: u64::from(last) + 1, read_only };
        Ok(Disk { transport, geometry, current: None })
    }

    /// What an outcome means for the request under way; `None` if it goes on.
    fn judge(&mut self, outcome: Outcome) -> Result<Option<Done>, Lost> {
        let mut current = self.current.ok_or(Lost)?;
        let at = self.transport.data();
        let medium = BlockError::Medium { block: current.request.first };
        let result = match (current.asking, outcome) {
            (false, Outcome::Passed(moved)) if moved == current.command.length => Ok(()),
            (false, Outcome::Passed(_)) => Err(medium),
            (false, Outcome::Failed) => {
                current.asking = true;
                self.current = Some(current);
                self.transport.begin(command::request_sense(at))?;
                return Ok(None);
            }
            (true, Outcome::Passed(_)) => match Sense::parse(&self.transport.read(18)) {
                Sense::Done => Ok(()),
                // A disk without a cache need not know how to flush it.
                Sense::Unknown if current.request.kind == Kind::Flush => Ok(()),
                Sense::Again if current.tries < TRIES => return self.again(current),
                Sense::Protected => Err(BlockError::ReadOnly),
                Sense::Again | Sense::Unknown | Sense::Medium => Err(medium),
            },
            (_, Outcome::Failed | Outcome::Confused) if current.tries < TRIES => return self.again(current),
            (_, Outcome::Failed | Outcome::Confused) => Err(medium),
        };
        self.current = None;
        Ok(Some(Done { id: current.id, result }))
    }

    fn again(&mut self, current: Current) -> Result<Option<Done>, Lost> {
        self.transport.begin(current.command)?;
        self.current = Some(Current { tries: current.tries + 1, asking: false, ..current });
        Ok(None)
    }
}

/// Does a command with the transport's own data, and waits; returns the data.
fn settle<F: UsbFunction, D: DmaMemory>(
    transport: &mut Transport<F, D>,
    command: Command,
    wait: &mut impl FnMut() -> Result<(), SetupError>,
) -> Result<alloc::vec::Vec<u8>, SetupError> {
    let at = transport.data();
    let mut run = |transport: &mut Transport<F, D>, command| {
        transport.begin(command)?;
        loop {
            match transport.advance()? {
                Some(outcome) => return Ok::<Outcome, SetupError>(outcome),
                None => wait()?,
            }
        }
    };
    for _ in 0..TRIES {
        match run(transport, command)? {
            Outcome::Passed(moved) => return Ok(transport.read(moved as usize)),
            Outcome::Failed => {
                run(transport, command::request_sense(at))?;
            }
            Outcome::Confused => {}
        }
    }
    Err(SetupError::NoMedium)
}

impl<F: UsbFunction, D: DmaMemory> BlockQueue for Disk<F, D> {
    fn geometry(&self) -> Geometry {
        self.geometry
    }

    fn has_cache(&self) -> bool {
        true
    }

    fn most_blocks(&self) -> u32 {
        MOST_BYTES / self.geometry.block_size
    }

    fn submit(&mut self, id: u32, request: &Request) -> Result<(), Full> {
        if self.current.is_some() {
            return Err(Full);
        }
        let command = command::of(request, self.geometry.block_size).ok_or(Full)?;
        self.current = Some(Current { id, request: *request, command, tries: 0, asking: false });
        // A device that has gone says so when it is asked for what is over.
        let _ = self.transport.begin(command);
        Ok(())
    }

    fn next_done(&mut self) -> Result<Option<Done>, Broken> {
        if self.current.is_none() {
            return Ok(None);
        }
        if !self.transport.is_busy() {
            return Err(Broken);
        }
        while let Some(outcome) = self.transport.advance().map_err(|_| Broken)? {
            if let Some(done) = self.judge(outcome).map_err(|_| Broken)? {
                return Ok(Some(done));
            }
        }
        Ok(None)
    }
}
