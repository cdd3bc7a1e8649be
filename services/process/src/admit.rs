//! May a program run on the terms asked for?

use alloc::string::String;
use alloc::vec::Vec;

use airox_abi::time::MAX_PROCESSORS;
use airox_admission::{Budget, REAL_TIME, Refusal, Supply, Task, analyse};
use airox_api::process::{NotAdmitted, Terms};

use crate::site::{PRIORITY, Site};

/// The task a program would be, if the system with the programs that run bears it.
///
/// # Errors
/// Why it does not.
pub(crate) fn admit<'b>(
    site: &Site<'_>,
    running: impl Iterator<Item = &'b Task>,
    name: &str,
    terms: &Terms,
) -> Result<Task, NotAdmitted> {
    let task = task(site, name, terms)?;
    let mut tasks: Vec<Task> = site.tasks.clone();
    tasks.extend(running.cloned());
    tasks.push(task.clone());
    check_time(site, &tasks[site.tasks.len()..])?;
    let analysis = analyse(&tasks, site.existing.count_ones());
    let Some(refusal) = analysis.refusals.first() else {
        return Ok(task);
    };
    let name = |index: usize| String::from(&*tasks[index].name);
    Err(match *refusal {
        Refusal::BadBudget { .. } => NotAdmitted::BadBudget,
        Refusal::BadDeadline { .. } => NotAdmitted::BadDeadline,
        Refusal::NeedsBudget { .. } => NotAdmitted::NeedsBudget(PRIORITY),
        Refusal::Overload { processor, share, .. } => NotAdmitted::Overload {
            processor,
            wanted: u32::try_from(share).unwrap_or(u32::MAX),
            limit: airox_admission::WHOLE_PROCESSOR,
        },
        Refusal::Unbounded { task, by } | Refusal::UnknownBlocking { task, server: by, .. } => {
            NotAdmitted::Unbounded { name: name(task), by: name(by) }
        }
        Refusal::UnknownCalls { task } => NotAdmitted::UnknownCalls { name: name(task) },
        Refusal::Late { task, response_ns } => {
            NotAdmitted::Late { name: name(task), response_ns, deadline_ns: tasks[task].deadline_ns.unwrap_or(0) }
        }
    })
}

/// What was asked for, in the words of the analysis.
fn task(site: &Site<'_>, name: &str, terms: &Terms) -> Result<Task, NotAdmitted> {
    let priority = terms.priority.unwrap_or(PRIORITY);
    if priority > site.highest {
        return Err(NotAdmitted::Priority(site.highest));
    }
    let budget = terms.budget.map(|budget| Budget { time_ns: budget.time_ns, period_ns: budget.period_ns });
    if budget.is_none() && priority > PRIORITY {
        return Err(NotAdmitted::NeedsBudget(PRIORITY));
    }
    let processors = match terms.processor {
        None => site.processors,
        Some(wanted) => match 1_u64.checked_shl(wanted).unwrap_or(0) & site.processors {
            0 => return Err(NotAdmitted::NoProcessor { wanted, allowed: site.processors }),
            one => one,
        },
    };
    let period = budget.map(|budget| budget.period_ns);
    let deadline_ns = terms.deadline_ns.or(period.filter(|_| priority >= REAL_TIME));
    Ok(Task {
        name: name.into(),
        priority,
        highest: priority,
        supply: budget.map_or(Supply::Unlimited, Supply::Budget),
        deadline_ns,
        processors,
        calls_per_job: terms.calls_per_job,
        longest_call_ns: None,
        uses: site.servers.clone(),
    })
}

/// All programs' budgets must fit what the system file leaves for them on each processor.
fn check_time(site: &Site<'_>, programs: &[Task]) -> Result<(), NotAdmitted> {
    let mut wanted = [0_u32; MAX_PROCESSORS as usize];
    for task in programs {
        if let Supply::Budget(budget) = task.supply {
            let share = budget.share().ok_or(NotAdmitted::BadBudget)?;
            if let Some(wanted) = wanted.get_mut(task.processors.trailing_zeros() as usize) {
                *wanted = wanted.saturating_add(share);
            }
        }
    }
    let limit = site.time;
    let over = wanted.iter().enumerate().find(|(_, wanted)| **wanted > limit);
    over.map_or(Ok(()), |(processor, &wanted)| {
        Err(NotAdmitted::Overload { processor: processor as u32, wanted, limit })
    })
}

/// Millionths of the processor that a task's budget takes.
pub(crate) fn share(task: &Task) -> u32 {
    match task.supply {
        Supply::Budget(budget) => budget.share().unwrap_or(0),
        Supply::Lent | Supply::Unlimited => 0,
    }
}

/// The processor time of an admitted task, as its process gets it.
pub(crate) fn time_request(task: &Task) -> airox_spawn::TimeRequest {
    airox_spawn::TimeRequest {
        processors: Some(task.processors),
        budget: match task.supply {
            Supply::Budget(budget) => Some(airox_spawn::BudgetRequest {
                time_ns: budget.time_ns,
                period_ns: budget.period_ns,
                flags: airox_abi::BudgetFlags::empty(),
            }),
            Supply::Lent | Supply::Unlimited => None,
        },
        deadline_ns: task.deadline_ns,
        ..airox_spawn::TimeRequest::default()
    }
}
