//! `help`.

use super::{Command, all, find, names, no_arguments};
use crate::complete::Argument;
use crate::editor::KEYS;
use crate::nearest::nearest;
use crate::shell::{Done, Shell, Stop};
use crate::table::{Align, Table};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

pub const COMMANDS: &[Command] = &[Command {
    name: "help",
    usage: "[COMMAND|keys]",
    summary: "list all commands, or explain one",
    details: "`COMMAND --help` is the same as `help COMMAND`.",
    examples: &[("help run", "how `run` is used"), ("help keys", "the keys while a line is typed")],
    arguments: &[Argument::Command],
    run: help,
    ..Command::PLAIN
}];

const SYNTAX: &str = "\
COMMAND; COMMAND      one after the other       \"two words\" 'as it is'   quoting
COMMAND && COMMAND    the second on success     # text                   comment
COMMAND > FILE        its output to a file      COMMAND >> FILE          append
run PROGRAM &         in the background         help COMMAND, help keys  explain
";

fn help(shell: &mut Shell, arguments: &[String], _: bool) -> Done {
    let Some((name, rest)) = arguments.split_first() else {
        shell.print(&overview());
        return Ok(());
    };
    no_arguments(rest)?;
    match find(name) {
        None if name == "keys" => {
            shell.print(KEYS);
            Ok(())
        }
        Some(command) => {
            shell.print(&help_text(command));
            Ok(())
        }
        None => Err(Stop::Failed(match nearest(name, names()) {
            Some(near) => format!("there is no command `{name}`; did you mean `{near}`?"),
            None => format!("there is no command `{name}`"),
        })),
    }
}

fn overview() -> String {
    let mut commands: Vec<&Command> = all().collect();
    commands.sort_by_key(|command| command.name);
    let mut table = Table::new(&[("COMMAND", Align::Left), ("", Align::Left)]);
    for command in commands {
        table.row([command.name.into(), command.summary.into()]);
    }
    format!("{}\n{SYNTAX}", table.render())
}

/// Usage, details and examples of one command.
#[must_use]
pub fn help_text(command: &Command) -> String {
    let usage = format!("{} {}", command.name, command.usage);
    let mut text = format!("{}\n    {}\n", usage.trim_end(), command.summary);
    if !command.details.is_empty() {
        text.push('\n');
        for line in command.details.lines() {
            text.push_str(format!("    {line}").trim_end());
            text.push('\n');
        }
    }
    if !command.examples.is_empty() {
        text.push_str("\nExamples:\n");
        let width = command.examples.iter().map(|(line, _)| line.len()).max().unwrap_or(0);
        for (line, meaning) in command.examples {
            text.push_str(&format!("    {line:width$}   {meaning}\n"));
        }
    }
    text
}
