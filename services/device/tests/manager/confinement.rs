//! A machine with a remapping unit.

use airox_api::device::DeviceError;
use airox_device::confinement::MOST_TRESPASSES;
use airox_device::manager::TRESPASS_BIT;
use airox_driver_traits::pci::BusAddress;
use airox_vt_d::{Fault, Source};

use crate::model::{
    DRIVER, Devices, MS, Model, ModelFunction, SHOWN, at, deliver, memory, pass, system, with_functions,
};

const DISK: BusAddress = at(0, 2, 0);

/// A disk, and a controller whose driver uses no memory.
fn with_unit(test: impl FnOnce(&mut Devices<'_>, &Model)) {
    let functions = [(DISK, ModelFunction::disk(0xfeb0_0000)), (at(0, 3, 0), ModelFunction::with_ports(0x1000, 0))];
    with_functions(&functions, &system(), |manager, model| {
        model.world().confined = Some(Default::default());
        manager.rescan();
        test(manager, model);
    });
}

fn shown(model: &Model) -> Option<Vec<(u64, u64)>> {
    let world = model.world();
    let shown = world.confined.as_ref().unwrap().get(&DISK)?;
    Some(shown.iter().map(|(address, physical)| (*address, *physical)).collect())
}

fn block(manager: &mut Devices<'_>, model: &Model, source: Source) {
    model.world().blocked.push(Fault { source, address: 0x7000, read: false, reason: 6 });
    manager.signalled(TRESPASS_BIT);
}

#[test]
fn a_device_is_shown_its_drivers_memory() {
    with_unit(|manager, model| {
        assert_eq!(model.world().confined.as_ref().unwrap().len(), 1, "only the one whose driver uses memory");
        assert_eq!(shown(model), Some(vec![]));
        let regions = [0x5000, 0x9000].map(|address| memory(manager, model, address));
        assert_eq!(manager.map_memory(DRIVER, regions[0]), Ok(SHOWN));
        assert_eq!(manager.map_memory(DRIVER, regions[1]), Ok(SHOWN + 0x1000));
        assert_eq!(shown(model), Some(vec![(SHOWN, 0x5000), (SHOWN + 0x1000, 0x9000)]));
        assert_eq!(manager.unmap_memory(DRIVER, 0x5000), Err(DeviceError::BadMemory), "not its address any more");
        assert_eq!(manager.unmap_memory(DRIVER, SHOWN), Ok(()));
        assert_eq!(shown(model), Some(vec![(SHOWN + 0x1000, 0x9000)]));
        assert!(!manager.kernel().is_valid(regions[0]));
    });
}

#[test]
fn nothing_is_shown_when_the_driver_is_gone() {
    with_unit(|manager, model| {
        let region = memory(manager, model, 0x5000);
        manager.map_memory(DRIVER, region).unwrap();
        manager.kernel().exit("disk0", 1);
        deliver(manager);
        assert_eq!(shown(model), None);
        pass(manager, 10 * MS);
        assert_eq!(shown(model), Some(vec![]), "its successor begins anew");
        model.world().functions.remove(&DISK);
        manager.rescan();
        assert_eq!(shown(model), None);
    });
}

#[test]
fn memory_that_cannot_be_hidden_is_kept() {
    with_unit(|manager, model| {
        let region = memory(manager, model, 0x5000);
        manager.map_memory(DRIVER, region).unwrap();
        model.world().stuck = true;
        assert_eq!(manager.unmap_memory(DRIVER, SHOWN), Err(DeviceError::BadMemory));
        assert!(manager.kernel().is_valid(region));
        // And a device that cannot be confined gets no driver.
        manager.kernel().exit("disk0", 1);
        deliver(manager);
        pass(manager, 10 * MS);
        assert_eq!(shown(model), None);
        assert!(!model.world().names.values().any(|name| name == "disk0"));
    });
}

#[test]
fn a_driver_whose_device_does_not_stop_is_ended() {
    with_unit(|manager, model| {
        let disk = Source { bus: 0, function: 2 << 3 };
        for _ in 1..MOST_TRESPASSES {
            block(manager, model, disk);
            block(manager, model, Source { bus: 9, function: 9 });
        }
        assert_eq!(shown(model), Some(vec![]), "these may have been mistakes");
        block(manager, model, disk);
        assert_eq!(shown(model), None);
        pass(manager, 10 * MS);
        // The next one begins with none.
        block(manager, model, disk);
        assert_eq!(shown(model), Some(vec![]));
    });
}
