//! A pair of rings: commands to the controller, completions from it (sections 4.1, 4.2 and 4.6).

use airox_driver_traits::dma::DmaMemory;
use core::sync::atomic::{Ordering, fence};

/// Bytes of a command and of a completion.
const COMMAND: usize = 64;
const COMPLETION: usize = 16;
/// In a completion: the command's number, and its status, whose lowest bit says in which round through the ring it was written.
const NUMBER: usize = 12;
const STATUS: usize = 14;

/// A command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Command {
    /// What to do.
    pub opcode: u8,
    /// The command's number.
    pub number: u16,
    /// The namespace it is about, 0 for none.
    pub namespace: u32,
    /// Its memory.
    pub pages: (u64, u64),
    /// Its own words, 10 to 12.
    pub words: [u32; 3],
}

/// What became of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Completion {
    /// The command's number.
    pub number: u16,
    /// 0 if it was done.
    pub status: u16,
}

/// The driver's side of both rings. They hold the same number of entries.
#[derive(Debug)]
pub struct Ring {
    /// Where they begin in the driver's memory.
    commands: usize,
    completions: usize,
    entries: u16,
    tail: u16,
    head: u16,
    /// What the lowest bit of a new completion's status is.
    round: u16,
}

impl Ring {
    /// Empty rings in zeroed memory at these offsets.
    pub const fn new(commands: usize, completions: usize, entries: u16) -> Ring {
        Ring { commands, completions, entries, tail: 0, head: 0, round: 1 }
    }

    /// Writes a command; returns what the controller's doorbell is to be told.
    pub fn push<D: DmaMemory>(&mut self, memory: &mut D, command: &Command) -> u32 {
        let at = self.commands + usize::from(self.tail) * COMMAND;
        for offset in (0..COMMAND).step_by(8) {
            memory.write_u64(at + offset, 0);
        }
        memory.write_u32(at, u32::from(command.opcode) | u32::from(command.number) << 16);
        memory.write_u32(at + 4, command.namespace);
        memory.write_u64(at + 24, command.pages.0);
        memory.write_u64(at + 32, command.pages.1);
        for (index, word) in command.words.iter().enumerate() {
            memory.write_u32(at + 40 + index * 4, *word);
        }
        self.tail = (self.tail + 1) % self.entries;
        // The controller reads the command once it is told.
        fence(Ordering::Release);
        u32::from(self.tail)
    }

    /// Takes the next completion, if there is one; and what the controller's doorbell is to be told.
    pub fn pop<D: DmaMemory>(&mut self, memory: &mut D) -> Option<(Completion, u32)> {
        let at = self.completions + usize::from(self.head) * COMPLETION;
        let status = memory.read_u16(at + STATUS);
        if status & 1 != self.round {
            return None;
        }
        // The rest was written no later than the bit that says so.
        fence(Ordering::Acquire);
        let number = memory.read_u16(at + NUMBER);
        self.head = (self.head + 1) % self.entries;
        if self.head == 0 {
            self.round ^= 1;
        }
        Some((Completion { number, status: status >> 1 }, u32::from(self.head)))
    }
}
