//! Standard input that is not a terminal: each line is typed when the shell's prompt waits for it.
//!
//! A reset ends the run as a failure, except while the command `reboot` runs.

use std::io::BufRead;
use std::time::Duration;

use airox_machine::{Machine, MachineError, Options};
use anyhow::Result;

use super::judge;

/// The shell's command that resets the machine.
const REBOOT: &str = "reboot";
const BOOT_LIMIT: Duration = Duration::from_secs(180);
const COMMAND_LIMIT: Duration = Duration::from_secs(3600);
const END_LIMIT: Duration = Duration::from_secs(60);

/// Runs the machine with standard input as its user. If the input ends without switching the machine off, that is
/// done after the last command.
pub fn run(options: &Options) -> Result<()> {
    let mut machine = Machine::start_watched(options, Some(Box::new(std::io::stdout())))?;
    match play(&mut machine) {
        // A system without a shell (tests, benchmarks) ends by itself.
        Ok(()) | Err(MachineError::Ended { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    let exit = machine.wait_for_exit(END_LIMIT)?;
    println!();
    judge(&exit)
}

/// Types every line, then switches the machine off.
fn play(machine: &mut Machine) -> Result<(), MachineError> {
    machine.wait_for_prompt(BOOT_LIMIT)?;
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(|error| MachineError::Serial(error.to_string()))?;
        if line.trim() == REBOOT {
            machine.qmp().allow_reset(true)?;
            machine.command(&line, COMMAND_LIMIT)?;
            machine.qmp().allow_reset(false)?;
        } else {
            machine.command(&line, COMMAND_LIMIT)?;
        }
    }
    machine.type_text("poweroff\n")
}
