//! Clients, and a line that a test holds.

use crate::{KEPT, MAX_WAITING, SerialServer, Work};
use airox_abi::message::Lease;
use airox_api::serial::{SerialClient, SerialDispatcher, SerialError};
use airox_api::testing::{Loopback, TestLease, TestMessage};
use airox_api::{CallError, Dispatch, Outcome};
use airox_driver_traits::serial::{LineErrors, SerialLine};
use embedded_io::{ErrorKind, ErrorType};
use std::collections::VecDeque;

/// A line with room for so many bytes, told by a test.
#[derive(Default)]
struct Line {
    room: usize,
    sent: Vec<u8>,
    came: VecDeque<u8>,
    gone: bool,
}

impl ErrorType for Line {
    type Error = ErrorKind;
}

impl SerialLine for Line {
    fn is_interrupting(&mut self) -> Result<bool, ErrorKind> {
        if self.gone { Err(ErrorKind::BrokenPipe) } else { Ok(!self.came.is_empty()) }
    }

    fn receive(&mut self, buffer: &mut [u8]) -> Result<usize, ErrorKind> {
        let count = buffer.len().min(self.came.len());
        self.came.drain(..count).zip(buffer).for_each(|(byte, place)| *place = byte);
        Ok(count)
    }

    fn transmit(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        let count = bytes.len().min(self.room);
        self.room -= count;
        self.sent.extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn errors(&self) -> LineErrors {
        LineErrors { overrun: 3, ..LineErrors::default() }
    }
}

type Server = SerialDispatcher<SerialServer<Line>>;
const NOW: u64 = 1000;

fn server(came: &[u8], room: usize) -> Server {
    let line = Line { room, came: came.iter().copied().collect(), ..Line::default() };
    SerialDispatcher(SerialServer::new(line, || NOW))
}

/// Pumps until nothing is left, in a bounded number of turns.
fn pump(server: &mut Server) {
    let done = (0..1000).any(|_| server.0.pump() == Ok(Work::Done));
    assert!(done, "it never ends");
}

fn pump_and_wait(server: &mut Server) {
    pump(server);
    let late = server.0.deadline();
    late.into_iter().for_each(|at| server.0.expire(at));
}

fn client(server: Server) -> SerialClient<Loopback<Server>> {
    SerialClient::new(Loopback::new(server, 1).with_later(pump_and_wait))
}

#[test]
fn bytes_go_both_ways() {
    let joint = Loopback::new(server(b"hello", 100_000), 1).with_later(pump_and_wait);
    let client = SerialClient::new(&joint);
    let mut buffer = [0; 3];
    assert_eq!(client.read(&mut buffer, 0), Ok(3));
    assert_eq!(&buffer, b"hel");
    assert_eq!(client.read(&mut buffer, 0), Ok(2));
    assert_eq!(client.read(&mut buffer, 50), Err(CallError::Service(SerialError::TimedOut)));
    let long: Vec<u8> = (0..5000).map(|number| number as u8).collect();
    assert_eq!(client.write(&long), Ok(5000));
    assert_eq!(client.write(&[]), Ok(0));
    assert_eq!(joint.dispatcher().0.line().sent, long);
    assert_eq!(client.errors().map(|errors| errors.overrun), Ok(3));
    assert_eq!(client.read(&mut [], 50), Err(CallError::Service(SerialError::BadBuffer)));
}

#[test]
fn what_nobody_reads_stays_in_the_device() {
    let mut server = server(&vec![7; 3 * KEPT], 0);
    pump(&mut server);
    assert_eq!(server.0.line().came.len(), 2 * KEPT);
    let client = client(server);
    let mut buffer = vec![0; 2 * KEPT];
    let mut read = 0;
    while let Ok(count) = client.read(&mut buffer, 0) {
        read += count;
    }
    assert_eq!(read, 3 * KEPT as u32);
}

/// Begins a `write` of what is lent.
fn begin(server: &mut Server, lease: TestLease) -> Outcome {
    let tag = airox_api::wire::request_tag(airox_api::serial::INFO.id, 0, 0);
    server.dispatch(&mut TestMessage::new(1, tag, [0; 8], &[], vec![lease]))
}

#[test]
fn calls_that_wait_are_bounded_and_others_go_on() {
    let mut server = server(b"", 0);
    let text = || TestLease { bytes: vec![1; 10], access: Lease::READ };
    let waits = |outcome: &Outcome| matches!(outcome, Outcome::Deferred);
    let outcomes: Vec<_> = (0..2 * MAX_WAITING).map(|_| begin(&mut server, text())).collect();
    // A refusal is sent through the saved reply, so all are deferred; the queue holds so many.
    assert!(outcomes.iter().all(waits));
    pump(&mut server);
    server.0.line().room = 1_000_000;
    pump(&mut server);
    assert_eq!(server.0.line().sent.len(), 10 * MAX_WAITING);
}

#[test]
fn a_caller_that_takes_its_memory_back_loses_nobodys_bytes() {
    let mut server = server(b"", 1_000_000);
    let denied = TestLease { bytes: vec![1; 10], access: 0 };
    let _refused = begin(&mut server, denied);
    pump(&mut server);
    assert!(server.0.line().sent.is_empty());
}

#[test]
fn a_line_that_is_gone_is_told() {
    let mut server = server(b"", 0);
    server.0.line().gone = true;
    assert_eq!(server.0.pump(), Err(ErrorKind::BrokenPipe));
}
