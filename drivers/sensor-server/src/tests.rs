//! Conditions, arguments, and calls that wait.

use crate::{Condition, Fault, LineOptions, MAX_WAITING, MAX_WAITING_OF_ONE, SensorServer};
use airox_api::sensor::{SensorClient, SensorDispatcher};
use airox_api::testing::{Loopback, TestLease, TestMessage};
use airox_api::{Dispatch, Outcome};
use airox_driver_traits::sensor::{
    Channel, Description, Progress, Quality, Reading, Sensor, SensorError, SensorKind, Statistics, Unit,
};
use alloc::borrow::Cow;
use std::vec;

const LIMIT: u64 = 100;

#[test]
fn each_state_has_its_reason_and_each_change_is_news() {
    let mut condition = Condition::new(10, LIMIT);
    assert_eq!((condition.state(10), condition.news()), (Err(SensorError::NoReading), 0));
    assert_eq!(condition.deadline(10), Some(110));
    condition.heard(20);
    condition.fault(Fault::Checksum);
    condition.settle(20);
    assert_eq!((condition.state(20), condition.news()), (Err(SensorError::BadData { count: 1 }), 1));
    condition.heard(30);
    condition.reading(30, 25, Quality::Good, vec![Some(1.0)]);
    condition.settle(30);
    assert_eq!((condition.state(129).map(|reading| reading.time_ns), condition.news()), (Ok(25), 2));
    condition.heard(129);
    assert_eq!(condition.deadline(129), Some(130));
    condition.settle(130);
    assert_eq!((condition.state(130), condition.news()), (Err(SensorError::Stale { age_ns: 100 }), 3));
    condition.settle(140);
    assert_eq!(condition.news(), 3, "an older reading is no news");
    condition.settle(229);
    assert_eq!((condition.state(229), condition.news()), (Err(SensorError::Unplugged), 4));
    assert_eq!(condition.deadline(229), None);
    // A clock that goes back, and a limit of nothing, are survived.
    assert!(condition.state(0).is_ok());
    assert_eq!(Condition::new(5, 0).deadline(5), Some(6));
}

#[test]
fn arguments_are_optional_and_checked() {
    const DEFAULT: LineOptions = LineOptions { port: 0x2f8, baud: 9600, silence_ns: 5 };
    let own = |key: &str, value: &str| (key == "rate" && value == "5").then_some(());
    let parse = |arguments: &[&'static str]| DEFAULT.from_arguments(arguments.iter().copied(), own);
    assert_eq!(parse(&[]), Ok(DEFAULT));
    let all = LineOptions { port: 0x3e8, baud: 4800, silence_ns: 7_000_000 };
    assert_eq!(parse(&["port=0x3e8", "rate=5", "silence-ms=7", "baud=4800"]), Ok(all));
    for bad in
        ["port", "port=", "baud=fast", "silence-ms=0", "silence-ms=3600001", "silence-ms=-1", "rate=6", "x=1", "="]
    {
        assert!(parse(&[bad]).is_err(), "{bad}");
    }
}

/// A sensor whose news a test makes.
struct Made(u64);

static CHANNELS: [Channel; 1] = [Channel::new("value", Unit::One)];

impl Sensor for Made {
    fn description(&self) -> Description {
        Description {
            kind: SensorKind::Motion,
            model: Cow::Borrowed("made"),
            channels: Cow::Borrowed(&CHANNELS),
            period_ns: Some(7),
        }
    }

    fn advance(&mut self, _now: u64) -> Progress {
        self.0 += 1;
        Progress::Done
    }

    fn deadline(&self) -> Option<u64> {
        None
    }

    fn news(&self) -> u64 {
        self.0
    }

    fn read(&self, now: u64) -> Result<Reading, SensorError> {
        match self.0 {
            0 => Err(SensorError::NoReading),
            number => Ok(Reading { time_ns: now, quality: Quality::Fair, values: vec![Some(number as f64), None] }),
        }
    }

    fn statistics(&self) -> Statistics {
        Statistics { good: self.0, ..Statistics::default() }
    }
}

fn dispatcher(news: u64) -> SensorDispatcher<SensorServer<Made>> {
    SensorDispatcher(SensorServer::new(Made(news), || 42))
}

#[test]
fn a_client_is_told_what_there_is() {
    let client = SensorClient::new(Loopback::new(dispatcher(0), 7));
    let description = client.describe().expect("a description");
    assert_eq!((description.kind, &description.channels[..]), (SensorKind::Motion, &CHANNELS[..]));
    assert!(client.read().is_err());
    assert_eq!(client.next(u64::MAX).map(|news| (news.number, news.state)), Ok((0, Err(SensorError::NoReading))));
    assert_eq!(client.statistics(), Ok(Statistics::default()));
    let client = SensorClient::new(Loopback::new(dispatcher(3), 7));
    let reading = client.read().expect("a reading");
    assert_eq!((reading.time_ns, reading.values), (42, vec![Some(3.0), None]));
}

#[test]
fn a_call_waits_for_news() {
    let later: fn(&mut SensorDispatcher<SensorServer<Made>>) = |dispatcher| {
        dispatcher.0.tell();
        let _ = dispatcher.0.sensor().advance(1);
        dispatcher.0.tell();
    };
    let client = SensorClient::new(Loopback::new(dispatcher(0), 7).with_later(later));
    assert_eq!(client.next(0).map(|news| news.number), Ok(1));
}

#[test]
fn calls_that_wait_are_bounded_for_each_client_and_for_all() {
    let mut dispatcher = dispatcher(0);
    let mut ask = |badge: u64| {
        // Method 2, after 0: one byte of postcard.
        let tag = airox_api::wire::request_tag(airox_api::sensor::INFO.id, 2, 1);
        let lease = TestLease { bytes: vec![0; 4096], access: airox_abi::message::Lease::WRITE };
        dispatcher.dispatch(&mut TestMessage::new(badge, tag, [0; 8], &[], vec![lease]))
    };
    for _ in 0..3 * MAX_WAITING {
        assert!(matches!(ask(1), Outcome::Deferred));
    }
    for badge in 2..100 {
        for _ in 0..MAX_WAITING_OF_ONE {
            assert!(matches!(ask(badge), Outcome::Deferred));
        }
    }
    assert_eq!(dispatcher.0.waiting.len(), MAX_WAITING);
    let _ = dispatcher.0.sensor().advance(1);
    dispatcher.0.tell();
    assert_eq!(dispatcher.0.waiting.len(), 0);
}
