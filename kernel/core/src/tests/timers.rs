//! Tests of [`super`].

use super::*;

impl Timers {
    /// Whether an owner's timer runs.
    pub(crate) fn is_set(&self, owner: u32) -> bool {
        self.position[owner as usize] != NONE
    }
}

#[test]
fn timers_fire_in_order_whatever_happened_before() {
    let mut timers = Timers::new(100);
    let mut expected = [u64::MAX; 100];
    let mut seed = 7_u64;
    for _ in 0..5000 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(99);
        let index = (seed >> 40) as u32 % 100;
        if seed >> 60 < 10 {
            let deadline = seed >> 20 & 0xffff;
            timers.set(index, deadline);
            expected[index as usize] = deadline;
        } else {
            timers.cancel(index);
            expected[index as usize] = u64::MAX;
        }
        assert_eq!(timers.earliest(), *expected.iter().min().unwrap());
    }
    let mut last = 0;
    while let Some(signal) = timers.take_due(u64::MAX - 1) {
        let deadline = expected[signal as usize];
        assert!(deadline >= last && deadline != u64::MAX);
        expected[signal as usize] = u64::MAX;
        last = deadline;
    }
    assert!(expected.iter().all(|&deadline| deadline == u64::MAX));
}
