//! Tests of [`super`].

use super::*;

const REST: u64 = 10;

fn total(refills: &Refills) -> u64 {
    refills.queue[..refills.count]
        .iter()
        .map(|refill| refill.amount)
        .sum()
}

#[test]
fn what_is_used_comes_back_one_period_after_its_use_began() {
    let mut refills = Refills::new(0, 300, 1000, REST);
    refills.wake(100);
    refills.consume(100);
    assert_eq!(refills.next(), (200, 200));
    refills.wake(600);
    refills.consume(200);
    assert_eq!(refills.next(), (1100, 100), "the first use began at 100");
    refills.consume(100);
    assert_eq!(refills.next(), (1600, 200), "the second at 600");
}

#[test]
fn unused_time_is_not_saved_up() {
    let mut refills = Refills::new(0, 300, 1000, REST);
    refills.wake(50_000);
    assert_eq!(refills.available(50_000), 300);
    refills.consume(300);
    assert_eq!(refills.available(50_999), 0);
    assert_eq!(refills.available(51_000), 300);
}

#[test]
fn in_no_window_of_a_period_is_more_used_than_the_budget() {
    let (budget, period) = (300, 1000);
    for seed in 1..200_u64 {
        let mut random = seed;
        let mut refills = Refills::new(0, budget, period, REST);
        let mut now = 0;
        let mut uses: Vec<(u64, u64)> = Vec::new();
        for _ in 0..500 {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            now += (random >> 33) % 400;
            refills.wake(now);
            let (from, amount) = refills.next();
            if from > now {
                continue;
            }
            let used = ((random >> 50) % 200).min(amount);
            refills.consume(used);
            uses.push((now, used));
            now += used;
            assert_eq!(total(&refills), budget, "seed {seed}");
        }
        for &(start, _) in &uses {
            let inside = uses.iter().map(|&(at, used)| {
                let end = (at + used).min(start + period);
                end.saturating_sub(at.max(start))
            });
            // A rest too short to use is given out with the next replenishment.
            assert!(
                inside.sum::<u64>() <= budget + REST,
                "seed {seed} at {start}"
            );
        }
    }
}

#[test]
fn a_change_keeps_what_is_used_used() {
    let mut refills = Refills::new(0, 300, 1000, REST);
    refills.consume(200);
    refills.change(200, 500, 1000);
    assert_eq!((refills.available(200), total(&refills)), (300, 500));
    refills.change(200, 100, 1000);
    assert_eq!((refills.available(200), total(&refills)), (0, 100));
    assert_eq!(refills.available(1000), 100);
}

#[test]
fn many_pieces_are_merged_and_never_come_early() {
    let mut refills = Refills::new(0, 1000, 10_000, REST);
    for piece in 0..40 {
        let now = piece * 40;
        refills.wake(now);
        refills.consume(20);
        assert!(refills.count <= REFILLS);
        assert_eq!(total(&refills), 1000);
    }
    assert_eq!(refills.available(9_999), 200);
    assert_eq!(refills.available(40 * 40 + 10_000), 1000);
}
