//! What the ACPI tables tell: interrupt controllers and the power-management timer.

use super::physical;
use acpi::address::AddressSpace;
use acpi::fadt::Fadt;
use acpi::madt::{Madt, MadtEntry};
use acpi::{AcpiHandler, AcpiTables, PhysicalMapping};
use airox_abi::time::MAX_PROCESSORS;
use airox_kernel::lines::Lines;
use core::ptr::NonNull;
use heapless::Vec;

/// Most processors, and most I/O APICs: those beyond are left alone.
const MAX: usize = MAX_PROCESSORS as usize;

/// The machine as its tables describe it.
pub struct Firmware {
    /// Physical address of the local APICs' registers.
    pub local_apic: u64,
    /// Ids of the local APICs of all processors that firmware has switched on.
    pub processors: Vec<u32, MAX>,
    /// Physical address and first global system interrupt of each I/O APIC.
    pub io_apics: Vec<(u64, u32), MAX>,
    /// Routes of the interrupt lines.
    pub lines: Lines,
    /// I/O port of the power-management timer, and whether it has 32 bits (else 24).
    pub timer: Option<(u16, bool)>,
}

/// Tables lie in memory that is always mapped.
#[derive(Clone)]
struct Mapped;

impl AcpiHandler for Mapped {
    unsafe fn map_physical_region<T>(&self, physical_address: usize, size: usize) -> PhysicalMapping<Self, T> {
        assert!(
            physical::contains(physical_address as u64, size as u64),
            "ACPI table at {physical_address:#x} is outside physical memory"
        );
        let table = NonNull::new(physical::pointer(physical_address as u64).cast())
            .expect("the physical map does not start at 0");
        // SAFETY: 1. The region is in the physical map, which never changes. 2. That it holds a `T` is the caller's promise.
        unsafe { PhysicalMapping::new(physical_address, table, size, size, Mapped) }
    }

    fn unmap_physical_region<T>(_: &PhysicalMapping<Self, T>) {}
}

/// "Enabled", in the flags of a processor's entry (ACPI 6.5, table 5.22).
const ENABLED: u32 = 1;

impl Firmware {
    /// Reads the tables. Needs no heap.
    ///
    /// # Panics
    /// If there are none or they lack the MADT: without it no interrupt can be routed.
    pub fn read(rsdp: u64) -> Firmware {
        assert!(rsdp != 0, "firmware gave no ACPI tables");
        // SAFETY: the loader found the RSDP there.
        let tables = unsafe { AcpiTables::from_rsdp(Mapped, rsdp as usize) }.expect("ACPI tables");
        let madt = tables.find_table::<Madt>().expect("MADT");
        let madt = madt.get();
        let processors = madt.entries().filter_map(|entry| match entry {
            MadtEntry::LocalApic(entry) if entry.flags & ENABLED != 0 => Some(u32::from(entry.apic_id)),
            MadtEntry::LocalX2Apic(entry) if entry.flags & ENABLED != 0 => Some(entry.x2apic_id),
            _ => None,
        });
        let io_apics = madt.entries().filter_map(|entry| match entry {
            MadtEntry::IoApic(entry) => Some((entry.io_apic_address.into(), entry.global_system_interrupt_base)),
            _ => None,
        });
        let mut firmware = Firmware {
            local_apic: u64::from(madt.local_apic_address),
            processors: processors.take(MAX).collect(),
            io_apics: io_apics.take(MAX).collect(),
            lines: Lines::default(),
            timer: None,
        };
        for entry in madt.entries() {
            match entry {
                MadtEntry::InterruptSourceOverride(entry) if entry.bus == 0 => {
                    firmware.lines.set_override(entry.irq, entry.global_system_interrupt, entry.flags)
                }
                MadtEntry::LocalApicAddressOverride(entry) => firmware.local_apic = entry.local_apic_address,
                _ => {}
            }
        }
        if let Ok(fadt) = tables.find_table::<Fadt>()
            && let Ok(Some(block)) = fadt.pm_timer_block()
            && block.address_space == AddressSpace::SystemIo
        {
            let flags = fadt.flags;
            firmware.timer = u16::try_from(block.address).ok().map(|port| (port, flags.pm_timer_is_32_bit()));
        }
        firmware
    }
}
