//! What Tab proposes: the shell as a [`Completer`].
//!
//! Each command says what its arguments can be; names are asked of the servers at that moment. A server that does not
//! answer proposes nothing.

use crate::command::{self, Command};
use crate::complete::{Argument, Completer, matching, split};
use crate::services::{Answer, FileKind, Level};
use crate::shell::Shell;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

impl Completer for Shell {
    fn complete(&mut self, before: &str) -> (usize, Vec<String>) {
        let (words, start) = split(before);
        let mut words = words.as_slice();
        // Commands that take a command hand over to its own arguments.
        let argument = loop {
            let Some((name, rest)) = words.split_first() else {
                break Argument::Command;
            };
            let Some(command) = command::find(name) else {
                break Argument::Free;
            };
            match command.arguments.iter().position(|argument| *argument == Argument::Line) {
                Some(at) if rest.len() >= at => words = &rest[at..],
                _ => break argument_of(command, rest),
            }
        };
        let word = &before[start..];
        (start, matching(word, self.candidates(argument, word)))
    }
}

/// What the argument after `rest` can be; options do not count, and the last kind repeats.
fn argument_of(command: &Command, rest: &[&str]) -> Argument {
    let at = rest.iter().filter(|word| !word.starts_with('-')).count();
    let last = command.arguments.len().checked_sub(1);
    last.map_or(Argument::Free, |last| command.arguments[at.min(last)])
}

impl Shell {
    fn candidates(&mut self, argument: Argument, word: &str) -> Vec<String> {
        fn or_empty(answer: Answer<Vec<String>>) -> Vec<String> {
            answer.unwrap_or_default()
        }
        let processes = |shell: &mut Shell| {
            let list = shell.services.processes.list();
            or_empty(list.map(|list| list.into_iter().map(|row| row.name).collect()))
        };
        match argument {
            Argument::Free | Argument::Line => Vec::new(),
            Argument::Command => command::names().map(String::from).collect(),
            Argument::Program => or_empty(self.services.processes.programs()),
            Argument::Sensor => or_empty(self.services.sensors.names()),
            Argument::Path => self.paths(word),
            Argument::Script => {
                let mut names = or_empty(self.services.scripts.names());
                names.extend(self.paths(word));
                names
            }
            Argument::Process => processes(self),
            Argument::Source => {
                let mut names = processes(self);
                names.push("level".into());
                names
            }
            Argument::Level => Level::ALL.iter().map(|level| level.name().into()).collect(),
            Argument::Words(words) => words.iter().map(|word| (*word).into()).collect(),
        }
    }
}

/// Most entries of a directory that are proposed: Tab must not take long.
const MAX_PATHS: usize = 500;

impl Shell {
    /// What is in the directory that an unfinished path leads to, as words that begin with it. Directories end in a slash.
    fn paths(&mut self, word: &str) -> Vec<String> {
        let typed = word.rfind('/').map_or("", |at| &word[..=at]);
        let directory = if typed.is_empty() { "." } else { typed };
        let (Ok(directory), Some(files)) = (command::normal(self, directory), &mut self.services.files) else {
            return Vec::new();
        };
        let (mut words, mut next) = (Vec::new(), Some(0));
        while let Some(cursor) = next.filter(|_| words.len() < MAX_PATHS) {
            let Ok(part) = files.list(&directory, cursor) else { break };
            next = part.next;
            words.extend(part.entries.into_iter().map(|entry| {
                let mark = if entry.attributes.kind == FileKind::Directory { "/" } else { "" };
                format!("{typed}{}{mark}", entry.name)
            }));
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fakes::Session;
    use crate::services::Kind;

    #[test]
    fn completion_knows_commands_arguments_and_nested_commands() {
        let mut session = Session::new();
        session.world().add_process(3, "serial-console", Kind::Component);
        let mut complete = |before: &str| session.shell.complete(before).1;
        assert_eq!(complete("up"), ["uptime"]);
        assert_eq!(complete("echo x; up"), ["uptime"]);
        assert_eq!(complete("run pr"), ["primes"]);
        assert_eq!(complete("run primes pr"), [""; 0]);
        assert_eq!(complete("kill se"), ["serial-console"]);
        assert_eq!(complete("log -f se"), ["serial-console"]);
        assert_eq!(complete("log serial-console de"), ["debug"]);
        assert_eq!(complete("repeat 5 up"), ["uptime"]);
        assert_eq!(complete("repeat 5 time run he"), ["hello"]);
        assert_eq!(complete("date s"), ["set"]);
        assert_eq!(complete("nothing "), [""; 0]);
        assert_eq!(complete("ps "), [""; 0]);
    }
}
