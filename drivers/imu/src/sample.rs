//! One reading of the chip's registers.

use crate::registers::{GYRO_DATA, MODE_BITS, NDOF, OPERATION_MODE, UNIT_BITS, UNIT_SELECT, UNITS};
use airox_driver_traits::sensor::{Channel, Quality, Unit};
use alloc::vec::Vec;

/// Registers read at once: from the gyroscope's data to the operation mode.
pub(crate) const COUNT: usize = (OPERATION_MODE - GYRO_DATA) as usize + 1;

/// Register values of one radian a second (table 3-22).
const RADIAN_PER_SECOND: f64 = 900.0;
/// Register values of a quaternion of length 1 (table 3-31: 2^14).
const QUATERNION: f64 = 16_384.0;
/// Register values of one metre a second squared (table 3-33).
const METRE_PER_SECOND_SQUARED: f64 = 100.0;
/// How far the square of a quaternion's length may be from 1: rounding makes a ten-thousandth, damage makes more.
const LENGTH_TOLERANCE: f64 = 0.02;

// Where in the registers read things begin.
const QUATERNION_AT: usize = (0x20 - GYRO_DATA) as usize;
const LINEAR_AT: usize = (0x28 - GYRO_DATA) as usize;
const TEMPERATURE_AT: usize = (0x34 - GYRO_DATA) as usize;
const CALIBRATION_AT: usize = (0x35 - GYRO_DATA) as usize;
const SYSTEM_STATUS_AT: usize = (0x39 - GYRO_DATA) as usize;
const SYSTEM_ERROR_AT: usize = (0x3a - GYRO_DATA) as usize;
const UNITS_AT: usize = (UNIT_SELECT - GYRO_DATA) as usize;
const MODE_AT: usize = (OPERATION_MODE - GYRO_DATA) as usize;
/// The system status of a chip that has failed (section 4.3.58).
const SYSTEM_FAILED: u8 = 1;

/// The channels of a reading.
pub static CHANNELS: [Channel; 12] = [
    Channel::new("orientation-w", Unit::One),
    Channel::new("orientation-x", Unit::One),
    Channel::new("orientation-y", Unit::One),
    Channel::new("orientation-z", Unit::One),
    Channel::new("turn-x", Unit::RadianPerSecond),
    Channel::new("turn-y", Unit::RadianPerSecond),
    Channel::new("turn-z", Unit::RadianPerSecond),
    Channel::new("acceleration-x", Unit::MetrePerSecondSquared),
    Channel::new("acceleration-y", Unit::MetrePerSecondSquared),
    Channel::new("acceleration-z", Unit::MetrePerSecondSquared),
    Channel::new("temperature", Unit::Celsius),
    Channel::new("calibration", Unit::One),
];

/// Why registers are no reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SampleError {
    /// They are another number of registers.
    Length,
    /// The mode or the units are not those that were set: the chip was reset.
    Reset,
    /// The chip reports that it has failed, with this error number (section 4.3.59).
    Failed(u8),
    /// The orientation is no orientation.
    Impossible,
}

/// A reading in SI units.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// Orientation as a quaternion, W first; absent until the fusion runs.
    pub orientation: Option<[f64; 4]>,
    /// Turn rate in radians a second.
    pub turn: [f64; 3],
    /// Acceleration without gravity, in metres a second squared.
    pub acceleration: [f64; 3],
    /// Degrees Celsius.
    pub temperature: f64,
    /// Calibration of the system, 0 to 3 (section 4.3.54).
    pub calibration: u8,
}

impl Sample {
    /// Decodes registers from [`GYRO_DATA`] to [`OPERATION_MODE`].
    ///
    /// # Errors
    /// [`SampleError`].
    pub fn decode(registers: &[u8]) -> Result<Sample, SampleError> {
        let registers: &[u8; COUNT] = registers.try_into().map_err(|_| SampleError::Length)?;
        if registers[UNITS_AT] & UNIT_BITS != UNITS || registers[MODE_AT] & MODE_BITS != NDOF {
            return Err(SampleError::Reset);
        }
        if registers[SYSTEM_STATUS_AT] == SYSTEM_FAILED {
            return Err(SampleError::Failed(registers[SYSTEM_ERROR_AT]));
        }
        let quaternion: [f64; 4] = values(registers, QUATERNION_AT, QUATERNION);
        let square: f64 = quaternion.iter().map(|part| part * part).sum();
        let orientation = match square {
            0.0 => None,
            square if (square - 1.0).abs() > LENGTH_TOLERANCE => return Err(SampleError::Impossible),
            _ => Some(quaternion),
        };
        Ok(Sample {
            orientation,
            turn: values(registers, 0, RADIAN_PER_SECOND),
            acceleration: values(registers, LINEAR_AT, METRE_PER_SECOND_SQUARED),
            temperature: f64::from(registers[TEMPERATURE_AT] as i8),
            calibration: registers[CALIBRATION_AT] >> 6,
        })
    }

    /// How far it can be relied on: what the chip says of its calibration.
    #[must_use]
    pub fn quality(&self) -> Quality {
        match (self.orientation, self.calibration) {
            (None, _) => Quality::Unusable,
            (_, 0 | 1) => Quality::Poor,
            (_, 2) => Quality::Fair,
            _ => Quality::Good,
        }
    }

    /// Its values in the order of [`CHANNELS`].
    #[must_use]
    pub fn values(&self) -> Vec<Option<f64>> {
        let orientation = match self.orientation {
            Some(parts) => parts.map(Some),
            None => [None; 4],
        };
        let known = self.turn.into_iter().chain(self.acceleration);
        let known = known.chain([self.temperature, f64::from(self.calibration)]).map(Some);
        orientation.into_iter().chain(known).collect()
    }
}

/// Some signed numbers of two bytes each, the low byte first, divided by their scale.
fn values<const N: usize>(registers: &[u8; COUNT], first: usize, scale: f64) -> [f64; N] {
    core::array::from_fn(|index| {
        let at = first + 2 * index;
        f64::from(i16::from_le_bytes([registers[at], registers[at + 1]])) / scale
    })
}
