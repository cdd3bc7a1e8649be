//! Tests of [`super`].

use super::*;

#[test]
fn shares_are_rounded_up_and_bounded() {
    assert_eq!(budget_share(2_000_000, 10_000_000), Some(200_000));
    assert_eq!(budget_share(10_000, 30_001), None);
    assert_eq!(budget_share(10_000, 70_001), Some(142_856));
    assert_eq!(budget_share(MAX_PERIOD_NS, MAX_PERIOD_NS), Some(1_000_000));
    assert_eq!(budget_share(4_999, 1_000_000), None);
    assert_eq!(budget_share(60_000, 50_000), None);
    assert_eq!(budget_share(5_000, MAX_PERIOD_NS + 1), None);
}
