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
