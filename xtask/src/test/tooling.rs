//! This tool's own commands on the real system: the main use of the project, as the README tells it.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use airox_machine::{Machine, MachineError, Options};

use super::Rig;
use super::reporter::{Outcome, Reporter};

const SYSTEM: &str = "qemu";
const BOOT_LIMIT: Duration = Duration::from_secs(90);
const COMMAND_LIMIT: Duration = Duration::from_secs(30);

const RUN: &str = "scenarios/xtask-run-types-its-input";
const RUN_ENDS: &str = "scenarios/xtask-run-switches-off-at-the-end-of-input";
const INSPECT: &str = "scenarios/xtask-inspect-shows-tasks-and-messages";

/// Runs these tests.
pub fn run(rig: &Rig<'_>, reporter: &mut Reporter) {
    reporter.run(RUN, || {
        // What a README reader types: `printf 'ps\npoweroff\n' | cargo xtask run`.
        // What a program prints is no panic, whatever the words.
        let input = "echo typed by hand\necho KERNEL PANIC\nps\npoweroff\n";
        let text = expect_success(&xtask(&["run"], input)?)?;
        contains(&text, &["typed by hand", "serial-console", "shell"])
    });
    reporter.run(RUN_ENDS, || {
        expect_success(&xtask(&["run"], "uptime\n")?).map(drop)
    });
    reporter.run(INSPECT, || {
        let built = rig
            .image(SYSTEM, &[])
            .map_err(|error| format!("{error:#}"))?;
        inspect(&built.image)
    });
}

fn inspect(image: &Path) -> Outcome {
    let text = |error: MachineError| error.to_string();
    let mut machine = Machine::start(&Options::new(image)).map_err(text)?;
    machine.wait_for_prompt(BOOT_LIMIT).map_err(text)?;
    machine.command("ps", COMMAND_LIMIT).map_err(text)?;
    let folder = machine.run_folder().display().to_string();
    let arguments = ["inspect", "--run", &folder, "--events", "200"];
    let shown = expect_success(&xtask(&arguments, "")?)?;
    contains(
        &shown,
        &[
            "serial-console",
            "context switches",
            "receiving",
            "console (port",
            "write(bytes",
        ],
    )?;
    // The machine goes on as if nothing had happened.
    machine.command("echo alive", COMMAND_LIMIT).map_err(text)?;
    Ok(())
}

/// Runs this program with other arguments.
fn xtask(arguments: &[&str], input: &str) -> Result<Output, String> {
    let text = |error: std::io::Error| error.to_string();
    let mut child = Command::new(std::env::current_exe().map_err(text)?)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(text)?;
    if let Some(mut pipe) = child.stdin.take() {
        pipe.write_all(input.as_bytes()).map_err(text)?;
    }
    child.wait_with_output().map_err(text)
}

fn expect_success(output: &Output) -> Result<String, String> {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(text);
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    Err(format!("{}\n{text}\n{errors}", output.status))
}

fn contains(text: &str, wanted: &[&str]) -> Outcome {
    match wanted.iter().find(|word| !text.contains(**word)) {
        None => Ok(()),
        Some(word) => Err(format!("{word:?} is missing in:\n{text}")),
    }
}
