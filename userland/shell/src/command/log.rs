//! `log`.

use super::{Command, no_arguments, number, usage};
use crate::complete::Argument;
use crate::nearest::nearest;
use crate::services::{Access, Create, Failure, FileError, How, Level, Record, Waited};
use crate::shell::{Done, Shell, Stop};
use crate::table::{Align, Table};
use crate::units::count;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::{String, ToString};

pub const COMMANDS: &[Command] = &[Command {
    name: "log",
    usage: "[-f] [-n COUNT] [SERVER] [LEVEL]  |  log level [SERVER LEVEL]",
    summary: "show recent log records, or set what is kept",
    details: "-f        go on with new records until Ctrl-C\n\
              -n COUNT  only the last COUNT records\n\
              LEVEL     error, warn, info, debug or trace: records of this level and graver ones\n\
              \n\
              Each line: seconds since boot, level, server, text. Dropped records are told as a line.\n\
              `log level` shows what is kept of each server; `log level SERVER LEVEL` changes it, `*` stands for all,\n\
              `off` keeps nothing.",
    examples: &[
        ("log -f", "everything, as it comes"),
        ("log serial-console warn", "the serial console's warnings and errors"),
        ("log level rtc debug", "keep debug records of the clock from now on"),
    ],
    arguments: &[Argument::Source, Argument::Level],
    run: log,
    ..Command::PLAIN
}];

/// What records are wanted.
#[derive(Default)]
struct Wanted {
    follow: bool,
    last: Option<usize>,
    server: Option<String>,
    level: Option<Level>,
}

impl Wanted {
    fn matches(&self, record: &Record) -> bool {
        self.level.is_none_or(|level| record.level <= level)
            && self.server.as_ref().is_none_or(|server| *server == record.source)
    }
}

fn log(shell: &mut Shell, arguments: &[String], _: bool) -> Done {
    if let Some((first, rest)) = arguments.split_first()
        && first == "level"
    {
        return level(shell, rest);
    }
    let wanted = wanted(arguments)?;
    if let Some(server) = &wanted.server {
        known(shell, server, wanted.follow)?;
    }
    let mut after = show(shell, &wanted)?;
    if !wanted.follow {
        return Ok(());
    }
    loop {
        match shell.services.logs.wait(after) {
            Ok(Waited::Done(newest)) if newest < after => after = began_anew(shell),
            Ok(Waited::Done(_)) => {}
            Ok(Waited::Interrupted) => return Err(Stop::Interrupted),
            Err(Failure::Died(_)) => {
                pause(shell)?;
                after = began_anew(shell);
            }
            Err(other) => return Err(other.into()),
        }
        match follow(shell, &wanted, after) {
            // The server died in between; the next wait finds the new one.
            Err(Stop::Failed(_)) => pause(shell)?,
            newest => after = newest?,
        }
    }
}

/// Refuses a name that no source has, since nothing would be shown. A source that `log -f` waits for may come later.
fn known(shell: &mut Shell, server: &str, follow: bool) -> Done {
    let levels = shell.services.logs.levels()?;
    if follow || levels.iter().any(|entry| entry.source == server) {
        return Ok(());
    }
    let near = nearest(server, levels.iter().map(|entry| entry.source.as_str()));
    Err(Stop::Failed(match near {
        Some(near) => format!("{server}: no such log source; did you mean `{near}`?"),
        None => format!("{server}: no such log source"),
    }))
}

fn began_anew(shell: &mut Shell) -> u64 {
    shell.print("-- the log server was started anew; older records are lost --\n");
    0
}

/// A moment for a server to come back.
fn pause(shell: &mut Shell) -> Done {
    match shell.services.host.sleep(100_000_000) {
        Waited::Done(()) => Ok(()),
        Waited::Interrupted => Err(Stop::Interrupted),
    }
}

fn wanted(arguments: &[String]) -> Result<Wanted, Stop> {
    let mut wanted = Wanted::default();
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "-f" => wanted.follow = true,
            "-n" => match words.next() {
                Some(last) => wanted.last = Some(number(last, "a number of records")? as usize),
                None => return usage("the number after -n is missing"),
            },
            option if option.starts_with('-') => {
                return usage(format!("there is no option `{option}`"));
            }
            _ => match Level::from_name(word) {
                Some(level) if wanted.level.is_none() => wanted.level = Some(level),
                None if wanted.server.is_none() && wanted.level.is_none() => wanted.server = Some(word.clone()),
                None if wanted.server.is_some() => {
                    return usage(format!("`{word}` is not a level: error, warn, info, debug, trace"));
                }
                _ => return usage(format!("`{word}` is one argument too many")),
            },
        }
    }
    Ok(wanted)
}

/// Shows the records held now; returns the newest number.
fn show(shell: &mut Shell, wanted: &Wanted) -> Result<u64, Stop> {
    let Some(last) = wanted.last else {
        return follow(shell, wanted, 0);
    };
    let mut newest = 0;
    let mut lines = VecDeque::new();
    loop {
        let records = shell.services.logs.read(newest)?;
        let Some(record) = records.last() else { break };
        newest = record.sequence;
        for record in records.iter().filter(|record| wanted.matches(record)) {
            lines.push_back(line(record));
            if lines.len() > last {
                lines.pop_front();
            }
        }
        stop_if_interrupted(shell)?;
    }
    for line in lines {
        shell.print(&line);
    }
    Ok(newest)
}

/// Shows the records newer than `after` and how many are missing; returns the newest number.
fn follow(shell: &mut Shell, wanted: &Wanted, mut after: u64) -> Result<u64, Stop> {
    loop {
        let records = shell.services.logs.read(after)?;
        if records.is_empty() {
            return Ok(after);
        }
        let mut text = String::new();
        for record in &records {
            let missing = record.sequence.saturating_sub(after + 1);
            if missing > 0 {
                text.push_str(&format!("-- {} dropped --\n", count(missing, "record", "records")));
            }
            after = record.sequence;
            if wanted.matches(record) {
                text.push_str(&line(record));
            }
        }
        shell.print(&text);
        stop_if_interrupted(shell)?;
    }
}

fn stop_if_interrupted(shell: &mut Shell) -> Done {
    if shell.services.host.interrupted() {
        return Err(Stop::Interrupted);
    }
    Ok(())
}

fn line(record: &Record) -> String {
    format!(
        "{:5}.{:06} {:5} {}: {}\n",
        record.time_ns / 1_000_000_000,
        record.time_ns / 1_000 % 1_000_000,
        record.level.name(),
        record.source,
        record.text
    )
}

fn level(shell: &mut Shell, arguments: &[String]) -> Done {
    match arguments {
        [] => {
            let mut table = Table::new(&[("SERVER", Align::Left), ("KEPT", Align::Left)]);
            for entry in shell.services.logs.levels()? {
                table.row([entry.source, entry.level.name().to_string()]);
            }
            shell.print(&table.render());
            Ok(())
        }
        [_] => usage("the level is missing"),
        [server, level, rest @ ..] => {
            no_arguments(rest)?;
            let Some(level) = Level::from_name(level) else {
                return usage(format!("`{level}` is not a level: off, error, warn, info, debug, trace"));
            };
            if server != "*" && !shell.services.logs.levels()?.iter().any(|entry| entry.source == *server) {
                return Err(Stop::Failed(format!("{server}: no such log source")));
            }
            match shell.services.logs.set_level(server, level) {
                Err(Failure::Refused(why)) => Err(Stop::Failed(format!("{server}: {why}"))),
                answer => {
                    answer?;
                    keep_level(shell, server, level)
                }
            }
        }
    }
}

/// Makes the level a setting, so that it is the same after the next start. Without a place for settings it lasts until then.
fn keep_level(shell: &mut Shell, server: &str, level: Level) -> Done {
    let Some(files) = &mut shell.services.files else { return Ok(()) };
    let path = format!("/config/log/level/{}", if server == "*" { "all" } else { server });
    let how = How { access: Access::Write, create: Create::IfMissing, truncate: true };
    let kept = files.open(&path, how).and_then(|mut file| file.write(0, level.name().as_bytes()));
    match kept {
        Ok(()) | Err(FileError::NotFound) => Ok(()),
        Err(error) => Err(Stop::Failed(format!("{path}: {error}; until the next start it is {}", level.name()))),
    }
}
