//! A person at the serial shell.

use std::time::Duration;

use airox_machine::{Context, Machine, MachineError};

/// From power-on to the first prompt. Computers that run tests are slow and busy.
pub const BOOT_LIMIT: Duration = Duration::from_secs(120);
/// For a command that answers at once.
pub const COMMAND_LIMIT: Duration = Duration::from_secs(60);

/// How often something is looked at again before it counts as not happening.
const LOOKS: usize = 60;

/// What a scenario returns; the error says in words what was wrong.
pub type Outcome = Result<(), String>;

/// A machine whose serial shell waits for commands.
pub struct Player<'a> {
    /// The machine.
    pub machine: &'a mut Machine,
}

/// Plays on the machine that short scenarios share. After a failure the next one gets a fresh machine.
pub fn shared(context: &Context, play: impl FnOnce(&mut Player<'_>) -> Outcome) -> Outcome {
    let mut place = context.shared();
    let mut machine = match place.take() {
        Some(machine) => machine,
        None => boot(context.start())?,
    };
    let played = play_on(&mut machine, play);
    if played.is_ok() {
        *place = Some(machine);
    }
    played
}

/// Plays on a machine of its own.
pub fn alone(context: &Context, play: impl FnOnce(&mut Player<'_>) -> Outcome) -> Outcome {
    play_on(&mut boot(context.start())?, play)
}

/// Waits for the first prompt.
pub fn boot(machine: Result<Machine, MachineError>) -> Result<Machine, String> {
    let mut machine = machine.map_err(|error| error.to_string())?;
    machine.wait_for_prompt(BOOT_LIMIT).map_err(|error| error.to_string())?;
    Ok(machine)
}

/// Plays, and adds the last serial lines to a failure that does not show them.
pub fn play_on(machine: &mut Machine, play: impl FnOnce(&mut Player<'_>) -> Outcome) -> Outcome {
    let played = play(&mut Player { machine });
    played.map_err(|why| {
        let lines = machine.last_lines();
        if why.contains(lines.trim()) { why } else { format!("{why}; last serial lines:\n{lines}") }
    })
}

impl Player<'_> {
    /// Enters a command and returns what it printed.
    pub fn enter(&mut self, line: &str) -> Result<String, String> {
        self.enter_within(line, COMMAND_LIMIT)
    }

    /// The same, for a command that takes its time.
    pub fn enter_within(&mut self, line: &str, limit: Duration) -> Result<String, String> {
        self.machine.command(line, limit).map_err(|error| format!("`{line}`: {error}"))
    }

    /// Enters a command whose output has to contain each of these texts.
    pub fn expect(&mut self, line: &str, wanted: &[&str]) -> Result<String, String> {
        let output = self.enter(line)?;
        for text in wanted {
            if !output.contains(text) {
                return Err(format!("`{line}` does not say {text:?} but:\n{output}"));
            }
        }
        Ok(output)
    }

    /// Enters a command that has to print exactly this.
    pub fn expect_exactly(&mut self, line: &str, wanted: &str) -> Outcome {
        let output = self.enter(line)?;
        check(output.trim_end() == wanted, || format!("`{line}` says {output:?}, not {wanted:?}"))
    }

    /// Types text on the keyboard, for the shell on the screen.
    pub fn press(&mut self, text: &str) -> Outcome {
        self.machine.qmp().type_text(text).map_err(|error| error.to_string())
    }

    /// Types keys without waiting for a prompt.
    pub fn keys(&mut self, keys: &[u8]) -> Outcome {
        self.machine.send(keys).map_err(|error| error.to_string())
    }

    /// Waits for a text that has not been waited for yet; returns what came before it.
    pub fn wait_for(&mut self, text: &str) -> Result<String, String> {
        self.machine.wait_for(text, COMMAND_LIMIT).map_err(|error| error.to_string())
    }

    /// Makes sure that the shell waits for a command and nothing more is on its way, whatever was lost or drawn twice while its
    /// console was down.
    pub fn synchronise(&mut self) -> Outcome {
        const ATTEMPTS: u32 = 30;
        const PATIENCE: Duration = Duration::from_secs(4);
        for attempt in 0..ATTEMPTS {
            self.keys(format!("\recho in step {attempt}\r").as_bytes())?;
            let answer = format!("\nin step {attempt}\n{}", airox_machine::PROMPT);
            if self.machine.wait_for(&answer, PATIENCE).is_err() {
                continue;
            }
            // A shell that finds its console restarted draws its prompt again, perhaps after this answer: what it says
            // to a second line comes behind that.
            self.keys(format!("echo settled {attempt}\r").as_bytes())?;
            let settled = format!("\nsettled {attempt}\n{}", airox_machine::PROMPT);
            if self.machine.wait_for(&settled, PATIENCE).is_ok() {
                return Ok(());
            }
        }
        Err("the shell does not answer any more".into())
    }

    /// Waits for the next prompt at the start of a line; returns what came before it.
    pub fn wait_for_prompt(&mut self) -> Result<String, String> {
        self.wait_for(&format!("\n{}", airox_machine::PROMPT))
    }
}

/// An error unless the condition holds.
pub fn check(condition: bool, why: impl FnOnce() -> String) -> Outcome {
    if condition { Ok(()) } else { Err(why()) }
}

/// Enters a command until its output contains these texts.
pub fn until(player: &mut Player<'_>, line: &str, wanted: &[&str]) -> Result<String, String> {
    let mut last = String::new();
    for _ in 0..LOOKS {
        last = player.enter(line)?;
        if wanted.iter().all(|text| last.contains(text)) {
            return Ok(last);
        }
        player.enter("sleep 0.2")?;
    }
    Err(format!("`{line}` never says {wanted:?}; at last:\n{last}"))
}
