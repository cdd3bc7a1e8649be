//! Tests of [`super`].

use super::*;

#[test]
fn registers_survive_the_round_trip() {
    let value = Registers { rax: 1, r15: u64::MAX, rip: 0x41_0000, rflags: 2, ..Default::default() };
    assert_eq!(read_registers(&registers(&value)), value);
}

#[test]
fn quota_limits_survive_the_round_trip() {
    let limits = QuotaLimits([1, 2, 3, 4, 5, 6, 7, 8, 9, u32::MAX]);
    let bytes = quota_info(&limits, &QuotaLimits::default());
    assert_eq!(quota_limits(&bytes), limits);
    assert_eq!(quota_limits(&bytes[40..]), QuotaLimits::default());
}
