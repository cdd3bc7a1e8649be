//! This tool's own commands on the real system: the main use of the project, as the README tells it.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use airox_machine::{Machine, MachineError, Options};
use serde_json::Value;

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
    reporter.run(RUN_ENDS, || expect_success(&xtask(&["run"], "uptime\n")?).map(drop));
    reporter.run(INSPECT, || {
        let built = rig.image(SYSTEM, &[]).map_err(|error| format!("{error:#}"))?;
        inspect(&built.image)
    });
}

fn inspect(image: &Path) -> Outcome {
    let text = |error: MachineError| error.to_string();
    let mut machine = Machine::start(&Options::new(image)).map_err(text)?;
    machine.wait_for_prompt(BOOT_LIMIT).map_err(text)?;
    machine.command("ps", COMMAND_LIMIT).map_err(text)?;
    let folder = machine.run_folder().display().to_string();
    // Every byte that leaves the serial port is an interrupt; the call that brought them lies before those.
    let arguments = ["inspect", "--run", &folder, "--events", "4000"];
    let shown = expect_success(&xtask(&arguments, "")?)?;
    contains(&shown, &["serial-console", "context switches", "receiving", "console (port", "write(bytes"])?;
    machine.command("run ping-pong 20", COMMAND_LIMIT).map_err(text)?;
    let file = machine.run_folder().join("trace.json");
    let arguments = ["inspect", "--run", &folder, "--trace"];
    let file_name = file.display().to_string();
    let told = expect_success(&xtask(&[&arguments[..], &[&file_name]].concat(), "")?)?;
    contains(&told, &["events; open it at"])?;
    timeline(&file)?;
    // The machine goes on as if nothing had happened.
    machine.command("echo alive", COMMAND_LIMIT).map_err(text)?;
    Ok(())
}

/// Checks a file for Perfetto: who ran, who called whom with what.
fn timeline(file: &Path) -> Outcome {
    let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
    let trace: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let events = trace["traceEvents"].as_array().ok_or("no events")?;
    let has = |phase: &str, name: &str| {
        events
            .iter()
            .any(|event| event["ph"] == phase && event["name"].as_str().is_some_and(|text| text.contains(name)))
    };
    let wanted = [
        ("X", "shell/"),
        ("X", "serial-console/"),
        ("X", "ping-pon"),
        ("s", "call"),
        ("f", "reply"),
        ("s", "wake"),
        ("b", "): write(bytes"),
        ("e", "): list("),
        ("i", "timer"),
        ("i", "irq 4"),
        ("i", "ping-pon ends"),
    ];
    match wanted.iter().find(|(phase, name)| !has(phase, name)) {
        None => Ok(()),
        Some((phase, name)) => Err(format!("no event {name:?} of phase {phase:?}")),
    }
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
