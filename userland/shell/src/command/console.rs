//! `clear`, `echo`, `history`.

use super::{Command, no_arguments};
use crate::shell::{Done, Shell};
use alloc::format;
use alloc::string::String;

pub const COMMANDS: &[Command] = &[
    Command { name: "clear", summary: "clear the screen", arguments: &[], run: clear, ..Command::PLAIN },
    Command {
        name: "echo",
        usage: "[-n] [WORD...]",
        summary: "print the words",
        details: "-n   without the end of the line",
        examples: &[("echo \"two  blanks\"", "quotes keep blanks")],
        run: echo,
        ..Command::PLAIN
    },
    Command {
        name: "history",
        summary: "list the lines entered before",
        details: "The up and down keys bring them back; Ctrl-R searches in them.",
        arguments: &[],
        run: history,
        ..Command::PLAIN
    },
];

fn clear(shell: &mut Shell, arguments: &[String], _: bool) -> Done {
    no_arguments(arguments)?;
    shell.print("\x1b[H\x1b[2J");
    Ok(())
}

fn echo(shell: &mut Shell, arguments: &[String], _: bool) -> Done {
    let (words, end) = match arguments.split_first() {
        Some((first, rest)) if first == "-n" => (rest, ""),
        _ => (arguments, "\n"),
    };
    shell.print(&format!("{}{end}", words.join(" ")));
    Ok(())
}

fn history(shell: &mut Shell, arguments: &[String], _: bool) -> Done {
    no_arguments(arguments)?;
    let mut text = String::new();
    for (number, line) in shell.editor.history.numbered() {
        text.push_str(&format!("{number:5}  {line}\n"));
    }
    shell.print(&text);
    Ok(())
}
