//! Setting up, reading at a rate, and every way in which the chip can fail.

use super::model::{Fault, LIMIT, MILLISECOND, Pair};
use crate::{Chip, MAX_RATE};
use airox_driver_traits::sensor::{Quality, Sensor, SensorError};
use proptest::prelude::*;
use std::vec;
use std::vec::Vec;

#[test]
fn the_chip_is_set_up_and_read_at_its_rate() {
    let mut pair = Pair::ready();
    let setup: Vec<&[u8]> = pair.model.requests[..6].iter().map(Vec::as_slice).collect();
    let wanted: [&[u8]; 6] = [
        &[0xaa, 0x00, 0x07, 1, 0],
        &[0xaa, 0x01, 0x00, 1],
        &[0xaa, 0x00, 0x3d, 1, 0],
        &[0xaa, 0x00, 0x3e, 1, 0],
        &[0xaa, 0x00, 0x3b, 1, 2],
        &[0xaa, 0x00, 0x3d, 1, 0x0c],
    ];
    assert_eq!(setup, wanted);
    let before = pair.bench.statistics().good;
    pair.pass(1000);
    assert_eq!(pair.bench.statistics().good - before, 50);
    let reading = pair.bench.read().expect("a reading");
    assert_eq!(reading.quality, Quality::Good);
    assert_eq!(reading.values[4..7], [Some(1.0), Some(-0.5), Some(0.0)]);
    assert_eq!(pair.bench.statistics().timeouts + pair.bench.statistics().device_errors, 0);
}

#[test]
fn rates_that_cannot_be_are_refused() {
    assert!(Chip::new(0).is_none());
    assert!(Chip::new(MAX_RATE + 1).is_none());
    assert!(Chip::new(MAX_RATE).is_some());
}

/// What is counted after one fault in the middle: timeouts, device errors, malformed, resyncs, resets.
fn after(fault: Fault) -> [u64; 5] {
    let mut pair = Pair::ready();
    pair.model.faults.push(fault.clone());
    pair.pass(400);
    assert!(pair.bench.read().is_ok(), "{fault:?}");
    let counted = pair.bench.statistics();
    [counted.timeouts, counted.device_errors, counted.malformed, counted.resyncs, counted.resets]
}

#[test]
fn every_fault_is_counted_and_overcome() {
    assert_eq!(after(Fault::Silent), [1, 0, 0, 0, 0]);
    // Bus overrun, then a register that is not there.
    assert_eq!(after(Fault::Says(vec![0xee, 0x07])), [0, 1, 0, 0, 0]);
    assert_eq!(after(Fault::Says(vec![0xee, 0x04])), [0, 1, 0, 0, 0]);
    // "Written" is no answer to a request to read.
    assert_eq!(after(Fault::Says(vec![0xee, 0x01])), [0, 1, 0, 0, 0]);
    // Wrong lengths: too few, none, more than there can be.
    assert_eq!(after(Fault::Says(vec![0xbb, 2, 0, 0])), [0, 0, 1, 0, 0]);
    assert_eq!(after(Fault::Says(vec![0xbb, 0])), [1, 0, 0, 1, 0]);
    assert_eq!(after(Fault::Says(vec![0xbb, 200, 1, 2, 3])), [1, 0, 0, 1, 0]);
    // Bytes lost: of the beginning, of the data.
    assert_eq!(after(Fault::Drops(0)), [1, 0, 0, 1, 0]);
    assert_eq!(after(Fault::Drops(20)), [1, 0, 0, 0, 0]);
    assert_eq!(after(Fault::Noise(vec![0x00, 0x55, 0xff])), [0, 0, 0, 1, 0]);
    assert_eq!(after(Fault::Reset), [1, 0, 0, 0, 1]);
}

#[test]
fn a_chip_reset_between_two_requests_is_set_up_again() {
    let mut pair = Pair::ready();
    pair.model.reset();
    pair.pass(200);
    assert_eq!(pair.bench.statistics().resets, 1);
    assert!(pair.bench.read().is_ok());
}

#[test]
fn a_chip_that_has_failed_is_set_up_again() {
    let mut pair = Pair::ready();
    pair.model.registers[0x39] = 1;
    pair.pass(200);
    assert!(pair.bench.statistics().device_errors >= 1);
    assert!(pair.bench.read().is_ok());
}

#[test]
fn unplugging_and_plugging_in_are_told() {
    let mut pair = Pair::ready();
    pair.model.plugged = false;
    let news = pair.bench.sensor.news();
    pair.pass(LIMIT / MILLISECOND + 30);
    assert_eq!(pair.bench.read(), Err(SensorError::Unplugged));
    assert_eq!(pair.bench.sensor.news(), news + 1, "told once");
    pair.pass(10_000);
    assert!(pair.model.requests.len() < 100, "an absent chip is asked now and then only");
    pair.model.reset();
    pair.model.plugged = true;
    pair.pass(1000);
    assert!(pair.bench.read().is_ok());
}

#[test]
fn another_chip_is_not_taken_for_this_one() {
    let mut pair = Pair::new();
    pair.model.registers[0] = 0x55;
    pair.pass(600);
    assert!(matches!(pair.bench.read(), Err(SensorError::BadData { .. })), "{:?}", pair.bench.read());
    assert_eq!(pair.bench.statistics().good, 0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_answers_stop_it(answers in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..12)) {
        let mut pair = Pair::ready();
        pair.model.faults.extend(answers.into_iter().map(Fault::Says));
        pair.pass(4000);
        prop_assert!(pair.bench.read().is_ok(), "{:?}", pair.bench.read());
    }

    #[test]
    fn noise_at_any_time_is_survived(noise in prop::collection::vec(any::<u8>(), 1..200), at in 0..40u64) {
        let mut pair = Pair::new();
        pair.pass(at);
        pair.bench.arrive(&noise);
        pair.pass(2000);
        prop_assert!(pair.bench.read().is_ok(), "{:?}", pair.bench.read());
    }
}
