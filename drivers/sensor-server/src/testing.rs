//! A line whose other end, and whose time, a test holds.
#![allow(missing_docs)]

use crate::{Protocol, SerialSensor};
use airox_driver_traits::sensor::{Progress, Reading, Sensor, SensorError, Statistics};
use airox_driver_traits::serial::{LineErrors, SerialLine};
use core::cell::RefCell;
use core::convert::Infallible;
use std::collections::VecDeque;
use std::rc::Rc;
use std::vec::Vec;

#[derive(Debug, Default)]
struct Wire {
    arriving: VecDeque<u8>,
    sent: Vec<u8>,
    errors: LineErrors,
}

/// A line without a UART: what a test puts in arrives, what is sent the test takes out.
#[derive(Clone, Debug, Default)]
pub struct TestLine(Rc<RefCell<Wire>>);

impl TestLine {
    pub fn arrive(&self, bytes: &[u8]) {
        self.0.borrow_mut().arriving.extend(bytes);
    }

    pub fn sent(&self) -> Vec<u8> {
        core::mem::take(&mut self.0.borrow_mut().sent)
    }

    pub fn set_errors(&self, errors: LineErrors) {
        self.0.borrow_mut().errors = errors;
    }
}

impl embedded_io::ErrorType for TestLine {
    type Error = Infallible;
}

impl SerialLine for TestLine {
    fn is_interrupting(&mut self) -> Result<bool, Infallible> {
        Ok(!self.0.borrow().arriving.is_empty())
    }

    fn receive(&mut self, buffer: &mut [u8]) -> Result<usize, Infallible> {
        let mut wire = self.0.borrow_mut();
        let count = buffer.len().min(wire.arriving.len());
        for (place, byte) in buffer.iter_mut().zip(wire.arriving.drain(..count)) {
            *place = byte;
        }
        Ok(count)
    }

    fn transmit(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        self.0.borrow_mut().sent.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn errors(&self) -> LineErrors {
        self.0.borrow().errors
    }
}

/// A sensor on such a line, and its clock.
#[derive(Debug)]
pub struct Bench<P> {
    pub line: TestLine,
    pub sensor: SerialSensor<TestLine, P>,
    pub now: u64,
}

impl<P: Protocol> Bench<P> {
    pub fn new(protocol: P, limit: u64) -> Bench<P> {
        let line = TestLine::default();
        Bench { line: line.clone(), sensor: SerialSensor::new(line, protocol, 0, limit), now: 0 }
    }

    /// Bytes arrive now.
    pub fn arrive(&mut self, bytes: &[u8]) {
        self.line.arrive(bytes);
        while self.sensor.advance(self.now) == Progress::More {}
    }

    /// Time passes, and the sensor is called when it wants to be. Ends in time even if it wants to be called for ever.
    pub fn pass(&mut self, nanoseconds: u64) {
        let end = self.now + nanoseconds;
        while let Some(at) = self.sensor.deadline().filter(|at| *at <= end) {
            self.now = at.max(self.now + 1).min(end);
            while self.sensor.advance(self.now) == Progress::More {}
            if self.now == end {
                break;
            }
        }
        self.now = end;
    }

    pub fn read(&self) -> Result<Reading, SensorError> {
        self.sensor.read(self.now)
    }

    pub fn statistics(&self) -> Statistics {
        self.sensor.statistics()
    }
}
