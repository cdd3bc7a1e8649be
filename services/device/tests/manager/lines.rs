//! Devices with I/O ports and interrupt lines, and devices that nobody drives.

use airox_abi::{ObjectKind, Rights};
use airox_api::device::{BusAddress, DeviceError, DeviceState, Place, PortWindow};
use airox_device::function::Function;
use airox_device::wiring;
use airox_driver_traits::pci::command::{BUS_MASTER, IO, MEMORY, NO_LINE};
use airox_driver_traits::registers::Registers;

use crate::model::*;

/// A q35 with these functions besides.
fn q35(functions: &[(BusAddress, ModelFunction)]) -> Vec<(BusAddress, ModelFunction)> {
    [functions, &ModelFunction::q35()].concat()
}

const COMMANDS: u16 = IO | MEMORY | BUS_MASTER | NO_LINE;

#[test]
fn a_driver_gets_its_ports_and_its_line() {
    let place = at(0, 4, 0);
    with_functions(&q35(&[(place, ModelFunction::with_ports(0xc000, 1))]), &system(), |manager, model| {
        manager.rescan();
        let granted = manager.kernel().granted("can0");
        let own: Vec<_> = granted[5..].iter().map(|(kind, rights, _)| (*kind, *rights)).collect();
        let (ports, line) = (ObjectKind::IoPorts, ObjectKind::Irq);
        assert_eq!(own, [(ports, Rights::CONTROL), (ports, Rights::CONTROL), (line, Rights::CONTROL)]);
        let description = manager.description(DRIVER).unwrap();
        let windows =
            [PortWindow { bar: 0, first: 0xc000, count: 0x80 }, PortWindow { bar: 1, first: 0xc080, count: 8 }];
        assert_eq!((description.ports, description.interrupts), (windows.into(), 1));
        let handles: Vec<_> =
            manager.slots()[1].driving.as_ref().unwrap().component.owned.handles.iter().map(|it| it.handle).collect();
        assert_eq!(manager.kernel().port_range(handles[1]), Some((0xc080, 0xc087)));
        // It pulls its line, and may not use memory.
        assert_eq!(model.command(place) & COMMANDS, IO | MEMORY);
        manager.kernel().exit("can0", 1);
        deliver(manager);
        assert_eq!(model.command(place) & (BUS_MASTER | NO_LINE), NO_LINE);
        pass(manager, 10 * MS);
        assert_eq!(model.command(place) & COMMANDS, IO | MEMORY);
    });
}

#[test]
fn pins_do_not_pull_lines_of_isa_devices() {
    let bridge = at(0, 31, 0);
    let mut functions = ModelFunction::q35();
    functions[1].1.bytes.write_u32(0x60, 0x0b0b_0a0a);
    for (board, wanted) in [(&functions[..], 0x8080_8080), (&functions[1..], 0x0b0b_0a0a)] {
        with_functions(board, &system(), |manager, model| {
            manager.rescan();
            let routing = model.world().functions.get_mut(&bridge).unwrap().bytes.read_u32(0x60);
            assert_eq!(routing, wanted, "{} functions", board.len());
        });
    }
}

#[test]
fn a_line_has_one_driver() {
    // PIRQ A to D of this model are not all there, and slots 4 apart share a line.
    let places = [(4, 1), (8, 1), (5, 1), (31, 1), (6, 0), (7, 5)];
    let functions: Vec<_> = places
        .iter()
        .zip(0..)
        .map(|((device, pin), index)| {
            (at(0, *device, u8::from(*device == 31)), ModelFunction::with_ports(0xc000 + 0x100 * index, *pin))
        })
        .collect();
    let mut functions = q35(&functions);
    for (_, function) in &mut functions {
        function.bytes.write_u8(0x0e, 0x80);
    }
    with_functions(&functions, &system(), |manager, _| {
        manager.rescan();
        let device = |place| match place {
            Place::Pci(address) => address.device,
            Place::Usb(_) | Place::Ports(_) => u8::MAX,
        };
        let entries = [manager.entries(0), manager.entries(8)].concat();
        let states: Vec<_> = entries.iter().map(|entry| (device(entry.place), entry.state)).collect();
        let (starting, unusable, none) = (DeviceState::Starting, DeviceState::Unusable, DeviceState::NoDriver);
        let expected = [
            (0, none),
            (4, starting),
            (5, starting),
            (6, unusable),
            (7, unusable),
            (8, unusable),
            (31, none),
            (31, unusable),
        ];
        assert_eq!(states, expected);
    });
    // A board that nobody knows.
    with_functions(&functions[..1], &system(), |manager, _| {
        manager.rescan();
        let entry = &manager.entries(0)[0];
        assert_eq!(entry.state, DeviceState::Unusable);
        assert!(entry.summary.contains("not known"), "{entry:?}");
    });
}

#[test]
fn pins_turn_behind_bridges() {
    let behind = |bridge: BusAddress, secondary| (bridge, ModelFunction::bridge(secondary, secondary, (0, 0)));
    let device = |place| (place, ModelFunction::with_ports(0xc000, 2));
    let functions = q35(&[
        behind(at(0, 1, 0), 1),
        behind(at(1, 2, 0), 2),
        device(at(2, 3, 0)),
        device(at(1, 0, 0)),
        behind(at(0, 30, 0), 3),
        device(at(3, 0, 0)),
        device(at(0, 2, 0)),
        device(at(0, 26, 0)),
    ]);
    let model = Model::default();
    model.world().functions = functions.into_iter().collect();
    let mut space = model.clone();
    let parent_of =
        |place: BusAddress| [None, Some(at(0, 1, 0)), Some(at(1, 2, 0)), Some(at(0, 30, 0))][usize::from(place.bus)];
    let mut line = |place: BusAddress| {
        let function = Function::read(&mut space, place, parent_of(place)).unwrap();
        wiring::line(&mut space, &function, parent_of)
    };
    // Pin B of device 2, of one behind a bridge that is device 1, and so on.
    assert_eq!(line(at(0, 2, 0)), Some(20 + 3));
    assert_eq!(line(at(1, 0, 0)), Some(20 + 2));
    assert_eq!(line(at(2, 3, 0)), Some(20 + (1 + 3 + 2 + 1) % 4));
    assert_eq!(line(at(3, 0, 0)), Some(20 + 1));
    assert_eq!(line(at(0, 26, 0)), Some(16 + 1));
    // Bridges in a circle, which scanning does not report.
    let function = Function::read(&mut space, at(1, 0, 0), Some(at(0, 1, 0))).unwrap();
    assert_eq!(wiring::line(&mut space, &function, |_| Some(at(0, 1, 0))), None);
}

#[test]
fn ports_that_are_not_for_devices_are_left_alone() {
    let functions = q35(&[
        (at(0, 4, 0), ModelFunction::with_ports(0xc000, 1)),
        // Another's, none, and beyond what devices are given.
        (at(0, 5, 0), ModelFunction::with_ports(0xc000, 1)),
        (at(0, 6, 0), ModelFunction::with_ports(0, 1)),
        (at(0, 7, 0), ModelFunction::with_ports(0xf000, 1)),
    ]);
    with_functions(&functions, &system(), |manager, model| {
        manager.rescan();
        let ports: Vec<_> = (0..4).map(|driver| manager.description(DRIVER + driver).unwrap().ports.len()).collect();
        assert_eq!(ports, [2, 0, 0, 0]);
        assert_eq!(model.command(at(0, 5, 0)) & (IO | MEMORY), MEMORY);
    });
}

#[test]
fn what_nobody_drives_uses_no_memory_and_no_line() {
    let mut functions = q35(&[
        (at(0, 3, 0), ModelFunction::new(0x1234, 0x1111, 0x03_0000)),
        (at(0, 1, 0), ModelFunction::bridge(1, 1, (0, 0))),
        (at(0, 2, 0), ModelFunction::disk(0xfeb0_0000)),
    ]);
    for (_, function) in &mut functions {
        function.bytes.write_u16(4, IO | MEMORY | BUS_MASTER);
    }
    with_functions(&functions, &system(), |manager, model| {
        manager.rescan();
        assert_eq!(model.command(at(0, 3, 0)) & COMMANDS, IO | MEMORY | NO_LINE);
        // What is behind it must get through.
        assert_eq!(model.command(at(0, 1, 0)) & COMMANDS, COMMANDS);
        assert_eq!(model.command(at(0, 2, 0)) & COMMANDS, MEMORY | BUS_MASTER | NO_LINE);
        // What has a driver is not disturbed by looking again.
        manager.rescan();
        assert_eq!(model.command(at(0, 2, 0)) & COMMANDS, MEMORY | BUS_MASTER | NO_LINE);
    });
}

#[test]
fn memory_above_4_gib_is_used_where_it_is() {
    let place = at(0, 2, 0);
    let mut disk = ModelFunction::disk(0xfeb0_0000);
    disk.bar_64(4, 0x70_0000_4000, 0x4000);
    let mut beyond = ModelFunction::disk(0xfea0_0000);
    beyond.bar_64(4, 0x1_0000_0000, 0x4000);
    with_functions(&[(place, disk), (at(0, 3, 0), beyond)], &system(), |manager, _| {
        manager.rescan();
        assert_eq!(manager.entries(0)[0].state, DeviceState::Starting);
        let handle = manager.slots()[0].driving.as_ref().unwrap().component.owned.handles[0].handle;
        assert_eq!(manager.kernel().device_range(handle), Some((0x70_0000_4000, 4)));
        // RAM may be there.
        assert_eq!(manager.entries(1)[0].state, DeviceState::Unusable);
    });
}

#[test]
fn a_driver_writes_the_registers_of_configuration_space_that_it_names() {
    let place = at(0, 4, 0);
    with_functions(&q35(&[(place, ModelFunction::with_ports(0xc000, 1))]), &system(), |manager, model| {
        manager.rescan();
        assert_eq!(manager.write_configuration(DRIVER, 0x60, 0x1234_5678), Ok(()));
        assert_eq!(manager.write_configuration(DRIVER, 0x48, 0x1234_5678), Ok(()));
        let bytes = model.world().functions[&place].bytes.clone();
        assert_eq!((&bytes.0[0x60..0x64], &bytes.0[0x48..0x4c]), (&[0x78, 0x56, 0, 0][..], &[0x78, 0, 0, 0][..]));
        assert_eq!(manager.read_configuration(DRIVER, 0x60), Ok(0x5678));
        assert_eq!(manager.read_configuration(DRIVER, 0x48), Ok(0x78));
        for (badge, offset) in [(DRIVER, 0x62), (DRIVER, 4), (DRIVER, 0x49), (SHELL, 0x60), (DRIVER + 1, 0x60)] {
            assert_eq!(manager.write_configuration(badge, offset, 7), Err(DeviceError::NotAllowed), "{offset:#x}");
            assert_eq!(manager.read_configuration(badge, offset), Err(DeviceError::NotAllowed), "{offset:#x}");
        }
        // Nothing is written where the function has a capability, whatever the driver names.
        model.world().functions.get_mut(&place).unwrap().messages(3, 0, 1);
        for offset in [0x48, 0x60] {
            assert_eq!(manager.write_configuration(DRIVER, offset, 7), Err(DeviceError::NotAllowed));
        }
    });
}

#[test]
fn memory_shorter_than_a_page_is_handed_out_unless_somebody_else_is_on_the_page() {
    let place = at(0, 4, 0);
    let mut small = ModelFunction::with_ports(0xc000, 1);
    small.bar(2, 0xfeb0_0000, 0x10);
    for (neighbour, windows) in [(0xfeb0_1000, 1), (0xfeb0_0ff0, 0), (0, 1)] {
        let mut other = ModelFunction::new(0x8086, 1, 2);
        other.bar(5, neighbour, 0x10);
        with_functions(&q35(&[(place, small.clone()), (at(0, 5, 0), other)]), &system(), |manager, _| {
            manager.rescan();
            assert_eq!(manager.description(DRIVER).unwrap().windows.len(), windows, "{neighbour:#x}");
        });
    }
}
