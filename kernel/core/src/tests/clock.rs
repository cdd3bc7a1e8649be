//! Tests of [`super`].

use super::*;

#[test]
fn a_deadline_is_never_early_and_hardly_late() {
    for frequency in [1_000_000_000, 2_399_998_000, 24_000_000, 5_000_000_000_u64] {
        let clock = Clock::new(12_345, frequency);
        for nanoseconds in [0, 1, 999, 1_000_000, 3_600_000_000_000_u64] {
            let ticks = clock.ticks(nanoseconds);
            let exact = 12_345 + (u128::from(nanoseconds) * u128::from(frequency) / 1_000_000_000) as u64;
            assert!(ticks >= exact, "{frequency} {nanoseconds}");
            assert!(ticks - exact <= 2 + nanoseconds / 1_000_000_000, "{frequency} {nanoseconds}: {}", ticks - exact);
        }
    }
}

#[test]
fn far_deadlines_saturate() {
    let clock = Clock::new(u64::MAX / 2, 5_000_000_000);
    assert_eq!(clock.ticks(u64::MAX - 1), u64::MAX - 1);
}
