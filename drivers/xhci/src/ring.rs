//! Rings of transfer request blocks in memory, one page each (section 4.9).

use airox_driver_traits::dma::DmaMemory;
use core::sync::atomic::{Ordering, fence};

use crate::trb::{self, Trb, kind};

/// Bytes of a ring.
pub const PAGE: usize = 4096;
/// Blocks in one; of the driver's rings the last leads back to the first.
pub const ENTRIES: usize = PAGE / trb::BYTES;

fn read<D: DmaMemory>(memory: &mut D, at: usize) -> Trb {
    Trb { parameter: memory.read_u64(at), status: memory.read_u32(at + 8), control: memory.read_u32(at + 12) }
}

/// A ring that the driver fills: commands, transfers.
#[derive(Clone, Copy, Debug)]
pub struct Ring {
    /// Where it begins in the memory.
    offset: usize,
    next: usize,
    cycle: u32,
}

impl Ring {
    /// Blocks that fit.
    pub const ROOM: usize = ENTRIES - 1;

    /// An empty ring at this offset, whatever was there.
    pub fn new<D: DmaMemory>(memory: &mut D, offset: usize) -> Ring {
        for at in (offset..offset + PAGE).step_by(8) {
            memory.write_u64(at, 0);
        }
        Ring { offset, next: 0, cycle: trb::CYCLE }
    }

    /// The place of the next block.
    pub const fn next(&self) -> usize {
        self.next
    }

    /// What the controller is told of a place: its address, and in the lowest bit the cycle that is next there.
    pub fn pointer<D: DmaMemory>(&self, memory: &D, place: usize) -> u64 {
        // Places from the next on are written with the cycle of now; those before were, unless the ring has turned since.
        let cycle = if place <= self.next { self.cycle } else { self.cycle ^ trb::CYCLE };
        self.address(memory, place) | u64::from(cycle)
    }

    /// The address of a place.
    pub fn address<D: DmaMemory>(&self, memory: &D, place: usize) -> u64 {
        memory.device_address() + (self.offset + place * trb::BYTES) as u64
    }

    /// The place that an address names, if it does.
    pub fn place<D: DmaMemory>(&self, memory: &D, address: u64) -> Option<usize> {
        let offset = address.checked_sub(self.address(memory, 0))?;
        let place = (offset / trb::BYTES as u64) as usize;
        (place < Ring::ROOM && offset.is_multiple_of(trb::BYTES as u64)).then_some(place)
    }

    /// Adds a block; returns its place. The caller sees to it that there is room. `chained` says that it goes on behind the link.
    pub fn push<D: DmaMemory>(&mut self, memory: &mut D, block: Trb) -> usize {
        let place = self.next;
        self.write(memory, place, block);
        self.next += 1;
        if self.next == Ring::ROOM {
            let chain = block.control & trb::CHAIN;
            let control = kind::LINK << 10 | trb::TOGGLE | chain;
            let link = Trb { parameter: self.address(memory, 0), status: 0, control };
            self.write(memory, Ring::ROOM, link);
            self.next = 0;
            self.cycle ^= trb::CYCLE;
        }
        place
    }

    /// The cycle bit goes last: from then on the block is the controller's.
    fn write<D: DmaMemory>(&self, memory: &mut D, place: usize, block: Trb) {
        let at = self.offset + place * trb::BYTES;
        memory.write_u64(at, block.parameter);
        memory.write_u32(at + 8, block.status);
        fence(Ordering::Release);
        memory.write_u32(at + 12, block.control & !trb::CYCLE | self.cycle);
        // Before the doorbell.
        fence(Ordering::Release);
    }
}

/// The ring that the controller fills.
#[derive(Debug)]
pub struct EventRing {
    offset: usize,
    next: usize,
    cycle: u32,
}

impl EventRing {
    /// An empty ring in zeroed memory at this offset.
    pub const fn new(offset: usize) -> EventRing {
        EventRing { offset, next: 0, cycle: trb::CYCLE }
    }

    /// The address of the next event's place.
    pub fn pointer<D: DmaMemory>(&self, memory: &D) -> u64 {
        memory.device_address() + (self.offset + self.next * trb::BYTES) as u64
    }

    /// Takes the next event.
    pub fn pop<D: DmaMemory>(&mut self, memory: &mut D) -> Option<Trb> {
        let at = self.offset + self.next * trb::BYTES;
        if memory.read_u32(at + 12) & trb::CYCLE != self.cycle {
            return None;
        }
        // The rest was written no later than the bit that says so.
        fence(Ordering::Acquire);
        let event = read(memory, at);
        self.next += 1;
        if self.next == ENTRIES {
            self.next = 0;
            self.cycle ^= trb::CYCLE;
        }
        Some(event)
    }
}
