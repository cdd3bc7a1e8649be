//! What the device manager gets: PCI configuration space, the physical addresses and I/O ports that devices can be given, all
//! message-signalled interrupts, and the lines that pins of PCI devices may pull. It hands parts of them on to drivers.
//!
//! Its arguments say what the handles are, all numbers hexadecimal: `configuration=ADDRESS:FIRST-BUS:LAST-BUS`, `hole=ADDRESS:LENGTH` for each
//! of `mmio:hole0` and so on, `ports=FIRST:COUNT` for each of `ports:pci0` and so on, `message-address=ADDRESS`.
//!
//! If the machine has a DMA remapping unit, its registers are `mmio:remapping` and memory for its tables `remapping-tables`. That memory is
//! init's: the unit goes on using it when the device manager dies.
//!
//! Ports and lines that other components have are left out, so those are minted first.

use alloc::format;
use alloc::vec::Vec;
use core::ops::Range;

use airox_abi::layout::{MESSAGE_LINES, PAGE_SIZE};
use airox_abi::{Error, Handle, ObjectKind, Rights};
use airox_power::{find_configuration_space, find_remapping_unit};
use airox_spawn::Kernel;
use airox_supervise::{Minted, Owned, close};

use crate::resources::{Firmware, ResourceError};

/// Where the hole for devices below 4 GiB ends: the interrupt controllers' registers follow.
const HOLE_END: u64 = 0xfec0_0000;
/// A hole's beginning is a multiple of this: what bridges forward is, too.
const GRAIN: u64 = 1 << 20;
/// Above 4 GiB one region takes this much, which is the most, as far as the kernel can name the pages.
const HIGH_HOLES: Range<u64> = 1 << 32..15 << 40;
const HIGH_HOLE: u64 = 1 << 40;
/// The lines that pins of PCI devices may pull: the inputs of the I/O APIC beyond those of ISA.
const LINES: Range<u32> = 16..24;
/// Ports that no PCI device can be given: those of ISA devices, and of PCI configuration space and reset.
const FIXED_PORTS: [Range<u32>; 2] = [0..0x400, 0xc00..0x1000];
/// No smaller block of ports is kept around ports that are in use.
const FEWEST_PORTS: u32 = 16;

/// Pages for the tables of the remapping unit: those of some hundred devices.
const REMAPPING_PAGES: u64 = 256;

/// Mints all of it.
pub fn mint<K: Kernel>(
    kernel: &mut K,
    machine: Handle,
    firmware: &Firmware<'_>,
    owned: &mut Owned,
) -> Result<(), ResourceError> {
    let space = find_configuration_space(firmware.memory, firmware.rsdp).map_err(ResourceError::Tables)?;
    let space = space.ok_or(ResourceError::NoConfigurationSpace)?;
    let address = kernel.kernel_info(machine).map_err(|error| ResourceError::Kernel("pci".into(), error))?;
    let mut keep = |name: &str, kind, rights, minted: Result<Handle, Error>| {
        let handle = minted.map_err(|error| ResourceError::Kernel(name.into(), error))?;
        owned.handles.push(Minted { name: name.into(), handle, kind, rights });
        Ok(())
    };
    let memory_rights = Rights::READ | Rights::WRITE | Rights::CONTROL | Rights::COPY;
    let configuration = kernel.region_device(machine, space.address, space.length() / PAGE_SIZE);
    keep("mmio:configuration", ObjectKind::Region, memory_rights, configuration)?;
    let mut arguments = alloc::vec![
        format!("configuration={:x}:{:x}:{:x}", space.address, space.first_bus, space.last_bus),
        format!("message-address={:x}", address.message_address),
    ];
    let (low, minted) = find_hole(kernel, machine, 0..HOLE_END);
    let (first_high, second_high) = (HIGH_HOLES.start, HIGH_HOLE);
    let (high, minted_high) = find_hole(kernel, machine, first_high..second_high);
    let mut holes = alloc::vec![(low, minted), (high, minted_high)];
    for start in (second_high..HIGH_HOLES.end).step_by(HIGH_HOLE as usize) {
        let range = start..start + HIGH_HOLE;
        let minted = device(kernel, machine, &range);
        holes.push((range, minted));
    }
    for (number, (range, minted)) in holes.into_iter().enumerate() {
        keep(&format!("mmio:hole{number}"), ObjectKind::Region, memory_rights, minted)?;
        arguments.push(format!("hole={:x}:{:x}", range.start, range.end - range.start));
    }
    for (number, (range, handle)) in find_ports(kernel, machine).into_iter().enumerate() {
        keep(&format!("ports:pci{number}"), ObjectKind::IoPorts, Rights::CONTROL | Rights::COPY, Ok(handle))?;
        arguments.push(format!("ports={:x}:{:x}", range.start, range.len()));
    }
    let unit = find_remapping_unit(firmware.memory, firmware.rsdp).map_err(ResourceError::Tables)?;
    if let Some(address) = unit {
        keep("mmio:remapping", ObjectKind::Region, memory_rights, kernel.region_device(machine, address, 1))?;
        let tables = kernel.region_contiguous(Handle::NONE, REMAPPING_PAGES);
        let rights = Rights::READ | Rights::WRITE | Rights::DMA;
        keep("remapping-tables", ObjectKind::Region, rights, tables)?;
    }
    let interrupt_rights = Rights::CONTROL | Rights::COPY;
    for line in MESSAGE_LINES {
        let minted = kernel.irq_create(machine, line);
        keep(&format!("irq:{line}"), ObjectKind::Irq, interrupt_rights, minted)?;
    }
    for line in LINES {
        if let Ok(handle) = kernel.irq_create(machine, line) {
            keep(&format!("irq:{line}"), ObjectKind::Irq, interrupt_rights, Ok(handle))?;
        }
    }
    owned.arguments.extend(arguments);
    Ok(())
}

fn device<K: Kernel>(kernel: &mut K, machine: Handle, range: &Range<u64>) -> Result<Handle, Error> {
    kernel.region_device(machine, range.start, (range.end - range.start) / PAGE_SIZE)
}

/// The longest range that ends where `within` does and that the kernel does not keep as RAM, and a region over it.
fn find_hole<K: Kernel>(kernel: &mut K, machine: Handle, within: Range<u64>) -> (Range<u64>, Result<Handle, Error>) {
    let from = |start: u64| start * GRAIN..within.end;
    // All that begins before `taken` is refused; what begins at `free` is not, unless nothing is free at all.
    let (mut taken, mut free) = (within.start / GRAIN, within.end / GRAIN - 1);
    let mut found = device(kernel, machine, &from(free));
    while taken < free {
        let middle = taken.midpoint(free);
        match device(kernel, machine, &from(middle)) {
            Ok(region) => {
                free = middle;
                if let Ok(smaller) = core::mem::replace(&mut found, Ok(region)) {
                    close(kernel, smaller);
                }
            }
            Err(_) => taken = middle + 1,
        }
    }
    (from(free), found)
}

/// All ports that nobody has, as blocks whose length is a power of two and divides their first port: so is what a device answers to, which is
/// therefore in one of them or partly in use.
fn find_ports<K: Kernel>(kernel: &mut K, machine: Handle) -> Vec<(Range<u32>, Handle)> {
    let mut found = Vec::new();
    // The lower half is looked at first.
    let mut waiting = alloc::vec![0..0x1_0000_u32];
    while let Some(block) = waiting.pop() {
        let fixed = FIXED_PORTS.iter().any(|fixed| fixed.start < block.end && block.start < fixed.end);
        // The kernel refuses all 64 Ki at once, too: that is no 16-bit number.
        let minted = match u16::try_from(block.len()) {
            Ok(count) if !fixed => kernel.io_ports_create(machine, block.start as u16, count),
            _ => Err(Error::NoSuchResource),
        };
        match minted {
            Ok(handle) => found.push((block, handle)),
            Err(_) if block.len() as u32 > FEWEST_PORTS => {
                let middle = block.start.midpoint(block.end);
                waiting.extend([middle..block.end, block.start..middle]);
            }
            Err(_) => {}
        }
    }
    found
}
