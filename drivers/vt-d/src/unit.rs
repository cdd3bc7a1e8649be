//! The unit as its owner uses it.

use airox_driver_traits::registers::Registers;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::domain::Domain;
use crate::fault::Fault;
use crate::frames::{FRAME_BYTES, Frame, Frames, TableMemory};
use crate::registers::Bank;
use crate::{Error, Source, tables};

/// A remapping unit that is on: what is not mapped is blocked.
#[derive(Debug)]
pub struct Unit<R, D> {
    bank: Bank<R>,
    frames: Frames<D>,
    root: Frame,
    levels: u32,
    domains: BTreeMap<Source, Domain>,
}

impl<R: Registers, D: TableMemory> Unit<R, D> {
    /// Turns a unit on, whatever it did before, with tables in this memory: from now on no function reaches anything. The memory must stay
    /// nobody else's as long as the unit is on, which outlives this value.
    ///
    /// # Errors
    /// It cannot be driven. If it says so only while it is turned on, it may be on or off.
    pub fn new(registers: R, memory: D) -> Result<Unit<R, D>, Error> {
        let mut bank = Bank::new(registers)?;
        let levels = bank.levels().ok_or(Error::Unsupported)?;
        let (frames, root) = Frames::new(memory).ok_or(Error::BadMemory)?;
        bank.use_root_table(frames.address(root))?;
        Ok(Unit { bank, frames, root, levels, domains: BTreeMap::new() })
    }

    /// Gives a function a domain, in which nothing is mapped.
    ///
    /// # Errors
    /// [`Error::Attached`], [`Error::Full`], [`Error::NoAnswer`].
    pub fn attach(&mut self, source: Source) -> Result<(), Error> {
        if self.domains.contains_key(&source) {
            return Err(Error::Attached);
        }
        // Number 0 is the unit's own where it remembers absence (section 6.1).
        let free = (1..self.bank.domains()).find(|number| {
            let taken = |domain: &Domain| u32::from(domain.number) == *number;
            !self.domains.values().any(taken)
        });
        let number = free.and_then(|number| u16::try_from(number).ok()).ok_or(Error::Full)?;
        let pages = self.frames.take()?;
        if let Err(error) = tables::set_context(&mut self.frames, self.root, source, (pages, self.levels), number) {
            self.frames.give_back([pages]);
            return Err(error);
        }
        self.domains.insert(source, Domain::new(number, pages));
        // Also what a former domain of this number had.
        self.bank.forget_contexts()
    }

    /// Takes a function's domain away: it reaches nothing any more.
    ///
    /// # Errors
    /// [`Error::NotAttached`]; or [`Error::NoAnswer`], and the domain's tables are kept, because the unit may still use them.
    pub fn detach(&mut self, source: Source) -> Result<(), Error> {
        let domain = self.domains.remove(&source).ok_or(Error::NotAttached)?;
        tables::clear_context(&mut self.frames, self.root, source);
        self.bank.forget_contexts()?;
        self.frames.give_back(domain.frames);
        Ok(())
    }

    /// Lets a function read and write `pages` of memory at `physical`; returns the address by which it names the first.
    ///
    /// # Errors
    /// [`Error::BadMemory`], [`Error::NotAttached`], [`Error::Full`], [`Error::NoAnswer`]; nothing is mapped then.
    pub fn map(&mut self, source: Source, physical: u64, pages: u64) -> Result<u64, Error> {
        let end = pages.checked_mul(FRAME_BYTES).and_then(|length| physical.checked_add(length));
        if pages == 0 || !physical.is_multiple_of(FRAME_BYTES) || end.is_none_or(|end| end > 1 << 52) {
            return Err(Error::BadMemory);
        }
        let domain = self.domains.get_mut(&source).ok_or(Error::NotAttached)?;
        let address = domain.find(pages).ok_or(Error::Full)?;
        let top = (domain.pages, self.levels);
        for page in 0..pages {
            let (at, memory) = (address + page * FRAME_BYTES, physical + page * FRAME_BYTES);
            if let Err(error) = tables::set_page(&mut self.frames, top, &mut domain.frames, at, Some(memory)) {
                for page in 0..page {
                    // Its tables are there.
                    let at = address + page * FRAME_BYTES;
                    let _ = tables::set_page(&mut self.frames, top, &mut domain.frames, at, None);
                }
                self.bank.forget_pages(domain.number)?;
                return Err(error);
            }
        }
        domain.mapped.insert(address, pages);
        let told = if self.bank.remembers_absence() {
            self.bank.forget_pages(domain.number)
        } else {
            self.bank.flush_writes()
        };
        told.map(|()| address)
    }

    /// Ends what [`Unit::map`] began; when this returns the function reaches that memory no more.
    ///
    /// # Errors
    /// [`Error::NotAttached`], [`Error::NotMapped`]; or [`Error::NoAnswer`]: the function may still reach it.
    pub fn unmap(&mut self, source: Source, address: u64) -> Result<(), Error> {
        let domain = self.domains.get_mut(&source).ok_or(Error::NotAttached)?;
        let pages = domain.mapped.remove(&address).ok_or(Error::NotMapped)?;
        for page in 0..pages {
            let at = address + page * FRAME_BYTES;
            tables::set_page(&mut self.frames, (domain.pages, self.levels), &mut domain.frames, at, None)?;
        }
        self.bank.forget_pages(domain.number)
    }

    /// Has each fault send a message to a processor.
    pub fn tell_faults(&mut self, message_address: u64, data: u32) {
        self.bank.tell_faults(message_address, data);
    }

    /// The faults since the last time, as many as the unit held; and whether it lost some.
    pub fn take_faults(&mut self) -> (Vec<Fault>, bool) {
        let records = 0..self.bank.record_count();
        let faults = records.filter_map(|number| self.bank.take_record(number));
        let faults = faults.map(|(low, high)| Fault::decode(low, high)).collect();
        (faults, self.bank.take_lost())
    }

    /// Frames that no table uses.
    #[cfg(test)]
    pub(crate) fn free_frames(&self) -> usize {
        self.frames.free()
    }
}
