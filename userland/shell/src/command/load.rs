//! `latency`, `top`: what the machine is busy with, and how promptly it answers.

use super::{Command, number, process, usage};
use crate::complete::Argument;
use crate::services::{ProcessEntry, Waited};
use crate::shell::{Done, Shell, Stop};
use crate::table::{Align, Table};
use crate::trace::{Activity, Follower, Wake, latest_wake};
use crate::units::{bytes, count, parse_span, seconds, span};
use airox_abi::trace::Event;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// The program behind `latency`.
const PROGRAM: &str = "latency";
/// Time between two pictures unless something else is asked for.
const INTERVAL_NS: u64 = 1_000_000_000;
/// Shortest interval: what `top` itself uses is part of what it shows.
const SHORTEST_NS: u64 = 10_000_000;
/// Most pieces of a trace that are read at once: more than a ring holds, so that who makes events while they are read does not read for ever.
const MOST_PIECES: usize = 16;
/// Events before the first picture by which is known what a processor was doing.
const BEFORE: u64 = 1_000;
/// Cursor to the upper left corner, screen blank.
const CLEAR: &str = "\x1b[H\x1b[2J";

pub const COMMANDS: &[Command] = &[
    Command {
        name: "latency",
        usage: "[-n COUNT] [-i TIME]",
        summary: "measure how late a program's timer wakes it",
        details: "Runs the program `latency`: COUNT periods (default 1000) of TIME (default 1ms). It tells the least, the median, what 99 % do\n\
                  not exceed, the most, and how the others lie between. It runs as any program does, so components that are more urgent\n\
                  delay it. If the system records a trace, what happened before the latest wake-up that is still in it is told as well.",
        examples: &[("latency", "a second"), ("latency -n 10000 -i 200us", "ten thousand short periods")],
        run: latency,
        ..Command::PLAIN
    },
    Command {
        name: "top",
        usage: "[-n COUNT] [-i TIME]",
        summary: "show which processes use the processors, again and again",
        details: "USE is a process's share of one processor during the last interval (threads on several can take more than 100 %), CPU its time in\n\
                  all, in seconds. The first line counts all processors. If the system records a trace, a line for each processor tells how busy it was\n\
                  and with what, and RUNS how often a process was switched to.\n\
                  -n COUNT   end after so many pictures; else Ctrl-C ends it\n\
                  -i TIME    the interval, 1 s unless said: 500ms, 2s",
        examples: &[("top", "once a second, until Ctrl-C"), ("top -n 1 -i 200ms", "once")],
        arguments: &[Argument::Words(&["-n", "-i"])],
        run: top,
        ..Command::PLAIN
    },
];

fn latency(shell: &mut Shell, arguments: &[String], background: bool) -> Done {
    let words: Vec<String> = core::iter::once(PROGRAM.to_string()).chain(arguments.iter().cloned()).collect();
    let mut number = None;
    process::run_and_watch(shell, &words, background, |shell, id| {
        let processes = shell.services.processes.list().unwrap_or_default();
        number = processes.iter().find(|entry| entry.id == id).and_then(|entry| entry.number);
    })?;
    if let Some(number) = number {
        explain(shell, number)?;
    }
    Ok(())
}

/// Tells what happened before the latest wake-up of a process, by the kernel's number, that is still in the trace.
fn explain(shell: &mut Shell, number: u32) -> Result<(), Stop> {
    let names = Names::of(&shell.services.processes.list()?, Some((number, PROGRAM)));
    let processors = shell.services.processes.memory()?.processors;
    let mut latest: Option<Wake> = None;
    for processor in 0..processors {
        let events = read_trace(shell, processor)?;
        let wake = latest_wake(&events, number, &|process| names.name(process));
        latest = latest.into_iter().chain(wake).max_by_key(|wake| wake.late);
    }
    let Some(wake) = latest else { return Ok(()) };
    let rate = u128::from(shell.services.host.ticks_per_second().max(1));
    let ns = |ticks: u64| u64::try_from(u128::from(ticks) * 1_000_000_000 / rate).unwrap_or(u64::MAX);
    let mut text = format!(
        "Of the last {} in the trace, the latest was {} late until the program ran:\n",
        count(wake.of as u64, "wake-up", "wake-ups"),
        span(ns(wake.late))
    );
    for (ticks, sentence) in &wake.story {
        let time = span(ns(*ticks));
        text.push_str(&format!("{time:>12}  {sentence}\n"));
    }
    shell.print(&text);
    Ok(())
}

/// What is in a processor's trace ring.
fn read_trace(shell: &mut Shell, processor: u32) -> Result<Vec<Event>, Stop> {
    let mut events = Vec::new();
    let mut next = 0;
    for _ in 0..MOST_PIECES {
        let piece = shell.services.processes.trace(processor, next)?;
        if piece.events.is_empty() {
            break;
        }
        if piece.first != next {
            // Some were overwritten while the others were read: a story has no holes.
            events.clear();
        }
        next = piece.first.saturating_add(piece.events.len() as u64);
        events.extend(piece.events);
    }
    Ok(events)
}

/// Names of processes by the kernel's numbers.
struct Names(BTreeMap<u32, String>);

impl Names {
    fn of(processes: &[ProcessEntry], ended: Option<(u32, &str)>) -> Names {
        let alive = processes.iter().filter_map(|entry| Some((entry.number?, entry.name.clone())));
        Names(ended.map(|(number, name)| (number, name.into())).into_iter().chain(alive).collect())
    }

    fn name(&self, number: u32) -> String {
        self.0.get(&number).cloned().unwrap_or_else(|| "a process that has ended".into())
    }
}

fn top(shell: &mut Shell, arguments: &[String], _: bool) -> Done {
    let (mut left, mut interval) = (None, INTERVAL_NS);
    let mut words = arguments.iter();
    while let Some(option) = words.next() {
        let (option, value) = (option.as_str(), words.next());
        match (option, value) {
            ("-n", Some(value)) => match number(value, "a number of pictures")? {
                0 => return usage("no picture at all?"),
                pictures => left = Some(pictures),
            },
            ("-i", Some(value)) => {
                interval = parse_span(value).or_else(usage)?;
                if interval < SHORTEST_NS {
                    return usage(format!("the interval is at least {}", span(SHORTEST_NS)));
                }
            }
            ("-n" | "-i", None) => return usage(format!("the value after {option} is missing")),
            _ => return usage(format!("`{option}` is not understood")),
        }
    }
    let mut before = Picture::take(shell)?;
    let mut followers = Vec::new();
    for processor in 0..before.processors {
        followers.extend(follow(shell, processor, before.ticks)?);
    }
    let mut clear = "";
    while left != Some(0) {
        if shell.services.host.sleep(interval) == Waited::Interrupted {
            return Err(Stop::Interrupted);
        }
        let now = Picture::take(shell)?;
        let mut activities = Vec::new();
        for (processor, follower) in followers.iter_mut().enumerate() {
            activities.push(activity(shell, processor as u32, follower, now.ticks)?);
        }
        let text = now.show_since(&before, &activities);
        shell.print(&format!("{clear}{text}"));
        (before, clear) = (now, CLEAR);
        left = left.map(|left| left - 1);
    }
    Ok(())
}

/// Begins to follow what a processor does, if that is recorded.
fn follow(shell: &mut Shell, processor: u32, now: u64) -> Result<Option<Follower>, Stop> {
    let processes = &mut shell.services.processes;
    let end = processes.trace(processor, u64::MAX)?.first;
    let before = processes.trace(processor, end.saturating_sub(BEFORE))?;
    Ok((!before.events.is_empty()).then(|| Follower::new(&before, now)))
}

/// What a processor did since this was asked last.
fn activity(shell: &mut Shell, processor: u32, follower: &mut Follower, now: u64) -> Result<Activity, Stop> {
    for _ in 0..MOST_PIECES {
        let piece = shell.services.processes.trace(processor, follower.next())?;
        follower.take(&piece);
        if piece.events.is_empty() {
            break;
        }
    }
    Ok(follower.finish(now))
}

/// All processes at one time.
struct Picture {
    time_ns: u64,
    ticks: u64,
    /// Time since boot in which processors had nothing to do, of all together.
    idle_ns: u64,
    processors: u32,
    processes: Vec<ProcessEntry>,
}

impl Picture {
    fn take(shell: &mut Shell) -> Result<Picture, Stop> {
        let processes = shell.services.processes.list()?;
        let memory = shell.services.processes.memory()?;
        let (time_ns, ticks) = (shell.services.host.uptime_ns(), shell.services.host.ticks());
        Ok(Picture { time_ns, ticks, idle_ns: memory.idle_ns, processors: memory.processors.max(1), processes })
    }

    /// The table: who used most since then comes first.
    fn show_since(self: &Picture, before: &Picture, activities: &[Activity]) -> String {
        let earlier: BTreeMap<u32, &ProcessEntry> = before.processes.iter().map(|entry| (entry.id, entry)).collect();
        let interval = self.time_ns.saturating_sub(before.time_ns).max(1);
        let mut rows: Vec<(u64, &ProcessEntry)> =
            self.processes.iter().map(|entry| (used(entry, earlier.get(&entry.id).copied()), entry)).collect();
        rows.sort_by_key(|(used, entry)| (core::cmp::Reverse(*used), entry.id));
        let all = interval.saturating_mul(self.processors.into());
        let busy = all.saturating_sub(self.idle_ns.saturating_sub(before.idle_ns));
        let mut columns = Vec::from([("ID", Align::Right), ("NAME", Align::Left), ("USE", Align::Right)]);
        let traced = !activities.is_empty();
        if traced {
            columns.push(("RUNS", Align::Right));
        }
        columns.extend([
            ("STATE", Align::Left),
            ("PRIO", Align::Right),
            ("CPU", Align::Right),
            ("MEMORY", Align::Right),
        ]);
        let mut table = Table::new(&columns);
        for (used, entry) in &rows {
            let mut row =
                Vec::from([entry.id.to_string(), entry.name.clone(), percent(*used, interval, self.processors)]);
            if traced {
                let runs = activities.iter().filter_map(|activity| activity.runs.get(&entry.number?));
                row.push(runs.sum::<u64>().to_string());
            }
            row.extend([
                entry.state.name().into(),
                entry.priority.to_string(),
                seconds(entry.cpu_ns),
                bytes(entry.memory_bytes),
            ]);
            table.row(row);
        }
        let traces = activities.iter().enumerate().map(|(number, activity)| activity_line(number, activity));
        format!(
            "up {}, {} processor{} busy {} of the last {}, {} processes\n{}{}",
            span(self.time_ns),
            self.processors,
            if self.processors == 1 { "" } else { "s" },
            percent(busy, all, 1),
            span(interval),
            rows.len(),
            traces.collect::<String>(),
            table.render()
        )
    }
}

/// What a processor did.
fn activity_line(number: usize, activity: &Activity) -> String {
    let missing = match activity.lost {
        0 => String::new(),
        lost => format!(" ({} before that were overwritten in the trace)", count(lost, "event", "events")),
    };
    format!(
        "processor {number}: busy {}, {}, {}, {}, {}{missing}\n",
        percent(activity.busy, activity.span, 1),
        count(activity.switches, "switch", "switches"),
        count(activity.calls, "call", "calls"),
        count(activity.interrupts, "interrupt", "interrupts"),
        count(activity.faults, "fault", "faults"),
    )
}

/// Time used since then. A process that was started again began from nothing.
fn used(now: &ProcessEntry, before: Option<&ProcessEntry>) -> u64 {
    let before = before.filter(|before| before.restarts == now.restarts);
    let earlier = before.map_or(0, |before| before.cpu_ns);
    now.cpu_ns.saturating_sub(earlier)
}

/// A share with one decimal, at most so many wholes: the processes are asked one after the other, so one may seem to have used a little more than all.
fn percent(part: u64, whole: u64, most: u32) -> String {
    let tenths = (u128::from(part) * 1_000 / u128::from(whole.max(1))).min(1_000 * u128::from(most));
    format!("{}.{} %", tenths / 10, tenths % 10)
}
