//! The protocol: sentences in, readings out.

use crate::epoch::{CHANNELS, Epoch, Impossible, Parts};
use crate::frame::{Framed, Framer};
use airox_driver_traits::sensor::{Description, SensorKind};
use airox_sensor_server::{Exchange, Fault, Protocol};
use alloc::borrow::Cow;
use chrono::{NaiveTime, Timelike};
use nmea::ParseResult;
use nmea::sentences::{GgaData, RmcData};

/// Where the talker's letters are in a sentence (`$GPGGA`).
const TALKER: core::ops::Range<usize> = 1..3;
/// The talker of a solution from several satellite systems.
const COMBINED: &str = "GN";

/// A receiver.
#[derive(Debug)]
pub struct Receiver {
    framer: Framer,
    epoch: Option<Epoch>,
    /// The parts that the last complete point in time had.
    expected: Parts,
    /// The day it is, in days since 1970, and the time of the last epoch that had it.
    date: Option<(i64, u64)>,
}

impl Default for Receiver {
    fn default() -> Receiver {
        Receiver { framer: Framer::default(), epoch: None, expected: Parts::BOTH, date: None }
    }
}

impl Protocol for Receiver {
    fn description(&self) -> Description {
        Description {
            kind: SensorKind::Position,
            model: Cow::Borrowed("GPS receiver, NMEA 0183"),
            channels: Cow::Borrowed(&CHANNELS),
            period_ns: None,
        }
    }

    fn received(&mut self, bytes: &[u8], exchange: &mut Exchange<'_>) {
        for byte in bytes {
            let parsed = match self.framer.push(*byte) {
                Framed::Nothing => continue,
                Framed::Skipped => {
                    exchange.condition.statistics().resyncs += 1;
                    continue;
                }
                Framed::BadChecksum => {
                    exchange.condition.fault(Fault::Checksum);
                    continue;
                }
                Framed::Sentence(text) => parse(text),
            };
            match parsed {
                Ok(Some(sentence)) => self.sentence(sentence, exchange),
                // Of no use here.
                Ok(None) => exchange.condition.statistics().good += 1,
                Err(Impossible) => exchange.condition.fault(Fault::Malformed),
            }
        }
    }

    fn passed(&mut self, _exchange: &mut Exchange<'_>) {}

    fn deadline(&self) -> Option<u64> {
        None
    }
}

/// A sentence that readings are made of, and whether its talker combined several systems.
struct Sentence {
    data: Data,
    time_of_day_ns: Option<u64>,
    combined: bool,
}

enum Data {
    Gga(GgaData),
    Rmc(RmcData),
}

impl Sentence {
    fn part(&self) -> Parts {
        match self.data {
            Data::Gga(_) => Parts::GGA,
            Data::Rmc(_) => Parts::RMC,
        }
    }
}

fn parse(text: &str) -> Result<Option<Sentence>, Impossible> {
    let combined = text.get(TALKER) == Some(COMBINED);
    match nmea::parse_str(text) {
        Ok(ParseResult::GGA(data)) => {
            let time_of_day_ns = data.fix_time.map(of_day);
            Ok(Some(Sentence { data: Data::Gga(data), time_of_day_ns, combined }))
        }
        Ok(ParseResult::RMC(data)) => {
            let time_of_day_ns = data.fix_time.map(of_day);
            Ok(Some(Sentence { data: Data::Rmc(data), time_of_day_ns, combined }))
        }
        Ok(_) => Ok(None),
        // A sentence of another kind, perhaps one of the maker's own: the crate knows many, and parses those we use.
        Err(_) if !is_ours(text) => Ok(None),
        Err(_) => Err(Impossible),
    }
}

/// Whether it is one of the sentences that readings are made of.
fn is_ours(text: &str) -> bool {
    matches!(text.get(TALKER.end..TALKER.end + 4), Some("GGA," | "RMC,"))
}

fn of_day(time: NaiveTime) -> u64 {
    u64::from(time.num_seconds_from_midnight()) * 1_000_000_000 + u64::from(time.nanosecond())
}

impl Receiver {
    fn sentence(&mut self, sentence: Sentence, exchange: &mut Exchange<'_>) {
        let time = sentence.time_of_day_ns;
        // A receiver that knows no time yet begins anew when it repeats itself.
        let is_next =
            |epoch: &Epoch| epoch.time_of_day_ns != time || (time.is_none() && epoch.parts.contains(sentence.part()));
        if self.epoch.as_ref().is_some_and(is_next) {
            self.finish(exchange);
        }
        let epoch = self.epoch.get_or_insert_with(|| Epoch::new(time, exchange.now));
        let was_complete = epoch.parts.contains(self.expected);
        let added = match &sentence.data {
            Data::Gga(data) => epoch.add_gga(data, sentence.combined),
            Data::Rmc(data) => epoch.add_rmc(data, sentence.combined),
        };
        if added.is_err() {
            exchange.condition.fault(Fault::Malformed);
            return;
        }
        exchange.condition.statistics().good += 1;
        if !was_complete && epoch.parts.contains(self.expected) {
            let epoch = epoch.clone();
            self.tell(&epoch, exchange);
        }
    }

    /// Another point in time begins: tells what there is of the last one, if that was not told, and learns what to expect.
    fn finish(&mut self, exchange: &mut Exchange<'_>) {
        let Some(epoch) = self.epoch.take() else { return };
        if !epoch.parts.contains(self.expected) && epoch.parts != Parts::NONE {
            self.tell(&epoch, exchange);
        }
        if epoch.parts != Parts::NONE {
            self.expected = epoch.parts;
        }
    }

    fn tell(&mut self, epoch: &Epoch, exchange: &mut Exchange<'_>) {
        let date = self.date(epoch);
        let (quality, values) = epoch.reading(date);
        exchange.condition.reading(exchange.now, epoch.first_ns, quality, values);
    }

    /// The day of an epoch: what it says, or the day before, unless midnight has passed since.
    fn date(&mut self, epoch: &Epoch) -> Option<i64> {
        let time = epoch.time_of_day_ns?;
        if let Some(days) = epoch.date() {
            self.date = Some((days, time));
            return Some(days);
        }
        let (days, last) = self.date?;
        (time >= last).then_some(days)
    }
}
