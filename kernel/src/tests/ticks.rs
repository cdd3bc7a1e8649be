//! Tests of [`super`].

use super::*;

#[test]
fn counts_are_never_too_few() {
    let rate = Rate::new(1_000_000, 3_000_001).unwrap();
    for ticks in [0, 1, 2, 3, 1000, 2_999_999_999] {
        let counts = u64::from(rate.counts(ticks));
        assert!(counts * 3_000_001 >= ticks * 1_000_000, "{ticks} ticks gave {counts}");
        assert!(counts <= ticks / 3 + 2);
    }
    assert_eq!(rate.counts(u64::MAX), u32::MAX);
}

#[test]
fn senseless_measurements_give_no_rate() {
    assert_eq!(Rate::new(1, 0), None);
    assert_eq!(Rate::new(0, 1000), None);
    assert_eq!(per_second(1000, 0, 3_579_545), 0);
}

#[test]
fn a_frequency_is_measured_against_a_reference() {
    assert_eq!(per_second(2_000_000, 7159, 3_579_545), 1_000_012_571);
}
