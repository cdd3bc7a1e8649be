//! `latency`, `top`: what the machine is busy with, and how promptly it answers.

use super::{Command, number, process, usage};
use crate::complete::Argument;
use crate::services::{ProcessEntry, Waited};
use crate::shell::{Done, Shell, Stop};
use crate::table::{Align, Table};
use crate::units::{bytes, parse_span, seconds, span};
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
/// Cursor to the upper left corner, screen blank.
const CLEAR: &str = "\x1b[H\x1b[2J";

pub const COMMANDS: &[Command] = &[
    Command {
        name: "latency",
        usage: "[-n COUNT] [-i TIME]",
        summary: "measure how late a program's timer wakes it",
        details: "Runs the program `latency`: COUNT periods (default 1000) of TIME (default 1ms). It tells the least, the median, what 99 % do\n\
                  not exceed, the most, and how the others lie between. It runs as any program does, so components that are more urgent\n\
                  delay it.",
        examples: &[("latency", "a second"), ("latency -n 10000 -i 200us", "ten thousand short periods")],
        run: latency,
        ..Command::PLAIN
    },
    Command {
        name: "top",
        usage: "[-n COUNT] [-i TIME]",
        summary: "show which processes use the processors, again and again",
        details: "USE is a process's share of one processor during the last interval (threads on several can take more than 100 %), CPU its time in\n\
                  all, in seconds. The first line counts all processors.\n\
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
    process::run(shell, &words, background)
}

fn top(shell: &mut Shell, arguments: &[String], _: bool) -> Done {
    let (mut left, mut interval) = (None, INTERVAL_NS);
    let mut words = arguments.iter();
    while let Some(option) = words.next() {
        let (option, value) = (option.as_str(), words.next());
        match (option, value) {
            ("-n", Some(value)) => match number(value, "a number of pictures")? {
                0 => return usage("no picture at all?"),
                count => left = Some(count),
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
    let mut clear = "";
    while left != Some(0) {
        if shell.services.host.sleep(interval) == Waited::Interrupted {
            return Err(Stop::Interrupted);
        }
        let now = Picture::take(shell)?;
        let text = now.show_since(&before);
        shell.print(&format!("{clear}{text}"));
        (before, clear) = (now, CLEAR);
        left = left.map(|left| left - 1);
    }
    Ok(())
}

/// All processes at one time.
struct Picture {
    time_ns: u64,
    /// Time since boot in which processors had nothing to do, of all together.
    idle_ns: u64,
    processors: u32,
    processes: Vec<ProcessEntry>,
}

impl Picture {
    fn take(shell: &mut Shell) -> Result<Picture, Stop> {
        let processes = shell.services.processes.list()?;
        let memory = shell.services.processes.memory()?;
        let time_ns = shell.services.host.uptime_ns();
        Ok(Picture { time_ns, idle_ns: memory.idle_ns, processors: memory.processors.max(1), processes })
    }

    /// The table: who used most since then comes first.
    fn show_since(self: &Picture, before: &Picture) -> String {
        let earlier: BTreeMap<u32, &ProcessEntry> = before.processes.iter().map(|entry| (entry.id, entry)).collect();
        let interval = self.time_ns.saturating_sub(before.time_ns).max(1);
        let mut rows: Vec<(u64, &ProcessEntry)> =
            self.processes.iter().map(|entry| (used(entry, earlier.get(&entry.id).copied()), entry)).collect();
        rows.sort_by_key(|(used, entry)| (core::cmp::Reverse(*used), entry.id));
        let all = interval.saturating_mul(self.processors.into());
        let busy = all.saturating_sub(self.idle_ns.saturating_sub(before.idle_ns));
        let mut table = Table::new(&[
            ("ID", Align::Right),
            ("NAME", Align::Left),
            ("USE", Align::Right),
            ("STATE", Align::Left),
            ("PRIO", Align::Right),
            ("CPU", Align::Right),
            ("MEMORY", Align::Right),
        ]);
        for (used, entry) in &rows {
            table.row([
                entry.id.to_string(),
                entry.name.clone(),
                percent(*used, interval, self.processors),
                entry.state.name().into(),
                entry.priority.to_string(),
                seconds(entry.cpu_ns),
                bytes(entry.memory_bytes),
            ]);
        }
        format!(
            "up {}, {} processor{} busy {} of the last {}, {} processes\n{}",
            span(self.time_ns),
            self.processors,
            if self.processors == 1 { "" } else { "s" },
            percent(busy, all, 1),
            span(interval),
            rows.len(),
            table.render()
        )
    }
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
