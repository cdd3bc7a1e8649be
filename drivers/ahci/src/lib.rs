//! A SATA disk on an AHCI controller: the first one, by the number of its port.
//!
//! Section numbers are those of the Serial ATA AHCI Specification 1.3.1. A command has a header in a list, which tells where its table is: the
//! command itself, as the frame that goes over the wire, and one range of memory. The controller clears the command's bit in a register when it is
//! done. Commands are those of ATA8-ACS that every disk with 48-bit addresses has, without queuing by the disk: one at a time, so there is no doubt which one
//! failed.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod command;
mod controller;
mod identity;

pub use controller::{BAR, REGISTERS, SetupError};

use airox_driver_traits::block::{BlockError, Geometry};
use airox_driver_traits::dma::DmaMemory;
use airox_driver_traits::queue::{BlockQueue, Broken, Done, Full, Kind, Request};
use airox_driver_traits::registers::Registers;

use command::{Command, operation};
use controller::{Ended, Port};
use identity::Identity;

/// A SATA disk.
#[derive(Debug)]
pub struct Ahci<R, D> {
    port: Port<R, D>,
    identity: Identity,
    /// Who asked, and for the blocks from where.
    command: Option<(u32, u64)>,
}

impl<R: Registers, D: DmaMemory> Ahci<R, D> {
    /// Sets the controller and its first disk up. `memory` is asked for memory after it has been reset.
    ///
    /// # Errors
    /// Why it cannot be driven; [`SetupError::NoDisk`] if there is none.
    pub fn new<E: From<SetupError>>(registers: R, memory: impl FnOnce(usize) -> Result<D, E>) -> Result<Ahci<R, D>, E> {
        let controller = controller::reset(registers)?;
        let mut port = controller.first_disk(memory(command::MEMORY)?)?;
        let identity = port.identify()?;
        port.interrupt();
        Ok(Ahci { port, identity, command: None })
    }
}

impl<R: Registers, D: DmaMemory> BlockQueue for Ahci<R, D> {
    fn geometry(&self) -> Geometry {
        self.identity.geometry
    }

    fn has_cache(&self) -> bool {
        self.identity.has_cache
    }

    fn most_blocks(&self) -> u32 {
        command::MOST_BYTES / self.identity.geometry.block_size
    }

    fn submit(&mut self, id: u32, request: &Request) -> Result<(), Full> {
        if self.command.is_some() {
            return Err(Full);
        }
        let (operation, writes) = match request.kind {
            Kind::Read => (operation::READ, false),
            Kind::Write => (operation::WRITE, true),
            Kind::Flush => (operation::FLUSH, false),
        };
        let mut command = Command { operation, writes, ..Command::default() };
        if request.kind != Kind::Flush {
            let length = request.count.saturating_mul(self.identity.geometry.block_size);
            (command.first, command.count) = (request.first, request.count);
            command.memory = Some((request.address, length));
        }
        self.command = Some((id, request.first));
        self.port.start(&command);
        Ok(())
    }

    fn next_done(&mut self) -> Result<Option<Done>, Broken> {
        let Some((id, first)) = self.command else { return Ok(None) };
        let Some(ended) = self.port.look()? else { return Ok(None) };
        self.command = None;
        let result = match ended {
            Ended::Well => Ok(()),
            Ended::Badly => Err(BlockError::Medium { block: first }),
        };
        Ok(Some(Done { id, result }))
    }
}
