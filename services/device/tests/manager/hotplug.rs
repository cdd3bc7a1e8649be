//! Devices that are plugged in and taken out, at ports that tell.

use airox_api::device::DeviceState;
use airox_device::hotplug::{Port, Wish};
use airox_device::manager::PLUG_BIT;
use airox_driver_traits::registers::{Bytes, Registers};

use crate::model::*;

const BUTTON: u16 = 1 << 0;
const PRESENCE_CHANGED: u16 = 1 << 3;
const COMPLETED: u16 = 1 << 4;
const PRESENT: u16 = 1 << 6;
const POWER_OFF: u16 = 1 << 10;
const INDICATOR: u16 = 3 << 8;

/// A manager of a machine with a port.
fn with_port(test: impl FnOnce(&mut Devices<'_>, &Model)) {
    with_functions(&[(at(0, 1, 0), ModelFunction::port())], &system(), |manager, model| {
        assert_eq!(manager.rescan(), 1);
        test(manager, model);
    });
}

fn set(model: &Model, offset: usize, value: u16) {
    model.world().functions.get_mut(&at(0, 1, 0)).unwrap().bytes.write_u16(offset, value);
}

fn control(model: &Model) -> u16 {
    model.world().functions.get_mut(&at(0, 1, 0)).unwrap().bytes.read_u16(SLOT_CONTROL)
}

/// Plugs a disk in; it is found.
fn plug(manager: &mut Devices<'_>, model: &Model) {
    model.world().functions.insert(at(1, 0, 0), ModelFunction::disk(0));
    set(model, SLOT_STATUS, PRESENT | PRESENCE_CHANGED | BUTTON);
    manager.signalled(PLUG_BIT);
}

#[test]
fn a_port_interrupts_the_manager() {
    with_port(|manager, model| {
        let bits: Vec<_> = model.world().bound.iter().map(|(_, bits)| *bits).collect();
        assert_eq!(bits, [PLUG_BIT]);
        // Its message is the manager's alone.
        let message = model.world().written[0].1[2].1;
        assert_eq!(control(model) & 0x3f, 1 << 0 | 1 << 3 | 1 << 5);
        plug(manager, model);
        let taken: Vec<_> = model.world().written[1..].iter().flat_map(|(_, writes)| writes.clone()).collect();
        assert!(taken.iter().all(|(_, value)| *value != message), "{taken:?}");
    });
}

#[test]
fn what_comes_gets_power_and_a_driver_and_loses_both_when_the_button_is_pressed() {
    with_port(|manager, model| {
        let before = manager.kernel().counts();
        plug(manager, model);
        assert_eq!(control(model) & (POWER_OFF | INDICATOR), 1 << 8);
        assert_eq!(manager.entries(1)[0].state, DeviceState::Starting);
        announce(manager, DRIVER);
        let region = memory(manager, model, 0x5000);
        manager.map_memory(DRIVER, region).unwrap();
        let port = open(manager, OTHER, "/dev/block/disk0").unwrap();
        // Events that are not about the device.
        set(model, SLOT_STATUS, PRESENT | COMPLETED);
        manager.signalled(PLUG_BIT);
        assert_eq!(manager.entries(1)[0].state, DeviceState::Running);
        set(model, SLOT_STATUS, PRESENT | BUTTON);
        let command = model.world().functions[&at(1, 0, 0)].bytes.clone();
        assert_ne!(command.clone().read_u16(4) & 4, 0);
        model.world().unplugs = true;
        manager.signalled(PLUG_BIT);
        assert_eq!(control(model) & (POWER_OFF | INDICATOR), POWER_OFF | INDICATOR);
        assert_eq!(manager.entries(0).len(), 1);
        airox_spawn::Kernel::handle_close(manager.kernel(), port).unwrap();
        assert_eq!(manager.kernel().counts(), before);
        // The next one.
        model.world().unplugs = false;
        plug(manager, model);
        assert_eq!(manager.entries(1)[0].path, "/dev/block/disk0");
    });
}

#[test]
fn a_device_that_stays_is_driven_again() {
    with_port(|manager, model| {
        plug(manager, model);
        set(model, SLOT_STATUS, PRESENT | BUTTON);
        manager.signalled(PLUG_BIT);
        assert_eq!(manager.entries(1)[0].state, DeviceState::Starting);
        assert_eq!(model.world().names.len(), 1);
    });
}

#[test]
fn what_is_torn_out_is_forgotten() {
    with_port(|manager, model| {
        let before = manager.kernel().counts();
        plug(manager, model);
        model.world().functions.remove(&at(1, 0, 0));
        set(model, SLOT_STATUS, PRESENCE_CHANGED);
        manager.signalled(PLUG_BIT);
        assert_eq!((manager.entries(0).len(), manager.kernel().counts()), (1, before));
        // The port itself, with all that is behind it.
        plug(manager, model);
        model.world().functions.clear();
        assert_eq!(manager.rescan(), 0);
        manager.signalled(PLUG_BIT);
    });
}

#[test]
fn ports_that_are_none_or_lie_are_harmless() {
    let find = |change: &dyn Fn(&mut Bytes)| {
        let mut port = ModelFunction::port();
        change(&mut port.bytes);
        Port::find(&mut port.bytes).is_some()
    };
    assert!(find(&|_| ()));
    assert!(!find(&|bytes| bytes.write_u32(0x94, 1 << 1)), "firmware keeps it");
    assert!(!find(&|bytes| bytes.write_u16(0x82, 0)), "no slot");
    assert!(!find(&|bytes| bytes.write_u16(0x80, 9)), "no PCI Express");
    // One whose events cannot be cleared, as of a port that is gone: all ones.
    let mut port = ModelFunction::port();
    let found = Port::find(&mut port.bytes).unwrap();
    assert_eq!(found.look(&mut port.bytes), Wish::Nothing);
    let mut gone = Bytes(vec![0xff; 256]);
    assert_eq!(found.look(&mut gone), Wish::Look);
    // Without messages, or room for their table, what is plugged in is found by looking.
    let mut mute = ModelFunction::port();
    mute.bytes.write_u16(0x40, 0x8009);
    let mut homeless = ModelFunction::port();
    homeless.bytes.write_u32(0x10, 0);
    for port in [mute, homeless] {
        with_functions(&[(at(0, 1, 0), port)], &system(), |manager, model| {
            manager.rescan();
            assert!(model.world().bound.is_empty());
            plug(manager, model);
            assert_eq!(manager.entries(0).len(), 1);
            assert_eq!(manager.rescan(), 2);
        });
    }
}
