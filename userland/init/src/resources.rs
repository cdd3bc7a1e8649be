//! Machine resources: minted once from the machine authority, exactly those the system names.

use alloc::format;
use alloc::string::{String, ToString};
use core::fmt;

use airox_abi::layout::PAGE_SIZE;
use airox_abi::root::Framebuffer;
use airox_abi::{Error, Handle, ObjectKind, Rights};
use airox_bundle::system::Resource;
use airox_power::{PhysicalRead, PowerError, find_power_registers};
use airox_spawn::Kernel;
pub use airox_supervise::{Minted, Owned};

/// Why a resource could not be minted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResourceError {
    /// The kernel refused the resource of this name.
    Kernel(String, Error),
    /// Firmware set up no frame buffer that can be used.
    NoFramebuffer,
    /// The ACPI tables do not tell how to control power.
    Power(PowerError),
    /// The ACPI tables do not tell where PCI configuration space is.
    Tables(PowerError),
    /// The machine has no PCI configuration space in memory.
    NoConfigurationSpace,
}

impl fmt::Display for ResourceError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ResourceError::Kernel(name, error) => write!(formatter, "`{name}`: {error}"),
            ResourceError::NoFramebuffer => formatter.write_str("there is no frame buffer"),
            ResourceError::Power(error) | ResourceError::Tables(error) => write!(formatter, "{error}"),
            ResourceError::NoConfigurationSpace => formatter.write_str("there is no PCI configuration space in memory"),
        }
    }
}

impl core::error::Error for ResourceError {}

/// What firmware told the root task about the machine.
#[derive(Clone, Copy)]
pub struct Firmware<'a> {
    /// Physical address of the ACPI root pointer, 0 if there is none.
    pub rsdp: u64,
    /// The frame buffer, `width == 0` if there is none.
    pub framebuffer: Framebuffer,
    /// Reads firmware tables.
    pub memory: &'a dyn PhysicalRead,
}

/// Mints what one component owns. On failure nothing of it is left over.
///
/// # Errors
/// [`ResourceError`] names the resource.
pub fn mint<K: Kernel>(
    kernel: &mut K,
    machine: Handle,
    firmware: &Firmware<'_>,
    resources: &[Resource],
) -> Result<Owned, ResourceError> {
    let mut owned = Owned::default();
    for resource in resources {
        if let Err(error) = mint_one(kernel, machine, firmware, resource, &mut owned) {
            for minted in &owned.handles {
                airox_supervise::close(kernel, minted.handle);
            }
            return Err(error);
        }
    }
    Ok(owned)
}

fn mint_one<K: Kernel>(
    kernel: &mut K,
    machine: Handle,
    firmware: &Firmware<'_>,
    resource: &Resource,
    owned: &mut Owned,
) -> Result<(), ResourceError> {
    let mut keep = |name: String, kind, rights, minted: Result<Handle, Error>| {
        let handle = minted.map_err(|error| ResourceError::Kernel(name.clone(), error))?;
        owned.handles.push(Minted { name, handle, kind, rights });
        Ok(())
    };
    let memory_rights = Rights::READ | Rights::WRITE;
    match resource {
        Resource::IoPorts { name, first, count } => {
            let minted = kernel.io_ports_create(machine, *first, *count);
            let name = format!("ports:{name}");
            keep(name, ObjectKind::IoPorts, Rights::CONTROL, minted)
        }
        Resource::Irq { name, line } => {
            let minted = kernel.irq_create(machine, *line);
            let name = format!("irq:{name}");
            keep(name, ObjectKind::Irq, Rights::CONTROL, minted)
        }
        Resource::Mmio { name, address, pages, writable } => {
            let minted = kernel.region_device(machine, *address, u64::from(*pages));
            let name = format!("mmio:{name}");
            let rights = if *writable { memory_rights } else { Rights::READ };
            keep(name, ObjectKind::Region, rights, minted)
        }
        Resource::Framebuffer { name } => {
            let screen = firmware.framebuffer;
            let offset = screen.address % PAGE_SIZE;
            let length = offset
                .checked_add(screen.length)
                .filter(|_| screen.width != 0 && screen.height != 0)
                .ok_or(ResourceError::NoFramebuffer)?;
            let pages = length.div_ceil(PAGE_SIZE);
            let minted = kernel.region_device(machine, screen.address - offset, pages);
            let name = format!("framebuffer:{name}");
            keep(name, ObjectKind::Region, memory_rights, minted)?;
            owned.arguments.push(framebuffer_argument(&screen));
            Ok(())
        }
        // The tables themselves stay here: their reader needs only what they say about power.
        Resource::AcpiTables { name: _ } => {
            let registers = find_power_registers(firmware.memory, firmware.rsdp).map_err(ResourceError::Power)?;
            for range in registers.ports() {
                let minted = kernel.io_ports_create(machine, range.first, range.count);
                let name = format!("ports:{}", range.name);
                keep(name, ObjectKind::IoPorts, Rights::CONTROL, minted)?;
            }
            let text = registers.to_string();
            owned.arguments.extend(text.split_whitespace().map(ToString::to_string));
            Ok(())
        }
        Resource::Pci { name: _ } => crate::pci::mint(kernel, machine, firmware, owned),
    }
}

/// The frame buffer's form as an argument: `framebuffer=WIDTHxHEIGHT:STRIDE:BYTES:FORMAT:OFFSET`, all decimal: visible
/// pixels, pixels from one row's start to the next, bytes in a pixel, `abi::root::Framebuffer::format`, and the byte in the
/// region's first page where the first pixel lies.
fn framebuffer_argument(screen: &Framebuffer) -> String {
    format!(
        "framebuffer={}x{}:{}:{}:{}:{}",
        screen.width,
        screen.height,
        screen.stride,
        screen.bytes_per_pixel,
        screen.format,
        screen.address % PAGE_SIZE
    )
}
