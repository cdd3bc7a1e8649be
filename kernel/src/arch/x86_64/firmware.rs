//! What the ACPI tables tell: interrupt controllers and the power-management timer.

use super::physical;
use acpi::address::AddressSpace;
use acpi::fadt::Fadt;
use acpi::madt::{Madt, MadtEntry};
use acpi::{AcpiHandler, AcpiTables, PhysicalMapping};
use airox_kernel::lines::Lines;
use alloc::vec::Vec;
use core::pin::Pin;
use core::ptr::NonNull;

/// The machine as its tables describe it.
pub struct Firmware {
    /// Physical address of the local APICs' registers.
    pub local_apic: u64,
    /// Ids of the local APICs of all processors that firmware has switched on.
    pub processors: Vec<u32>,
    /// Physical address and first global system interrupt of each I/O APIC.
    pub io_apics: Vec<(u64, u32)>,
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

/// The ids of the local APICs of usable processors.
fn processors(madt: Pin<&Madt>) -> impl Iterator<Item = u32> {
    madt.entries().filter_map(|entry| match entry {
        MadtEntry::LocalApic(entry) if entry.flags & ENABLED != 0 => Some(u32::from(entry.apic_id)),
        MadtEntry::LocalX2Apic(entry) if entry.flags & ENABLED != 0 => Some(entry.x2apic_id),
        _ => None,
    })
}

/// The ACPI tables.
fn tables(rsdp: u64) -> AcpiTables<Mapped> {
    assert!(rsdp != 0, "firmware gave no ACPI tables");
    // SAFETY: the loader found the RSDP there.
    unsafe { AcpiTables::from_rsdp(Mapped, rsdp as usize) }.expect("ACPI tables")
}

/// How many processors the machine has.
///
/// # Panics
/// As [`Firmware::read`].
pub fn count_processors(rsdp: u64) -> u32 {
    let madt = tables(rsdp).find_table::<Madt>().expect("MADT");
    processors(madt.get()).count() as u32
}

impl Firmware {
    /// Reads the tables.
    ///
    /// # Panics
    /// If there are none or they lack the MADT: without it no interrupt can be routed.
    pub fn read(rsdp: u64) -> Firmware {
        let tables = tables(rsdp);
        let madt = tables.find_table::<Madt>().expect("MADT");
        let madt = madt.get();
        let mut firmware = Firmware {
            local_apic: u64::from(madt.local_apic_address),
            processors: processors(madt).collect(),
            io_apics: Vec::new(),
            lines: Lines::default(),
            timer: None,
        };
        for entry in madt.entries() {
            match entry {
                MadtEntry::IoApic(entry) => {
                    firmware.io_apics.push((u64::from(entry.io_apic_address), entry.global_system_interrupt_base))
                }
                MadtEntry::InterruptSourceOverride(entry) if entry.bus == 0 => {
                    firmware.lines.set_override(entry.irq, entry.global_system_interrupt, entry.flags)
                }
                MadtEntry::LocalApicAddressOverride(entry) => {
                    firmware.local_apic = entry.local_apic_address;
                }
                _ => {}
            }
        }
        if let Ok(fadt) = tables.find_table::<Fadt>() {
            let flags = fadt.flags;
            if let Ok(Some(block)) = fadt.pm_timer_block()
                && block.address_space == AddressSpace::SystemIo
                && let Ok(port) = u16::try_from(block.address)
            {
                firmware.timer = Some((port, flags.pm_timer_is_32_bit()));
            }
        }
        firmware
    }
}
