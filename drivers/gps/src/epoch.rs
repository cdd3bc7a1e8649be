//! One point in time, told in several sentences.

use airox_driver_traits::sensor::{Channel, Quality, Unit};
use alloc::vec;
use alloc::vec::Vec;
use chrono::{Datelike, NaiveDate};
use nmea::sentences::rmc::RmcStatusOfFix;
use nmea::sentences::{FixType, GgaData, RmcData};

/// Metres a second in a knot: 1852 m an hour, exactly.
const KNOT: f64 = 1852.0 / 3600.0;
/// Days from 0001-01-01 to 1970-01-01.
const UNIX_DAYS: i64 = 719_163;
const SECONDS_A_DAY: i64 = 86_400;

/// The channels of a reading.
pub static CHANNELS: [Channel; 8] = [
    Channel::new("latitude", Unit::Degree),
    Channel::new("longitude", Unit::Degree),
    Channel::new("altitude", Unit::Metre),
    Channel::new("speed", Unit::MetrePerSecond),
    Channel::new("course", Unit::Degree),
    Channel::new("fix", Unit::One),
    Channel::new("satellites", Unit::One),
    Channel::new("time", Unit::Second),
];

/// The sentences that readings are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parts(u8);

impl Parts {
    pub const NONE: Parts = Parts(0);
    pub const GGA: Parts = Parts(1);
    pub const RMC: Parts = Parts(2);
    pub const BOTH: Parts = Parts(3);

    pub fn contains(self, other: Parts) -> bool {
        self.0 & other.0 == other.0
    }

    pub fn with(self, other: Parts) -> Parts {
        Parts(self.0 | other.0)
    }
}

/// What is known of one point in time.
#[derive(Clone, Debug, PartialEq)]
pub struct Epoch {
    /// Nanoseconds since midnight UTC, as the receiver says; `None` while it does not know.
    pub(crate) time_of_day_ns: Option<u64>,
    /// When its first sentence came, in nanoseconds since boot.
    pub(crate) first_ns: u64,
    pub(crate) parts: Parts,
    /// The parts that a combined solution of several satellite systems (talker GN) has told.
    combined: Parts,
    gga: Option<Fix>,
    rmc: Option<Movement>,
}

#[derive(Clone, Debug, PartialEq)]
struct Fix {
    kind: FixType,
    position: Option<(f64, f64)>,
    altitude: Option<f64>,
    satellites: Option<u32>,
}

#[derive(Clone, Debug, PartialEq)]
struct Movement {
    valid: bool,
    position: Option<(f64, f64)>,
    speed: Option<f64>,
    course: Option<f64>,
    date_days: Option<i64>,
}

/// A sentence says what cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Impossible;

impl Epoch {
    pub(crate) fn new(time_of_day_ns: Option<u64>, first_ns: u64) -> Epoch {
        Epoch { time_of_day_ns, first_ns, parts: Parts::NONE, combined: Parts::NONE, gga: None, rmc: None }
    }

    /// Whether this part of a sentence of this talker is to be taken: a combined solution is not replaced by that of one system.
    fn takes(&mut self, part: Parts, combined: bool) -> bool {
        self.parts = self.parts.with(part);
        if combined {
            self.combined = self.combined.with(part);
        }
        combined || !self.combined.contains(part)
    }

    pub(crate) fn add_gga(&mut self, data: &GgaData, combined: bool) -> Result<(), Impossible> {
        let fix = Fix {
            kind: data.fix_type.unwrap_or(FixType::Invalid),
            position: position(data.latitude, data.longitude)?,
            altitude: finite(data.altitude)?,
            satellites: data.fix_satellites,
        };
        if self.takes(Parts::GGA, combined) {
            self.gga = Some(fix);
        }
        Ok(())
    }

    pub(crate) fn add_rmc(&mut self, data: &RmcData, combined: bool) -> Result<(), Impossible> {
        let movement = Movement {
            valid: data.status_of_fix == RmcStatusOfFix::Autonomous
                || data.status_of_fix == RmcStatusOfFix::Differential,
            position: position(data.lat, data.lon)?,
            speed: finite(data.speed_over_ground)?.map(|knots| knots * KNOT),
            course: finite(data.true_course)?,
            date_days: data.fix_date.map(days_of),
        };
        let sensible = movement.speed.is_none_or(|speed| speed >= 0.0)
            && movement.course.is_none_or(|course| (0.0..=360.0).contains(&course));
        if !sensible {
            return Err(Impossible);
        }
        if self.takes(Parts::RMC, combined) {
            self.rmc = Some(movement);
        }
        Ok(())
    }

    /// The day that the receiver tells, in days since 1970.
    pub(crate) fn date(&self) -> Option<i64> {
        self.rmc.as_ref().and_then(|movement| movement.date_days)
    }

    /// Quality and values, in the order of [`CHANNELS`]. `date` is the day it is, in days since 1970, if that is known.
    pub(crate) fn reading(&self, date: Option<i64>) -> (Quality, Vec<Option<f64>>) {
        let quality = self.quality();
        let known = quality != Quality::Unusable;
        let (gga, rmc) = (self.gga.as_ref(), self.rmc.as_ref().filter(|movement| movement.valid));
        let position = gga.and_then(|fix| fix.position).or(rmc.and_then(|movement| movement.position));
        let position = position.filter(|_| known);
        let time = date.zip(self.time_of_day_ns).map(|(days, time)| {
            // Microseconds are what a 64-bit number of seconds since 1970 can tell.
            (days * SECONDS_A_DAY) as f64 + (time / 1_000) as f64 / 1e6
        });
        let values = vec![
            position.map(|(latitude, _)| latitude),
            position.map(|(_, longitude)| longitude),
            gga.and_then(|fix| fix.altitude).filter(|_| known),
            rmc.and_then(|movement| movement.speed).filter(|_| known),
            rmc.and_then(|movement| movement.course).filter(|_| known),
            gga.map(|fix| f64::from(code(fix.kind))),
            gga.and_then(|fix| fix.satellites).map(f64::from),
            time,
        ];
        (quality, values)
    }

    fn quality(&self) -> Quality {
        match (&self.gga, &self.rmc) {
            (Some(fix), _) => match fix.kind {
                FixType::Invalid => Quality::Unusable,
                FixType::Estimated | FixType::Manual | FixType::Simulation => Quality::Poor,
                FixType::Gps => Quality::Fair,
                FixType::DGps | FixType::Pps | FixType::Rtk | FixType::FloatRtk => Quality::Good,
            },
            (None, Some(movement)) if movement.valid => Quality::Fair,
            _ => Quality::Unusable,
        }
    }
}

/// The number that NMEA 0183 has for a kind of fix (GGA, field 6).
fn code(kind: FixType) -> u8 {
    match kind {
        FixType::Invalid => 0,
        FixType::Gps => 1,
        FixType::DGps => 2,
        FixType::Pps => 3,
        FixType::Rtk => 4,
        FixType::FloatRtk => 5,
        FixType::Estimated => 6,
        FixType::Manual => 7,
        FixType::Simulation => 8,
    }
}

fn position(latitude: Option<f64>, longitude: Option<f64>) -> Result<Option<(f64, f64)>, Impossible> {
    let Some((latitude, longitude)) = latitude.zip(longitude) else { return Ok(None) };
    let possible = (-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude);
    if possible { Ok(Some((latitude, longitude))) } else { Err(Impossible) }
}

fn finite(value: Option<f32>) -> Result<Option<f64>, Impossible> {
    match value {
        Some(value) if !value.is_finite() => Err(Impossible),
        value => Ok(value.map(f64::from)),
    }
}

/// Days since 1970. The year has two digits in a sentence; 83 to 99 are taken for years of the last century.
fn days_of(date: NaiveDate) -> i64 {
    i64::from(date.num_days_from_ce()) - UNIX_DAYS
}
