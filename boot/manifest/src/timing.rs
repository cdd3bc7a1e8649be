//! Processor time in a system file: what each component says, and whether all deadlines hold together (`airox_admission`).

use airox_admission::{REAL_TIME, Refusal, Response, SUPERVISOR, Supply, Task, WHOLE_PROCESSOR, analyse};
use airox_bundle::system::{Budget, OnOverrun, System, Time};

use crate::interfaces::Member;
use crate::problem::{Kind, Problems};
use crate::processors;
use crate::reader::{At, Reader};
use crate::source::{Source, Span};
use crate::system_file::Entry;

/// An hour, in microseconds.
const HOUR_US: u64 = 3_600_000_000;
/// Most calls a job can be said to make.
const MAX_CALLS: u64 = 100_000;
/// Millionths in a percent.
const PERCENT: u32 = 10_000;

/// What a `[[component]]` says about processor time.
#[derive(Debug)]
pub(crate) struct Timing {
    pub time: Time,
    budget: Option<Span>,
    deadline: Option<Span>,
    passive: Option<Span>,
}

impl Timing {
    pub fn read(table: &mut Reader<'_>, source: &Source, problems: &mut Problems) -> Timing {
        let mut timing = Timing { time: Time::default(), budget: None, deadline: None, passive: None };
        if let Some(budget) = table.table("budget", problems) {
            timing.budget = Some(budget.span.clone());
            timing.time.budget = read_budget(budget, source, problems);
        }
        if let Some(deadline) = table.number("deadline-us", 1, HOUR_US, problems) {
            timing.time.deadline_us = Some(deadline.value as u32);
            timing.deadline = Some(deadline.span);
        }
        if let Some(passive) = table.boolean("passive", problems) {
            timing.time.passive = passive.value;
            timing.passive = passive.value.then_some(passive.span);
        }
        let calls = table.number("calls-per-job", 0, MAX_CALLS, problems);
        timing.time.calls_per_job = calls.map(|calls| calls.value as u32);
        let call = table.number("longest-call-us", 1, HOUR_US, problems);
        timing.time.longest_call_us = call.map(|call| call.value as u32);
        let most = u64::from(airox_abi::time::MAX_WEIGHT);
        if let Some(weight) = table.number("weight", 1, most, problems) {
            timing.time.weight = weight.value as u16;
        }
        if let Some(percent) = table.number("programs-percent", 0, 100, problems) {
            timing.time.for_programs = percent.value as u32 * PERCENT;
        }
        timing
    }

    /// Millionths of a processor and budgets that the component's quota must hold for itself. init adds what is for programs.
    pub fn quota(&self) -> (u32, u32) {
        let share = self.time.budget.and_then(share);
        (share.unwrap_or(0), u32::from(share.is_some()))
    }
}

fn share(budget: Budget) -> Option<u32> {
    let nanoseconds = |microseconds: u32| u64::from(microseconds) * 1_000;
    airox_abi::time::budget_share(nanoseconds(budget.time_us), nanoseconds(budget.period_us))
}

fn read_budget(mut table: Reader<'_>, source: &Source, problems: &mut Problems) -> Option<Budget> {
    let span = table.span.clone();
    let mut required =
        |key| table.required(key, problems, |table, key, problems| table.number(key, 1, HOUR_US, problems));
    let (time, period) = (required("time-us"), required("period-us"));
    let word = table.string("on-overrun", problems);
    let on_overrun = word.map_or(Some(OnOverrun::Wait), |word| on_overrun(&word, source, problems));
    table.finish(problems);
    let budget = Budget { time_us: time?.value as u32, period_us: period?.value as u32, on_overrun: on_overrun? };
    if share(budget).is_none() {
        let reason = "a budget is at least 5 us of a period of at least 50 us, and at most its period";
        problems.add(Kind::BadBudget, source, &span, reason);
        return None;
    }
    Some(budget)
}

fn on_overrun(word: &At<String>, source: &Source, problems: &mut Problems) -> Option<OnOverrun> {
    match word.value.as_str() {
        "wait" => Some(OnOverrun::Wait),
        "fault" => Some(OnOverrun::Fault),
        other => {
            let reason = format!("`{other}` is nothing an overrun can lead to; words: wait, fault");
            problems.add(Kind::UnknownWord, source, &word.span, reason);
            None
        }
    }
}

/// Rules that concern one component alone.
pub(crate) fn check_member(member: &Member<'_>, source: &Source, problems: &mut Problems) {
    let timing = &member.entry.time;
    let name = &member.entry.name.value;
    if let Some(span) = &timing.passive {
        let reason = if timing.budget.is_some() {
            format!("`{name}` is passive, so it runs on its callers' budgets and needs none")
        } else if member.manifest.provides.is_empty() {
            format!("`{name}` is passive, but nobody calls it: it provides nothing")
        } else if member.manifest.waits_for_interrupts() {
            format!("`{name}` is passive, but has interrupts to handle, which bring it no time")
        } else {
            return;
        };
        problems.add(Kind::BadBudget, source, span, reason);
    }
}

/// Whether all deadlines of the system hold; the table of them. `order` tells which member each component of the record is.
pub(crate) fn check_deadlines(
    system: &System,
    members: &[Member<'_>],
    order: &[usize],
    source: &Source,
    problems: &mut Problems,
) -> Vec<Deadline> {
    for processor in 0..system.processors {
        check_sum(members, processor, system.processors, source, problems);
    }
    let tasks = airox_admission::tasks(system, processors::existing(system.processors));
    let analysis = analyse(&tasks, system.processors);
    for refusal in &analysis.refusals {
        let entry = |task: usize| members[order[task]].entry;
        report(refusal, &tasks, entry, source, problems);
    }
    let row = |response: &Response| row(response, &tasks);
    analysis.responses.iter().map(row).collect()
}

/// What components and programs may use of a processor must add up to the whole of it at most.
fn check_sum(members: &[Member<'_>], processor: u32, count: u32, source: &Source, problems: &mut Problems) {
    let wanted = |member: &&Member<'_>| {
        let places = processors::of(member, count);
        let (own, _) = member.entry.time.quota();
        let own = if places.trailing_zeros() == processor { own } else { 0 };
        let for_programs = if places >> processor & 1 == 1 { member.entry.time.time.for_programs } else { 0 };
        own + for_programs
    };
    let total: u64 = members.iter().map(|member| u64::from(wanted(&member))).sum();
    let Some(largest) = members.iter().max_by_key(wanted) else {
        return;
    };
    if total > u64::from(WHOLE_PROCESSOR) {
        let names = members.iter().filter(|member| wanted(member) > 0);
        let names: Vec<String> = names
            .map(|member| {
                let percent = f64::from(wanted(&member)) / f64::from(PERCENT);
                format!("{} {percent:.1} %", member.entry.name.value)
            })
            .collect();
        let reason = format!(
            "together the components would take {:.1} % of processor {processor}: {}",
            total as f64 / f64::from(PERCENT),
            names.join(", ")
        );
        let entry = largest.entry;
        let span = entry.time.budget.as_ref().unwrap_or(&entry.span);
        problems.add(Kind::ProcessorOverloaded, source, span, reason);
    }
}

fn report<'a>(
    refusal: &Refusal,
    tasks: &[Task],
    entry: impl Fn(usize) -> &'a Entry,
    source: &Source,
    problems: &mut Problems,
) {
    let deadline = |task: usize| {
        let entry = entry(task);
        entry.time.deadline.clone().unwrap_or(entry.span.clone())
    };
    let name = |task: usize| &tasks[task].name;
    let (kind, span, reason) = match *refusal {
        // Refused where the budget stands, and with the programs' share, before this.
        Refusal::BadBudget { .. } | Refusal::Overload { .. } => return,
        Refusal::NeedsBudget { task } => {
            let reason = format!(
                "`{}` may use priority {}, which is real time ({REAL_TIME} and above); that needs a `budget` or `passive = true`",
                name(task),
                tasks[task].highest
            );
            (Kind::NeedsBudget, entry(task).priority.span.clone(), reason)
        }
        Refusal::BadDeadline { task } => {
            let reason =
                format!("`{}` has a deadline; that needs a `budget` whose period is at least as long", name(task));
            (Kind::BadBudget, deadline(task), reason)
        }
        Refusal::Unbounded { task, by } => {
            let reason = format!(
                "`{}` (priority {}) has no budget and could keep `{}` (priority {}) from its deadline for ever",
                name(by),
                tasks[by].highest,
                name(task),
                tasks[task].priority
            );
            (Kind::UnboundedDelay, entry(by).priority.span.clone(), reason)
        }
        Refusal::UnknownCalls { task } => {
            let reason = format!(
                "calls of `{}`, which has a deadline, may have to wait for other processors; nobody says how many a job makes: give it `calls-per-job`",
                name(task)
            );
            (Kind::UnboundedDelay, deadline(task), reason)
        }
        Refusal::UnknownBlocking { task, server, client } => {
            let reason = format!(
                "`{}` serves `{}` above `{}`, which has a deadline; nobody says for how long: give `{}` a `longest-call-us` or `{}` a `budget`",
                name(server),
                name(client),
                name(task),
                name(server),
                name(client)
            );
            (Kind::UnboundedDelay, entry(server).span.clone(), reason)
        }
        Refusal::Late { task, response_ns } => {
            let reason = format!(
                "a job of `{}` may take {} after its release, if all that is as urgent uses its whole budget",
                name(task),
                if response_ns == u64::MAX {
                    "longer than can be told".into()
                } else {
                    format!("{} us and more", response_ns.div_ceil(1_000))
                }
            );
            (Kind::DeadlineMissed, deadline(task), reason)
        }
    };
    problems.add(kind, source, &span, reason);
}

fn row(response: &Response, tasks: &[Task]) -> Deadline {
    let task = &tasks[response.task];
    let budget = match task.supply {
        Supply::Budget(budget) => (budget.time_ns, budget.period_ns),
        Supply::Lent | Supply::Unlimited => (0, 0),
    };
    let blocked_by = match response.blocking.by {
        Some((server, client)) => format!("{} for {}", tasks[server].name, tasks[client].name),
        None if response.blocking.time_ns > 0 => SUPERVISOR.into(),
        None => "nobody".into(),
    };
    Deadline {
        component: task.name.clone(),
        priority: task.priority,
        processor: response.processor,
        time_us: budget.0 / 1_000,
        period_us: budget.1 / 1_000,
        blocking_us: response.blocking.time_ns.div_ceil(1_000),
        blocked_by,
        response_us: response.response_ns.div_ceil(1_000),
        deadline_us: response.deadline_ns / 1_000,
    }
}

/// One row of the table of deadlines, in microseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deadline {
    /// The component.
    pub component: String,
    /// Its priority.
    pub priority: u8,
    /// The processor it runs on.
    pub processor: u32,
    /// Its budget.
    pub time_us: u64,
    /// The budget's period.
    pub period_us: u64,
    /// Longest that calls of less urgent clients keep it waiting.
    pub blocking_us: u64,
    /// Whose call that is.
    pub blocked_by: String,
    /// Longest from a release to the end of the job, rounded up.
    pub response_us: u64,
    /// When it must have ended.
    pub deadline_us: u64,
}
