//! The unit's registers (section 10.4), and waiting for it.

use airox_driver_traits::registers::Registers;
use bitflags::bitflags;

use crate::{Error, REGISTER_BYTES};

const CAPABILITY: usize = 0x08;
const EXTENDED_CAPABILITY: usize = 0x10;
const GLOBAL_COMMAND: usize = 0x18;
const GLOBAL_STATUS: usize = 0x1c;
const ROOT_TABLE: usize = 0x20;
const CONTEXT_COMMAND: usize = 0x28;
const FAULT_STATUS: usize = 0x34;
const FAULT_CONTROL: usize = 0x38;
const FAULT_DATA: usize = 0x3c;
const FAULT_ADDRESS: usize = 0x40;
const FAULT_UPPER_ADDRESS: usize = 0x44;
const PROTECTED_MEMORY: usize = 0x64;
/// From the place of the translation cache's registers on.
const CACHE_COMMAND: usize = 8;
/// Bytes of a fault record, and of its low half.
const RECORD: usize = 16;
const RECORD_HALF: usize = 8;

/// So often a register is read until the unit has done what it was told: a hundred thousand reads take some ten milliseconds.
const LOOKS: u32 = 100_000;

bitflags! {
    /// What the unit does, as commands and as status.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    struct Global: u32 {
        const TRANSLATION = 1 << 31;
        const ROOT_TABLE = 1 << 30;
        const FLUSH_WRITES = 1 << 27;
        /// Those that last: translation, advanced fault log, queued invalidation, interrupt remapping, compatibility format.
        const LASTING = 1 << 31 | 1 << 28 | 1 << 26 | 1 << 25 | 1 << 23;
        const QUEUE = 1 << 26;
    }
}

/// Of the context command: go, and all contexts.
const CONTEXT_GO: u64 = 1 << 63;
const CONTEXT_ALL: u64 = 1 << 61;
/// Of the cache command: go, everything or one domain, and finish what is under way.
const CACHE_GO: u64 = 1 << 63;
const CACHE_ALL: u64 = 1 << 60;
const CACHE_DOMAIN: u64 = 2 << 60;
const CACHE_DOMAIN_SHIFT: u32 = 32;
const DRAIN_READS: u64 = 1 << 49;
const DRAIN_WRITES: u64 = 1 << 48;
/// Of the fault status: a fault was lost. Writing it forgets that.
const FAULTS_LOST: u32 = 1;
/// Of a record's high half: it holds a fault. Writing it empties it.
const RECORDED: u64 = 1 << 63;
/// Of the protected memory register: on, and its status.
const PROTECT: u32 = 1 << 31;
const PROTECTED: u32 = 1;

/// The unit's registers, and what it says of itself.
#[derive(Debug)]
pub struct Bank<R> {
    registers: R,
    capability: u64,
    extended: u64,
}

impl<R: Registers> Bank<R> {
    /// A unit that can be driven.
    pub fn new(mut registers: R) -> Result<Bank<R>, Error> {
        let capability = registers.read_u64(CAPABILITY);
        let extended = registers.read_u64(EXTENDED_CAPABILITY);
        let bank = Bank { registers, capability, extended };
        if capability == u64::MAX {
            return Err(Error::NoAnswer);
        }
        let cache_end = bank.cache_place() + CACHE_COMMAND + 8;
        let records_end = bank.record_place(bank.record_count());
        if bank.levels().is_none() || cache_end > REGISTER_BYTES || records_end > REGISTER_BYTES {
            return Err(Error::Unsupported);
        }
        Ok(bank)
    }

    /// How many levels page tables have: as few as the unit knows.
    pub fn levels(&self) -> Option<u32> {
        [3, 4].into_iter().find(|levels| self.capability >> (8 + levels - 2) & 1 != 0)
    }

    /// How many domains it tells apart.
    pub fn domains(&self) -> u32 {
        1 << (4 + 2 * (self.capability & 7))
    }

    /// Whether it remembers that something is *not* mapped.
    pub fn remembers_absence(&self) -> bool {
        self.capability >> 7 & 1 != 0
    }

    fn cache_place(&self) -> usize {
        (self.extended >> 8 & 0x3ff) as usize * 16
    }

    fn record_place(&self, number: usize) -> usize {
        (self.capability >> 24 & 0x3ff) as usize * 16 + number * RECORD
    }

    /// How many faults it can hold.
    pub fn record_count(&self) -> usize {
        (self.capability >> 40 & 0xff) as usize + 1
    }

    fn until(&mut self, done: impl Fn(&mut R) -> bool) -> Result<(), Error> {
        if (0..LOOKS).any(|_| done(&mut self.registers)) { Ok(()) } else { Err(Error::NoAnswer) }
    }

    /// Gives a command that lasts or is done at once (section 10.4.4: those that last are written with it).
    fn command(&mut self, change: Global, on: bool) -> Result<(), Error> {
        let lasting = Global::from_bits_retain(self.registers.read_u32(GLOBAL_STATUS)) & Global::LASTING;
        let wanted = if on { lasting | change } else { lasting - change };
        self.registers.write_u32(GLOBAL_COMMAND, wanted.bits());
        // The status of flushing says that it is under way, the others that it is so.
        let expected = on && change != Global::FLUSH_WRITES;
        self.until(|registers| Global::from_bits_retain(registers.read_u32(GLOBAL_STATUS)).contains(change) == expected)
    }

    /// Makes the unit use this root table for everything, from now on.
    pub fn use_root_table(&mut self, address: u64) -> Result<(), Error> {
        // Firmware may have used the queue for what is told by registers here; its entries are in memory that is nobody's now.
        if self.registers.read_u32(GLOBAL_STATUS) & Global::QUEUE.bits() != 0 {
            self.command(Global::QUEUE, false)?;
        }
        self.registers.write_u64(ROOT_TABLE, address);
        self.command(Global::ROOT_TABLE, true)?;
        self.forget_contexts()?;
        self.command(Global::TRANSLATION, true)?;
        // Ranges that were protected from all devices until there are tables (section 10.4.16).
        if self.capability >> 5 & 3 != 0 {
            self.registers.write_u32(PROTECTED_MEMORY, 0);
            self.until(|registers| registers.read_u32(PROTECTED_MEMORY) & (PROTECT | PROTECTED) == 0)?;
        }
        Ok(())
    }

    /// Makes what was written to tables visible to the unit, where the chipset may keep it back.
    pub fn flush_writes(&mut self) -> Result<(), Error> {
        if self.capability >> 4 & 1 != 0 { self.command(Global::FLUSH_WRITES, true) } else { Ok(()) }
    }

    /// Makes the unit read contexts and pages again.
    pub fn forget_contexts(&mut self) -> Result<(), Error> {
        self.flush_writes()?;
        self.registers.write_u64(CONTEXT_COMMAND, CONTEXT_GO | CONTEXT_ALL);
        self.until(|registers| registers.read_u64(CONTEXT_COMMAND) & CONTEXT_GO == 0)?;
        self.forget(CACHE_ALL)
    }

    /// Makes the unit read the pages of a domain again.
    pub fn forget_pages(&mut self, domain: u16) -> Result<(), Error> {
        self.flush_writes()?;
        self.forget(CACHE_DOMAIN | u64::from(domain) << CACHE_DOMAIN_SHIFT)
    }

    fn forget(&mut self, what: u64) -> Result<(), Error> {
        let drain = if self.capability >> 55 & 1 != 0 { DRAIN_READS } else { 0 }
            | if self.capability >> 54 & 1 != 0 { DRAIN_WRITES } else { 0 };
        let place = self.cache_place() + CACHE_COMMAND;
        self.registers.write_u64(place, CACHE_GO | what | drain);
        self.until(|registers| registers.read_u64(place) & CACHE_GO == 0)
    }

    /// Has faults send this message.
    pub fn tell_faults(&mut self, address: u64, data: u32) {
        self.registers.write_u32(FAULT_DATA, data);
        self.registers.write_u32(FAULT_ADDRESS, address as u32);
        self.registers.write_u32(FAULT_UPPER_ADDRESS, (address >> 32) as u32);
        self.registers.write_u32(FAULT_CONTROL, 0);
    }

    /// Takes a fault out of a record, if it holds one: its halves.
    pub fn take_record(&mut self, number: usize) -> Option<(u64, u64)> {
        let place = self.record_place(number);
        let high = self.registers.read_u64(place + RECORD_HALF);
        if high & RECORDED == 0 {
            return None;
        }
        let low = self.registers.read_u64(place);
        self.registers.write_u64(place + RECORD_HALF, RECORDED);
        Some((low, high))
    }

    /// Forgets that faults were lost; returns whether some were.
    pub fn take_lost(&mut self) -> bool {
        let lost = self.registers.read_u32(FAULT_STATUS) & FAULTS_LOST != 0;
        if lost {
            self.registers.write_u32(FAULT_STATUS, FAULTS_LOST);
        }
        lost
    }
}
