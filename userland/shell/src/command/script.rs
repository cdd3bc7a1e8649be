//! `exit`, `repeat`, `source`.

use super::files::{normal, pieces};
use super::{Command, no_arguments, number, one_argument, told, usage, waited};
use crate::complete::Argument;
use crate::editor::Outcome;
use crate::shell::{Done, PROMPT, Shell, Stop};
use crate::units::parse_span;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Most lines typed for `source here`, or in a file, and most bytes of that.
const MAX_LINES: usize = 1000;
const MAX_BYTES: usize = 64 << 10;

pub const COMMANDS: &[Command] = &[
    Command {
        name: "exit",
        usage: "[fail]",
        summary: "leave the script",
        details: "`exit fail` makes the `source` that runs the script fail.",
        arguments: &[Argument::Words(&["fail"])],
        run: exit,
        ..Command::PLAIN
    },
    Command {
        name: "repeat",
        usage: "[-k] [-d SPAN] COUNT COMMAND...",
        summary: "run a command several times",
        details: "It stops at the first failure, or with -k goes on and fails at the end. -d waits after each turn. Ctrl-C ends it.",
        examples: &[("repeat 100 restart log", "a hundred times"), ("repeat -d 1s 60 ps", "once a second")],
        arguments: &[Argument::Free, Argument::Line],
        run: repeat,
        ..Command::PLAIN
    },
    Command {
        name: "source",
        usage: "[-k] SCRIPT|PATH|here",
        summary: "run the lines of a script",
        details: "`here` takes the lines that follow, up to one that says `end`.\n\
                  It stops at the first line that fails, or with -k goes on and fails at the end.\n\
                  A word with a slash is the path of a file; a name is that of a script in the shell. Tab lists both.",
        examples: &[
            ("source demo", "a script in the shell"),
            ("source /data/start", "a file"),
            ("source -k here", "type a few lines, then `end`"),
        ],
        arguments: &[Argument::Script],
        run: source,
        ..Command::PLAIN
    },
];

fn exit(shell: &mut Shell, arguments: &[String], _: bool) -> Done {
    let success = match arguments.split_first() {
        None => true,
        Some((first, rest)) if first == "fail" => {
            no_arguments(rest)?;
            false
        }
        Some((other, _)) => return usage(format!("`{other}` is not understood")),
    };
    if shell.script_depth == 0 {
        return Err(Stop::Failed(
            "no script is running, and this console has only this shell; `poweroff` switches the machine off".into(),
        ));
    }
    Err(Stop::Exit(success))
}

/// Takes `-k` off.
fn keep_going(arguments: &[String]) -> (bool, &[String]) {
    match arguments.split_first() {
        Some((first, rest)) if first == "-k" => (true, rest),
        _ => (false, arguments),
    }
}

fn repeat(shell: &mut Shell, arguments: &[String], _: bool) -> Done {
    let (keep_going, arguments) = keep_going(arguments);
    let (pause, arguments) = match arguments {
        [option, span, rest @ ..] if option == "-d" => (Some(parse_span(span).or_else(usage)?), rest),
        _ => (None, arguments),
    };
    let [times, command @ ..] = arguments else {
        return usage("count and command are missing");
    };
    let times = number(times, "a count")?;
    let Some(name) = command.first() else {
        return usage("the command is missing");
    };
    let mut failed = 0_u64;
    for turn in 1..=times {
        if shell.services.host.interrupted() {
            return Err(Stop::Interrupted);
        }
        let done = shell.run_words(command, false);
        shell.explain(name, &done);
        match told(done) {
            Ok(()) => {}
            Err(Stop::Silent) => {
                failed += 1;
                if !keep_going {
                    return Err(Stop::Failed(format!("turn {turn} of {times} failed")));
                }
            }
            other => return other,
        }
        if let Some(pause) = pause {
            waited(Ok(shell.services.host.sleep(pause)))?;
        }
    }
    match failed {
        0 => Ok(()),
        _ => Err(Stop::Failed(format!("{failed} of {times} turns failed"))),
    }
}

fn source(shell: &mut Shell, arguments: &[String], _: bool) -> Done {
    let (keep_going, arguments) = keep_going(arguments);
    let name = one_argument(arguments, "the script")?;
    let lines: Vec<String> = match name {
        "here" => typed_lines(shell)?,
        path if path.contains('/') => lines_of_file(shell, path)?,
        _ => shell.services.scripts.text(name)?.lines().map(String::from).collect(),
    };
    shell.script_depth += 1;
    let done = run_lines(shell, name, &lines, keep_going);
    shell.script_depth -= 1;
    done
}

/// The lines of a file, if it is one of text and not too long.
fn lines_of_file(shell: &mut Shell, word: &str) -> Result<Vec<String>, Stop> {
    let path = normal(shell, word)?;
    let mut bytes = Vec::new();
    pieces(shell, &path, |_, piece| {
        bytes.extend_from_slice(piece);
        Ok(bytes.len() <= MAX_BYTES)
    })?;
    let text = core::str::from_utf8(&bytes).map_err(|_| Stop::Failed(format!("{path}: it is no text")))?;
    let lines: Vec<String> = text.lines().take(MAX_LINES + 1).map(String::from).collect();
    if lines.len() > MAX_LINES || bytes.len() > MAX_BYTES {
        return Err(Stop::Failed(format!("{path}: more than {MAX_LINES} lines or {MAX_BYTES} bytes")));
    }
    Ok(lines)
}

fn typed_lines(shell: &mut Shell) -> Result<Vec<String>, Stop> {
    shell.print("Lines up to `end`:\n");
    let mut lines = Vec::new();
    loop {
        if shell.services.host.interrupted() {
            return Err(Stop::Interrupted);
        }
        // The usual prompt: who feeds lines from a pipe waits for it.
        match shell.read_line(PROMPT) {
            Outcome::Line(line) if line.trim() == "end" => return Ok(lines),
            Outcome::Line(_) if lines.len() >= MAX_LINES => {
                return Err(Stop::Failed(format!("more than {MAX_LINES} lines")));
            }
            Outcome::Line(line) => lines.push(line),
            Outcome::EndOfInput => return Ok(lines),
            Outcome::Cancelled | Outcome::Editing => return Err(Stop::Interrupted),
        }
    }
}

fn run_lines(shell: &mut Shell, name: &str, lines: &[String], keep_going: bool) -> Done {
    let mut failed = 0_usize;
    for (index, line) in lines.iter().enumerate() {
        if shell.services.host.interrupted() {
            return Err(Stop::Interrupted);
        }
        match shell.run_line(line) {
            Ok(()) => {}
            Err(Stop::Exit(true)) => return Ok(()),
            Err(Stop::Exit(false)) => {
                return Err(Stop::Failed(format!("{name}: left in line {}", index + 1)));
            }
            Err(Stop::Interrupted) => return Err(Stop::Interrupted),
            // Any other reason has been told.
            Err(_) => {
                failed += 1;
                if !keep_going {
                    return Err(Stop::Failed(format!("{name}: stopped, line {} failed: {}", index + 1, line.trim())));
                }
            }
        }
    }
    match failed {
        0 => Ok(()),
        _ => Err(Stop::Failed(format!("{name}: {failed} of {} lines failed", lines.len()))),
    }
}
