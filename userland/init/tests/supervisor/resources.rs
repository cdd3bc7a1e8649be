//! Machine resources: exactly those named, all or none.

use airox_abi::root::Framebuffer;
use airox_abi::{Error, ObjectKind, Rights};
use airox_bundle::system::Resource;
use airox_init::resources::{Firmware, ResourceError, mint};
use airox_power::PowerError;
use airox_spawn::mock::MockKernel;

use crate::support::NoTables;

const SCREEN: Framebuffer = Framebuffer {
    address: 0xfd00_0010,
    length: 1280 * 800 * 4,
    width: 1280,
    height: 800,
    stride: 1280,
    bytes_per_pixel: 4,
    format: 1,
    reserved: 0,
};

fn firmware(framebuffer: Framebuffer) -> Firmware<'static> {
    Firmware { rsdp: 0, framebuffer, memory: &NoTables }
}

fn screen() -> Resource {
    Resource::Framebuffer { name: "screen".into() }
}

fn keyboard() -> [Resource; 2] {
    [
        Resource::IoPorts { name: "keyboard".into(), first: 0x60, count: 1 },
        Resource::Irq { name: "keyboard".into(), line: 1 },
    ]
}

#[test]
fn a_screen_is_a_region_and_what_it_looks_like() {
    let mut kernel = MockKernel::new();
    let machine = kernel.object(ObjectKind::Machine);
    let owned = mint(&mut kernel, machine, &firmware(SCREEN), &[screen()]).unwrap();
    assert_eq!(owned.arguments, ["framebuffer=1280x800:1280:4:1:16"]);
    let minted = &owned.handles[0];
    assert_eq!(minted.name, "framebuffer:screen");
    assert_eq!(minted.kind, ObjectKind::Region);
    assert_eq!(minted.rights, Rights::READ | Rights::WRITE);
}

#[test]
fn what_cannot_be_had_leaves_nothing() {
    let mut kernel = MockKernel::new();
    let machine = kernel.object(ObjectKind::Machine);
    let before = kernel.counts();
    let [ports, irq] = keyboard();
    let none = firmware(Framebuffer::default());
    assert_eq!(mint(&mut kernel, machine, &none, &[ports.clone(), screen()]), Err(ResourceError::NoFramebuffer));
    let acpi = Resource::AcpiTables { name: "acpi".into() };
    assert_eq!(
        mint(&mut kernel, machine, &none, &[irq.clone(), acpi]),
        Err(ResourceError::Power(PowerError::NoTables))
    );
    kernel.failing_after = Some(1);
    assert_eq!(
        mint(&mut kernel, machine, &none, &[ports, irq]),
        Err(ResourceError::Kernel("irq:keyboard".into(), Error::QuotaExceeded))
    );
    assert_eq!(kernel.counts(), before);
}

#[test]
fn a_screen_beyond_the_address_space_is_none() {
    let mut kernel = MockKernel::new();
    let machine = kernel.object(ObjectKind::Machine);
    for broken in [
        Framebuffer { length: u64::MAX, ..SCREEN },
        Framebuffer { width: 0, ..SCREEN },
        Framebuffer { height: 0, ..SCREEN },
    ] {
        assert_eq!(mint(&mut kernel, machine, &firmware(broken), &[screen()]), Err(ResourceError::NoFramebuffer));
    }
}

/// A root pointer, a root table and an MCFG, made by hand.
struct Tables(Vec<(u64, Vec<u8>)>);

/// Bytes that add up to 0 with the one at `at`.
fn signed(mut bytes: Vec<u8>, at: usize) -> Vec<u8> {
    bytes[at] = bytes.iter().fold(0u8, |sum, byte| sum.wrapping_sub(*byte));
    bytes
}

fn table(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut bytes = name.to_vec();
    bytes.extend((36 + body.len() as u32).to_le_bytes());
    bytes.resize(36, 0);
    bytes.extend(body);
    signed(bytes, 9)
}

impl Tables {
    fn with_configuration_space() -> Tables {
        let mut pointer = b"RSD PTR ".to_vec();
        pointer.resize(16, 0);
        pointer.extend(0x2000_u32.to_le_bytes());
        let mut entry = vec![0; 8];
        entry.extend(0xb000_0000_u64.to_le_bytes());
        entry.extend([0, 0, 0, 255, 0, 0, 0, 0]);
        Tables(vec![
            (0x1000, signed(pointer, 8)),
            (0x2000, table(b"RSDT", &0x3000_u32.to_le_bytes())),
            (0x3000, table(b"MCFG", &entry)),
        ])
    }

    /// One in charge of all devices, with its registers there.
    fn add_remapping_unit(&mut self, address: u64) {
        let entries: Vec<u8> = [0x3000_u32, 0x4000].into_iter().flat_map(u32::to_le_bytes).collect();
        self.0[1].1 = table(b"RSDT", &entries);
        let mut body = vec![0; 12];
        body.extend([0, 0, 16, 0, 1, 0, 0, 0]);
        body.extend(address.to_le_bytes());
        self.0.push((0x4000, table(b"DMAR", &body)));
    }
}

impl airox_power::PhysicalRead for Tables {
    fn read(&self, address: u64, buffer: &mut [u8]) -> Result<(), airox_power::Unreadable> {
        let found = self.0.iter().find_map(|(start, bytes)| {
            let offset = address.checked_sub(*start)? as usize;
            bytes.get(offset..offset + buffer.len())
        });
        buffer.copy_from_slice(found.ok_or(airox_power::Unreadable)?);
        Ok(())
    }
}

#[test]
fn the_device_manager_gets_what_devices_can_be_given() {
    let mut kernel = MockKernel::new();
    // A page more than a multiple of what bridges forward.
    kernel.ram_end = 0x8000_1000;
    let machine = kernel.object(ObjectKind::Machine);
    let tables = Tables::with_configuration_space();
    let firmware = Firmware { rsdp: 0x1000, framebuffer: Framebuffer::default(), memory: &tables };
    let pci = Resource::Pci { name: "pci".into() };
    // The registers for power are somebody's.
    let taken = airox_spawn::Kernel::io_ports_create(&mut kernel, machine, 0x604, 2).unwrap();
    let before = kernel.counts();
    let owned = mint(&mut kernel, machine, &firmware, std::slice::from_ref(&pci)).unwrap();
    let arguments = [
        "configuration=b0000000:0:ff",
        "message-address=fee00000",
        "hole=80100000:7eb00000",
        "hole=100000000:ff00000000",
    ];
    assert_eq!(owned.arguments[..4], arguments);
    let device = |name: &str| {
        let minted = owned.handles.iter().find(|minted| minted.name == name).unwrap();
        kernel.device_range(minted.handle)
    };
    assert_eq!(device("mmio:configuration"), Some((0xb000_0000, 0x1_0000)));
    assert_eq!(device("mmio:hole0"), Some((0x8010_0000, 0x7_eb00)));
    assert_eq!(device("mmio:hole1"), Some((0x1_0000_0000, 0xff0_0000)));
    assert_eq!(device("mmio:hole15"), Some((0xe00_0000_0000, 0x1000_0000)));
    // Everything but the fixed ports and the 16 around those that are taken, each block in its place.
    let ports: Vec<_> = owned.handles.iter().filter_map(|minted| kernel.port_range(minted.handle)).collect();
    let expected = [
        (0x400, 0x5ff),
        (0x610, 0x61f),
        (0x620, 0x63f),
        (0x640, 0x67f),
        (0x680, 0x6ff),
        (0x700, 0x7ff),
        (0x800, 0xbff),
        (0x1000, 0x1fff),
        (0x2000, 0x3fff),
        (0x4000, 0x7fff),
        (0x8000, 0xffff),
    ];
    assert_eq!(ports, expected);
    assert_eq!(owned.arguments[4 + 14], "ports=400:200");
    assert!(kernel.is_valid(taken));
    // The narrower ranges that were tried are gone.
    assert_eq!(kernel.counts().handles - before.handles, 1 + 16 + 11 + 64 + 8);
    assert!(owned.handles.iter().all(|minted| minted.name != "mmio:remapping"), "this machine has none");
    let none = self::firmware(Framebuffer::default());
    assert_eq!(mint(&mut kernel, machine, &none, &[pci]), Err(ResourceError::Tables(PowerError::NoTables)));
}

#[test]
fn the_device_manager_gets_the_remapping_unit() {
    let mut kernel = MockKernel::new();
    kernel.ram_end = 0x8000_0000;
    let machine = kernel.object(ObjectKind::Machine);
    let mut tables = Tables::with_configuration_space();
    tables.add_remapping_unit(0xfed9_0000);
    let firmware = Firmware { rsdp: 0x1000, framebuffer: Framebuffer::default(), memory: &tables };
    let owned = mint(&mut kernel, machine, &firmware, &[Resource::Pci { name: "pci".into() }]).unwrap();
    let minted = |name: &str| owned.handles.iter().find(|minted| minted.name == name).unwrap();
    assert_eq!(kernel.device_range(minted("mmio:remapping").handle), Some((0xfed9_0000, 1)));
    assert_eq!(minted("remapping-tables").rights, Rights::READ | Rights::WRITE | Rights::DMA);
}
