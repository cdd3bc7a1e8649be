//! `date`, `sleep`, `time`, `uptime`.

use super::{Command, no_arguments, one_argument, usage, waited};
use crate::calendar::{format_utc, parse_utc};
use crate::complete::Argument;
use crate::shell::{Done, Shell};
use crate::units::{parse_span, span};
use alloc::format;
use alloc::string::String;

pub const COMMANDS: &[Command] = &[
    Command {
        name: "date",
        usage: "[set YYYY-MM-DD HH:MM[:SS]]",
        summary: "show or set date and time (UTC)",
        examples: &[("date", "show them"), ("date set 2026-11-22 21:51", "set them")],
        arguments: &[Argument::Words(&["set"]), Argument::Free],
        run: date,
        ..Command::PLAIN
    },
    Command {
        name: "sleep",
        usage: "TIME",
        summary: "wait",
        details: "TIME is in seconds, or has a unit: us, ms, s, m or h. Ctrl-C ends the wait.",
        examples: &[("sleep 1.5", "one and a half seconds"), ("sleep 250ms", "a quarter of a second")],
        run: sleep,
        ..Command::PLAIN
    },
    Command {
        name: "time",
        usage: "COMMAND...",
        summary: "run a command and tell how long it took",
        examples: &[("time run primes 100000", "")],
        arguments: &[Argument::Line],
        run: time,
        ..Command::PLAIN
    },
    Command {
        name: "uptime",
        summary: "tell how long the machine has been running",
        arguments: &[],
        run: uptime,
        ..Command::PLAIN
    },
];

fn date(shell: &mut Shell, arguments: &[String], _: bool) -> Done {
    match arguments {
        [] => {}
        [set, date, time] if set == "set" => {
            let unix_ns = parse_utc(date, time).or_else(usage)?;
            shell.services.clock.set(unix_ns)?;
        }
        [set, _] if set == "set" => return usage("date and time are both needed"),
        [set] if set == "set" => return usage("the date is missing"),
        [other, ..] if other != "set" => return usage(format!("`{other}` is not understood")),
        _ => return usage("one argument too many"),
    }
    let now = shell.services.clock.now()?;
    shell.print(&format!("{}\n", format_utc(now)));
    Ok(())
}

fn sleep(shell: &mut Shell, arguments: &[String], _: bool) -> Done {
    let ns = parse_span(one_argument(arguments, "the time")?).or_else(usage)?;
    waited(Ok(shell.services.host.sleep(ns)))
}

fn time(shell: &mut Shell, arguments: &[String], _: bool) -> Done {
    let Some(name) = arguments.first() else {
        return usage("the command is missing");
    };
    let start = shell.services.host.uptime_ns();
    let done = shell.run_words(arguments, false);
    let taken = shell.services.host.uptime_ns().saturating_sub(start);
    shell.explain(name, &done);
    shell.print(&format!("time: {}\n", span(taken)));
    super::told(done)
}

fn uptime(shell: &mut Shell, arguments: &[String], _: bool) -> Done {
    no_arguments(arguments)?;
    let up = shell.services.host.uptime_ns();
    shell.print(&format!("up {}\n", span(up)));
    Ok(())
}
