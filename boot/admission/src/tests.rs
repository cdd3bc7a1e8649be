//! Examples whose answers are known, and the bad cases.

use super::*;
use std::vec;

const MS: u64 = 1_000_000;

/// A task with a budget and its period as deadline.
fn task(name: &str, priority: u8, time_ns: u64, period_ns: u64) -> Task {
    Task {
        name: name.into(),
        priority,
        highest: priority,
        supply: Supply::Budget(Budget { time_ns, period_ns }),
        deadline_ns: Some(period_ns),
        longest_call_ns: None,
        uses: vec![],
    }
}

fn without_budget(name: &str, priority: u8, uses: &[usize]) -> Task {
    Task { supply: Supply::Unlimited, deadline_ns: None, uses: uses.to_vec(), ..task(name, priority, 0, 0) }
}

fn server(name: &str, priority: u8, longest_call_ns: Option<u64>) -> Task {
    Task { supply: Supply::Lent, deadline_ns: None, longest_call_ns, ..task(name, priority, 0, 0) }
}

fn responses(analysis: &Analysis) -> Vec<u64> {
    let responses = analysis.responses.iter();
    responses.map(|response| response.response_ns).collect()
}

/// The example of Burns and Wellings, "Real-Time Systems and Programming Languages": 3/7, 3/12, 5/20.
#[test]
fn the_textbook_example() {
    let mut tasks =
        vec![task("a", 202, 3 * MS, 7 * MS), task("b", 201, 3 * MS, 12 * MS), task("c", 200, 5 * MS, 20 * MS)];
    let analysis = analyse(&tasks);
    assert_eq!(analysis.refusals, []);
    // init's call is one millisecond more for all but the last: 4, then 3+1+3 = 7, then the book's 20.
    assert_eq!(responses(&analysis), [4 * MS, 7 * MS, 20 * MS]);
    assert_eq!(analysis.share, 428_572 + 250_000 + 250_000);
    // Half a millisecond more, and the last one fails.
    tasks[2] = task("c", 200, 5 * MS + MS / 2, 20 * MS);
    let late = Refusal::Late { task: 2, response_ns: 20 * MS + MS / 2 };
    assert_eq!(analyse(&tasks).refusals, [late]);
}

#[test]
fn equals_disturb_each_other() {
    let tasks = [task("a", 200, 4 * MS, 10 * MS), task("b", 200, 4 * MS, 10 * MS)];
    assert_eq!(responses(&analyse(&tasks)), [8 * MS, 8 * MS]);
}

#[test]
fn a_component_disturbs_at_the_highest_priority_it_may_use() {
    let mut tasks = [task("a", 200, 4 * MS, 10 * MS), task("b", 100, 4 * MS, 10 * MS)];
    assert_eq!(responses(&analyse(&tasks))[0], 5 * MS);
    tasks[1].highest = 201;
    assert_eq!(responses(&analyse(&tasks))[0], 9 * MS);
}

#[test]
fn blocking_is_the_longest_call_for_a_client_below() {
    let mut tasks = vec![
        task("arm", 170, MS, 10 * MS),
        server("log", 200, Some(2 * MS)),
        server("map", 200, Some(7 * MS)),
        without_budget("shell", 100, &[1]),
    ];
    let analysis = analyse(&tasks);
    assert_eq!(analysis.refusals, []);
    let blocking = Blocking { time_ns: 2 * MS, by: Some((1, 3)) };
    // The map has no client below.
    assert_eq!(analysis.responses[0].blocking, blocking);
    assert_eq!(responses(&analysis), [3 * MS]);
    // A client's own budget bounds its calls, too.
    tasks[3].supply = Supply::Budget(Budget { time_ns: 3 * MS / 2, period_ns: 50 * MS });
    tasks[3].uses = vec![1, 2];
    assert_eq!(responses(&analyse(&tasks)), [5 * MS / 2]);
    // Calls to servers below disturb nobody above.
    tasks[2].priority = 169;
    tasks[2].highest = 169;
    tasks[2].longest_call_ns = None;
    tasks[3].supply = Supply::Unlimited;
    assert_eq!(responses(&analyse(&tasks)), [3 * MS]);
}

#[test]
fn a_call_of_unknown_length_is_refused() {
    let tasks = [task("arm", 170, MS, 10 * MS), server("log", 200, None), without_budget("shell", 100, &[1])];
    let refusal = Refusal::UnknownBlocking { task: 0, server: 1, client: 2 };
    assert_eq!(analyse(&tasks).refusals, [refusal]);
    // Without a deadline there is nobody to miss it.
    assert_eq!(analyse(&tasks[1..]).refusals, []);
}

#[test]
fn who_has_no_budget_stays_below_deadlines_and_out_of_real_time() {
    let low = task("low", 50, MS, 10 * MS);
    let tasks = [low.clone(), without_budget("hog", 50, &[])];
    let refusal = Refusal::Unbounded { task: 0, by: 1 };
    assert_eq!(analyse(&tasks).refusals, [refusal]);
    let tasks = [low.clone(), without_budget("hog", 49, &[])];
    assert_eq!(analyse(&tasks).refusals, []);
    let tasks = [without_budget("hog", REAL_TIME, &[])];
    assert_eq!(analyse(&tasks).refusals, [Refusal::NeedsBudget { task: 0 }]);
    let mut raised = without_budget("hog", 10, &[]);
    raised.highest = 254;
    assert!(!analyse(&[raised, low]).refusals.is_empty());
}

#[test]
fn more_than_the_processor_is_refused() {
    let mut tasks = [task("a", 202, 6 * MS, 10 * MS), task("b", 201, 5 * MS, 10 * MS)];
    for task in &mut tasks {
        task.deadline_ns = None;
    }
    let refusal = Refusal::Overload { task: 0, share: 1_100_000 };
    assert_eq!(analyse(&tasks).refusals, [refusal]);
}

#[test]
fn contradictions_and_extremes_are_refused_and_end() {
    let no_budget = Task { deadline_ns: Some(MS), ..without_budget("a", 100, &[]) };
    assert_eq!(analyse(&[no_budget]).refusals, [Refusal::BadDeadline { task: 0 }]);
    let mut beyond = task("a", 200, MS, 10 * MS);
    beyond.deadline_ns = Some(11 * MS);
    assert_eq!(analyse(&[beyond]).refusals, [Refusal::BadDeadline { task: 0 }]);
    for (time_ns, period_ns) in [(0, 0), (1, 0), (u64::MAX, 1), (u64::MAX, u64::MAX), (0, 1)] {
        let mut odd = task("a", 200, time_ns, period_ns);
        odd.uses = vec![99];
        let tasks = [odd, task("b", 190, MS, 10 * MS)];
        let analysis = analyse(&tasks);
        let refusal = Refusal::BadBudget { task: 0 };
        assert!(analysis.refusals.contains(&refusal), "{time_ns}/{period_ns}");
    }
    // A response that creeps towards a far deadline is given up.
    let mut tiny = task("tiny", 250, 5_000, 50_001);
    tiny.deadline_ns = None;
    let mut tasks = vec![tiny; 7];
    tasks.push(task("long", 200, 1_000_000 * MS, 3_600_000 * MS));
    assert!(matches!(analyse(&tasks).refusals[..], [] | [Refusal::Late { task: 7, .. }]));
}

#[test]
fn bands_are_named() {
    assert_eq!((band(0), band(1)), ("batch", "normal"));
    assert_eq!((band(REAL_TIME - 1), band(REAL_TIME)), ("normal", "real time"));
}
