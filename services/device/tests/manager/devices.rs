//! Finding devices, placing their memory, and devices that lie.

use airox_api::device::{DeviceState, Place};
use airox_bundle::system::{ComponentKind, Resource};
use airox_device::bars;
use airox_device::messages::Messages;
use airox_device::scan::{MAX_FUNCTIONS, scan};
use airox_driver_traits::pci::ConfigurationSpace;
use airox_driver_traits::registers::Registers;

use crate::model::*;

#[test]
fn everything_behind_bridges_is_found_in_order() {
    let functions = [
        (at(0, 1, 0), ModelFunction::bridge(1, 2, (0xfe80_0000, 0x20_0000))),
        (at(1, 0, 0), ModelFunction::bridge(2, 2, (0xfe80_0000, 0x10_0000))),
        (at(2, 3, 0), ModelFunction::disk(0xfe80_0000)),
        (at(2, 3, 1), ModelFunction::disk(0xfe82_0000)),
        (at(0, 0, 0), ModelFunction::new(0x8086, 1, 2)),
    ];
    with_functions(&functions, &system(), |manager, _| {
        // Without the bit that says so nobody looks for a second function.
        assert_eq!(manager.rescan(), 4);
        let entries = manager.entries(0);
        let places: Vec<_> = entries.iter().map(|entry| (entry.place, entry.parent)).collect();
        assert_eq!(
            places,
            [
                (Place::Pci(at(0, 0, 0)), None),
                (Place::Pci(at(0, 1, 0)), None),
                (Place::Pci(at(1, 0, 0)), Some(Place::Pci(at(0, 1, 0)))),
                (Place::Pci(at(2, 3, 0)), Some(Place::Pci(at(1, 0, 0))))
            ]
        );
        let states: Vec<_> = entries.iter().map(|entry| entry.state).collect();
        assert_eq!(states, [DeviceState::NoDriver, DeviceState::Bridge, DeviceState::Bridge, DeviceState::Starting]);
        assert_eq!(manager.entries(4).len(), 0);
        assert_eq!(manager.entries(u32::MAX).len(), 0);
    });
}

#[test]
fn what_components_have_at_fixed_ports_is_listed_behind_the_rest() {
    let mut system = system();
    let ports = |name: &str, first| Resource::IoPorts { name: name.into(), first, count: 8 };
    let shell = system.components.iter_mut().find(|component| component.name == "shell").unwrap();
    shell.kind = ComponentKind::App;
    shell.resources = vec![ports("nothing", 0x80)];
    let mut clock = component("rtc");
    clock.kind = ComponentKind::Driver;
    clock.resources = vec![Resource::Irq { name: "cmos".into(), line: 8 }, ports("cmos", 0x70)];
    system.components.push(clock);
    with_functions(&[(at(0, 1, 0), ModelFunction::new(0x8086, 1, 2))], &system, |manager, _| {
        assert_eq!(manager.rescan(), 1);
        let entries = manager.entries(0);
        let told = |index: usize| (entries[index].place, entries[index].state, &entries[index].driver[..]);
        assert_eq!((entries.len(), told(0).0), (2, Place::Pci(at(0, 1, 0))));
        assert_eq!(told(1), (Place::Ports(0x70), DeviceState::Component, "rtc"));
        assert!(told(0).0 < told(1).0 && Place::Ports(0x60) < Place::Ports(0x70));
        assert_eq!((manager.entries(1).len(), manager.entries(2).len()), (1, 0));
    });
}

#[test]
fn buses_that_go_in_circles_are_looked_at_once() {
    let model = Model::default();
    let mut functions = vec![];
    for device in 0..32 {
        functions.push((at(0, device, 0), ModelFunction::bridge(1, 255, (0, 0))));
        // A bus below, the same one, one that is not there.
        for (index, next) in [0, 1, 9].into_iter().enumerate() {
            functions.push((at(1, device, index as u8), ModelFunction::bridge(next, 0, (0, 0))));
        }
    }
    for (_, function) in &mut functions {
        function.bytes.write_u8(0x0e, 0x81);
    }
    model.world().functions = functions.into_iter().collect();
    assert_eq!(scan(&mut model.clone(), &(0..=255)).len(), 32 + 96);
    assert_eq!(scan(&mut model.clone(), &(0..=0)).len(), 32);
    // Buses full of bridges to further buses.
    let all = (0..=255_u8).flat_map(|bus| (0..32).map(move |device| (bus, device)));
    let functions =
        all.map(|(bus, device)| (at(bus, device, 0), ModelFunction::bridge(bus.wrapping_add(1), 0, (0, 0))));
    model.world().functions = functions.collect();
    assert_eq!(scan(&mut model.clone(), &(0..=255)).len(), MAX_FUNCTIONS);
}

#[test]
fn registers_tell_their_sizes_and_are_left_as_they_were() {
    let model = Model::default();
    let mut function = ModelFunction::new(1, 1, 1);
    function.bar(0, 0xfeb0_0000, 0x20);
    function.bar_64(1, 0x12_3400_0000, 0x100_0000);
    function.ports(3, 0xc000, 0x40);
    // A 64-bit one in the last register has no place for its upper half.
    function.bar(5, 0, 0x1000);
    function.bytes.write_u32(0x24, 0b100);
    function.bytes.write_u16(4, 3);
    let before = function.bytes.clone();
    model.world().functions.insert(at(0, 0, 0), function);
    let mut space = model.clone();
    let found = bars::read(&mut space.function(at(0, 0, 0)), 6);
    let told: Vec<_> = found.iter().map(|bar| (bar.index, bar.ports, bar.address, bar.length, bar.wide)).collect();
    let expected = [
        (0, false, 0xfeb0_0000, 0x20, false),
        (1, false, 0x12_3400_0000, 0x100_0000, true),
        (3, true, 0xc000, 0x40, false),
        (5, false, 0, 0x1000, false),
    ];
    assert_eq!(told, expected);
    assert_eq!(model.world().functions[&at(0, 0, 0)].bytes, before);
    // A function that is gone.
    assert!(bars::read(&mut space.function(at(0, 1, 0)), 6).len() <= 6);
}

#[test]
fn one_message_is_written_to_configuration_space() {
    for (wide, data_at) in [(0, 0x48), (1 << 7, 0x4c)] {
        let mut function = ModelFunction::new(1, 1, 1);
        function.bytes.write_u16(6, 1 << 4);
        function.bytes.write_u8(0x34, 0x40);
        function.bytes.write_u16(0x40, 5);
        function.bytes.write_u16(0x42, wide | 0b111 << 4);
        let messages = Messages::read(&mut function.bytes).unwrap();
        assert_eq!((messages.count(), messages.table()), (1, None));
        messages.enable(&mut function.bytes, 0xfee0_0000, 0xb0);
        assert_eq!(function.bytes.read_u16(0x42), wide | 1);
        assert_eq!((function.bytes.read_u32(0x44), function.bytes.read_u16(data_at)), (0xfee0_0000, 0xb0));
        messages.disable(&mut function.bytes);
        assert_eq!(function.bytes.read_u16(0x42), wide);
    }
}

#[test]
fn memory_of_two_devices_at_one_place_is_given_to_the_first_only() {
    let functions = [
        (at(0, 2, 0), ModelFunction::disk(0xfeb0_0000)),
        (at(0, 3, 0), ModelFunction::disk(0xfeb0_4000)),
        (at(0, 4, 0), ModelFunction::disk(CONFIGURATION)),
        (at(0, 5, 0), ModelFunction::disk(0xfec0_0000)),
        (at(0, 6, 0), ModelFunction::disk(0)),
    ];
    with_functions(&functions, &system(), |manager, _| {
        manager.rescan();
        let states: Vec<_> = manager.entries(0).iter().map(|entry| entry.state).collect();
        assert_eq!(states[0], DeviceState::Starting);
        assert!(states[1..].iter().all(|state| *state == DeviceState::Unusable), "{states:?}");
        assert!(manager.entries(0)[1].summary.contains("no address"));
    });
}

#[test]
fn memory_without_an_address_gets_one_behind_its_bridge() {
    let window = (0xfe80_0000, 0x20_0000);
    let functions = [(at(0, 1, 0), ModelFunction::bridge(1, 1, window)), (at(1, 0, 0), ModelFunction::disk(0))];
    let mut functions = functions.to_vec();
    functions[1].1 = {
        let mut disk = ModelFunction::disk(0x4000);
        disk.bar(1, 0, 0x1000);
        disk.bar_64(4, 0x50_0000_0000, 0x4000);
        disk
    };
    with_functions(&functions, &system(), |manager, model| {
        manager.rescan();
        let slots = manager.slots();
        let bars: Vec<_> = slots[1].driving.as_ref().unwrap().bars.iter().map(|bar| bar.address).collect();
        assert_eq!(bars, [window.0, window.0 + 0x4000]);
        let mut world = model.world();
        let bytes = &mut world.functions.get_mut(&at(1, 0, 0)).unwrap().bytes;
        assert_eq!((bytes.read_u32(0x20), bytes.read_u32(0x24)), ((window.0 as u32 + 0x4000) | 0b1100, 0));
    });
    // A bridge that forwards nothing.
    functions[0].1 = ModelFunction::bridge(1, 1, (0x10_0000, 0));
    with_functions(&functions, &system(), |manager, _| {
        manager.rescan();
        assert_eq!(manager.entries(1)[0].state, DeviceState::Unusable);
    });
}

#[test]
fn devices_come_and_go_and_leave_nothing() {
    with_disk(|manager, model| {
        let before = manager.kernel().counts();
        let disk = ModelFunction::disk(0xfea0_0000);
        model.world().functions.insert(at(0, 5, 0), disk);
        assert_eq!(manager.rescan(), 3);
        assert_eq!(manager.entries(2)[0].path, "/dev/block/disk1");
        let second = DRIVER + 1;
        announce(manager, second);
        let port = open(manager, OTHER, "/dev/block/disk1").unwrap();
        let region = memory(manager, model, 0x5000);
        manager.map_memory(second, region).unwrap();
        // Nothing happens if nothing changed.
        assert_eq!(manager.rescan(), 3);
        assert_eq!(model.world().names.len(), 2);
        model.world().functions.remove(&at(0, 5, 0));
        assert_eq!(manager.rescan(), 2);
        assert!(open(manager, OTHER, "/dev/block/disk1").is_err());
        airox_spawn::Kernel::handle_close(manager.kernel(), port).unwrap();
        assert_eq!(manager.kernel().counts(), before);
        assert_eq!(model.world().names.len(), 1);
        // Another one takes the path.
        model.world().functions.insert(at(0, 6, 0), ModelFunction::disk(0xfea0_0000));
        manager.rescan();
        assert_eq!(manager.entries(2)[0].path, "/dev/block/disk1");
    });
}
