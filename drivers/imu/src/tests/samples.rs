//! Registers to SI units.

use super::model::Model;
use crate::registers::{GYRO_DATA, NDOF, OPERATION_MODE, UNIT_SELECT, UNITS};
use crate::{CHANNELS, Sample, SampleError};
use airox_driver_traits::sensor::Quality;
use std::vec::Vec;

fn model() -> Model {
    let mut model = Model::new();
    model.registers[usize::from(UNIT_SELECT)] = UNITS;
    model.registers[usize::from(OPERATION_MODE)] = NDOF;
    model.measure();
    model
}

fn registers(model: &Model) -> Vec<u8> {
    model.registers[usize::from(GYRO_DATA)..=usize::from(OPERATION_MODE)].to_vec()
}

#[test]
fn values_have_their_units() {
    let sample = Sample::decode(&registers(&model())).expect("a sample");
    let wanted = Sample {
        orientation: Some([1.0, 0.0, 0.0, 0.0]),
        turn: [1.0, -0.5, 0.0],
        acceleration: [1.0, -2.5, 9.81],
        temperature: -5.0,
        calibration: 3,
    };
    assert_eq!(sample, wanted);
    assert_eq!((sample.values().len(), sample.quality()), (CHANNELS.len(), Quality::Good));
}

#[test]
fn the_calibration_is_the_quality() {
    let mut model = model();
    for (calibration, quality) in
        [(0x3f, Quality::Poor), (0x40, Quality::Poor), (0x80, Quality::Fair), (0xc0, Quality::Good)]
    {
        model.registers[0x35] = calibration;
        assert_eq!(Sample::decode(&registers(&model)).map(|sample| sample.quality()), Ok(quality));
    }
    // Before the fusion has run there is no orientation, and all the rest.
    model.put(0x20, &[0; 4]);
    let sample = Sample::decode(&registers(&model)).expect("a sample");
    assert_eq!((sample.orientation, sample.quality()), (None, Quality::Unusable));
    assert_eq!(sample.values()[..5], [None, None, None, None, Some(1.0)]);
}

#[test]
fn what_cannot_be_is_refused() {
    let whole = registers(&model());
    for length in [0, 1, whole.len() - 1] {
        assert_eq!(Sample::decode(&whole[..length]), Err(SampleError::Length));
    }
    let mut model = model();
    model.put(0x20, &[16_384, 16_384, 0, 0]);
    assert_eq!(Sample::decode(&registers(&model)), Err(SampleError::Impossible));
    model.registers[0x39] = 1;
    model.registers[0x3a] = 4;
    assert_eq!(Sample::decode(&registers(&model)), Err(SampleError::Failed(4)));
    model.registers[usize::from(UNIT_SELECT)] = 0x80;
    assert_eq!(Sample::decode(&registers(&model)), Err(SampleError::Reset));
    model.registers[usize::from(UNIT_SELECT)] = UNITS;
    model.registers[usize::from(OPERATION_MODE)] = 0x10;
    assert_eq!(Sample::decode(&registers(&model)), Err(SampleError::Reset));
}
