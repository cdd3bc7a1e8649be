//! Devices are found, with all that is between them and the controller; and those that lie.

use airox_usb::class::{BOOT_KEYBOARD, MASS_STORAGE};
use airox_xhci::{Bus, SetupError};

use crate::devices::Device;
use crate::host::{Play, World};

const HUB: u32 = 0x09_0000;

fn with(devices: &[(usize, Device)]) -> Play {
    let world = World::default();
    for (port, device) in devices {
        world.model.plug(*port, Some(device.clone()));
    }
    let mut play = Play::new(world);
    play.pass(30_000);
    play
}

#[test]
fn what_is_there_at_the_start_is_found() {
    let play = with(&[(1, Device::keyboard()), (3, Device::storage())]);
    assert_eq!(play.found(), [(vec![1], BOOT_KEYBOARD), (vec![3], MASS_STORAGE)]);
    assert_eq!(play.world.settled.get(), Some(2));
    let children = play.world.children.borrow();
    assert!(children.values().all(|child| child.name == "abc" && !child.bridge));
    assert_eq!(children.values().next().unwrap().identity.vendor, 0x627);
    assert!(!play.broken);
}

#[test]
fn plugging_and_unplugging_leaves_nothing_behind() {
    let mut play = with(&[]);
    assert_eq!((play.found(), play.world.settled.get()), (vec![], Some(0)));
    let pieces = play.world.model.pieces();
    for round in 0..40 {
        play.world.model.plug(2, Some(if round % 2 == 0 { Device::storage() } else { Device::keyboard() }));
        play.pass(1_000);
        assert_eq!(play.found().len(), 1, "{round}");
        play.world.model.plug(2, None);
        play.pass(1_000);
        assert_eq!(play.found().len(), 0, "{round}");
    }
    assert_eq!(play.world.model.pieces(), pieces);
    // In the time of a blink.
    play.world.model.plug(2, Some(Device::storage()));
    play.world.model.plug(2, None);
    play.pass(1_000);
    assert_eq!((play.found().len(), play.world.model.pieces()), (0, pieces));
    // Another one in its place without a look in between.
    play.world.model.plug(2, Some(Device::storage()));
    play.pass(1_000);
    play.world.model.plug(2, None);
    play.world.model.plug(2, Some(Device::keyboard()));
    play.pass(1_000);
    assert_eq!(play.found(), [(vec![2], BOOT_KEYBOARD)]);
}

#[test]
fn what_hangs_on_hubs_is_found_and_goes_with_them() {
    let mut inner = Device::hub(2);
    inner.set_port(2, Some(Device::keyboard()));
    let mut outer = Device::hub(4);
    outer.set_port(1, Some(Device::storage()));
    outer.set_port(3, Some(inner));
    let mut play = with(&[(4, outer)]);
    let all = [(vec![4], HUB), (vec![4, 1], MASS_STORAGE), (vec![4, 3], HUB), (vec![4, 3, 2], BOOT_KEYBOARD)];
    assert_eq!((play.found(), play.world.settled.get()), (all.to_vec(), Some(4)));
    // Into a hub, out of it.
    play.world.model.with_device(&[4], |hub| hub.set_port(2, Some(Device::keyboard())));
    play.pass(5_000);
    assert_eq!(play.found().len(), 5);
    play.world.model.with_device(&[4], |hub| hub.set_port(3, None));
    play.pass(5_000);
    assert_eq!(play.found(), [(vec![4], HUB), (vec![4, 1], MASS_STORAGE), (vec![4, 2], BOOT_KEYBOARD)]);
    play.world.model.plug(4, None);
    play.pass(5_000);
    assert_eq!(play.found(), []);
    // The controller's own.
    assert_eq!(play.world.model.pieces(), 1);
}

#[test]
fn devices_that_lie_are_given_up_and_the_others_are_not() {
    let lies: [fn(&mut Device); 6] = [
        |device| device.descriptor[7] = 7,
        |device| device.descriptor.truncate(9),
        |device| device.configuration[2] = 255,
        |device| device.configuration[9] = 0,
        |device| device.silent = true,
        |device| device.configuration.clear(),
    ];
    for (index, lie) in lies.iter().enumerate() {
        let mut liar = Device::storage();
        lie(&mut liar);
        let play = with(&[(1, liar), (2, Device::keyboard())]);
        assert_eq!(play.found(), [(vec![2], BOOT_KEYBOARD)], "{index}");
        // The controller's, the keyboard's and its rings.
        assert_eq!(play.world.model.pieces(), 3, "{index}");
        assert!(!play.broken);
    }
}

#[test]
fn a_hub_with_too_many_ports_is_no_hub() {
    let play = with(&[(1, Device::hub(16)), (2, Device::keyboard())]);
    assert_eq!(play.found(), [(vec![2], BOOT_KEYBOARD)]);
}

#[test]
fn events_about_nothing_are_passed_over() {
    let mut play = with(&[(1, Device::keyboard())]);
    for kind in 0..64 {
        for slot in [0, 1, 2, 255] {
            for endpoint in [0, 1, 3, 31] {
                for parameter in [0, 1, 0x7010_f000, 0x7020_f008, u64::MAX] {
                    let control = kind << 10 | slot << 24 | endpoint << 16;
                    play.world.model.forge(parameter, 1 << 24 | 0xff_ffff, control);
                    play.world.model.forge(parameter, 6 << 24, control);
                }
            }
        }
        play.pass(1);
    }
    play.world.model.plug(2, Some(Device::storage()));
    play.pass(5_000);
    assert_eq!(play.found().len(), 2);
}

#[test]
fn a_controller_that_does_not_answer_or_goes_ends_the_driver() {
    let world = World::default();
    world.model.inner().deaf_to.push(9);
    world.model.plug(1, Some(Device::keyboard()));
    let mut play = Play::new(world);
    play.pass(4_000);
    assert!(!play.broken);
    play.pass(10_000);
    assert!(play.broken);
    let mut gone = with(&[]);
    gone.world.model.inner().stopped = true;
    gone.pass(1);
    assert!(gone.broken);
}

#[test]
fn what_is_no_controller_is_refused() {
    let world = World::default();
    assert_eq!(Bus::new(world.clone(), |_, _| None).err(), Some(SetupError::Unsuitable));
    world.model.inner().stopped = true;
    let model = world.model.clone();
    assert_eq!(Bus::new(world, |offset, length| model.window(offset, length)).err(), Some(SetupError::Unsuitable));
}
