//! Reads firmware tables where they lie in physical memory.

use core::cell::RefCell;
use core::mem::ManuallyDrop;

use airox_power::{PhysicalRead, Unreadable};
use airox_rt::abi::layout::PAGE_SIZE;
use airox_rt::{Handle, Machine, MapFlags, Mapping, TypedHandle};

/// Physical memory that is not RAM in use, page by page. The page read last stays mapped: tables are read in small pieces.
pub struct PhysicalMemory {
    machine: ManuallyDrop<Machine>,
    last: RefCell<Option<(u64, Mapping)>>,
}

impl PhysicalMemory {
    /// Through this machine authority, which stays the caller's.
    pub fn new(machine: Handle) -> PhysicalMemory {
        PhysicalMemory { machine: ManuallyDrop::new(Machine::from_raw(machine)), last: RefCell::new(None) }
    }

    /// Copies from one page.
    fn read_page(&self, page: u64, offset: usize, buffer: &mut [u8]) -> Result<(), Unreadable> {
        let mut last = self.last.borrow_mut();
        if !matches!(&*last, Some((mapped, _)) if *mapped == page) {
            *last = None;
            let region = self.machine.device(page, 1).map_err(|_| Unreadable)?;
            let mapping = Mapping::new(&region, MapFlags::empty()).map_err(|_| Unreadable)?;
            *last = Some((page, mapping));
        }
        let (_, mapping) = last.as_ref().ok_or(Unreadable)?;
        mapping.window().copy_to(offset, buffer).ok_or(Unreadable)
    }
}

impl PhysicalRead for PhysicalMemory {
    fn read(&self, address: u64, mut buffer: &mut [u8]) -> Result<(), Unreadable> {
        let mut at = address;
        while !buffer.is_empty() {
            let offset = (at % PAGE_SIZE) as usize;
            let length = buffer.len().min(PAGE_SIZE as usize - offset);
            let (part, rest) = buffer.split_at_mut(length);
            self.read_page(at - at % PAGE_SIZE, offset, part)?;
            at = at.checked_add(length as u64).ok_or(Unreadable)?;
            buffer = rest;
        }
        Ok(())
    }
}
