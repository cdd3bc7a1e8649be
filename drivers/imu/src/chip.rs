//! The dialogue with the chip: setting it up, reading it at a rate, and finding it again.

use crate::frame::{Answer, Parser, Request, Status};
use crate::registers::{
    CHIP, CHIP_ID, CONFIGURATION, FROM_CONFIGURATION_NS, GYRO_DATA, NDOF, NORMAL_POWER, OPERATION_MODE, PAGE_ID,
    POWER_MODE, TO_CONFIGURATION_NS, UNIT_SELECT, UNITS,
};
use crate::sample::{CHANNELS, COUNT, Sample, SampleError};
use airox_driver_traits::sensor::{Description, SensorKind};
use airox_sensor_server::{Exchange, Fault, Protocol};
use alloc::borrow::Cow;

/// Most readings a second: the fusion gives no more (table 3-14).
pub const MAX_RATE: u32 = 100;

const SECOND: u64 = 1_000_000_000;
const MILLISECOND: u64 = 1_000_000;
/// An answer takes at most 4 ms on the line; the data sheet gives the chip no limit.
const ANSWER_LIMIT: u64 = 100 * MILLISECOND;
/// Silence after which the chip is taken to have given up a request of which it got only a part: it answers `RECEIVE_CHARACTER_TIMEOUT` then
/// (section 4.7, which does not say after how long).
const SETTLE: u64 = 40 * MILLISECOND;
/// Before a request that the chip was too busy for is made again.
const BUSY: u64 = 5 * MILLISECOND;
/// Between two attempts to find a chip.
const PROBE: u64 = 250 * MILLISECOND;
/// So often a request is made before the chip is set up anew.
const MAX_TRIES: u32 = 3;

/// What is done, one after the other, before the chip measures: a request, and the time the chip needs after it.
const SETUP: [(Request, u64); 6] = [
    (Request::Write { register: PAGE_ID, value: 0 }, 0),
    (Request::Read { register: CHIP_ID, count: 1 }, 0),
    (Request::Write { register: OPERATION_MODE, value: CONFIGURATION }, TO_CONFIGURATION_NS),
    (Request::Write { register: POWER_MODE, value: NORMAL_POWER }, 0),
    (Request::Write { register: UNIT_SELECT, value: UNITS }, 0),
    (Request::Write { register: OPERATION_MODE, value: NDOF }, FROM_CONFIGURATION_NS),
];
const MEASURE: Request = Request::Read { register: GYRO_DATA, count: COUNT as u8 };

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// The next request is made then.
    Ours(u64),
    /// The chip has to answer by then; it was asked at the second time.
    Its(u64, u64),
}

/// What an answer means.
enum Verdict {
    Done,
    /// Ask again after so long.
    Again(u64),
    /// Begin with the set-up.
    Anew,
}

/// The chip.
#[derive(Debug)]
pub struct Chip {
    period: u64,
    parser: Parser,
    /// Steps of the set-up that are done.
    done: usize,
    tries: u32,
    turn: Turn,
    /// When the next reading is due.
    due: u64,
}

impl Chip {
    /// A chip to be read `rate` times a second; `None` if that is not 1 to [`MAX_RATE`].
    #[must_use]
    pub fn new(rate: u32) -> Option<Chip> {
        let allowed = (1..=MAX_RATE).contains(&rate);
        allowed.then(|| Chip {
            period: SECOND / u64::from(rate),
            parser: Parser::default(),
            done: 0,
            tries: 0,
            turn: Turn::Ours(0),
            due: 0,
        })
    }

    fn request(&self) -> Request {
        SETUP.get(self.done).map_or(MEASURE, |(request, _)| *request)
    }

    /// The chip did what it was asked; the next request is due after what it needs.
    fn succeed(&mut self, now: u64) {
        self.tries = 0;
        self.turn = match SETUP.get(self.done) {
            Some((_, wait)) => {
                self.done += 1;
                self.due = now.saturating_add(*wait);
                Turn::Ours(self.due)
            }
            None => {
                // A reading that is late does not make all later ones late.
                let next = self.due.saturating_add(self.period);
                self.due = if next > now { next } else { now.saturating_add(self.period) };
                Turn::Ours(self.due)
            }
        };
    }

    /// The same again after a while; after too many tries everything again.
    fn retry(&mut self, now: u64, pause: u64) {
        self.parser.reset();
        self.tries += 1;
        if self.tries < MAX_TRIES {
            self.turn = Turn::Ours(now.saturating_add(pause));
        } else {
            self.begin(now, PROBE);
        }
    }

    fn begin(&mut self, now: u64, pause: u64) {
        self.parser.reset();
        self.done = 0;
        self.tries = 0;
        self.turn = Turn::Ours(now.saturating_add(pause));
    }

    fn judge(&mut self, exchange: &mut Exchange<'_>, asked: u64, answer: Result<&[u8], Status>) -> Verdict {
        let condition = &mut *exchange.condition;
        match (self.request(), answer) {
            (Request::Write { .. }, Err(Status::Written)) => Verdict::Done,
            (_, Err(Status::BusOverrun)) => {
                condition.fault(Fault::Device);
                Verdict::Again(BUSY)
            }
            (_, Err(_)) => {
                condition.fault(Fault::Device);
                Verdict::Again(SETTLE)
            }
            (MEASURE, Ok(registers)) => match Sample::decode(registers) {
                Ok(sample) => {
                    condition.statistics().good += 1;
                    condition.reading(exchange.now, asked, sample.quality(), sample.values());
                    Verdict::Done
                }
                Err(SampleError::Impossible) => {
                    condition.fault(Fault::Malformed);
                    Verdict::Done
                }
                Err(SampleError::Length) => {
                    condition.fault(Fault::Malformed);
                    Verdict::Again(SETTLE)
                }
                Err(SampleError::Failed(_)) => {
                    condition.fault(Fault::Device);
                    Verdict::Anew
                }
                Err(SampleError::Reset) => {
                    condition.statistics().resets += 1;
                    Verdict::Anew
                }
            },
            (Request::Read { .. }, Ok([CHIP])) => Verdict::Done,
            // Another chip, or an answer to another question.
            (_, Ok(_)) => {
                condition.fault(Fault::Malformed);
                Verdict::Again(SETTLE)
            }
        }
    }
}

impl Protocol for Chip {
    fn description(&self) -> Description {
        Description {
            kind: SensorKind::Motion,
            model: Cow::Borrowed("BNO055"),
            channels: Cow::Borrowed(&CHANNELS),
            period_ns: Some(self.period),
        }
    }

    fn received(&mut self, bytes: &[u8], exchange: &mut Exchange<'_>) {
        let mut parser = core::mem::take(&mut self.parser);
        for byte in bytes {
            let answer = match parser.push(*byte) {
                Answer::Nothing => continue,
                Answer::Skipped => {
                    exchange.condition.statistics().resyncs += 1;
                    continue;
                }
                Answer::Status(status) => Err(status),
                Answer::Data(registers) => Ok(registers),
            };
            let Turn::Its(_, asked) = self.turn else {
                // An answer that comes too late, or that nobody asked for.
                exchange.condition.statistics().resyncs += 1;
                continue;
            };
            match self.judge(exchange, asked, answer) {
                Verdict::Done => self.succeed(exchange.now),
                Verdict::Again(pause) => self.retry(exchange.now, pause),
                Verdict::Anew => self.begin(exchange.now, SETTLE),
            }
        }
        self.parser = parser;
    }

    fn passed(&mut self, exchange: &mut Exchange<'_>) {
        let now = exchange.now;
        match self.turn {
            Turn::Its(limit, _) if now >= limit => {
                exchange.condition.statistics().timeouts += 1;
                self.retry(now, SETTLE);
            }
            Turn::Ours(at) if now >= at => {
                let (bytes, length) = self.request().bytes();
                exchange.send(&bytes[..length]);
                self.parser.reset();
                self.turn = Turn::Its(now.saturating_add(ANSWER_LIMIT), now);
            }
            _ => {}
        }
    }

    fn deadline(&self) -> Option<u64> {
        match self.turn {
            Turn::Ours(at) | Turn::Its(at, _) => Some(at),
        }
    }
}
