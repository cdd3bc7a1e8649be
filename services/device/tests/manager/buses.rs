//! Devices on buses that drivers drive.

use airox_api::device::{Child, DeviceError, DeviceState, Identity, Place, UsbAddress};
use airox_bundle::system::{IdentityMatch, System};
use airox_spawn::Kernel;
use airox_supervise::component::State;

use crate::model::*;

const CONTROLLER: u64 = DRIVER;
const STICK: u64 = DRIVER + 1;
const PORTS: [u8; 6] = [2, 0, 0, 0, 0, 0];
const DISK: &str = "/dev/block/disk0";

/// A system with a driver of a bus, and one of disks on it.
fn system_with_bus() -> System {
    let mut system = system();
    let mut bus = system.drivers[0].clone();
    bus.component.name = "xhci".into();
    bus.component.provides = vec!["usb".into()];
    bus.path = "bus/usb".into();
    system.drivers[0].pci.clear();
    system.drivers[0].dma = false;
    system.drivers[0].usb = vec![IdentityMatch { vendor: None, device: None, class: Some(0x08_0650) }];
    system.drivers.push(bus);
    system
}

fn child(key: u32, ports: [u8; 6], class: u32) -> Child {
    let identity = Identity { vendor: 0x46f4, device: 1, class };
    Child { key, ports, interface: 0, identity, bridge: class == 0x09_0000, name: "a thing".into() }
}

fn stick(key: u32) -> Child {
    child(key, PORTS, 0x08_0650)
}

/// A machine with a controller and a stick; both drivers serve.
fn with_stick(test: impl FnOnce(&mut Devices<'_>, &Model)) {
    with_functions(&[(at(0, 3, 0), ModelFunction::disk(0xfeb0_0000))], &system_with_bus(), |manager, model| {
        manager.rescan();
        manager.child_added(CONTROLLER, stick(1)).unwrap();
        manager.announced(CONTROLLER, "a bus", vec![]).unwrap();
        announce(manager, STICK);
        test(manager, model);
    });
}

fn states(manager: &Devices<'_>) -> Vec<(String, DeviceState)> {
    manager.entries(0).into_iter().map(|entry| (entry.place.to_string(), entry.state)).collect()
}

#[test]
fn a_device_is_listed_behind_its_controller_and_opened() {
    with_stick(|manager, _| {
        let entries = manager.entries(0);
        let place = Place::Usb(UsbAddress { controller: at(0, 3, 0), ports: PORTS, interface: 0 });
        assert_eq!((entries[1].place, entries[1].parent), (place, Some(Place::Pci(at(0, 3, 0)))));
        assert_eq!((entries[1].path.as_str(), entries[1].state), (DISK, DeviceState::Running));
        assert!(open(manager, OTHER, DISK).is_ok());
        // Its driver has the bus and its port, and neither memory nor interrupts.
        let driving = manager.slots()[1].driving.as_ref().unwrap();
        let granted: Vec<_> =
            driving.component.instance.as_ref().unwrap().granted.iter().map(|it| it.name.clone()).collect();
        assert!(granted.contains(&"usb".into()) && granted.contains(&"serve:block".into()), "{granted:?}");
        assert!(!granted.iter().any(|name| name.starts_with("irq") || name.starts_with("mmio")), "{granted:?}");
        assert_eq!(manager.description(STICK).err(), Some(DeviceError::NotAllowed));
    });
}

#[test]
fn hubs_lead_on() {
    with_stick(|manager, _| {
        manager.child_added(CONTROLLER, child(2, [1, 0, 0, 0, 0, 0], 0x09_0000)).unwrap();
        manager.child_added(CONTROLLER, child(3, [1, 4, 0, 0, 0, 0], 0x03_0101)).unwrap();
        let entries = manager.entries(0);
        let places: Vec<_> = entries.iter().map(|entry| entry.place.to_string()).collect();
        assert_eq!(places, ["00:03.0", "00:03.0/1:0", "00:03.0/1.4:0", "00:03.0/2:0"]);
        assert_eq!(entries[2].parent, Some(entries[1].place));
        assert_eq!((entries[1].state, entries[2].state), (DeviceState::Bridge, DeviceState::NoDriver));
        assert_eq!(entries[2].summary, "a thing");
    });
}

#[test]
fn unplugging_ends_the_driver_and_returns_all() {
    with_stick(|manager, _| {
        manager.child_removed(CONTROLLER, 1).unwrap();
        let before = manager.kernel().counts();
        for key in 2..6 {
            manager.child_added(CONTROLLER, stick(key)).unwrap();
            assert_eq!(manager.entries(0)[1].path, DISK);
            assert_ne!(manager.kernel().counts(), before);
            manager.child_removed(CONTROLLER, key).unwrap();
            assert_eq!(open(manager, OTHER, DISK), Err(DeviceError::NoSuchDevice));
        }
        assert_eq!(manager.kernel().counts(), before);
        assert_eq!(manager.child_removed(CONTROLLER, 5), Err(DeviceError::NoSuchDevice));
    });
}

#[test]
fn the_end_of_the_bus_ends_its_devices_drivers_until_they_are_found_again() {
    with_stick(|manager, _| {
        let client = open(manager, OTHER, DISK).unwrap();
        let later = |manager: &mut Devices<'_>| {
            manager.open_device(OTHER, DISK, true, 5);
            manager.take_answers()
        };
        manager.child_added(CONTROLLER, child(2, [3, 0, 0, 0, 0, 0], 1)).unwrap();
        airox_api::supervisor::Supervisor::kill(
            &mut supervisor(manager),
            airox_api::Caller { badge: PROCESS },
            "xhci0",
        )
        .unwrap();
        assert_eq!(states(manager)[1], ("00:03.0/2:0".into(), DeviceState::Restarting));
        assert!(manager.slots()[1].driving.as_ref().unwrap().component.instance.is_none());
        // Who wants it waits.
        assert_eq!(later(manager), []);
        pass(manager, 20 * MS);
        // The next instance numbers anew; the driver is the same to its clients.
        manager.child_added(CONTROLLER, stick(7)).unwrap();
        assert_eq!(manager.slots()[1].driving.as_ref().unwrap().component.state, State::Running);
        announce(manager, STICK);
        assert_eq!(manager.take_answers().len(), 1);
        assert!(manager.kernel().handle_copy(client, CLIENT, 0).is_ok());
        assert!(open(manager, OTHER, DISK).is_ok());
        // What is not there any more is forgotten when the bus is served again.
        assert_eq!(manager.slots().len(), 3);
        manager.announced(CONTROLLER, "a bus", vec![]).unwrap();
        assert_eq!(manager.slots().len(), 2);
    });
}

#[test]
fn a_bus_that_is_removed_takes_its_devices_along() {
    with_stick(|manager, model| {
        model.world().functions.clear();
        assert_eq!(manager.rescan(), 0);
        assert_eq!(open(manager, OTHER, DISK), Err(DeviceError::NoSuchDevice));
    });
}

#[test]
fn claims_of_those_who_drive_no_bus_and_too_many_are_refused() {
    with_stick(|manager, _| {
        for badge in [SHELL, STICK, 99_999] {
            assert_eq!(manager.child_added(badge, stick(9)), Err(DeviceError::NotAllowed), "{badge}");
            assert_eq!(manager.child_removed(badge, 1), Err(DeviceError::NoSuchDevice), "{badge}");
        }
        // The place, then the key, is taken; a place is needed.
        assert_eq!(manager.child_added(CONTROLLER, stick(9)), Err(DeviceError::Full));
        assert_eq!(manager.child_added(CONTROLLER, child(1, [9, 0, 0, 0, 0, 0], 1)), Err(DeviceError::Full));
        assert_eq!(manager.child_added(CONTROLLER, child(9, [0, 1, 0, 0, 0, 0], 1)), Err(DeviceError::Full));
        let long = Child { name: "\u{7}ä".repeat(500), ..child(10, [8, 0, 0, 0, 0, 0], 1) };
        manager.child_added(CONTROLLER, long).unwrap();
        assert_eq!(manager.entries(0)[2].summary, "ä".repeat(32));
        let added = (20..200)
            .filter(|key| manager.child_added(CONTROLLER, child(*key, [4, *key as u8, 1, 0, 0, 0], 1)).is_ok());
        assert_eq!(added.count(), airox_device::children::MAX_CHILDREN - 2);
    });
}
