//! The chip.

use airox_driver_traits::PortIo;
use core::fmt;
use time::{Date, Month, PrimitiveDateTime, Time};

/// Selects a register.
const INDEX_PORT: u16 = 0x70;
/// Reads or writes the register selected.
const DATA_PORT: u16 = 0x71;

const SECONDS: u8 = 0x00;
const MINUTES: u8 = 0x02;
const HOURS: u8 = 0x04;
const WEEKDAY: u8 = 0x06;
const DAY: u8 = 0x07;
const MONTH: u8 = 0x08;
const YEAR: u8 = 0x09;
const STATUS_A: u8 = 0x0a;
const STATUS_B: u8 = 0x0b;

/// Status A: the time registers are about to change, or changing.
const UPDATING: u8 = 1 << 7;
/// Status B: the time registers stand still, to be set.
const SETTING: u8 = 1 << 7;
/// Status B: numbers are binary, not BCD.
const BINARY: u8 = 1 << 2;
/// Status B: hours count to 24, not to 12.
const HOURS_24: u8 = 1 << 1;
/// Hours, in 12-hour form: afternoon.
const AFTERNOON: u8 = 1 << 7;

/// Reads of the update flag before giving up. An update lasts up to 2 ms and a read takes about 1 us.
const UPDATE_READS: u32 = 20_000;
/// Readings compared before giving up on two equal ones.
const READINGS: u32 = 8;

/// The first year the chip can tell.
const FIRST_YEAR: i32 = 2000;
/// The last.
const LAST_YEAR: i32 = 2099;

/// Why the clock cannot be read or set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RtcError {
    /// The update flag never goes away: there is no such chip.
    NeverReady,
    /// No two readings in a row agree.
    Unstable,
    /// A register holds no number of its form.
    BadRegister {
        /// Which register.
        register: u8,
        /// What it holds.
        value: u8,
    },
    /// The registers name no time that exists.
    NoSuchTime,
    /// The time to set is not in 2000 to 2099.
    OutOfRange,
}

impl fmt::Display for RtcError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RtcError::NeverReady => formatter.write_str("the real-time clock is never ready"),
            RtcError::Unstable => formatter.write_str("the real-time clock never stands still"),
            RtcError::BadRegister { register, value } => {
                write!(formatter, "register {register:#04x} of the real-time clock holds {value:#04x}")
            }
            RtcError::NoSuchTime => formatter.write_str("the real-time clock tells a time that does not exist"),
            RtcError::OutOfRange => formatter.write_str("the real-time clock can only hold the years 2000 to 2099"),
        }
    }
}

impl core::error::Error for RtcError {}

/// The registers as they are, and the format they are in.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Reading {
    seconds: u8,
    minutes: u8,
    hours: u8,
    day: u8,
    month: u8,
    year: u8,
    format: u8,
}

/// The chip behind ports 0x70 and 0x71.
pub struct Cmos<P> {
    ports: P,
}

impl<P: PortIo> Cmos<P> {
    /// The chip behind these ports.
    pub const fn new(ports: P) -> Cmos<P> {
        Cmos { ports }
    }

    /// The time, in seconds since 1970-01-01 00:00 UTC.
    ///
    /// # Errors
    /// Everything but [`RtcError::OutOfRange`].
    pub fn read(&mut self) -> Result<u64, RtcError> {
        let mut last = self.reading()?;
        for _ in 0..READINGS {
            let reading = self.reading()?;
            if reading == last {
                return decode(reading);
            }
            last = reading;
        }
        Err(RtcError::Unstable)
    }

    /// Sets the time, in seconds since 1970-01-01 00:00 UTC.
    ///
    /// # Errors
    /// [`RtcError::OutOfRange`]; nothing was written.
    pub fn set(&mut self, unix_seconds: u64) -> Result<(), RtcError> {
        let seconds = i64::try_from(unix_seconds).map_err(|_| RtcError::OutOfRange)?;
        let time = time::OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| RtcError::OutOfRange)?;
        if !(FIRST_YEAR..=LAST_YEAR).contains(&time.year()) {
            return Err(RtcError::OutOfRange);
        }
        let format = self.register(STATUS_B) & !SETTING;
        let encode = |value: u8| {
            if format & BINARY != 0 { value } else { ((value / 10) << 4) | (value % 10) }
        };
        let hours = match time.hour() {
            hour if format & HOURS_24 != 0 => encode(hour),
            hour => {
                let twelve = if hour % 12 == 0 { 12 } else { hour % 12 };
                encode(twelve) | if hour >= 12 { AFTERNOON } else { 0 }
            }
        };
        self.set_register(STATUS_B, format | SETTING);
        self.set_register(SECONDS, encode(time.second()));
        self.set_register(MINUTES, encode(time.minute()));
        self.set_register(HOURS, hours);
        self.set_register(WEEKDAY, encode(time.weekday().number_from_sunday()));
        self.set_register(DAY, encode(time.day()));
        self.set_register(MONTH, encode(time.month().into()));
        // Checked above: 0 to 99.
        self.set_register(YEAR, encode((time.year() - FIRST_YEAR) as u8));
        self.set_register(STATUS_B, format);
        Ok(())
    }

    fn reading(&mut self) -> Result<Reading, RtcError> {
        self.wait_for_update()?;
        Ok(Reading {
            seconds: self.register(SECONDS),
            minutes: self.register(MINUTES),
            hours: self.register(HOURS),
            day: self.register(DAY),
            month: self.register(MONTH),
            year: self.register(YEAR),
            format: self.register(STATUS_B) & (BINARY | HOURS_24),
        })
    }

    fn wait_for_update(&mut self) -> Result<(), RtcError> {
        for _ in 0..UPDATE_READS {
            if self.register(STATUS_A) & UPDATING == 0 {
                return Ok(());
            }
        }
        Err(RtcError::NeverReady)
    }

    /// Bit 7 of the index masks NMIs; it stays 0, so they stay on.
    fn register(&mut self, register: u8) -> u8 {
        self.ports.write_u8(INDEX_PORT, register);
        self.ports.read_u8(DATA_PORT)
    }

    fn set_register(&mut self, register: u8, value: u8) {
        self.ports.write_u8(INDEX_PORT, register);
        self.ports.write_u8(DATA_PORT, value);
    }
}

fn decode(reading: Reading) -> Result<u64, RtcError> {
    let number = |register, value: u8| {
        if reading.format & BINARY != 0 {
            Ok(value)
        } else if value & 0x0f <= 9 && value >> 4 <= 9 {
            Ok((value >> 4) * 10 + (value & 0x0f))
        } else {
            Err(RtcError::BadRegister { register, value })
        }
    };
    let hour = if reading.format & HOURS_24 != 0 {
        number(HOURS, reading.hours)?
    } else {
        let twelve = number(HOURS, reading.hours & !AFTERNOON)?;
        if !(1..=12).contains(&twelve) {
            return Err(RtcError::NoSuchTime);
        }
        let afternoon = reading.hours & AFTERNOON != 0;
        twelve % 12 + if afternoon { 12 } else { 0 }
    };
    let year = number(YEAR, reading.year)?;
    if year > 99 {
        return Err(RtcError::NoSuchTime);
    }
    let month = Month::try_from(number(MONTH, reading.month)?).map_err(|_| RtcError::NoSuchTime)?;
    let day = number(DAY, reading.day)?;
    let date = Date::from_calendar_date(FIRST_YEAR + i32::from(year), month, day).map_err(|_| RtcError::NoSuchTime)?;
    let minute = number(MINUTES, reading.minutes)?;
    let second = number(SECONDS, reading.seconds)?;
    let time = Time::from_hms(hour, minute, second).map_err(|_| RtcError::NoSuchTime)?;
    let seconds = PrimitiveDateTime::new(date, time).assume_utc().unix_timestamp();
    u64::try_from(seconds).map_err(|_| RtcError::NoSuchTime)
}
