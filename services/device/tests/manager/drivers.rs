//! What drivers get, how they end and come back, and who reaches them.

use airox_abi::fault::FaultKind;
use airox_abi::layout::{LINE_VECTOR, MESSAGE_LINES, PROGRAM_BASE};
use airox_abi::{ObjectKind, Rights};
use airox_api::Caller;
use airox_api::device::{DeviceError, DeviceState, PART_SHIFT, Window};
use airox_api::supervisor::{Supervisor, SupervisorError};
use airox_device::clients::MAX_WAITING;
use airox_device::slot::MAX_MAPPED;

use crate::model::*;

const MEMORY: u16 = 2;
const BUS_MASTER: u16 = 4;
const DISK: airox_api::device::BusAddress = airox_api::device::BusAddress { bus: 0, device: 2, function: 0 };

fn state(manager: &Devices<'_>) -> DeviceState {
    manager.entries(1)[0].state
}

#[test]
fn a_driver_gets_exactly_its_device() {
    with_disk(|manager, model| {
        let server = CLIENT | Rights::RECEIVE | Rights::BADGE;
        assert_eq!(
            manager.kernel().granted("disk0"),
            [
                (ObjectKind::Port, CLIENT, DRIVER),
                (ObjectKind::Port, CLIENT, DRIVER),
                (ObjectKind::Port, CLIENT, DRIVER),
                (ObjectKind::Port, CLIENT, DRIVER),
                (ObjectKind::Port, server, 0),
                (ObjectKind::Region, Rights::READ | Rights::WRITE, 0),
                (ObjectKind::Irq, Rights::CONTROL, 0),
                (ObjectKind::Irq, Rights::CONTROL, 0),
            ]
        );
        // The register with the table of messages is not among its memory.
        let description = manager.description(DRIVER).unwrap();
        assert_eq!(description.windows, [Window { bar: 4, offset: 0, length: 0x4000 }]);
        assert_eq!((description.interrupts, description.configuration.len()), (2, 256));
        let handle = manager.slots()[1].driving.as_ref().unwrap().component.owned.handles[0].handle;
        assert_eq!(manager.kernel().device_range(handle), Some((0xfeb0_4000, 4)));
        assert_eq!(manager.kernel().process("disk0").unwrap().processors, Some(0b11));
        // Its two messages are in the table, and the device may send them.
        let first = u32::from(LINE_VECTOR) + MESSAGE_LINES.start;
        let message = |index: usize, data| {
            [(index * 16, 0xfee0_0000), (index * 16 + 4, 0), (index * 16 + 8, data), (index * 16 + 12, 0)]
        };
        let expected = [message(0, first), message(1, first + 1)].concat();
        assert_eq!(model.world().written.iter().map(|(_, writes)| writes.clone()).collect::<Vec<_>>(), [expected]);
        assert_eq!(model.command(DISK) & (MEMORY | BUS_MASTER), MEMORY | BUS_MASTER);
        assert_eq!(model.world().names[&(DRIVER as u32)], "disk0");
        assert_eq!(manager.description(SHELL), Err(DeviceError::NotAllowed));
    });
}

#[test]
fn a_driver_that_ends_is_restarted_and_its_device_kept_from_memory() {
    with_disk(|manager, model| {
        announce(manager, DRIVER);
        assert_eq!(state(manager), DeviceState::Running);
        let port = open(manager, OTHER, "/dev/block/disk0").unwrap();
        manager.faulted(DRIVER, FaultKind::Write as u16, &[PROGRAM_BASE, 0x10, 0, 0, 6, 0, 0, 0]);
        assert_eq!(state(manager), DeviceState::Restarting);
        assert_eq!(model.command(DISK) & BUS_MASTER, 0);
        assert!(model.world().names.is_empty());
        // Those who open it now wait; handles stay.
        assert_eq!(open(manager, OTHER, "/dev/block/disk0"), Err(DeviceError::NoSuchDevice));
        assert!(manager.kernel().is_valid(port));
        pass(manager, 10 * MS);
        assert_eq!(state(manager), DeviceState::Starting);
        assert_eq!(model.command(DISK) & BUS_MASTER, BUS_MASTER);
        announce(manager, DRIVER);
        assert_eq!((state(manager), manager.entries(1)[0].restarts), (DeviceState::Running, 1));
        // By itself, and once too often.
        for wait in [20, 40] {
            manager.kernel().exit("disk0", 1);
            deliver(manager);
            pass(manager, wait * MS);
        }
        manager.kernel().exit("disk0", 1);
        deliver(manager);
        assert_eq!(state(manager), DeviceState::Failed);
        assert_eq!(open(manager, OTHER, "/dev/block/disk0"), Err(DeviceError::Failed));
    });
}

#[test]
fn memory_is_kept_until_the_next_driver_has_reset_the_device() {
    with_disk(|manager, model| {
        let before = manager.kernel().counts().handles;
        let regions: Vec<_> = (1..=3).map(|page| memory(manager, model, page * 0x1000)).collect();
        for region in &regions {
            manager.map_memory(DRIVER, *region).unwrap();
        }
        assert_eq!(manager.unmap_memory(DRIVER, 0x1000), Ok(()));
        assert_eq!(manager.unmap_memory(DRIVER, 0x1000), Err(DeviceError::BadMemory));
        assert!(!manager.kernel().is_valid(regions[0]));
        manager.kernel().exit("disk0", 1);
        deliver(manager);
        pass(manager, 10 * MS);
        assert!(manager.kernel().is_valid(regions[1]) && manager.kernel().is_valid(regions[2]));
        assert_eq!(manager.unmap_memory(DRIVER, 0x2000), Err(DeviceError::BadMemory));
        let fresh = memory(manager, model, 0x9000);
        assert_eq!(manager.map_memory(DRIVER, fresh), Ok(0x9000));
        assert!(!manager.kernel().is_valid(regions[1]) && !manager.kernel().is_valid(regions[2]));
        assert_eq!(manager.kernel().counts().handles, before + 1);
    });
}

#[test]
fn memory_that_a_device_must_not_use_is_refused() {
    let mut system = system();
    with_disk(|manager, model| {
        let before = manager.kernel().counts().handles;
        let lazy = manager.kernel().object(ObjectKind::Region);
        assert_eq!(manager.map_memory(DRIVER, lazy), Err(DeviceError::BadMemory));
        for stranger in [SHELL, 0, DRIVER + 1, u64::MAX] {
            let region = memory(manager, model, 0x1000);
            assert_eq!(manager.map_memory(stranger, region), Err(DeviceError::NotAllowed));
        }
        let region = memory(manager, model, 0x1000);
        manager.map_memory(DRIVER, region).unwrap();
        let again = memory(manager, model, 0x1000);
        assert_eq!(manager.map_memory(DRIVER, again), Err(DeviceError::BadMemory));
        assert_eq!(manager.kernel().counts().handles, before + 1);
        for page in 2..=MAX_MAPPED as u64 {
            let region = memory(manager, model, page * 0x1000);
            manager.map_memory(DRIVER, region).unwrap();
        }
        let region = memory(manager, model, 0x100_0000);
        assert_eq!(manager.map_memory(DRIVER, region), Err(DeviceError::BadMemory));
    });
    // A driver that is not for such devices.
    system.drivers[0].dma = false;
    with_functions(&[(DISK, ModelFunction::disk(0xfeb0_0000))], &system, |manager, model| {
        manager.rescan();
        let region = memory(manager, model, 0x1000);
        assert_eq!(manager.map_memory(DRIVER, region), Err(DeviceError::NotAllowed));
    });
}

#[test]
fn devices_are_opened_by_those_who_may() {
    with_disk(|manager, _| {
        let path = "/dev/block/disk0";
        assert_eq!(open(manager, OTHER, path), Err(DeviceError::NoSuchDevice));
        announce(manager, DRIVER);
        for (badge, path, wanted) in [
            (OTHER, path, Ok(OTHER)),
            (OTHER, "/dev/block/disk0/data", Ok(1 << PART_SHIFT | OTHER)),
            (SHELL, "/dev/block/disk0/scratch", Ok(2 << PART_SHIFT | SHELL)),
            (SHELL, path, Err(DeviceError::NotAllowed)),
            (SHELL, "/dev/block/disk0/scratch2", Err(DeviceError::NotAllowed)),
            (OTHER, "/dev/block/disk0/nothing", Err(DeviceError::NoSuchPart)),
            (OTHER, "/dev/block/disk0/", Err(DeviceError::NoSuchPart)),
            (OTHER, "/dev/block/disk00", Err(DeviceError::NotAllowed)),
            (OTHER, "/dev/block/disk1", Err(DeviceError::NoSuchDevice)),
            (PROCESS, path, Err(DeviceError::NotAllowed)),
            (DRIVER, path, Err(DeviceError::NotAllowed)),
            (0, path, Err(DeviceError::NotAllowed)),
            (u64::MAX, path, Err(DeviceError::NotAllowed)),
        ] {
            let opened = open(manager, badge, path);
            let told = opened.map(|handle| {
                let (process, _) = manager.kernel().running_process("client", 9);
                airox_spawn::Kernel::process_grant(manager.kernel(), process, handle, Rights::all(), 0).unwrap();
                let granted = manager.kernel().granted("client")[0];
                manager.kernel().exit("client", 0);
                assert_eq!((granted.0, granted.1), (ObjectKind::Port, CLIENT));
                granted.2
            });
            assert_eq!(told, wanted, "{badge} {path}");
        }
    });
}

#[test]
fn who_waits_for_a_device_is_answered_when_it_serves() {
    with_disk(|manager, model| {
        manager.open_device(OTHER, "/dev/block/disk0", true, 1);
        manager.open_device(OTHER, "/dev/block/disk0/nothing", true, 2);
        manager.open_device(OTHER, "/dev/block/disk1/data", true, 3);
        manager.open_device(SHELL, "/dev/block/disk0", true, 4);
        let answers = manager.take_answers();
        assert!(matches!(answers[..], [(4, Err(DeviceError::NotAllowed))]), "{answers:?}");
        announce(manager, DRIVER);
        let answers = manager.take_answers();
        assert!(matches!(answers[..], [(1, Ok(_)), (2, Err(DeviceError::NoSuchPart))]), "{answers:?}");
        model.world().functions.insert(at(0, 9, 0), ModelFunction::disk(0xfea0_0000));
        manager.rescan();
        announce(manager, DRIVER + 1);
        assert!(matches!(manager.take_answers()[..], [(3, Ok(_))]));
    });
    with_disk(|manager, _| {
        for waiter in 0..100 {
            manager.open_device(OTHER, "/dev/block/disk1", true, waiter);
        }
        let refused = manager.take_answers();
        assert!(refused.len() >= 100 - MAX_WAITING, "{}", refused.len());
        assert!(refused.iter().all(|(_, answer)| *answer == Err(DeviceError::Full)));
        // A driver that is given up disappoints those who wait for its device.
        manager.open_device(SHELL, "/dev/block/disk0/scratch", true, 200);
        for _ in 0..4 {
            manager.kernel().exit("disk0", 1);
            deliver(manager);
            pass(manager, 1000 * MS);
        }
        assert!(matches!(manager.take_answers()[..], [(200, Err(DeviceError::Failed))]));
    });
}

#[test]
fn what_a_driver_announces_is_bounded() {
    with_disk(|manager, _| {
        let parts = |count: usize| (0..count).map(|index| format!("part{index}")).collect::<Vec<_>>();
        assert_eq!(manager.announced(DRIVER, "fine", parts(17)), Err(DeviceError::Full));
        assert_eq!(manager.announced(DRIVER, &"x".repeat(41), parts(0)), Err(DeviceError::Full));
        assert_eq!(manager.announced(DRIVER, "a\x1b[2J", parts(0)), Err(DeviceError::Full));
        assert_eq!(manager.announced(DRIVER, "fine", vec!["a/b".into()]), Err(DeviceError::Full));
        assert_eq!(manager.announced(SHELL, "fine", parts(0)), Err(DeviceError::NotAllowed));
        assert_eq!(manager.announced(DRIVER, "fine", parts(16)), Ok(()));
    });
}

#[test]
fn drivers_are_listed_killed_and_restarted_by_the_supervisors_clients() {
    with_disk(|manager, _| {
        let process = Caller { badge: PROCESS };
        let mut requests = supervisor(manager);
        let list = Supervisor::list(&mut requests, process, 0).unwrap();
        assert_eq!((list.len(), list[0].id, list[0].name.as_str()), (1, DRIVER as u32, "disk0"));
        assert!(Supervisor::list(&mut requests, process, 1).unwrap().is_empty());
        assert_eq!(Supervisor::list(&mut requests, Caller { badge: SHELL }, 0), Err(SupervisorError::NotAllowed));
        assert_eq!(
            Supervisor::kill(&mut requests, Caller { badge: DRIVER }, "disk0"),
            Err(SupervisorError::NotAllowed)
        );
        assert_eq!(Supervisor::kill(&mut requests, process, "disk7"), Err(SupervisorError::UnknownComponent));
        assert_eq!(Supervisor::handles(&mut requests, process, "10001", 0).unwrap().len(), 8);
        assert_eq!(Supervisor::kill(&mut requests, process, "disk0"), Ok(()));
        assert_eq!(Supervisor::kill(&mut requests, process, "disk0"), Err(SupervisorError::NotRunning));
        assert_eq!(Supervisor::handles(&mut requests, process, "disk0", 0), Err(SupervisorError::NotRunning));
        assert_eq!(Supervisor::restart(&mut requests, process, "10001"), Ok(()));
        let list = Supervisor::list(&mut requests, process, 0).unwrap();
        assert_eq!(list[0].restarts, 1);
        Supervisor::report_panic(&mut requests, Caller { badge: DRIVER }, "oh", "main.rs", 1).unwrap();
        manager.kernel().exit("disk0", 101);
        deliver(manager);
        assert_eq!(state(manager), DeviceState::Restarting);
    });
}

#[test]
fn whatever_fails_at_the_start_counts_as_a_failure_and_nothing_is_left() {
    with_disk(|manager, _| {
        let before = manager.kernel().counts();
        for failing_after in 0..60 {
            manager.kernel().failing_after = Some(failing_after);
            let _ = Supervisor::restart(&mut supervisor(manager), Caller { badge: PROCESS }, "disk0");
            manager.kernel().failing_after = None;
            Supervisor::restart(&mut supervisor(manager), Caller { badge: PROCESS }, "disk0").unwrap();
            assert_eq!(manager.kernel().counts(), before, "{failing_after}");
        }
    });
}
