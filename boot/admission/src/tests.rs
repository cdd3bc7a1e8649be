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
        processors: 1,
        calls_per_job: None,
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
    let analysis = analyse(&tasks, 1);
    assert_eq!(analysis.refusals, []);
    // init's call is one millisecond more for all but the last: 4, then 3+1+3 = 7, then the book's 20.
    assert_eq!(responses(&analysis), [4 * MS, 7 * MS, 20 * MS]);
    assert_eq!(analysis.shares[0], 428_572 + 250_000 + 250_000);
    // Half a millisecond more, and the last one fails.
    tasks[2] = task("c", 200, 5 * MS + MS / 2, 20 * MS);
    let late = Refusal::Late { task: 2, response_ns: 20 * MS + MS / 2 };
    assert_eq!(analyse(&tasks, 1).refusals, [late]);
}

#[test]
fn equals_disturb_each_other() {
    let tasks = [task("a", 200, 4 * MS, 10 * MS), task("b", 200, 4 * MS, 10 * MS)];
    assert_eq!(responses(&analyse(&tasks, 1)), [8 * MS, 8 * MS]);
}

#[test]
fn a_component_disturbs_at_the_highest_priority_it_may_use() {
    let mut tasks = [task("a", 200, 4 * MS, 10 * MS), task("b", 100, 4 * MS, 10 * MS)];
    assert_eq!(responses(&analyse(&tasks, 1))[0], 5 * MS);
    tasks[1].highest = 201;
    assert_eq!(responses(&analyse(&tasks, 1))[0], 9 * MS);
}

#[test]
fn blocking_is_the_longest_call_for_a_client_below() {
    let mut tasks = vec![
        task("arm", 170, MS, 10 * MS),
        server("log", 200, Some(2 * MS)),
        server("map", 200, Some(7 * MS)),
        without_budget("shell", 100, &[1]),
    ];
    let analysis = analyse(&tasks, 1);
    assert_eq!(analysis.refusals, []);
    let blocking = Blocking { time_ns: 2 * MS, by: Some((1, 3)) };
    // The map has no client below.
    assert_eq!(analysis.responses[0].blocking, blocking);
    assert_eq!(responses(&analysis), [3 * MS]);
    // A client's own budget bounds its calls, too.
    tasks[3].supply = Supply::Budget(Budget { time_ns: 3 * MS / 2, period_ns: 50 * MS });
    tasks[3].uses = vec![1, 2];
    assert_eq!(responses(&analyse(&tasks, 1)), [5 * MS / 2]);
    // Calls to servers below disturb nobody above.
    tasks[2].priority = 169;
    tasks[2].highest = 169;
    tasks[2].longest_call_ns = None;
    tasks[3].supply = Supply::Unlimited;
    assert_eq!(responses(&analyse(&tasks, 1)), [3 * MS]);
}

#[test]
fn a_call_of_unknown_length_is_refused() {
    let tasks = [task("arm", 170, MS, 10 * MS), server("log", 200, None), without_budget("shell", 100, &[1])];
    let refusal = Refusal::UnknownBlocking { task: 0, server: 1, client: 2 };
    assert_eq!(analyse(&tasks, 1).refusals, [refusal]);
    // Without a deadline there is nobody to miss it.
    assert_eq!(analyse(&tasks[1..], 1).refusals, []);
}

#[test]
fn who_has_no_budget_stays_below_deadlines_and_out_of_real_time() {
    let low = task("low", 50, MS, 10 * MS);
    let tasks = [low.clone(), without_budget("hog", 50, &[])];
    let refusal = Refusal::Unbounded { task: 0, by: 1 };
    assert_eq!(analyse(&tasks, 1).refusals, [refusal]);
    let tasks = [low.clone(), without_budget("hog", 49, &[])];
    assert_eq!(analyse(&tasks, 1).refusals, []);
    let tasks = [without_budget("hog", REAL_TIME, &[])];
    assert_eq!(analyse(&tasks, 1).refusals, [Refusal::NeedsBudget { task: 0 }]);
    let mut raised = without_budget("hog", 10, &[]);
    raised.highest = 254;
    assert!(!analyse(&[raised, low], 1).refusals.is_empty());
}

#[test]
fn more_than_the_processor_is_refused() {
    let mut tasks = [task("a", 202, 6 * MS, 10 * MS), task("b", 201, 5 * MS, 10 * MS)];
    for task in &mut tasks {
        task.deadline_ns = None;
    }
    let refusal = Refusal::Overload { task: 0, processor: 0, share: 1_100_000 };
    assert_eq!(analyse(&tasks, 1).refusals, [refusal]);
}

#[test]
fn contradictions_and_extremes_are_refused_and_end() {
    let no_budget = Task { deadline_ns: Some(MS), ..without_budget("a", 100, &[]) };
    assert_eq!(analyse(&[no_budget], 1).refusals, [Refusal::BadDeadline { task: 0 }]);
    let mut beyond = task("a", 200, MS, 10 * MS);
    beyond.deadline_ns = Some(11 * MS);
    assert_eq!(analyse(&[beyond], 1).refusals, [Refusal::BadDeadline { task: 0 }]);
    for (time_ns, period_ns) in [(0, 0), (1, 0), (u64::MAX, 1), (u64::MAX, u64::MAX), (0, 1)] {
        let mut odd = task("a", 200, time_ns, period_ns);
        odd.uses = vec![99];
        let tasks = [odd, task("b", 190, MS, 10 * MS)];
        let analysis = analyse(&tasks, 1);
        let refusal = Refusal::BadBudget { task: 0 };
        assert!(analysis.refusals.contains(&refusal), "{time_ns}/{period_ns}");
    }
    // A response that creeps towards a far deadline is given up.
    let mut tiny = task("tiny", 250, 5_000, 50_001);
    tiny.deadline_ns = None;
    let mut tasks = vec![tiny; 7];
    tasks.push(task("long", 200, 1_000_000 * MS, 3_600_000 * MS));
    assert!(matches!(analyse(&tasks, 1).refusals[..], [] | [Refusal::Late { task: 7, .. }]));
}

fn on(processor: u32, task: Task) -> Task {
    Task { processors: 1 << processor, ..task }
}

fn calling(uses: &[usize], calls: Option<u32>, task: Task) -> Task {
    Task { uses: uses.to_vec(), calls_per_job: calls, ..task }
}

const LOCK: u64 = KERNEL_ENTRY_NS;

#[test]
fn who_is_on_another_processor_takes_no_time_from_here() {
    let mut tasks = [
        on(1, task("arm", 170, 4 * MS, 10 * MS)),
        on(0, task("planner", 200, 8 * MS, 10 * MS)),
        on(0, without_budget("shell", 100, &[])),
        on(0, without_budget("hog", 159, &[])),
    ];
    let analysis = analyse(&tasks, 2);
    assert_eq!(analysis.refusals, []);
    // Not even init's call, which is on processor 0; there, the planner has it.
    assert_eq!(responses(&analysis), [4 * MS + LOCK, 9 * MS + LOCK]);
    assert_eq!((analysis.responses[0].processor, analysis.responses[1].processor), (1, 0));
    assert_eq!(analysis.shares[..2], [800_000, 400_000]);
    // A thread that may be moved there counts.
    tasks[0].priority = 150;
    tasks[0].highest = 150;
    tasks[3].processors = 0b11;
    let refusal = Refusal::Unbounded { task: 0, by: 3 };
    assert!(analyse(&tasks, 2).refusals.contains(&refusal));
    tasks[3].priority = 149;
    tasks[3].highest = 149;
    assert_eq!(responses(&analyse(&tasks, 2))[0], 4 * MS + LOCK);
}

#[test]
fn each_processor_has_its_own_time() {
    let mut tasks = [task("a", 202, 6 * MS, 10 * MS), on(1, task("b", 201, 5 * MS, 10 * MS))];
    assert_eq!(analyse(&tasks, 2).refusals, []);
    tasks[1].processors = 0b11;
    let refusal = Refusal::Overload { task: 0, processor: 0, share: 1_100_000 };
    assert!(analyse(&tasks, 2).refusals.contains(&refusal));
    // Nonsense stays within bounds.
    tasks[1].processors = 0;
    assert_eq!(analyse(&tasks, 2).shares[63], 500_000);
}

#[test]
fn a_shared_passive_server_may_be_busy_elsewhere_once_for_each_call() {
    let mut tasks = [
        on(1, calling(&[1], None, task("arm", 170, MS, 20 * MS))),
        server("log", 200, Some(MS / 2)),
        on(0, without_budget("shell", 100, &[1])),
        on(0, task("planner", 180, 2 * MS, 10 * MS)),
        on(0, task("slow", 160, 2 * MS, 10 * MS)),
        on(1, without_budget("logger", 90, &[1])),
    ];
    assert_eq!(analyse(&tasks, 2).refusals[..1], [Refusal::UnknownCalls { task: 0 }]);
    tasks[0].calls_per_job = Some(3);
    let analysis = analyse(&tasks, 2);
    let arm = analysis.responses[0];
    // Here the log works for the logger, before the job and after each wait. There init (longer than the log for the shell) comes first three times.
    let blocking = 4 * (MS / 2) + 3 * MS + LOCK;
    assert_eq!(arm.blocking.time_ns, blocking);
    // Its own time, and the planner's, which is more urgent where the log may be.
    assert_eq!(arm.response_ns, MS + blocking + 2 * MS);
    // With everybody here there is nothing to wait for elsewhere.
    for task in &mut tasks[2..] {
        task.processors = 0b10;
    }
    tasks[0].calls_per_job = None;
    assert_eq!(analyse(&tasks, 2).responses[0].response_ns, MS + MS / 2 + LOCK + 2 * MS);
}

#[test]
fn a_server_with_time_of_its_own_counts_where_that_is() {
    let mut tasks = [
        on(1, calling(&[1], Some(1), task("arm", 170, MS, 20 * MS))),
        on(2, calling(&[2], None, task("map", 180, 3 * MS, 20 * MS))),
        on(3, task("disk", 190, 4 * MS, 20 * MS)),
        on(3, without_budget("idler", 20, &[])),
    ];
    tasks[1].deadline_ns = None;
    tasks[2].deadline_ns = None;
    let analysis = analyse(&tasks, 4);
    assert_eq!(analysis.refusals, []);
    // The map, and the disk that the map calls.
    assert_eq!(responses(&analysis), [MS + 3 * MS + 4 * MS + 3 * LOCK]);
    // Who is less urgent, but can keep its servers busy for nobody knows how long, does count.
    tasks[3].uses = vec![2];
    let refusal = Refusal::UnknownBlocking { task: 0, server: 2, client: 3 };
    assert_eq!(analyse(&tasks, 4).refusals, [refusal]);
    tasks[2].longest_call_ns = Some(MS);
    assert_eq!(responses(&analyse(&tasks, 4)), [MS + 3 * MS + 4 * MS + MS + 3 * LOCK]);
    // Who has no budget and is as urgent, there: never.
    tasks[3].highest = 175;
    assert!(analyse(&tasks, 4).refusals.contains(&Refusal::Unbounded { task: 0, by: 3 }));
}

#[test]
fn circles_of_passive_servers_end() {
    let mut tasks = [
        server("a", 200, Some(1)),
        server("b", 200, Some(1)),
        on(5, without_budget("client", 10, &[0])),
        on(0, calling(&[1], Some(2), task("arm", 170, MS, 20 * MS))),
    ];
    tasks[0].uses = vec![1];
    tasks[1].uses = vec![0, 99];
    assert_eq!(analyse(&tasks, 8).refusals, []);
}

#[test]
fn bands_are_named() {
    assert_eq!((band(0), band(1)), ("batch", "normal"));
    assert_eq!((band(REAL_TIME - 1), band(REAL_TIME)), ("normal", "real time"));
}
