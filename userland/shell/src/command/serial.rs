//! `serial`.

use super::device::{dump, list_class};
use super::{Command, number, usage};
use crate::complete::Argument;
use crate::shell::{Done, Shell, Stop};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Where lines are.
const CLASS: &str = "/dev/serial/";
/// How long a line may be silent before `serial read` is over, and how long it is waited for at a time.
const PATIENCE_NS: u64 = 1_000_000_000;
const LOOK_NS: u64 = 100_000_000;
/// Most bytes of one `serial read`.
const MOST: u64 = 4096;

pub const COMMANDS: &[Command] = &[Command {
    name: "serial",
    usage: "[list]  |  send LINE TEXT...  |  read LINE [COUNT]",
    summary: "send and receive on serial lines",
    details: "list                the lines\n\
              send LINE TEXT...   sends the text and a line feed\n\
              read LINE [COUNT]   shows what comes, until a line feed, COUNT bytes, or a second of silence",
    examples: &[
        ("serial send /dev/serial/port0 hello", "sends hello"),
        ("serial read /dev/serial/port0", "shows what came, up to the end of a line"),
    ],
    arguments: &[Argument::Words(&["list", "send", "read"]), Argument::Free],
    run: serial,
    ..Command::PLAIN
}];

fn serial(shell: &mut Shell, arguments: &[String], _: bool) -> Done {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        [] | ["list"] => list_class(shell, CLASS),
        ["send", line, ref text @ ..] if !text.is_empty() => {
            let text = format!("{}\n", text.join(" "));
            Ok(shell.services.serials.send(line, text.as_bytes())?)
        }
        ["read", line] => read(shell, line, None),
        ["read", line, count] => {
            let count = number(count, "a number of bytes")?;
            if !(1..=MOST).contains(&count) {
                return usage(format!("1 to {MOST} bytes are read at a time"));
            }
            read(shell, line, Some(count as usize))
        }
        ["list" | "send" | "read", ..] => usage("an argument is missing, or one too many"),
        [verb, ..] => usage(format!("nothing is known of `{verb}`")),
    }
}

/// Shows text as it is, and anything else as numbers.
fn read(shell: &mut Shell, line: &str, count: Option<usize>) -> Done {
    let most = count.unwrap_or(MOST as usize);
    let mut bytes = Vec::new();
    let mut silence = 0;
    while bytes.len() < most && silence < PATIENCE_NS && (count.is_some() || bytes.last() != Some(&b'\n')) {
        // One byte at a time where the end is a line feed: what comes behind it is for the next.
        let more = shell.services.serials.receive(line, count.map_or(1, |count| count - bytes.len()), LOOK_NS)?;
        silence = if more.is_empty() { silence + LOOK_NS } else { 0 };
        bytes.extend(more);
        if shell.services.host.interrupted() {
            return Err(Stop::Interrupted);
        }
    }
    match core::str::from_utf8(&bytes) {
        Ok(text) if !text.contains(|letter: char| letter.is_control() && letter != '\n') => {
            let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
            let text = format!("{text}{end}");
            shell.print(&text);
        }
        _ => {
            let text = dump(0, &bytes);
            shell.print(&text);
        }
    }
    Ok(())
}
