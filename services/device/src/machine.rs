//! The machine as the manager reaches it: configuration space through its window in memory, init through its port.

use airox_api::supervisor::SupervisorClient;
use airox_device::Platform;
use airox_device::arguments::Pci;
use airox_driver_traits::pci::{BusAddress, ConfigurationSpace, FUNCTION_BYTES};
use airox_driver_traits::registers::{Registers, Width};
use airox_rt::abi::layout::PAGE_SIZE;
use airox_rt::sys;
use airox_rt::{Error, Handle, MapFlags, Mapping, Region, RegionKind, TypedHandle};
use alloc::collections::BTreeMap;
use core::mem::ManuallyDrop;
use core::ops::RangeInclusive;

/// Pages of one bus's configuration space.
const BUS_PAGES: u64 = (1 << 20) / PAGE_SIZE;

/// Configuration space in memory (ECAM). A bus is mapped when it is first looked at.
pub struct Ecam {
    region: Region,
    buses: RangeInclusive<u8>,
    mapped: BTreeMap<u8, Mapping>,
}

impl Ecam {
    /// The window of one function, if the machine has its bus.
    fn window(&mut self, at: BusAddress) -> Option<airox_rt::Window<'_>> {
        let bus = at.bus.checked_sub(*self.buses.start()).filter(|_| self.buses.contains(&at.bus))?;
        if !self.mapped.contains_key(&bus) {
            let first = u64::from(bus) * BUS_PAGES;
            let mapping = Mapping::part(&self.region, first, BUS_PAGES, MapFlags::WRITE).ok()?;
            self.mapped.insert(bus, mapping);
        }
        let number = usize::from(at.device & 31) << 3 | usize::from(at.function & 7);
        self.mapped.get(&bus)?.window().part(number * FUNCTION_BYTES, FUNCTION_BYTES)
    }
}

impl ConfigurationSpace for Ecam {
    fn read(&mut self, at: BusAddress, offset: usize, width: Width) -> u64 {
        self.window(at).map_or(width.nothing(), |mut window| Registers::read(&mut window, offset, width))
    }

    fn write(&mut self, at: BusAddress, offset: usize, width: Width, value: u64) {
        if let Some(mut window) = self.window(at) {
            Registers::write(&mut window, offset, width, value);
        }
    }
}

/// The machine.
pub struct Machine {
    space: Ecam,
    init: SupervisorClient,
}

impl Machine {
    /// With configuration space in this region, and init.
    pub fn new(region: Region, pci: &Pci, init: SupervisorClient) -> Machine {
        Machine { space: Ecam { region, buses: pci.buses.clone(), mapped: BTreeMap::new() }, init }
    }
}

impl Platform for Machine {
    type Space = Ecam;

    fn configuration(&mut self) -> &mut Ecam {
        &mut self.space
    }

    fn write_registers(&mut self, region: Handle, writes: &[(usize, u32)]) -> Result<(), Error> {
        // The handle stays the manager's.
        let region = ManuallyDrop::new(Region::from_raw(region));
        let mapping = Mapping::new(&region, MapFlags::WRITE)?;
        for (offset, value) in writes {
            mapping.window().write_u32(*offset, *value);
        }
        Ok(())
    }

    fn bind_interrupt(&mut self, interrupt: Handle, signal: Handle, bits: u64) -> Result<(), Error> {
        sys::irq_bind(interrupt, signal, bits)
    }

    fn region_info(&mut self, region: Handle) -> Result<(u64, RegionKind, u64), Error> {
        sys::region_info(region)
    }

    fn introduce(&mut self, number: u32, name: &str) {
        if let Err(error) = self.init.introduce(number, name) {
            log::warn!("the log does not know `{name}`: {error}");
        }
    }

    fn release(&mut self, number: u32) {
        // One that was never introduced is unknown there, which is as good.
        let _ = self.init.release(number);
    }
}
