//! Queues, events and clients, on a controller that a test directs.

use crate::channel::PATIENCE;
use crate::{CanServer, Channel, Events, KEPT, MAX_SENDING, MAX_SENDING_OF_ONE, bit_rate};
use airox_api::can::{CanClient, CanDispatcher, CanError, CanFault, CanFrame, CanState, Event, INFO, MAX_EVENTS};
use airox_api::device::PART_SHIFT;
use airox_api::testing::{Loopback, TestLease, TestMessage};
use airox_api::{CallError, Dispatch, Outcome};
use airox_driver_traits::can::{CanController, ErrorCounters, can_nb, nb};
use airox_driver_traits::sensor::Progress;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// A controller: what it will say.
#[derive(Debug)]
struct Made {
    sent: Vec<CanFrame>,
    results: VecDeque<Result<(), CanFault>>,
    incoming: VecDeque<Result<CanFrame, CanFault>>,
    state: CanState,
    busy: bool,
    endless: bool,
}

impl Default for Made {
    fn default() -> Made {
        Made {
            sent: Vec::new(),
            results: VecDeque::new(),
            incoming: VecDeque::new(),
            state: CanState::Active,
            busy: false,
            endless: false,
        }
    }
}

impl can_nb::Can for Made {
    type Frame = CanFrame;
    type Error = CanFault;

    fn transmit(&mut self, frame: &CanFrame) -> nb::Result<Option<CanFrame>, CanFault> {
        match self.state {
            CanState::BusOff => Err(nb::Error::Other(CanFault::BusOff)),
            _ if self.busy => Err(nb::Error::WouldBlock),
            _ => {
                self.busy = true;
                self.sent.push(*frame);
                Ok(None)
            }
        }
    }

    fn receive(&mut self) -> nb::Result<CanFrame, CanFault> {
        match self.incoming.pop_front() {
            None if self.endless => Ok(frame(0)),
            None => Err(nb::Error::WouldBlock),
            Some(result) => result.map_err(nb::Error::Other),
        }
    }
}

impl CanController for Made {
    fn model(&self) -> &'static str {
        "made"
    }

    fn service(&mut self) -> Option<Result<(), CanFault>> {
        let result = self.results.pop_front()?;
        self.busy = false;
        Some(result)
    }

    fn give_up(&mut self) {
        self.results.push_back(Err(CanFault::GivenUp));
    }

    fn state(&mut self) -> CanState {
        self.state
    }

    fn counters(&mut self) -> ErrorCounters {
        ErrorCounters::default()
    }

    fn recover(&mut self) {
        self.state = CanState::Active;
    }
}

fn frame(number: u32) -> CanFrame {
    CanFrame::with(number, true, &number.to_le_bytes()).unwrap()
}

fn channel() -> Channel<Made, u32> {
    Channel::new(Made::default(), 500_000)
}

/// Lets the controller say what became of the frame on its way.
fn result(channel: &mut Channel<Made, u32>, now: u64, result: Result<(), CanFault>) -> Progress {
    channel.controller().results.push_back(result);
    channel.advance(now)
}

#[test]
fn frames_leave_one_by_one_in_order_and_each_is_answered() {
    let mut channel = channel();
    for number in 1..=3 {
        channel.send(0, number.into(), frame(number), number);
    }
    assert_eq!(channel.controller().sent, [frame(1)]);
    assert_eq!(channel.advance(1), Progress::Done);
    assert!(channel.take_answers().is_empty());
    let _ = result(&mut channel, 2, Ok(()));
    assert_eq!(channel.take_answers(), [(1, Ok(()))]);
    let _ = result(&mut channel, 3, Err(CanFault::GivenUp));
    assert_eq!(channel.take_answers(), [(2, Err(CanError::Failed(CanFault::GivenUp)))]);
    let _ = result(&mut channel, 4, Ok(()));
    // One result too many means nothing.
    let _ = result(&mut channel, 5, Ok(()));
    assert_eq!(channel.take_answers(), [(3, Ok(()))]);
    assert_eq!(channel.controller().sent, [1, 2, 3].map(frame));
    let status = channel.status();
    assert_eq!((status.sent, status.failed, channel.deadline()), (2, 1, None));
}

#[test]
fn a_frame_that_nobody_acknowledges_is_given_up_in_time() {
    let mut channel = channel();
    channel.send(5, 1, frame(1), 1);
    channel.send(5, 1, frame(2), 2);
    assert_eq!(channel.deadline(), Some(5 + PATIENCE));
    let _ = channel.advance(4 + PATIENCE);
    assert!(channel.take_answers().is_empty());
    let _ = channel.advance(5 + PATIENCE);
    assert_eq!(channel.take_answers(), [(1, Err(CanError::Failed(CanFault::GivenUp)))]);
    assert_eq!((channel.deadline(), channel.controller().sent.len()), (Some(5 + 2 * PATIENCE), 2));
}

#[test]
fn frames_that_wait_are_bounded_for_each_client_and_for_all() {
    let mut channel = channel();
    for badge in 1..=100 {
        for _ in 0..MAX_SENDING_OF_ONE + 1 {
            channel.send(0, badge, frame(7), 1);
        }
    }
    let refused = channel.take_answers();
    assert_eq!(refused.len(), 100 * (MAX_SENDING_OF_ONE + 1) - MAX_SENDING);
    assert!(refused.iter().all(|answer| *answer == (1, Err(CanError::Busy))));
}

#[test]
fn bus_off_ends_what_waits_and_is_told() {
    let mut channel = channel();
    channel.send(0, 1, frame(1), 1);
    channel.send(0, 2, frame(2), 2);
    channel.controller().state = CanState::BusOff;
    let _ = channel.advance(9);
    let refused = Err(CanError::Failed(CanFault::BusOff));
    assert_eq!(channel.take_answers(), [(1, refused), (2, refused)]);
    channel.send(10, 1, frame(3), 3);
    assert_eq!((channel.take_answers(), channel.deadline()), ([(3, refused)].into(), None));
    channel.recover();
    let _ = channel.advance(11);
    let news = channel.events.after(0).unwrap();
    let states = [(9, Event::State(CanState::BusOff)), (11, Event::State(CanState::Active))];
    assert_eq!((news.events, channel.status().failed), (states.into(), 3));
}

#[test]
fn what_comes_is_told_in_order_with_what_is_missing() {
    let mut channel = channel();
    channel.controller().incoming.extend([
        Ok(frame(1)),
        Err(CanFault::Overrun),
        Ok(frame(2)),
        Err(CanFault::Impossible),
    ]);
    assert_eq!(channel.advance(3), Progress::Done);
    let events: Vec<Event> = channel.events.after(0).unwrap().events.into_iter().map(|(_, event)| event).collect();
    let fault = Event::Fault;
    let wanted =
        [Event::Frame(frame(1)), fault(CanFault::Overrun), Event::Frame(frame(2)), fault(CanFault::Impossible)];
    assert_eq!(events, wanted);
    let status = channel.status();
    assert_eq!((status.received, status.overruns, status.malformed), (2, 1, 1));
    channel.controller().endless = true;
    assert_eq!(channel.advance(4), Progress::More, "a flood ends no call");
}

#[test]
fn events_are_numbered_and_forgotten_in_order() {
    let mut events = Events::default();
    assert_eq!((events.after(0), events.after(u64::MAX).map(|news| news.first)), (None, Some(1)));
    let total = KEPT as u64 + 10;
    for number in 1..=total {
        events.add(number, Event::Frame(frame(number as u32)));
    }
    let news = events.after(0).unwrap();
    assert_eq!((news.first, news.events.len(), news.events[0].0), (11, MAX_EVENTS, 11));
    let news = events.after(total - 1).unwrap();
    assert_eq!((news.first, news.events.len()), (total, 1));
    assert_eq!((events.after(total), events.after(u64::MAX).map(|news| news.first)), (None, Some(total + 1)));
    // A number from before a restart.
    assert_eq!(events.after(total + 5).unwrap().first, 11);
}

fn dispatcher() -> CanDispatcher<CanServer<Made>> {
    let incoming = [Ok(frame(5))].into();
    let second = Made { incoming, results: [Ok(())].into(), ..Made::default() };
    CanDispatcher(CanServer::new([Made::default(), second].into(), 125_000, || 42))
}

/// What happens while a call waits.
fn later() -> fn(&mut CanDispatcher<CanServer<Made>>) {
    |dispatcher| assert_eq!(dispatcher.0.advance(), Progress::Done)
}

#[test]
fn a_badge_says_which_controller_is_meant() {
    for (badge, received) in [(7, 0), (1 << PART_SHIFT | 7, 0), (2 << PART_SHIFT | 7, 1)] {
        let mut dispatcher = dispatcher();
        let _ = dispatcher.0.advance();
        let client = CanClient::new(Loopback::new(dispatcher, badge));
        let status = client.status().unwrap();
        assert_eq!((status.received, status.bit_rate, &status.model[..]), (received, 125_000, "made"));
    }
    let client = CanClient::new(Loopback::new(dispatcher(), 3 << PART_SHIFT));
    let refused = CallError::Service(CanError::NoSuchController);
    assert_eq!(client.status(), Err(refused.clone()));
    assert_eq!(client.recover(), Err(refused.clone()));
    assert_eq!(client.send(frame(1)), Err(refused.clone()));
    assert_eq!(client.next(0), Err(refused));
}

#[test]
fn calls_wait_for_the_bus() {
    let client = CanClient::new(Loopback::new(dispatcher(), 2 << PART_SHIFT).with_later(later()));
    assert_eq!(client.send(frame(9)), Ok(()));
    let client = CanClient::new(Loopback::new(dispatcher(), 2 << PART_SHIFT).with_later(later()));
    assert_eq!(client.next(0).unwrap().events, [(42, Event::Frame(frame(5)))]);
}

#[test]
fn a_client_waits_with_one_call() {
    let mut dispatcher = dispatcher();
    let mut ask = |badge: u64| {
        // Method 2, after 0: one byte of postcard.
        let lease = TestLease { bytes: alloc::vec![0; 4096], access: airox_abi::message::Lease::WRITE };
        let tag = airox_api::wire::request_tag(INFO.id, 2, 1);
        dispatcher.dispatch(&mut TestMessage::new(badge, tag, [0; 8], &[], [lease].into()))
    };
    for badge in (1..200).chain([1; 10]) {
        assert!(matches!(ask(badge), Outcome::Deferred));
    }
    assert_eq!(dispatcher.0.waiting(), crate::MAX_WAITING);
}

#[test]
fn the_rate_is_checked() {
    assert_eq!((bit_rate([]), bit_rate(["bit-rate=125000"])), (Ok(500_000), Ok(125_000)));
    for bad in ["bit-rate=0", "bit-rate=1000001", "bit-rate=", "rate=5", ""] {
        assert!(bit_rate([bad]).is_err(), "{bad}");
    }
}
