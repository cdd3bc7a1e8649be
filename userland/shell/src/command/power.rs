//! `poweroff`, `reboot`.

use super::{Command, no_arguments};
use crate::services::Failure;
use crate::shell::{Done, Shell, Stop};
use alloc::format;
use alloc::string::String;

pub const COMMANDS: &[Command] = &[
    Command { name: "poweroff", summary: "switch the machine off", arguments: &[], run: poweroff, ..Command::PLAIN },
    Command { name: "reboot", summary: "start the machine again", arguments: &[], run: reboot, ..Command::PLAIN },
];

fn poweroff(shell: &mut Shell, arguments: &[String], _: bool) -> Done {
    no_arguments(arguments)?;
    keep_files(shell);
    say_goodbye(shell, "Switching off.\n");
    let answer = shell.services.power.off();
    still_on(answer, "switched off")
}

fn reboot(shell: &mut Shell, arguments: &[String], _: bool) -> Done {
    no_arguments(arguments)?;
    keep_files(shell);
    say_goodbye(shell, "Starting again.\n");
    let answer = shell.services.power.reboot();
    still_on(answer, "restarted")
}

/// Makes files durable. One that cannot be made so keeps nobody from switching off.
fn keep_files(shell: &mut Shell) {
    let Some(files) = &mut shell.services.files else { return };
    for mount in files.mounts().unwrap_or_default() {
        let _not_durable = files.sync(&mount.path);
    }
}

/// Prints the last words and sees them out. A console that fails now keeps nobody from switching off.
fn say_goodbye(shell: &mut Shell, text: &str) {
    shell.print(text);
    let _console_failed = shell.services.console.flush();
}

/// An answer at all means that the machine still runs.
fn still_on(answer: Result<(), Failure>, what: &str) -> Done {
    answer?;
    Err(Stop::Failed(format!("the power server accepted this, but the machine was not {what}")))
}
