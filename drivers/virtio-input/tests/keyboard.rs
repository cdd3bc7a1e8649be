//! The keyboard's logic against a model device, which lies.

use airox_api::input::KeyEvent;
use airox_driver_traits::dma::ModelMemory;
use airox_driver_traits::queue::Broken;
use airox_input_server::DELAY_NS;
use airox_virtio::model::{ModelDevice, ModelWindow};
use airox_virtio::{SetupError, Transport};
use airox_virtio_input::{Progress, VirtioKeyboard, usage};

type Keyboard = VirtioKeyboard<ModelWindow, ModelMemory>;

const A: u16 = 30;
const SHIFT: u16 = 42;
const PRESS: u32 = 1;
const RELEASE: u32 = 0;

/// A device that says, whatever is asked, that it has the keys of these bits.
fn model(size: u8, bits: u8) -> ModelDevice {
    let mut registers = vec![0; 136];
    (registers[2], registers[8 + 3]) = (size, bits);
    let device = ModelDevice::new(0, registers);
    device.state().queue_size = 64;
    device
}

fn open(device: &ModelDevice) -> Result<Option<Keyboard>, SetupError> {
    let window = |bar, offset, length| device.window(bar, offset, length);
    let transport = Transport::find(&mut device.configuration(), window)?;
    VirtioKeyboard::new(transport, |bytes| Ok(device.memory(bytes)))
}

fn keyboard() -> (ModelDevice, Keyboard) {
    let device = model(96, 1 << 6);
    let keyboard = open(&device).unwrap().unwrap();
    (device, keyboard)
}

fn tell(device: &ModelDevice, kind: u16, code: u16, value: u32) -> bool {
    let event = [&kind.to_le_bytes()[..], &code.to_le_bytes(), &value.to_le_bytes()].concat();
    device.fill(0, &event, 8)
}

fn event(usage: u8, pressed: bool) -> KeyEvent {
    KeyEvent { usage, pressed }
}

#[test]
fn keys_go_down_and_up() {
    let (device, mut keyboard) = keyboard();
    for (code, value) in [(SHIFT, PRESS), (A, PRESS), (A, RELEASE), (SHIFT, RELEASE)] {
        assert!(tell(&device, 1, code, value));
        assert!(tell(&device, 0, 0, 0), "a report ends");
    }
    let (events, progress) = keyboard.advance(5).unwrap();
    assert_eq!(events, [event(0xe1, true), event(4, true), event(4, false), event(0xe1, false)]);
    assert_eq!((progress, keyboard.deadline()), (Progress::Done, None));
}

#[test]
fn a_key_that_is_held_repeats_and_a_modifier_does_not() {
    let (device, mut keyboard) = keyboard();
    tell(&device, 1, A, PRESS);
    tell(&device, 1, SHIFT, PRESS);
    // The device's own repetitions.
    tell(&device, 1, A, 2);
    tell(&device, 1, A, PRESS);
    assert_eq!(keyboard.advance(7).unwrap().0, [event(4, true), event(0xe1, true)]);
    assert_eq!(keyboard.deadline(), Some(7 + DELAY_NS));
    assert_eq!(keyboard.advance(7 + DELAY_NS).unwrap().0, [event(4, true)]);
    tell(&device, 1, A, RELEASE);
    assert_eq!(keyboard.advance(8 + DELAY_NS).unwrap().0, [event(4, false)]);
    assert_eq!(keyboard.deadline(), None);
}

#[test]
fn what_makes_no_sense_is_nothing_and_a_liar_is_found_out() {
    let (device, mut keyboard) = keyboard();
    for (kind, code, value) in
        [(2, A, 1), (1, 0, 1), (1, 84, 1), (1, 300, 1), (1, 0xffff, 1), (1, A, RELEASE), (1, A, 3)]
    {
        tell(&device, kind, code, value);
    }
    assert!(device.fill(0, &[1, 0, 30, 0], 4));
    assert_eq!(keyboard.advance(0).unwrap().0, []);
    assert!(device.fill(0, &[], 9));
    assert_eq!(keyboard.advance(0), Err(Broken));
    for device in [model(96, 0), model(3, 1 << 6), model(0, 0xff)] {
        assert!(open(&device).unwrap().is_none(), "no keyboard");
    }
    let small = model(96, 1 << 6);
    small.state().queue_size = 1;
    assert_eq!(open(&small).map(drop).unwrap_err(), SetupError::NoQueue(0));
}

#[test]
fn a_flood_is_taken_in_pieces() {
    let (device, mut keyboard) = keyboard();
    for round in 0..20 {
        let value = if round % 2 == 0 { PRESS } else { RELEASE };
        assert_eq!((0..100).take_while(|_| tell(&device, 1, A, value)).count(), 64);
        let (events, progress) = keyboard.advance(0).unwrap();
        assert_eq!((events, progress), (vec![event(4, value == PRESS)], Progress::More));
    }
    assert_eq!(keyboard.advance(0), Ok((vec![], Progress::Done)));
}

#[test]
fn no_two_keys_have_one_usage() {
    let mut usages: Vec<u8> = (0..1000).filter_map(usage).collect();
    let count = usages.len();
    usages.sort_unstable();
    usages.dedup();
    assert_eq!((usages.len(), count), (count, 108));
    assert_eq!([1, 28, 57, 68, 103, 111].map(usage), [0x29, 0x28, 0x2c, 0x43, 0x52, 0x4c].map(Some));
}
