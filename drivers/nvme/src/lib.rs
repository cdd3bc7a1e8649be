//! An NVMe disk: the first namespace of a controller, with one pair of queues for its blocks.
//!
//! Section numbers are those of the NVM Express Base Specification 1.4. Commands are 64 bytes in a ring in memory, completions 16 bytes in another; the
//! controller is told of new commands, and of completions that were taken, by registers called doorbells. Memory of a command is a list of
//! pages of 4 KiB; a list of one command has a page, so a command moves at most 2 MiB.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod controller;
mod ring;

pub use controller::{REGISTERS, SetupError};

use airox_driver_traits::block::{BlockError, Geometry};
use airox_driver_traits::dma::DmaMemory;
use airox_driver_traits::queue::{BlockQueue, Broken, Done, Full, Kind, Request};
use airox_driver_traits::registers::Registers;
use alloc::vec::Vec;

use controller::{Controller, Namespace, PAGE, PAGES, page};
use ring::Command;

/// Commands at a time. One less than the ring holds, which is never full.
const COMMANDS: usize = controller::ENTRIES as usize - 1;

/// Opcodes (NVM command set, section 6).
const FLUSH: u8 = 0;
const WRITE: u8 = 1;
const READ: u8 = 2;

/// An NVMe disk.
#[derive(Debug)]
pub struct Nvme<R, D> {
    controller: Controller<R, D>,
    namespace: Namespace,
    /// Who asked, and for the blocks from where, by the command's number.
    commands: Vec<Option<(u32, u64)>>,
    free: Vec<u16>,
}

impl<R: Registers, D: DmaMemory> Nvme<R, D> {
    /// Sets the controller up. `memory` is asked for memory after it has been reset.
    ///
    /// # Errors
    /// Why it cannot be driven.
    pub fn new<E: From<SetupError>>(registers: R, memory: impl FnOnce(usize) -> Result<D, E>) -> Result<Nvme<R, D>, E> {
        let bytes = (PAGES + COMMANDS) * PAGE;
        let mut controller = Controller::reset(registers)?.start(memory(bytes)?)?;
        let namespace = controller.identify()?;
        controller.create_queues()?;
        Ok(Nvme {
            controller,
            namespace,
            commands: (0..COMMANDS).map(|_| None).collect(),
            free: (0..COMMANDS as u16).rev().collect(),
        })
    }

    /// The two addresses by which a command names `length` bytes from `address` on (section 4.3): the first page, and the second or a list of all others.
    fn pages(&mut self, number: u16, address: u64, length: u64) -> (u64, u64) {
        let size = PAGE as u64;
        let second = address - address % size + size;
        let end = address + length;
        if end <= second {
            return (address, 0);
        }
        if end <= second + size {
            return (address, second);
        }
        let list = page(PAGES + usize::from(number));
        for (index, at) in (second..end).step_by(PAGE).enumerate() {
            self.controller.memory().write_u64(list + index * 8, at);
        }
        (address, self.controller.memory().device_address() + list as u64)
    }
}

impl<R: Registers, D: DmaMemory> BlockQueue for Nvme<R, D> {
    fn geometry(&self) -> Geometry {
        self.namespace.geometry
    }

    fn has_cache(&self) -> bool {
        self.namespace.has_cache
    }

    fn most_blocks(&self) -> u32 {
        self.namespace.most_blocks
    }

    fn submit(&mut self, id: u32, request: &Request) -> Result<(), Full> {
        let number = self.free.pop().ok_or(Full)?;
        let opcode = match request.kind {
            Kind::Read => READ,
            Kind::Write => WRITE,
            Kind::Flush => FLUSH,
        };
        let mut command = Command { opcode, number, namespace: controller::NAMESPACE, ..Command::default() };
        if request.kind != Kind::Flush {
            let length = u64::from(request.count) * u64::from(self.namespace.geometry.block_size);
            command.pages = self.pages(number, request.address, length);
            command.words = [request.first as u32, (request.first >> 32) as u32, request.count.saturating_sub(1)];
        }
        self.commands[usize::from(number)] = Some((id, request.first));
        self.controller.submit(&command);
        Ok(())
    }

    fn next_done(&mut self) -> Result<Option<Done>, Broken> {
        let Some(completion) = self.controller.take() else {
            let busy = self.free.len() < COMMANDS;
            return if busy && self.controller.has_failed() { Err(Broken) } else { Ok(None) };
        };
        let slot = self.commands.get_mut(usize::from(completion.number)).and_then(Option::take);
        let (id, first) = slot.ok_or(Broken)?;
        self.free.push(completion.number);
        let result = if completion.status == 0 { Ok(()) } else { Err(BlockError::Medium { block: first }) };
        Ok(Some(Done { id, result }))
    }
}
