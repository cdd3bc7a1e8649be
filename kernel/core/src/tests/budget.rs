//! Tests of [`super`].

use super::*;

impl<M: Machine> Kernel<M> {
    /// What must hold of budgets between kernel entries.
    pub(crate) fn check_budgets(&self) {
        let mut parked = 0;
        for (id, budget) in self.budgets.iter() {
            let weak = self.budgets.weak(id);
            let competing = self.threads.iter().filter(|(_, thread)| thread.competing == weak);
            assert_eq!(competing.count() as u32, budget.competing, "{id:?}");
            let mut link = budget.parked.first;
            let mut last = NONE;
            while let Some(thread) = Id::<Thread>::from_link(link) {
                let entry = &self.threads[thread];
                assert!(entry.queue == Queue::Budget && entry.budget == weak, "{thread:?}");
                assert_eq!((entry.state, entry.previous), (State::Ready, last));
                (last, link, parked) = (link, entry.next, parked + 1);
            }
            assert_eq!(last, budget.parked.last, "{id:?}");
            if self.is_unlimited(weak) {
                assert_eq!((budget.competing, last), (0, NONE));
                continue;
            }
            assert!(
                last == NONE || self.processor(budget.processor).timers.is_set(self.budget_timer(id)),
                "nobody will wake those parked at {id:?}"
            );
            let refills = &budget.refills;
            assert_eq!(total(refills), self.clock.span(budget.budget_ns), "{id:?}");
            let pieces = &refills.queue;
            assert!(pieces.iter().all(|refill| refill.amount > 0), "{refills:?}");
            assert!(pieces.is_sorted_by_key(|refill| refill.time), "{refills:?}");
        }
        for (id, thread) in self.threads.iter() {
            parked -= u32::from(thread.queue == Queue::Budget);
            if self.all_processors().any(|processor| processor.idle == id) {
                continue;
            }
            let budget = self.budgets.upgrade(thread.budget);
            let could_run = thread.queue != Queue::None || thread.state == State::Running;
            if self.runs_on(id).is_some_and(|processor| processor.reschedule) {
                // About to be looked at.
                continue;
            }
            if !could_run {
                assert!(self.budgets.upgrade(thread.competing).is_none(), "{id:?} {:?}", thread.state);
            } else if budget.is_some() && !self.is_unlimited(thread.budget) {
                assert!(thread.competing == thread.budget, "{id:?} {:?}", thread.state);
            }
        }
        assert_eq!(parked, 0);
        for processor in self.all_processors().filter(|processor| !processor.reschedule) {
            let current = &self.threads[processor.current];
            assert!(current.budget == processor.budget, "time passes on another budget");
            let budget = self.budgets.upgrade(current.budget).expect("the running thread has a budget");
            assert_eq!(self.budgets[budget].processor, processor.number);
        }
    }
}

const REST: u64 = 10;

fn total(refills: &Refills) -> u64 {
    refills.queue.iter().map(|refill| refill.amount).sum()
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
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
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
            assert!(inside.sum::<u64>() <= budget + REST, "seed {seed} at {start}");
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
        assert!(refills.queue.len() <= REFILLS);
        assert_eq!(total(&refills), 1000);
    }
    assert_eq!(refills.available(9_999), 200);
    assert_eq!(refills.available(40 * 40 + 10_000), 1000);
}
