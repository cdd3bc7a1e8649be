//! The analysis itself.

use crate::{Budget, REAL_TIME, Refusal, SUPERVISOR_CALL_NS, Supply, Task, WHOLE_PROCESSOR};
use alloc::vec::Vec;

/// Most steps towards a fixed point; a response that takes more is taken for late.
const MAX_STEPS: usize = 10_000;

/// What keeps a task waiting though it is less urgent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocking {
    /// For how long, in ns.
    pub time_ns: u64,
    /// The server and its client; `None` for init.
    pub by: Option<(usize, usize)>,
}

/// What was found out about one task with a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Response {
    /// Whose, as a place in the list of tasks.
    pub task: usize,
    /// The longest from a release to the end of the job, in ns.
    pub response_ns: u64,
    /// The deadline, in ns.
    pub deadline_ns: u64,
    /// What of it is blocking.
    pub blocking: Blocking,
}

/// What was found out about a set of tasks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Analysis {
    /// One for each task with a deadline whose response is known, late or not.
    pub responses: Vec<Response>,
    /// All budgets together, in millionths of the processor.
    pub share: u64,
    /// Why the set is refused; empty if every deadline holds.
    pub refusals: Vec<Refusal>,
}

/// Analyses a set of tasks for one processor.
#[must_use]
pub fn analyse(tasks: &[Task]) -> Analysis {
    let mut analysis = Analysis::default();
    check_shares(tasks, &mut analysis);
    for (index, task) in tasks.iter().enumerate() {
        if task.highest >= REAL_TIME && task.supply == Supply::Unlimited {
            analysis.refusals.push(Refusal::NeedsBudget { task: index });
        }
    }
    for index in 0..tasks.len() {
        check_deadline(tasks, index, &mut analysis);
    }
    analysis
}

fn check_shares(tasks: &[Task], analysis: &mut Analysis) {
    let mut largest = (0, 0);
    for (index, task) in tasks.iter().enumerate() {
        let Supply::Budget(budget) = task.supply else {
            continue;
        };
        let Some(share) = budget.share() else {
            analysis.refusals.push(Refusal::BadBudget { task: index });
            continue;
        };
        analysis.share += u64::from(share);
        largest = largest.max((share, index));
    }
    if analysis.share > u64::from(WHOLE_PROCESSOR) {
        analysis.refusals.push(Refusal::Overload { task: largest.1, share: analysis.share });
    }
}

fn check_deadline(tasks: &[Task], index: usize, analysis: &mut Analysis) {
    let task = &tasks[index];
    let Some(deadline_ns) = task.deadline_ns else {
        return;
    };
    let own = match task.supply {
        Supply::Budget(budget) if deadline_ns > 0 && deadline_ns <= budget.period_ns => budget,
        _ => {
            analysis.refusals.push(Refusal::BadDeadline { task: index });
            return;
        }
    };
    let others = tasks.iter().enumerate();
    let above = others.filter(|(other, each)| *other != index && each.highest >= task.priority);
    let mut interfering = Vec::new();
    let mut unbounded = None;
    for (other, each) in above {
        match each.supply {
            Supply::Budget(budget) => interfering.push(budget),
            Supply::Lent => {}
            Supply::Unlimited => unbounded = unbounded.or(Some(other)),
        }
    }
    if let Some(by) = unbounded {
        let refusal = Refusal::Unbounded { task: index, by };
        analysis.refusals.push(refusal);
        return;
    }
    match blocking(tasks, index) {
        Err(refusal) => analysis.refusals.push(refusal),
        Ok(blocking) => {
            let first = own.time_ns.saturating_add(blocking.time_ns);
            let response_ns = settle(first, &interfering, deadline_ns);
            if response_ns > deadline_ns {
                let task = index;
                analysis.refusals.push(Refusal::Late { task, response_ns });
            }
            analysis.responses.push(Response { task: index, response_ns, deadline_ns, blocking });
        }
    }
}

/// The longest that a server of at least this task's priority works for a client below.
fn blocking(tasks: &[Task], index: usize) -> Result<Blocking, Refusal> {
    let priority = tasks[index].priority;
    let below = |task: &Task| task.priority < priority;
    let mut longest = Blocking { time_ns: if tasks.iter().any(below) { SUPERVISOR_CALL_NS } else { 0 }, by: None };
    for (client, caller) in tasks.iter().enumerate().filter(|(_, task)| below(task)) {
        for &server in &caller.uses {
            // What this task itself does for clients is part of its own budget.
            let served = tasks.get(server).filter(|_| server != index);
            let Some(served) = served.filter(|served| !below(served)) else {
                continue;
            };
            let budget = match caller.supply {
                Supply::Budget(budget) => Some(budget.time_ns),
                Supply::Lent | Supply::Unlimited => None,
            };
            let bounds = [budget, served.longest_call_ns];
            let time_ns = bounds.into_iter().flatten().min();
            let time_ns = time_ns.ok_or(Refusal::UnknownBlocking { task: index, server, client })?;
            if time_ns > longest.time_ns {
                longest = Blocking { time_ns, by: Some((server, client)) };
            }
        }
    }
    Ok(longest)
}

/// The smallest response that satisfies the equation, or the first found beyond the deadline.
fn settle(first: u64, interfering: &[Budget], deadline_ns: u64) -> u64 {
    let mut response = first;
    for _ in 0..MAX_STEPS {
        let demand = |budget: &Budget| {
            let jobs = response.div_ceil(budget.period_ns.max(1));
            jobs.saturating_mul(budget.time_ns)
        };
        let interference = interfering.iter().map(demand);
        let next = interference.fold(first, u64::saturating_add);
        if next == response || next > deadline_ns {
            return next;
        }
        response = next;
    }
    u64::MAX
}
