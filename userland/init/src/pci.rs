//! What the device manager gets: PCI configuration space, the physical addresses that devices can be given, and all
//! message-signalled interrupts. It hands parts of them on to drivers.
//!
//! Its arguments say what the handles are, all numbers hexadecimal: `configuration=ADDRESS:FIRST-BUS:LAST-BUS`, `hole=ADDRESS:LENGTH`,
//! `message-address=ADDRESS`.

use alloc::format;

use airox_abi::layout::{MESSAGE_LINES, PAGE_SIZE};
use airox_abi::{Error, Handle, ObjectKind, Rights};
use airox_power::find_configuration_space;
use airox_spawn::Kernel;
use airox_supervise::{Minted, Owned, close};

use crate::resources::{Firmware, ResourceError};

/// Where the hole for devices below 4 GiB ends: the interrupt controllers' registers follow.
const HOLE_END: u64 = 0xfec0_0000;
/// Its beginning is a multiple of this: what bridges forward is, too.
const GRAIN: u64 = 1 << 20;

/// Mints all of it.
pub fn mint<K: Kernel>(
    kernel: &mut K,
    machine: Handle,
    firmware: &Firmware<'_>,
    owned: &mut Owned,
) -> Result<(), ResourceError> {
    let space = find_configuration_space(firmware.memory, firmware.rsdp).map_err(ResourceError::Tables)?;
    let space = space.ok_or(ResourceError::NoConfigurationSpace)?;
    let mut keep = |name: &str, kind, rights, minted: Result<Handle, Error>| {
        let handle = minted.map_err(|error| ResourceError::Kernel(name.into(), error))?;
        owned.handles.push(Minted { name: name.into(), handle, kind, rights });
        Ok(())
    };
    let memory_rights = Rights::READ | Rights::WRITE | Rights::CONTROL | Rights::COPY;
    let configuration = kernel.region_device(machine, space.address, space.length() / PAGE_SIZE);
    keep("mmio:configuration", ObjectKind::Region, memory_rights, configuration)?;
    let (start, hole) = find_hole(kernel, machine);
    keep("mmio:hole", ObjectKind::Region, memory_rights, hole)?;
    for line in MESSAGE_LINES {
        let minted = kernel.irq_create(machine, line);
        keep(&format!("irq:{line}"), ObjectKind::Irq, Rights::CONTROL | Rights::COPY, minted)?;
    }
    let address = kernel.kernel_info(machine).map_err(|error| ResourceError::Kernel("pci".into(), error))?;
    owned.arguments.extend([
        format!("configuration={:x}:{:x}:{:x}", space.address, space.first_bus, space.last_bus),
        format!("hole={start:x}:{:x}", HOLE_END - start),
        format!("message-address={:x}", address.message_address),
    ]);
    Ok(())
}

/// The longest range of addresses below [`HOLE_END`] that the kernel does not keep as RAM: its beginning, and a region over it.
fn find_hole<K: Kernel>(kernel: &mut K, machine: Handle) -> (u64, Result<Handle, Error>) {
    let mint = |kernel: &mut K, start: u64| {
        kernel.region_device(machine, start * GRAIN, HOLE_END / PAGE_SIZE - start * GRAIN / PAGE_SIZE)
    };
    // All that begins before `taken` is refused; what begins at `free` is not, unless nothing is free at all.
    let (mut taken, mut free) = (0, HOLE_END / GRAIN - 1);
    let mut found = mint(kernel, free);
    while taken < free {
        let middle = taken.midpoint(free);
        match mint(kernel, middle) {
            Ok(region) => {
                free = middle;
                if let Ok(smaller) = core::mem::replace(&mut found, Ok(region)) {
                    close(kernel, smaller);
                }
            }
            Err(_) => taken = middle + 1,
        }
    }
    (free * GRAIN, found)
}
