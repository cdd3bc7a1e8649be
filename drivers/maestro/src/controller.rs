//! The dialogue with the controller: targets out, positions in.

use airox_driver_traits::actuator::{Actuator, ActuatorError, Outcome, Outputs};
use airox_driver_traits::sensor::{Description, Quality, SensorKind, Unit};
use airox_sensor_server::{Exchange, Fault, Protocol};
use alloc::borrow::Cow;
use alloc::vec::Vec;

/// Most channels: those of the largest of the family.
pub const MAX_CHANNELS: usize = 24;

/// Commands (section 5.e).
const SET_TARGET: u8 = 0x84;
const GET_POSITION: u8 = 0x90;
const GET_ERRORS: u8 = 0xa1;
/// Targets and positions count quarters of a microsecond.
const QUARTERS: f64 = 4.0;
/// The greatest number that a target can be: 14 bits.
const GREATEST: u16 = 0x3fff;
/// Bytes of an answer.
const ANSWER: usize = 2;

const MILLISECOND: u64 = 1_000_000;
/// Between two looks at the positions.
const PERIOD: u64 = 100 * MILLISECOND;
/// An answer comes at once; 48 bytes take 50 ms on a line of 9600 baud.
const ANSWER_LIMIT: u64 = 200 * MILLISECOND;
/// Silence after an answer that did not come.
const SETTLE: u64 = 50 * MILLISECOND;

/// What servos are connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How many channels are used, from the first on.
    pub channels: usize,
    /// Microseconds of the pulse that means -1.
    pub least_us: u16,
    /// Microseconds of the pulse that means 1.
    pub most_us: u16,
}

impl Settings {
    /// Whether there can be such servos.
    const fn is_possible(&self) -> bool {
        let pulses = self.least_us > 0 && self.least_us < self.most_us && self.most_us <= GREATEST / 4;
        self.channels > 0 && self.channels <= MAX_CHANNELS && pulses
    }

    /// The target for a value.
    fn target(&self, value: Option<f64>) -> u16 {
        // No pulses at all.
        let Some(value) = value else { return 0 };
        let (least, most) = (f64::from(self.least_us) * QUARTERS, f64::from(self.most_us) * QUARTERS);
        // Rounded; a value is -1 to 1, so this is in between.
        (least + (value + 1.0) / 2.0 * (most - least) + 0.5) as u16
    }

    /// The value for a position.
    fn value(&self, position: u16) -> Option<f64> {
        let (least, most) = (f64::from(self.least_us) * QUARTERS, f64::from(self.most_us) * QUARTERS);
        (position != 0).then(|| (f64::from(position) - least) / (most - least) * 2.0 - 1.0)
    }
}

/// A command that has not been sent yet, or not been confirmed.
#[derive(Clone, Copy, Debug)]
struct Command {
    number: u64,
    channel: u8,
    target: u16,
}

/// What is being waited for.
#[derive(Debug)]
enum Turn {
    /// The next look at the positions is due then.
    Ours(u64),
    /// The controller has to say by then whether there were errors.
    Confirmation(u64),
    /// It has to tell the positions by then; it was asked at the second time.
    Positions(u64, u64),
    /// The line is left in peace until then.
    Pause(u64),
}

/// The controller.
#[derive(Debug)]
pub struct Controller {
    settings: Settings,
    outputs: Outputs,
    waiting: Vec<Command>,
    sent: Vec<Command>,
    outcomes: Vec<Outcome>,
    turn: Turn,
    answer: Vec<u8>,
}

impl Controller {
    /// A controller with these servos; `None` if there cannot be such.
    #[must_use]
    pub fn new(settings: Settings) -> Option<Controller> {
        let outputs = Outputs::alike("Pololu Maestro", "servo", settings.channels, Unit::One, -1.0, 1.0);
        settings.is_possible().then(|| Controller {
            settings,
            outputs,
            waiting: Vec::new(),
            sent: Vec::new(),
            outcomes: Vec::new(),
            turn: Turn::Ours(0),
            answer: Vec::new(),
        })
    }

    /// Sends the commands that wait.
    fn send(&mut self, exchange: &mut Exchange<'_>) {
        let mut message = Vec::new();
        for Command { channel, target, .. } in &self.waiting {
            message.extend([SET_TARGET, *channel, (target & 0x7f) as u8, (target >> 7 & 0x7f) as u8]);
        }
        message.push(GET_ERRORS);
        exchange.send(&message);
        self.sent.append(&mut self.waiting);
        self.answer.clear();
        self.turn = Turn::Confirmation(exchange.now.saturating_add(ANSWER_LIMIT));
    }

    /// Asks for all positions.
    fn ask(&mut self, exchange: &mut Exchange<'_>) {
        let questions: Vec<u8> =
            (0..self.settings.channels).flat_map(|channel| [GET_POSITION, channel as u8]).collect();
        exchange.send(&questions);
        self.answer.clear();
        self.turn = Turn::Positions(exchange.now.saturating_add(ANSWER_LIMIT), exchange.now);
    }

    /// The commands that were sent are done with.
    fn settle(&mut self, result: Result<(), ActuatorError>) {
        self.outcomes.extend(self.sent.drain(..).map(|command| (command.number, result)));
    }

    /// An answer is whole.
    fn answered(&mut self, exchange: &mut Exchange<'_>, asked: Option<u64>) {
        let numbers: Vec<u16> =
            self.answer.chunks_exact(ANSWER).map(|two| u16::from_le_bytes([two[0], two[1]])).collect();
        self.answer.clear();
        let Some(asked) = asked else {
            let errors = numbers.first().copied().unwrap_or(0);
            self.settle(if errors == 0 { Ok(()) } else { Err(ActuatorError::Device(errors)) });
            if errors != 0 {
                exchange.condition.fault(Fault::Device);
            }
            // What the servos do is looked at anew.
            self.turn = Turn::Ours(exchange.now);
            return;
        };
        if numbers.iter().any(|position| *position > GREATEST) {
            exchange.condition.fault(Fault::Malformed);
            self.turn = Turn::Pause(exchange.now.saturating_add(SETTLE));
            return;
        }
        let values: Vec<Option<f64>> = numbers.into_iter().map(|position| self.settings.value(position)).collect();
        exchange.condition.statistics().good += 1;
        exchange.condition.reading(exchange.now, asked, Quality::Good, values);
        self.turn = Turn::Ours(asked.saturating_add(PERIOD));
    }
}

impl Actuator for Controller {
    fn outputs(&self) -> &Outputs {
        &self.outputs
    }

    fn command(&mut self, number: u64, channel: usize, value: Option<f64>) {
        match u8::try_from(channel) {
            Ok(channel) if usize::from(channel) < self.settings.channels => {
                self.waiting.push(Command { number, channel, target: self.settings.target(value) });
            }
            _ => self.outcomes.push((number, Err(ActuatorError::NoSuchChannel))),
        }
    }

    fn take_outcomes(&mut self) -> Vec<Outcome> {
        core::mem::take(&mut self.outcomes)
    }
}

impl Protocol for Controller {
    fn description(&self) -> Description {
        Description {
            kind: SensorKind::Actuation,
            model: self.outputs.model.clone(),
            channels: Cow::Owned(self.outputs.outputs.iter().map(|output| output.channel.clone()).collect()),
            period_ns: Some(PERIOD),
        }
    }

    fn received(&mut self, bytes: &[u8], exchange: &mut Exchange<'_>) {
        for byte in bytes {
            let (wanted, asked) = match self.turn {
                Turn::Confirmation(_) => (ANSWER, None),
                Turn::Positions(_, asked) => (ANSWER * self.settings.channels, Some(asked)),
                Turn::Ours(_) | Turn::Pause(_) => {
                    exchange.condition.statistics().resyncs += 1;
                    continue;
                }
            };
            self.answer.push(*byte);
            if self.answer.len() == wanted {
                self.answered(exchange, asked);
            }
        }
    }

    fn passed(&mut self, exchange: &mut Exchange<'_>) {
        let now = exchange.now;
        match self.turn {
            Turn::Confirmation(limit) | Turn::Positions(limit, _) if now >= limit => {
                exchange.condition.statistics().timeouts += 1;
                self.settle(Err(ActuatorError::NotConfirmed));
                self.turn = Turn::Pause(now.saturating_add(SETTLE));
            }
            Turn::Pause(until) if now >= until => self.turn = Turn::Ours(now),
            _ => {}
        }
        match self.turn {
            Turn::Ours(_) if !self.waiting.is_empty() => self.send(exchange),
            Turn::Ours(due) if now >= due => self.ask(exchange),
            _ => {}
        }
    }

    fn deadline(&self) -> Option<u64> {
        match self.turn {
            Turn::Ours(at) | Turn::Confirmation(at) | Turn::Positions(at, _) | Turn::Pause(at) => Some(at),
        }
    }
}
