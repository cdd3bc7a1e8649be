//! The commands: one table, one function each. A command prints with [`Shell::print`] and returns why it failed, if it did.

mod actuator;
mod can;
mod console;
mod device;
mod display;
pub(crate) mod files;
mod help;
mod i2c;
mod load;
mod log;
mod network;
mod power;
mod process;
mod recovery;
mod script;
mod sensor;
mod serial;
mod terms;
mod time;
mod watchdog;

use crate::complete::Argument;
use crate::services::{Failure, Waited};
use crate::shell::{Done, Shell, Stop};
use alloc::format;
use alloc::string::String;

pub use files::normal;
pub use help::help_text;
pub use process::describe;

/// A command of the shell.
pub struct Command {
    /// What is typed.
    pub name: &'static str,
    /// Its arguments, for people.
    pub usage: &'static str,
    /// What it does, in a few words.
    pub summary: &'static str,
    /// More, where a few words are not enough.
    pub details: &'static str,
    /// Lines to try, and what they do.
    pub examples: &'static [(&'static str, &'static str)],
    /// What its arguments can be, for completion; the last one repeats.
    pub arguments: &'static [Argument],
    /// Whether `&` makes sense.
    pub background: bool,
    /// Does it.
    pub run: fn(&mut Shell, &[String], bool) -> Done,
}

impl Command {
    /// What most commands have.
    const PLAIN: Command = Command {
        name: "",
        usage: "",
        summary: "",
        details: "",
        examples: &[],
        arguments: &[Argument::Free],
        background: false,
        run: |_, _, _| Ok(()),
    };
}

/// Every command, by name.
pub fn all() -> impl Iterator<Item = &'static Command> {
    let groups = [
        actuator::COMMANDS,
        can::COMMANDS,
        console::COMMANDS,
        device::COMMANDS,
        display::COMMANDS,
        help::COMMANDS,
        i2c::COMMANDS,
        load::COMMANDS,
        log::COMMANDS,
        network::COMMANDS,
        power::COMMANDS,
        process::COMMANDS,
        recovery::COMMANDS,
        script::COMMANDS,
        sensor::COMMANDS,
        serial::COMMANDS,
        time::COMMANDS,
        watchdog::COMMANDS,
    ];
    groups.into_iter().chain(files::GROUPS).flatten()
}

/// The command of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Command> {
    all().find(|command| command.name == name)
}

/// The names of all commands.
pub fn names() -> impl Iterator<Item = &'static str> {
    all().map(|command| command.name)
}

fn usage<T>(why: impl Into<String>) -> Result<T, Stop> {
    Err(Stop::Usage(why.into()))
}

/// Refuses arguments a command does not take.
fn no_arguments(arguments: &[String]) -> Done {
    match arguments.first() {
        None => Ok(()),
        Some(first) => usage(format!("`{first}` is one argument too many")),
    }
}

/// Exactly one argument, named `what` in the error.
fn one_argument<'a>(arguments: &'a [String], what: &str) -> Result<&'a str, Stop> {
    match arguments {
        [one] => Ok(one),
        [] => usage(format!("{what} is missing")),
        [_, second, ..] => usage(format!("`{second}` is one argument too many")),
    }
}

fn number(text: &str, what: &str) -> Result<u64, Stop> {
    text.parse().or_else(|_| usage(format!("`{text}` is not {what}")))
}

/// Turns Ctrl-C during a wait into the command's end.
fn waited<T>(answer: Result<Waited<T>, Failure>) -> Result<T, Stop> {
    match answer? {
        Waited::Done(value) => Ok(value),
        Waited::Interrupted => Err(Stop::Interrupted),
    }
}

/// The result of a command whose error has been printed: it still failed, but is not explained twice.
fn told(done: Done) -> Done {
    match done {
        Err(Stop::Failed(_) | Stop::Usage(_)) => Err(Stop::Silent),
        other => other,
    }
}

#[cfg(test)]
mod tests;
