//! Standard input that is not a terminal: each line is typed when the shell's prompt waits for it.

use std::io::BufRead;
use std::time::Duration;

use airox_machine::{Ending, Machine, MachineError, Options};
use anyhow::{Result, bail};

use super::judge;

const BOOT_LIMIT: Duration = Duration::from_secs(180);
const COMMAND_LIMIT: Duration = Duration::from_secs(3600);
const END_LIMIT: Duration = Duration::from_secs(60);

/// Runs the machine with standard input as its user. If the input ends without switching the machine off, that is
/// done after the last command.
pub fn run(options: &Options) -> Result<()> {
    let mut machine = Machine::start_watched(options, Some(Box::new(std::io::stdout())))?;
    let last = match play(&mut machine) {
        Ok(last) => last,
        // A system without a shell (tests, benchmarks) ends by itself.
        Err(Stop::Ended(last)) => last,
        Err(Stop::Failed(error)) => return Err(error.into()),
    };
    let exit = machine.wait_for_exit(END_LIMIT)?;
    println!();
    if exit.ending == Ending::Reset {
        if last == "reboot" {
            return Ok(());
        }
        bail!("the machine was reset, and nobody asked for it");
    }
    judge(&exit)
}

enum Stop {
    /// The machine ended while this command ran.
    Ended(String),
    Failed(MachineError),
}

/// Types every line; returns the last command.
fn play(machine: &mut Machine) -> Result<String, Stop> {
    let mut last = String::new();
    let check = |result: Result<String, MachineError>, last: &str| match result {
        Ok(_) => Ok(()),
        Err(MachineError::Ended { .. }) => Err(Stop::Ended(last.to_owned())),
        Err(error) => Err(Stop::Failed(error)),
    };
    check(machine.wait_for_prompt(BOOT_LIMIT), &last)?;
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(|error| Stop::Failed(MachineError::Serial(error.to_string())))?;
        line.trim().clone_into(&mut last);
        check(machine.command(&line, COMMAND_LIMIT), &last)?;
    }
    "poweroff".clone_into(&mut last);
    machine.type_text("poweroff\n").map_err(Stop::Failed)?;
    Ok(last)
}
