//! The machine's resources and who owns them. A device has one owner; no two devices share a port, an interrupt line or
//! a byte of device memory. ACPI tables are only read, so any number of components may have them.

use airox_bundle::system::Resource;

use crate::component::{ComponentManifest, ResourceKind};
use crate::problem::{Kind, Problems};
use crate::reader::{At, Reader};
use crate::source::Source;
use crate::system_file::Entry;

const PAGE: u64 = airox_abi::layout::PAGE_SIZE;
const PORTS: u64 = 1 << 16;
const LAST_LINE: u64 = 255;
const PHYSICAL_END: u64 = 1 << 52;
/// The hole for video memory and ROMs in the first mebibyte of a PC's RAM.
const LEGACY_HOLE: std::ops::Range<u64> = 0xa_0000..0x10_0000;

/// One `[machine.<name>]`.
#[derive(Debug)]
pub(crate) struct Device {
    pub name: At<String>,
    /// First port and count.
    ports: Option<At<(u64, u64)>>,
    irq: Option<At<u64>>,
    /// Physical address and bytes.
    mmio: Option<At<(u64, u64)>>,
    writable: bool,
    framebuffer: bool,
    acpi_tables: bool,
    pci: bool,
}

impl Device {
    pub fn read(name: At<String>, mut table: Reader<'_>, source: &Source, problems: &mut Problems) -> Device {
        let ports = table.range("ports", problems);
        let irq = table.number("irq", 0, LAST_LINE, problems);
        let mmio = table.range("mmio", problems);
        let access = table.string("access", problems);
        let mut flag = |key| table.boolean(key, problems).is_some_and(|flag| flag.value);
        let (framebuffer, acpi_tables, pci) = (flag("framebuffer"), flag("acpi-tables"), flag("pci"));
        table.finish(problems);

        let mut checked = |range: Option<At<(u64, u64)>>, end: u64, unit: u64, what: &str| {
            let range = range?;
            let (first, length) = range.value;
            let fits = first.checked_add(length).is_some_and(|last| last <= end);
            if length == 0 || !fits || first % unit != 0 || length % unit != 0 {
                let reason = format!("{first:#x} and {length:#x} are no range of {what}");
                problems.add(Kind::OutOfRange, source, &range.span, reason);
                return None;
            }
            Some(range)
        };
        let ports = checked(ports, PORTS, 1, "I/O ports (0 to 0xffff)");
        let mmio = checked(mmio, PHYSICAL_END, PAGE, "whole pages of physical memory");
        Device {
            name,
            ports,
            irq,
            mmio,
            writable: is_writable(access.as_ref(), source, problems),
            framebuffer,
            acpi_tables,
            pci,
        }
    }

    /// What a component gets of this device under `name`, if the device has it.
    fn resource(&self, kind: ResourceKind, name: &str) -> Option<Resource> {
        let name = name.to_owned();
        match kind {
            ResourceKind::IoPorts => self.ports.as_ref().map(|ports| Resource::IoPorts {
                name,
                first: ports.value.0 as u16,
                count: ports.value.1 as u16,
            }),
            ResourceKind::Irq => self.irq.as_ref().map(|irq| Resource::Irq { name, line: irq.value as u32 }),
            ResourceKind::Mmio => self.mmio.as_ref().map(|mmio| Resource::Mmio {
                name,
                address: mmio.value.0,
                pages: (mmio.value.1 / PAGE) as u32,
                writable: self.writable,
            }),
            ResourceKind::Framebuffer => self.framebuffer.then_some(Resource::Framebuffer { name }),
            ResourceKind::AcpiTables => self.acpi_tables.then_some(Resource::AcpiTables { name }),
            ResourceKind::Pci => self.pci.then_some(Resource::Pci { name }),
        }
    }

    fn is_exclusive(&self) -> bool {
        self.ports.is_some() || self.irq.is_some() || self.mmio.is_some() || self.framebuffer || self.pci
    }
}

fn is_writable(access: Option<&At<String>>, source: &Source, problems: &mut Problems) -> bool {
    let Some(access) = access else { return true };
    match access.value.as_str() {
        "r" => false,
        "rw" => true,
        word if word.contains('w') && word.contains('x') => {
            let reason = "memory is never both writable and executable";
            problems.add(Kind::WritableAndExecutable, source, &access.span, reason);
            false
        }
        word => {
            let reason = format!("`{word}` is no access to device memory; write \"r\" or \"rw\"");
            problems.add(Kind::UnknownWord, source, &access.span, reason);
            false
        }
    }
}

/// Checks the machine by itself: nothing in two devices, no device memory in RAM.
pub(crate) fn check_machine(devices: &[Device], memory: u64, source: &Source, problems: &mut Problems) {
    for (index, device) in devices.iter().enumerate() {
        for other in &devices[..index] {
            check_apart(device, other, source, problems);
        }
        if let Some(mmio) = &device.mmio {
            let (start, end) = (mmio.value.0, mmio.value.0 + mmio.value.1);
            let in_hole = start >= LEGACY_HOLE.start && end <= LEGACY_HOLE.end;
            if start < memory && !in_hole {
                let reason = format!(
                    "device memory {start:#x}..{end:#x} of `{}` lies in the machine's RAM (0..{memory:#x})",
                    device.name.value
                );
                problems.add(Kind::MmioOverlapsRam, source, &mmio.span, reason);
            }
        }
    }
}

fn check_apart(device: &Device, other: &Device, source: &Source, problems: &mut Problems) {
    let names = format!("of `{}` and `{}`", other.name.value, device.name.value);
    if device.name.value == other.name.value {
        let reason = format!("two devices are named `{}`", device.name.value);
        problems.add(Kind::TwoOwners, source, &device.name.span, reason);
    }
    let overlap =
        |a: &At<(u64, u64)>, b: &At<(u64, u64)>| a.value.0 < b.value.0 + b.value.1 && b.value.0 < a.value.0 + a.value.1;
    if let (Some(a), Some(b)) = (&device.ports, &other.ports)
        && overlap(a, b)
    {
        let reason = format!("the I/O ports {names} overlap");
        problems.add(Kind::TwoOwners, source, &a.span, reason);
    }
    if let (Some(a), Some(b)) = (&device.mmio, &other.mmio)
        && overlap(a, b)
    {
        let reason = format!("the device memories {names} overlap");
        problems.add(Kind::TwoOwners, source, &a.span, reason);
    }
    if let (Some(a), Some(b)) = (&device.irq, &other.irq)
        && a.value == b.value
    {
        let reason = format!("the interrupt line {} {names} is the same", a.value);
        problems.add(Kind::TwoOwners, source, &a.span, reason);
    }
}

/// Hands devices out and remembers to whom.
pub(crate) struct Owners<'a> {
    devices: &'a [Device],
    owners: Vec<Option<String>>,
    source: &'a Source,
}

impl<'a> Owners<'a> {
    pub fn new(devices: &'a [Device], source: &'a Source) -> Owners<'a> {
        Owners { devices, owners: vec![None; devices.len()], source }
    }

    /// The resources of one component: what its `component.toml` needs, from the devices its entry names, or from those
    /// of the same name.
    pub fn assign(&mut self, entry: &Entry, manifest: &ComponentManifest, problems: &mut Problems) -> Vec<Resource> {
        for (name, _) in &entry.resources {
            if !manifest.resources.iter().any(|need| need.name.value == name.value) {
                let reason = format!("`{}` does not ask for a resource `{}`", manifest.name(), name.value);
                problems.add(Kind::UnneededResource, self.source, &name.span, reason);
            }
        }
        let mut resources = Vec::new();
        for need in &manifest.resources {
            let given = entry.resources.iter().find(|(name, _)| name.value == need.name.value);
            let (wanted, span) = match given {
                Some((_, device)) => (&device.value, &device.span),
                None => (&need.name.value, &entry.span),
            };
            let Some(index) = self.devices.iter().position(|device| device.name.value == *wanted) else {
                let (kind, reason) = match given {
                    Some(_) => (Kind::UnknownResource, format!("the machine has no `{wanted}`")),
                    None => (Kind::MissingResource, format!("`{}` needs a resource `{wanted}`", entry.name.value)),
                };
                problems.add(kind, self.source, span, reason);
                continue;
            };
            let device = &self.devices[index];
            match &self.owners[index] {
                Some(owner) if device.is_exclusive() => {
                    let reason = format!("`{wanted}` belongs to `{owner}` already");
                    problems.add(Kind::TwoOwners, self.source, span, reason);
                }
                _ => self.owners[index] = Some(entry.name.value.clone()),
            }
            for kind in &need.kinds {
                match device.resource(kind.value, &need.name.value) {
                    Some(resource) => resources.push(resource),
                    None => {
                        let reason = format!(
                            "`{}` needs `{}` of `{wanted}`, which has none",
                            entry.name.value,
                            kind.value.name()
                        );
                        problems.add(Kind::WrongResourceKind, self.source, span, reason);
                    }
                }
            }
        }
        resources
    }
}
