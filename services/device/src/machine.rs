//! The machine as the manager reaches it: configuration space and the remapping unit through their windows in memory, init through its port.

use airox_api::supervisor::SupervisorClient;
use airox_device::Platform;
use airox_device::arguments::Pci;
use airox_device::confinement::Confinement;
use airox_driver_traits::dma::DmaMemory;
use airox_driver_traits::pci::{BusAddress, ConfigurationSpace, FUNCTION_BYTES};
use airox_driver_traits::registers::{Registers, Width};
use airox_rt::abi::layout::PAGE_SIZE;
use airox_rt::sys;
use airox_rt::{Error, Handle, MapFlags, Mapping, Region, RegionKind, TypedHandle};
use airox_vt_d::{TableMemory, Unit};
use alloc::boxed::Box;
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

/// Memory that is mapped as long as this lives: registers, or tables at this physical address.
pub struct Mapped {
    mapping: Mapping,
    physical: u64,
}

impl Mapped {
    fn new(region: &Region) -> Result<Mapped, Error> {
        let (_, _, physical) = region.region_info()?;
        Ok(Mapped { mapping: Mapping::new(region, MapFlags::WRITE)?, physical })
    }
}

impl Registers for Mapped {
    fn length(&self) -> usize {
        self.mapping.len()
    }

    fn read(&mut self, offset: usize, width: Width) -> u64 {
        Registers::read(&mut self.mapping.window(), offset, width)
    }

    fn write(&mut self, offset: usize, width: Width, value: u64) {
        Registers::write(&mut self.mapping.window(), offset, width, value);
    }
}

impl DmaMemory for Mapped {
    fn device_address(&self) -> u64 {
        self.physical
    }
}

impl TableMemory for Mapped {
    fn write_back(&mut self, offset: usize) {
        // Outside is nothing that could be seen.
        let _ = self.mapping.window().write_back(offset);
    }
}

/// The remapping unit, turned on: no device reaches anything from now on. Init keeps the memory of its tables when this program dies, and the unit
/// goes on using it.
///
/// # Errors
/// The unit cannot be driven, or something cannot be mapped.
pub fn remapping_unit(registers: &Region, tables: &Region) -> Result<RemappingUnit, Box<dyn core::error::Error>> {
    Ok(Unit::new(Mapped::new(registers)?, Mapped::new(tables)?)?)
}

/// The machine's remapping unit.
pub type RemappingUnit = Unit<Mapped, Mapped>;

/// The machine.
pub struct Machine {
    space: Ecam,
    unit: Option<RemappingUnit>,
    init: SupervisorClient,
}

impl Machine {
    /// With configuration space in this region, and init.
    pub fn new(region: Region, pci: &Pci, unit: Option<RemappingUnit>, init: SupervisorClient) -> Machine {
        Machine { space: Ecam { region, buses: pci.buses.clone(), mapped: BTreeMap::new() }, unit, init }
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

    fn confinement(&mut self) -> Option<&mut dyn Confinement> {
        self.unit.as_mut().map(|unit| unit as &mut dyn Confinement)
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
