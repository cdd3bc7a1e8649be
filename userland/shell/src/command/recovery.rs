//! `recovery`.
//!
//! How long a driver or server is away: it is ended in the middle of a command that makes requests of it, again and again, and the command is repeated. What
//! counts is the time from when its end was asked for until a command was done that had begun after its death: no answer of the old instance counts, and the
//! one command more that this takes does.

use super::{Command, number, usage, waited};
use crate::complete::Argument;
use crate::services::Doom;
use crate::shell::{Done, Shell, Stop};
use crate::units::span;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Pause before each end, so that it counts as a working one's.
const PAUSE_NS: u64 = 15_000_000;
/// The command goes on for this time before the end, and for up to as much again: where in a request the end comes, differs.
const LEAD_NS: u64 = 200_000;
/// Nobody waits longer than this for an answer.
const PATIENCE_NS: u64 = 10_000_000_000;

pub const COMMANDS: &[Command] = &[Command {
    name: "recovery",
    usage: "NAME TIMES COMMAND...",
    summary: "measure how long a server is away",
    details: "Ends the driver or server NAME while COMMAND, which asks it for something, is run again and again without being shown; tells how long it was \
              until a COMMAND was done that began after the end. TIMES is how often.",
    examples: &[
        ("recovery log 100 log level", "the log server"),
        ("recovery virtio-block0 100 disk read /dev/block/disk0/scratch 0", "a disk's driver"),
    ],
    arguments: &[Argument::Process, Argument::Free, Argument::Line],
    run: recovery,
    ..Command::PLAIN
}];

fn recovery(shell: &mut Shell, arguments: &[String], _: bool) -> Done {
    let [name, times, command @ ..] = arguments else { return usage("name and number of times are missing") };
    let times = number(times, "a number of times")?;
    if command.is_empty() || times == 0 {
        return usage("what is to be done, and at least once, is missing");
    }
    // Once to see that it works, and so that everything is open.
    shell.run_words(command, false)?;
    let mut taken = Vec::new();
    for turn in 0..times {
        waited(Ok(shell.services.host.sleep(PAUSE_NS)))?;
        let quiet = core::mem::replace(&mut shell.quiet, true);
        let time = away(shell, name, turn, command);
        shell.quiet = quiet;
        taken.push(time?);
    }
    taken.sort_unstable();
    let (median, largest) = (taken[(taken.len() - 1) / 2], taken[taken.len() - 1]);
    shell.print(&format!("{name}: {times} times, median {}, longest {}\n", span(median), span(largest)));
    Ok(())
}

/// Ends it once; returns for how long it was away.
fn away(shell: &mut Shell, name: &str, turn: u64, command: &[String]) -> Result<u64, Stop> {
    // Multiples of an odd number: all parts of the range are met.
    let lead = LEAD_NS + turn * 61_803 % LEAD_NS;
    let doom = Doom { process: name.into(), at_ns: shell.services.host.uptime_ns() + lead };
    let killed = loop {
        if let Some(killed) = shell.services.processes.kill_at(&doom)? {
            break killed;
        }
        let _still_answers = attempt(shell, command)?;
    };
    loop {
        let done = attempt(shell, command);
        let now = shell.services.host.uptime_ns();
        let away = now.saturating_sub(killed.asked_ns);
        match done? {
            Ok(()) => return Ok(away),
            Err(why) if away > PATIENCE_NS => return Err(Stop::Failed(format!("{name} does not come back: {why}"))),
            Err(_) => {}
        }
    }
}

/// Whether the command succeeds. Only Ctrl-C ends the trial.
fn attempt(shell: &mut Shell, command: &[String]) -> Result<Result<(), String>, Stop> {
    match shell.run_words(command, false) {
        _ if shell.services.host.interrupted() => Err(Stop::Interrupted),
        Ok(()) => Ok(Ok(())),
        Err(Stop::Failed(why) | Stop::Usage(why)) => Ok(Err(why)),
        Err(Stop::Silent) => Ok(Err("the command fails".into())),
        Err(stop) => Err(stop),
    }
}
