//! Sentences as receivers send them, and as lines damage them.

use crate::{CHANNELS, MAX_SENTENCE, Receiver};
use airox_driver_traits::sensor::{Quality, Reading, Sensor, SensorError};
use airox_driver_traits::serial::LineErrors;
use airox_sensor_server::testing::Bench;
use proptest::prelude::*;
use std::format;
use std::string::String;
use std::vec::Vec;

const SECOND: u64 = 1_000_000_000;
const LIMIT: u64 = 3 * SECOND;

fn bench() -> Bench<Receiver> {
    Bench::new(Receiver::default(), LIMIT)
}

/// A sentence with its checksum.
fn sentence(body: &str) -> String {
    let sum = body.bytes().fold(0, |sum, byte| sum ^ byte);
    format!("${body}*{sum:02X}\r\n")
}

fn gga(talker: &str, time: &str, latitude: &str, quality: u8) -> String {
    sentence(&format!("{talker}GGA,{time},{latitude},N,01131.000,E,{quality},08,0.9,545.4,M,46.9,M,,"))
}

fn rmc(talker: &str, time: &str, date: &str) -> String {
    sentence(&format!("{talker}RMC,{time},A,4807.038,N,01131.000,E,010.0,084.4,{date},,,A"))
}

fn value(reading: &Reading, name: &str) -> Option<f64> {
    let index = CHANNELS.iter().position(|channel| channel.name == name).expect("a channel");
    reading.values[index]
}

fn near(reading: &Reading, name: &str, wanted: f64) {
    let got = value(reading, name).expect(name);
    assert!((got - wanted).abs() < 1e-6, "{name}: {got}, not {wanted}");
}

#[test]
fn a_point_in_time_is_put_together() {
    let mut bench = bench();
    bench.pass(5);
    bench.arrive(gga("GP", "123519.50", "4807.038", 1).as_bytes());
    assert_eq!(bench.read(), Err(SensorError::NoReading));
    bench.pass(100);
    bench.arrive(rmc("GP", "123519.50", "230394").as_bytes());
    let reading = bench.read().expect("a reading");
    assert_eq!((reading.time_ns, reading.quality, reading.values.len()), (5, Quality::Fair, CHANNELS.len()));
    near(&reading, "latitude", 48.1173);
    near(&reading, "longitude", 11.516_666_667);
    assert!((value(&reading, "altitude").unwrap() - 545.4).abs() < 1e-4);
    near(&reading, "speed", 5.144_444_444);
    assert!((value(&reading, "course").unwrap() - 84.4).abs() < 1e-4);
    assert_eq!((value(&reading, "fix"), value(&reading, "satellites")), (Some(1.0), Some(8.0)));
    // 1994-03-23 12:35:19.5 UTC.
    assert_eq!(value(&reading, "time"), Some(764_426_119.5));
    assert_eq!((bench.statistics().good, bench.sensor.news()), (2, 1));
}

#[test]
fn south_and_west_are_negative() {
    let mut bench = bench();
    bench.arrive(sentence("GPGGA,000001,3352.128,S,15112.558,W,2,12,0.9,5.0,M,,M,,").as_bytes());
    bench.arrive(rmc("GP", "000001", "010125").as_bytes());
    let reading = bench.read().expect("a reading");
    near(&reading, "latitude", -33.8688);
    near(&reading, "longitude", -151.209_3);
    assert_eq!(reading.quality, Quality::Good);
}

#[test]
fn one_kind_of_sentence_is_enough_once_that_is_known() {
    let mut bench = bench();
    for second in 0..4 {
        bench.arrive(gga("GP", &format!("12000{second}"), "4807.038", 1).as_bytes());
        // The first is told when the second shows that nothing else comes.
        let told = match second {
            0 => 0,
            1 => 2,
            second => second + 1,
        };
        assert_eq!(bench.sensor.news(), told);
    }
}

#[test]
fn without_a_fix_there_is_no_position_but_a_reading() {
    let mut bench = bench();
    for news in 1..=3 {
        bench.arrive(sentence("GPGGA,,,,,,0,,,,,,,,").as_bytes());
        bench.arrive(sentence("GPRMC,,V,,,,,,,,,,N").as_bytes());
        let reading = bench.read().expect("a reading");
        assert_eq!((bench.sensor.news(), reading.quality), (news, Quality::Unusable));
        assert_eq!(value(&reading, "latitude"), None);
        assert_eq!((value(&reading, "fix"), value(&reading, "time")), (Some(0.0), None));
        bench.pass(SECOND);
    }
}

#[test]
fn a_combined_solution_is_not_replaced() {
    let mut bench = bench();
    bench.arrive(gga("GN", "120000", "4807.038", 4).as_bytes());
    bench.arrive(gga("GL", "120000", "1000.000", 1).as_bytes());
    bench.arrive(rmc("GN", "120000", "230394").as_bytes());
    bench.arrive(sentence("GLGSV,1,1,00").as_bytes());
    let reading = bench.read().expect("a reading");
    near(&reading, "latitude", 48.1173);
    assert_eq!((reading.quality, bench.statistics().good), (Quality::Good, 4));
}

#[test]
fn points_in_time_are_not_mixed() {
    let mut bench = bench();
    bench.arrive((gga("GP", "120000", "4807.038", 1) + &rmc("GP", "120000", "230394")).as_bytes());
    // The RMC of the next second is lost on the line.
    bench.arrive(gga("GP", "120001", "1000.000", 1).as_bytes());
    bench.arrive((gga("GP", "120002", "2000.000", 1) + &rmc("GP", "120002", "230394")).as_bytes());
    near(&bench.read().unwrap(), "latitude", 20.0);
    assert_eq!(bench.sensor.news(), 3);
}

#[test]
fn the_day_is_not_guessed_across_midnight() {
    let mut bench = bench();
    let second =
        |time: &str, status: &str| gga("GP", time, "4807.038", 1) + &sentence(&format!("GPRMC,{time},{status}"));
    bench.arrive((gga("GP", "235959", "4807.038", 1) + &rmc("GP", "235959", "230394")).as_bytes());
    assert!(value(&bench.read().unwrap(), "time").is_some());
    bench.arrive(second("000000", "V,,,,,,,,,,N").as_bytes());
    assert_eq!(value(&bench.read().unwrap(), "time"), None);
}

#[test]
fn damage_is_counted_and_forgotten() {
    let good = gga("GP", "120000", "4807.038", 1) + &rmc("GP", "120000", "230394");
    let wrong = "$GPGGA,120000,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*00\r\n";
    let long = format!("${}\r\n", "x".repeat(4 * MAX_SENTENCE));
    let cases: [(&str, [u64; 3]); 11] = [
        (wrong, [1, 0, 0]),
        ("$GPGGA,no checksum\r\n", [1, 0, 0]),
        ("$\r\n", [1, 0, 0]),
        ("$GPGGA*\u{e9}\r\n", [0, 0, 1]),
        ("noise without a beginning\r\n", [0, 0, 1]),
        ("\r\n\r\n\n", [0, 0, 0]),
        ("$GPGGA,12", [0, 0, 1]),
        (&long, [0, 0, 1]),
        (&sentence("GPGGA,120000,9107.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,"), [0, 1, 0]),
        (&sentence("GPGGA,250000,nonsense"), [0, 1, 0]),
        (&sentence("GPRMC,120000,A,4807.038,N,01131.000,E,-5,084.4,230394,,,A"), [0, 1, 0]),
    ];
    for (damage, [checksums, malformed, resyncs]) in cases {
        let mut bench = bench();
        bench.arrive(damage.as_bytes());
        bench.arrive(good.as_bytes());
        let counted = bench.statistics();
        assert_eq!(
            [counted.checksum_errors, counted.malformed, counted.resyncs],
            [checksums, malformed, resyncs],
            "{damage:?}"
        );
        assert!(bench.read().is_ok(), "{damage:?}");
        assert_eq!(counted.good, 2, "{damage:?}");
    }
}

#[test]
fn sentences_of_other_kinds_are_good_and_tell_nothing() {
    let mut bench = bench();
    for body in ["PMTK011,MTKGPS", "GPVTG,054.7,T,034.4,M,005.5,N,010.2,K", "GPXYZ,1", "PGRME,15.0,M,45.0,M,25.0,M"] {
        bench.arrive(sentence(body).as_bytes());
    }
    assert_eq!((bench.statistics().good, bench.sensor.news()), (4, 0));
    assert_eq!(bench.read(), Err(SensorError::NoReading));
}

#[test]
fn unplugging_is_told_by_time_and_so_is_nonsense() {
    let mut bench = bench();
    bench.pass(LIMIT - 1);
    assert_eq!((bench.read(), bench.sensor.news()), (Err(SensorError::NoReading), 0));
    bench.pass(1);
    assert_eq!((bench.read(), bench.sensor.news()), (Err(SensorError::Unplugged), 1));
    bench.arrive((gga("GP", "120000", "4807.038", 1) + &rmc("GP", "120000", "230394")).as_bytes());
    assert!(bench.read().is_ok());
    // Something is heard, and it is no position.
    for _ in 0..4 {
        bench.pass(SECOND);
        bench.arrive(b"$GPGGA,*00\r\n");
    }
    assert_eq!((bench.read(), bench.sensor.news()), (Err(SensorError::BadData { count: 4 }), 3));
    bench.pass(LIMIT);
    assert_eq!((bench.read(), bench.sensor.news()), (Err(SensorError::Unplugged), 4));
    assert_eq!(bench.sensor.deadline(), None);
}

#[test]
fn a_receiver_that_says_other_things_goes_stale() {
    let mut bench = bench();
    bench.arrive((gga("GP", "120000", "4807.038", 1) + &rmc("GP", "120000", "230394")).as_bytes());
    for _ in 0..3 {
        bench.pass(SECOND);
        bench.arrive(sentence("GPTXT,01,01,02,hello").as_bytes());
    }
    assert_eq!(bench.read(), Err(SensorError::Stale { age_ns: LIMIT }));
}

#[test]
fn errors_of_the_line_are_told() {
    let bench = bench();
    bench.line.set_errors(LineErrors { overrun: 3, parity: 1, framing: 2, breaks: 4 });
    assert_eq!((bench.statistics().overruns, bench.statistics().line_errors), (3, 7));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_arrives_stops_it(noise in prop::collection::vec(any::<u8>(), 0..600), text in "[$*,A-Z0-9.\r\n]{0,300}") {
        let mut bench = bench();
        bench.arrive(&noise);
        bench.arrive(text.as_bytes());
        bench.arrive(b"\r\n");
        bench.arrive((gga("GP", "120000", "4807.038", 1) + &rmc("GP", "120000", "230394")).as_bytes());
        prop_assert!(bench.read().is_ok());
    }

    #[test]
    fn no_damaged_sentence_passes_for_another(at in 0..60usize, bit in 0..7u32) {
        let clean = gga("GP", "120000", "4807.038", 1);
        let mut bytes: Vec<u8> = clean.clone().into_bytes();
        bytes[at] ^= 1 << bit;
        let mut bench = bench();
        bench.arrive(&bytes);
        bench.arrive(b"\r\n");
        prop_assert_eq!(bench.statistics().good, 0);
    }
}
