//! The dialogue, byte by byte.

use crate::{Controller, MAX_CHANNELS, Settings};
use airox_driver_traits::actuator::{Actuator, ActuatorError};
use airox_driver_traits::sensor::SensorError;
use airox_sensor_server::testing::Bench;
use alloc::vec::Vec;

const SETTINGS: Settings = Settings { channels: 3, least_us: 1000, most_us: 2000 };
const MILLISECOND: u64 = 1_000_000;
const LIMIT: u64 = 1_000 * MILLISECOND;
/// The question for the positions of three channels.
const QUESTION: [u8; 6] = [0x90, 0, 0x90, 1, 0x90, 2];

/// A controller that has been asked for its positions.
fn asked() -> Bench<Controller> {
    let mut bench = Bench::new(Controller::new(SETTINGS).expect("possible servos"), LIMIT);
    bench.pass(1);
    assert_eq!(bench.line.sent(), QUESTION);
    bench
}

/// A controller that has told its positions: channel 0 is off, the others are at 1500 and 2000 microseconds.
fn told() -> Bench<Controller> {
    let mut bench = asked();
    bench.arrive(&[0, 0, 0x70, 0x17, 0x40, 0x1f]);
    bench
}

/// What the driver says after a command.
fn said(bench: &mut Bench<Controller>) -> Vec<u8> {
    bench.arrive(&[]);
    bench.line.sent()
}

#[test]
fn positions_are_read_again_and_again() {
    let mut bench = told();
    assert_eq!(bench.read().expect("a reading").values, [None, Some(0.0), Some(1.0)]);
    bench.pass(99 * MILLISECOND);
    assert_eq!(bench.line.sent(), []);
    bench.pass(2 * MILLISECOND);
    assert_eq!(bench.line.sent(), QUESTION);
    // Byte by byte is as good.
    for byte in [0xa0, 0x0f, 0, 0, 0, 0] {
        bench.arrive(&[byte]);
    }
    assert_eq!(bench.read().expect("a reading").values, [Some(-1.0), None, None]);
    assert_eq!((bench.statistics().good, bench.statistics().resyncs), (2, 0));
}

#[test]
fn a_target_is_sent_as_the_guide_shows_and_confirmed() {
    let mut bench = told();
    bench.sensor.command(7, 0, Some(0.0));
    // The example of section 5.e: 1500 microseconds.
    assert_eq!(said(&mut bench), [0x84, 0, 0x70, 0x2e, 0xa1]);
    assert_eq!(bench.sensor.take_outcomes(), []);
    bench.arrive(&[0]);
    assert_eq!(bench.sensor.take_outcomes(), []);
    bench.arrive(&[0]);
    assert_eq!(bench.sensor.take_outcomes(), [(7, Ok(()))]);
    assert_eq!(bench.line.sent(), QUESTION, "what it does now is asked at once");
}

#[test]
fn commands_that_come_together_leave_together() {
    let mut bench = asked();
    bench.sensor.command(1, 0, Some(-1.0));
    bench.sensor.command(2, 1, Some(1.0));
    bench.sensor.command(3, 2, None);
    assert_eq!(said(&mut bench), [], "an answer is on its way");
    bench.arrive(&[0; 6]);
    assert_eq!(bench.line.sent(), [0x84, 0, 0x20, 0x1f, 0x84, 1, 0x40, 0x3e, 0x84, 2, 0, 0, 0xa1]);
    // Bits of the errors: section 4.e.
    bench.arrive(&[0x12, 0]);
    let refused = Err(ActuatorError::Device(0x12));
    assert_eq!(bench.sensor.take_outcomes(), [(1, refused), (2, refused), (3, refused)]);
    assert_eq!(bench.statistics().device_errors, 1);
}

#[test]
fn what_is_not_confirmed_is_told_and_late_answers_confirm_nothing() {
    let mut bench = told();
    bench.sensor.command(1, 0, Some(0.5));
    let _ = said(&mut bench);
    bench.arrive(&[0]);
    bench.pass(201 * MILLISECOND);
    assert_eq!(bench.sensor.take_outcomes(), [(1, Err(ActuatorError::NotConfirmed))]);
    bench.sensor.command(2, 0, Some(0.5));
    bench.arrive(&[0]);
    assert_eq!((bench.line.sent(), bench.statistics().resyncs), (Vec::new(), 1), "the line is left in peace");
    bench.pass(51 * MILLISECOND);
    assert_eq!(bench.line.sent().last(), Some(&0xa1));
    bench.arrive(&[0, 0]);
    assert_eq!(bench.sensor.take_outcomes(), [(2, Ok(()))]);
}

#[test]
fn nonsense_and_silence_are_told() {
    let mut bench = asked();
    bench.arrive(&[0xff; 6]);
    assert_eq!(bench.read(), Err(SensorError::BadData { count: 1 }));
    bench.pass(60 * MILLISECOND);
    bench.arrive(&[0; 64]);
    assert_eq!(bench.read().expect("a reading").values, [None; 3]);
    bench.pass(LIMIT);
    assert_eq!(bench.read(), Err(SensorError::Unplugged));
    bench.sensor.command(1, 0, None);
    bench.pass(300 * MILLISECOND);
    assert_eq!(bench.sensor.take_outcomes(), [(1, Err(ActuatorError::NotConfirmed))]);
}

#[test]
fn what_cannot_be_is_refused() {
    for bad in [
        Settings { channels: 0, ..SETTINGS },
        Settings { channels: MAX_CHANNELS + 1, ..SETTINGS },
        Settings { least_us: 0, ..SETTINGS },
        Settings { least_us: 2000, ..SETTINGS },
        Settings { most_us: 4096, ..SETTINGS },
    ] {
        assert!(Controller::new(bad).is_none(), "{bad:?}");
    }
    let mut controller = Controller::new(Settings { most_us: 4095, ..SETTINGS }).unwrap();
    controller.command(1, 3, None);
    controller.command(2, usize::MAX, None);
    let refused = Err(ActuatorError::NoSuchChannel);
    assert_eq!(controller.take_outcomes(), [(1, refused), (2, refused)]);
}
