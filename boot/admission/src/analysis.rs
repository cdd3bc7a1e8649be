//! The analysis itself.

use crate::places::{Places, bit, home};
use crate::{Budget, KERNEL_ENTRY_NS, REAL_TIME, Refusal, SUPERVISOR_CALL_NS, Supply, Task, WHOLE_PROCESSOR};
use airox_abi::time::MAX_PROCESSORS;
use alloc::vec;
use alloc::vec::Vec;

/// Most steps towards a fixed point; a response that takes more is taken for late.
const MAX_STEPS: usize = 10_000;
/// Where init runs.
const SUPERVISOR_PROCESSOR: u32 = 0;

/// What keeps a task waiting though it is less urgent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocking {
    /// For how long in all, in ns.
    pub time_ns: u64,
    /// The server and its client whose call is the longest; `None` for init or nobody.
    pub by: Option<(usize, usize)>,
}

/// What was found out about one task with a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Response {
    /// Whose, as a place in the list of tasks.
    pub task: usize,
    /// The processor it runs on.
    pub processor: u32,
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
    /// All budgets of each processor together, in its millionths.
    pub shares: Vec<u64>,
    /// Why the set is refused; empty if every deadline holds.
    pub refusals: Vec<Refusal>,
}

/// Analyses a set of tasks for a machine with so many processors.
#[must_use]
pub fn analyse(tasks: &[Task], processors: u32) -> Analysis {
    let mut analysis = Analysis::default();
    check_shares(tasks, &mut analysis);
    for (index, task) in tasks.iter().enumerate() {
        if task.highest >= REAL_TIME && task.supply == Supply::Unlimited {
            analysis.refusals.push(Refusal::NeedsBudget { task: index });
        }
    }
    let places = Places::of(tasks);
    for index in 0..tasks.len() {
        check_deadline(tasks, &places, index, processors, &mut analysis);
    }
    analysis
}

fn check_shares(tasks: &[Task], analysis: &mut Analysis) {
    let mut largest = [(0, 0); MAX_PROCESSORS as usize];
    analysis.shares = vec![0; MAX_PROCESSORS as usize];
    for (index, task) in tasks.iter().enumerate() {
        let Supply::Budget(budget) = task.supply else {
            continue;
        };
        let Some(share) = budget.share() else {
            analysis.refusals.push(Refusal::BadBudget { task: index });
            continue;
        };
        let processor = home(task) as usize;
        analysis.shares[processor] += u64::from(share);
        largest[processor] = largest[processor].max((share, index));
    }
    for (processor, share) in analysis.shares.iter().enumerate() {
        if *share > u64::from(WHOLE_PROCESSOR) {
            let task = largest[processor].1;
            analysis.refusals.push(Refusal::Overload { task, processor: processor as u32, share: *share });
        }
    }
}

fn check_deadline(tasks: &[Task], places: &Places, index: usize, processors: u32, analysis: &mut Analysis) {
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
    let near = bit(home(task));
    let called = places.called(tasks, index);
    let far = called.places & !near;
    let others = tasks.iter().enumerate();
    let above = others.filter(|(other, each)| {
        *other != index && each.highest >= task.priority && places.of_task(*other) & (near | far) != 0
    });
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
    let waits = match (far, task.calls_per_job) {
        (0, _) => 0,
        (_, Some(calls)) => u64::from(calls),
        (_, None) => {
            analysis.refusals.push(Refusal::UnknownCalls { task: index });
            return;
        }
    };
    let everyone = vec![true; tasks.len()];
    let both = longest_call(tasks, places, index, near, &everyone)
        .and_then(|here| Ok((here, longest_call(tasks, places, index, far, &called.servers)?)));
    match both {
        Err(refusal) => analysis.refusals.push(refusal),
        Ok((here, there)) => {
            let lock = u64::from(processors.saturating_sub(1)) * KERNEL_ENTRY_NS;
            let time_ns = here.time_ns.saturating_mul(waits + 1).saturating_add(there.time_ns.saturating_mul(waits));
            let by = if there.time_ns > here.time_ns { there.by } else { here.by };
            let blocking = Blocking { time_ns: time_ns.saturating_add(lock), by };
            let first = own.time_ns.saturating_add(blocking.time_ns);
            let response_ns = settle(first, &interfering, deadline_ns);
            if response_ns > deadline_ns {
                let task = index;
                analysis.refusals.push(Refusal::Late { task, response_ns });
            }
            analysis.responses.push(Response {
                task: index,
                processor: home(task),
                response_ns,
                deadline_ns,
                blocking,
            });
        }
    }
}

/// The longest that one of these servers, of at least this task's priority, works for a client below that may be on one of these processors.
fn longest_call(
    tasks: &[Task],
    places: &Places,
    index: usize,
    processors: u64,
    servers: &[bool],
) -> Result<Blocking, Refusal> {
    let priority = tasks[index].priority;
    let below = |task: &Task| task.priority < priority;
    let asked = processors & bit(SUPERVISOR_PROCESSOR) != 0 && tasks.iter().any(below);
    let mut longest = Blocking { time_ns: if asked { SUPERVISOR_CALL_NS } else { 0 }, by: None };
    for (client, caller) in tasks.iter().enumerate().filter(|(_, task)| below(task)) {
        for &server in &caller.uses {
            // What this task itself does for clients is part of its own budget.
            let served = tasks.get(server).filter(|_| server != index && servers[server]);
            let Some(served) = served.filter(|served| !below(served)) else {
                continue;
            };
            // It works where its client is, or, with time of its own, where that is.
            if (places.of_task(client) | places.of_task(server)) & processors == 0 {
                continue;
            }
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
