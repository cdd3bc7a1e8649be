//! Every command against fake servers: the good case, and what a person gets wrong.

mod actuator;
mod can;
mod device;
mod display;
mod files;
mod i2c;
mod load;
mod log;
mod network;
mod process;
mod recovery;
mod remembered;
mod script;
mod sensor;
mod serial;
mod watchdog;

use super::*;
use crate::fakes::Session;

#[test]
fn names_are_unique_and_every_command_explains_itself() {
    let names: alloc::vec::Vec<_> = names().collect();
    for (index, name) in names.iter().enumerate() {
        assert!(!names[index + 1..].contains(name), "{name} twice");
        let text = help_text(find(name).unwrap());
        assert!(text.starts_with(name), "{text}");
        assert_eq!(Session::new().line(&alloc::format!("{name} --help")), text);
    }
    assert_eq!(Session::new().line("help keys"), crate::editor::KEYS);
    let overview = Session::new().line("help");
    for name in &names {
        assert!(overview.lines().any(|line| line.starts_with(name)), "{name}");
    }
    assert!(overview.lines().all(|line| line.chars().count() <= 80), "{overview}");
}

#[test]
fn examples_can_be_parsed_and_name_commands() {
    for command in all() {
        for (line, _) in command.examples {
            let steps = crate::parse::parse(line).unwrap();
            assert!(find(&steps[0].words[0]).is_some(), "{line}");
        }
    }
}

#[test]
fn help_of_an_unknown_command_suggests_one() {
    let mut session = Session::new();
    assert_eq!(session.line("help progams"), "help: there is no command `progams`; did you mean `programs`?\n");
    assert_eq!(session.line("help zzzzz"), "help: there is no command `zzzzz`\n");
    assert!(
        session.line("help ps mem").starts_with("help: `mem` is one argument too many; usage: help [COMMAND|keys]")
    );
}

#[test]
fn unknown_commands() {
    let mut session = Session::new();
    assert_eq!(session.line("pss"), "pss: no such command; did you mean `ps`?\n");
    assert_eq!(session.line("primes 5"), "primes: no such command; to start the program of this name: run primes\n");
    assert_eq!(session.line("hallo"), "hallo: no such command; did you mean the program: run hello?\n");
    assert_eq!(session.line("qqqqqqq"), "qqqqqqq: no such command; `help` lists all commands\n");
}

#[test]
fn dates_and_times() {
    let mut session = Session::new();
    assert_eq!(session.line("date set 2026-11-22 21:51"), "2026-11-22 21:51:00 UTC, Sunday\n");
    assert_eq!(session.line("date"), "2026-11-22 21:51:00 UTC, Sunday\n");
    assert!(session.line("date set 2025-02-29 10:00").starts_with("date: 2025-02 has no day 29"));
    assert!(session.line("date set tomorrow").starts_with("date: date and time are both needed"));
    assert!(session.line("date now").starts_with("date: `now` is not understood"));
    assert_eq!(session.line("uptime"), "up 1.0 ms\n");
    assert_eq!(session.line("sleep 1.5"), "");
    assert_eq!(session.world().slept, [1_500_000_000]);
    assert!(session.line("sleep soon").starts_with("sleep: `soon` is not a time"));
    assert_eq!(session.line("time echo x"), "x\ntime: 1.0 ms\n");
    assert_eq!(
        session.line("time date x && echo not"),
        "date: `x` is not understood; usage: date [set YYYY-MM-DD HH:MM[:SS]]\ntime: 1.0 ms\n"
    );
}

#[test]
fn echo_history_and_clear() {
    let mut session = Session::new();
    assert_eq!(session.line("echo a  'b  c' # no"), "a b  c\n");
    assert_eq!(session.line("echo -n x; echo"), "x\n");
    session.typed("echo one\r");
    assert!(session.typed("history\r").ends_with("    1  echo one\n    2  history\n"));
    assert_eq!(session.line("clear"), "\x1b[H\x1b[2J");
}

#[test]
fn power() {
    let mut session = Session::new();
    assert!(session.line("poweroff").starts_with("Switching off.\npoweroff: the power server accepted this, but"));
    assert!(session.line("reboot").ends_with("reboot: this machine cannot do that\n"));
    assert_eq!(session.world().power, ["flush", "off", "flush", "reboot"]);
    assert!(session.line("poweroff now").starts_with("poweroff: `now` is one argument too many"));
}
