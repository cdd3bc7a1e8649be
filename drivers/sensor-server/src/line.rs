//! A sensor at the end of a serial line.

use crate::condition::Condition;
use airox_driver_traits::actuator::{Actuator, Outcome, Outputs};
use airox_driver_traits::sensor::{Description, Progress, Reading, Sensor, SensorError, Statistics};
use airox_driver_traits::serial::SerialLine;
use alloc::vec::Vec;

/// Times the line is asked in one call whether it wants more.
const ROUNDS: u32 = 64;
/// Bytes received at a time.
const CHUNK: usize = 64;

/// One call of a protocol: the time, what it has to say to the device, and what it finds out.
#[derive(Debug)]
pub struct Exchange<'a> {
    /// Nanoseconds since boot.
    pub now: u64,
    /// Whether there is a reading.
    pub condition: &'a mut Condition,
    output: &'a mut Output,
}

impl Exchange<'_> {
    /// Sends this; what has not been sent of the message before is given up.
    pub fn send(&mut self, message: &[u8]) {
        self.output.bytes.clear();
        self.output.bytes.extend_from_slice(message);
        self.output.sent = 0;
    }
}

#[derive(Debug, Default)]
struct Output {
    bytes: Vec<u8>,
    sent: usize,
}

/// What a device says and wants to hear.
pub trait Protocol {
    /// What the sensor is.
    fn description(&self) -> Description;

    /// Bytes came.
    fn received(&mut self, bytes: &[u8], exchange: &mut Exchange<'_>);

    /// Time passed; perhaps not as much as [`Protocol::deadline`] waits for.
    fn passed(&mut self, exchange: &mut Exchange<'_>);

    /// When [`Protocol::passed`] is to be called at the latest, in nanoseconds since boot.
    fn deadline(&self) -> Option<u64>;
}

/// A line, and a device that speaks a protocol at its other end.
#[derive(Debug)]
pub struct SerialSensor<L, P> {
    line: L,
    protocol: P,
    condition: Condition,
    output: Output,
    now: u64,
}

impl<L: SerialLine, P: Protocol> SerialSensor<L, P> {
    /// A sensor that may be silent for `limit` nanoseconds before it counts as unplugged.
    pub fn new(line: L, protocol: P, now: u64, limit: u64) -> SerialSensor<L, P> {
        SerialSensor { line, protocol, condition: Condition::new(now, limit), output: Output::default(), now }
    }

    /// Receives and sends until the line wants nothing more.
    fn serve(&mut self) -> Result<Progress, L::Error> {
        let mut buffer = [0; CHUNK];
        for _ in 0..ROUNDS {
            if !self.line.is_interrupting()? {
                return Ok(Progress::Done);
            }
            let count = self.line.receive(&mut buffer)?;
            if let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) {
                self.condition.heard(self.now);
                let (protocol, mut exchange) = self.exchange();
                protocol.received(bytes, &mut exchange);
            }
            self.send()?;
        }
        Ok(Progress::More)
    }

    /// Sends what there is room for.
    fn send(&mut self) -> Result<(), L::Error> {
        let left = self.output.bytes.get(self.output.sent..).unwrap_or(&[]);
        self.output.sent += self.line.transmit(left)?;
        Ok(())
    }

    fn exchange(&mut self) -> (&mut P, Exchange<'_>) {
        let exchange = Exchange { now: self.now, condition: &mut self.condition, output: &mut self.output };
        (&mut self.protocol, exchange)
    }
}

impl<L: SerialLine, P: Protocol + Actuator> Actuator for SerialSensor<L, P> {
    fn outputs(&self) -> &Outputs {
        self.protocol.outputs()
    }

    fn command(&mut self, number: u64, channel: usize, value: Option<f64>) {
        self.protocol.command(number, channel, value);
    }

    fn take_outcomes(&mut self) -> Vec<Outcome> {
        self.protocol.take_outcomes()
    }
}

impl<L: SerialLine, P: Protocol> Sensor for SerialSensor<L, P> {
    fn description(&self) -> Description {
        self.protocol.description()
    }

    fn advance(&mut self, now: u64) -> Progress {
        self.now = now;
        let progress = self.serve();
        let (protocol, mut exchange) = self.exchange();
        protocol.passed(&mut exchange);
        let sent = self.send();
        self.condition.settle(now);
        // A line that is gone is silent: that is told in its time.
        match (progress, sent) {
            (Ok(progress), Ok(())) => progress,
            _ => Progress::Done,
        }
    }

    fn deadline(&self) -> Option<u64> {
        [self.protocol.deadline(), self.condition.deadline(self.now)].into_iter().flatten().min()
    }

    fn news(&self) -> u64 {
        self.condition.news()
    }

    fn read(&self, now: u64) -> Result<Reading, SensorError> {
        self.condition.state(now).cloned()
    }

    fn statistics(&self) -> Statistics {
        let line = self.line.errors();
        Statistics {
            overruns: line.overrun,
            line_errors: line.parity + line.framing + line.breaks,
            ..self.condition.counted()
        }
    }
}
