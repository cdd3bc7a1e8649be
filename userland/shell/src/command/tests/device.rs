//! `devices` and `disk`.

use crate::fakes::Session;
use airox_api::device::{BusAddress, DeviceEntry, DeviceState, Identity, Place, UsbAddress};

pub(super) fn entry(bus: u8, device: u8, class: u32, state: DeviceState) -> DeviceEntry {
    DeviceEntry {
        place: Place::Pci(BusAddress { bus, device, function: 0 }),
        parent: None,
        identity: Identity { vendor: 0x8086, device: 0x29c0, class },
        path: "".into(),
        driver: "".into(),
        state,
        restarts: 0,
        summary: "".into(),
        parts: [].into(),
    }
}

fn session() -> Session {
    let session = Session::new();
    let bridge = entry(0, 1, 0x06_0400, DeviceState::Bridge);
    let disk = DeviceEntry {
        parent: Some(bridge.place),
        path: "/dev/block/disk0".into(),
        driver: "virtio-block0".into(),
        restarts: 2,
        summary: "64 MiB in blocks of 512".into(),
        parts: ["data".into(), "scratch".into()].into(),
        ..entry(1, 0, 0x01_0000, DeviceState::Running)
    };
    session.world().devices = [entry(0, 0, 0x06_0000, DeviceState::NoDriver), bridge, disk].into();
    session
}

#[test]
fn devices_shows_those_with_a_driver() {
    assert_eq!(
        session().line("devices"),
        "\
PATH                      DRIVER         STATE    RESTARTS  BUS      WHAT
/dev/block/disk0          virtio-block0  running         2  01:00.0  64 MiB in blocks of 512
/dev/block/disk0/data
/dev/block/disk0/scratch
"
    );
}

#[test]
fn devices_shows_all_of_them_and_the_tree() {
    let all = session().line("devices -v");
    assert!(
        all.contains("-                         -              no driver         0  00:00.0  8086    29c0    060000"),
        "{all}"
    );
    assert_eq!(
        session().line("devices --tree"),
        "\
00:00.0 8086:29c0 060000 no driver
00:01.0 8086:29c0 060400 bridge
  01:00.0 8086:29c0 010000 running: /dev/block/disk0 by virtio-block0 64 MiB in blocks of 512
"
    );
    assert_eq!(session().line("devices rescan"), "3 devices\n");
    let controller = entry(0, 3, 0x0c_0330, DeviceState::NoDriver);
    let address = UsbAddress { controller: BusAddress { bus: 0, device: 3, function: 0 }, ports: [0; 6], interface: 0 };
    let on_usb = |ports, parent, name: &str| DeviceEntry {
        place: Place::Usb(UsbAddress { ports, ..address }),
        parent: Some(parent),
        summary: name.into(),
        ..entry(0, 3, 0x03_0101, DeviceState::NoDriver)
    };
    let hub = on_usb([1, 0, 0, 0, 0, 0], controller.place, "a hub");
    let behind = on_usb([1, 2, 0, 0, 0, 0], hub.place, "a keyboard");
    let mut session = self::session();
    session.world().devices = [controller, hub, behind].into();
    assert_eq!(
        session.line("devices --tree"),
        "\
00:03.0 8086:29c0 0c0330 no driver
  00:03.0/1:0 8086:29c0 030101 no driver: a hub
    00:03.0/1.2:0 8086:29c0 030101 no driver: a keyboard
"
    );
    for (line, error) in
        [("devices -x", "`-x` is not understood"), ("devices -v now", "`now` is one argument too many")]
    {
        assert!(session.line(line).contains(error), "{line}");
    }
}

#[test]
fn disk_reads_and_verifies() {
    let text = session().line("disk read /dev/block/disk0 7");
    assert!(text.starts_with("00000  61 20 62 6c 6f 63 6b "), "{text}");
    assert!(text.ends_with("\n00010  79 2d 6f 6e 65                                   y-one\n"), "{text}");
    let good = session().line("disk verify /dev/block/disk0 10");
    assert!(
        good.starts_with("10 rounds: 40 KiB written, 512 B read back, 3 flushes, slowest request 2.0 ms, in "),
        "{good}"
    );
    let bad = session().line("disk verify /dev/block/disk0 10 13");
    assert!(bad.contains("block 10 is not what was written to it"), "{bad}");
    for line in ["disk", "disk read x", "disk read x y", "disk write x 1", "disk read /dev/nothing 1"] {
        assert!(session().line(line).starts_with("disk: "), "{line}");
    }
}
