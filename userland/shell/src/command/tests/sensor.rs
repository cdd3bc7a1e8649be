//! `sensor`.

use crate::fakes::Session;
use crate::services::{Channel, News, Quality, Reading, SensorError, Unit};
use alloc::vec;

fn reading(value: f64) -> Reading {
    Reading { time_ns: 0, quality: Quality::Fair, values: vec![Some(value), None] }
}

fn with_sensor() -> Session {
    let session = Session::new();
    session.world().channels = vec![Channel::new("latitude", Unit::Degree), Channel::new("fix", Unit::One)];
    session.world().sensor_state = Some(Ok(reading(48.1173)));
    session
}

#[test]
fn sensors_are_listed_and_read() {
    let mut session = with_sensor();
    let list = session.line("sensor list");
    assert!(list.contains("gps0  position  made   fair"), "{list}");
    let text = session.line("sensor read gps0");
    assert!(text.contains("latitude  48.1173  deg") && text.contains("fix             -"), "{text}");
    assert!(text.contains("quality fair"), "{text}");
    assert!(session.line("sensor count gps0").contains("checksum errors         2"));
}

#[test]
fn no_reading_is_told_with_its_reason() {
    let mut session = with_sensor();
    session.world().sensor_state = Some(Err(SensorError::Unplugged));
    assert!(session.line("sensor list").contains("unplugged"));
    assert!(session.line("sensor read gps0").starts_with("sensor: gps0: unplugged"));
}

#[test]
fn what_a_person_gets_wrong_is_told() {
    let mut session = with_sensor();
    assert_eq!(session.line("sensor read gps1"), "sensor: gps1: no such sensor; did you mean `gps0`?\n");
    assert_eq!(session.line("sensor watch wheel"), "sensor: wheel: no such sensor\n");
    assert!(session.line("sensor").starts_with("sensor: what is to be done"));
    assert!(session.line("sensor read").starts_with("sensor: the sensor is missing"));
    assert!(session.line("sensor list gps0").starts_with("sensor: `gps0` is one argument too many"));
    assert!(session.line("sensor read gps0 x").starts_with("sensor: `x` is one argument too many"));
    assert!(session.line("sensor eat gps0").starts_with("sensor: nothing is known of `eat`"));
}

#[test]
fn watching_goes_on_over_a_restart_until_interrupted() {
    let mut session = with_sensor();
    session.world().sensor_news.extend([
        Some(News { number: 1, state: Ok(reading(1.5)) }),
        None,
        Some(News { number: 0, state: Err(SensorError::NoReading) }),
        Some(News { number: 1, state: Ok(reading(-2.0)) }),
    ]);
    let text = session.typed("sensor watch gps0\r");
    let wanted = "0.000 fair latitude=1.5 fix=-\n-- the driver was started anew --\nno reading yet\n\
                  0.000 fair latitude=-2 fix=-\n^C\n";
    assert!(text.ends_with(wanted), "{text}");
    assert_eq!(session.world().asked_after, [u64::MAX, 1, u64::MAX, 0, 1]);
}
