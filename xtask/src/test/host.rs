//! The `host` suite: what needs no machine. `cargo test` of the workspace, formatting, lints of host and guest code,
//! and the system files.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use super::Rig;
use super::libtest::Parser;
use super::reporter::{Outcome, Reporter};
use crate::build;
use crate::progress::Step;
use crate::system;
use crate::workspace::cargo;

const TAIL: usize = 40;

/// Runs the suite.
pub fn run(rig: &Rig<'_>, reporter: &mut Reporter) {
    let workspace = rig.workspace;
    reporter.run("host/fmt", || cargo_command(rig, &["fmt", "--all", "--check"]));
    reporter.run("host/clippy", || {
        let step = Step::start("looking through the host's code with clippy");
        let arguments = ["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"];
        cargo_command(rig, &arguments)?;
        step.done();
        Ok(())
    });
    reporter.run("host/clippy-guest", || build::lint(workspace).map_err(|error| format!("{error:#}")));
    match workspace.system_files() {
        Ok(files) => {
            for file in files {
                let name = file.file_stem().unwrap_or_default().to_string_lossy();
                reporter.run(&format!("host/check/{name}"), || {
                    system::check(workspace, &file).map(drop).map_err(|error| format!("{error:#}"))
                });
            }
        }
        Err(error) => reporter.report("host/check", None, Err(format!("{error:#}"))),
    }
    if reporter.is_listing() {
        list_unit_tests(rig, reporter);
    } else {
        unit_tests(rig, reporter);
    }
}

fn cargo_command(rig: &Rig<'_>, arguments: &[&str]) -> Outcome {
    let output = Command::new(cargo())
        .args(arguments)
        .current_dir(&rig.workspace.root)
        .output()
        .map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    Err(text.into_owned())
}

/// Runs `cargo test` and reports each test as it ends. A filter picks among the results, since it may name a crate.
fn unit_tests(rig: &Rig<'_>, reporter: &mut Reporter) {
    let mut parser = Parser::default();
    let mut tail = VecDeque::new();
    let mut failed = false;
    let mut report = |reporter: &mut Reporter, results: Vec<(String, Outcome)>| {
        for (name, outcome) in results {
            failed |= outcome.is_err();
            let name = format!("host/{name}");
            if reporter.wants(&name) {
                reporter.report(&name, None, outcome);
            }
        }
    };
    let mut building = Some(Step::start("building the unit tests"));
    let status = cargo_test(rig, &["--no-fail-fast"], |line| {
        if line.trim_start().starts_with("Running ")
            && let Some(step) = building.take()
        {
            step.done();
        }
        report(reporter, parser.line(line));
        if tail.len() == TAIL {
            tail.pop_front();
        }
        tail.push_back(line.to_owned());
    });
    report(reporter, parser.flush());
    match status {
        Ok(true) => {}
        Ok(false) if failed => {}
        Ok(false) => {
            let text: Vec<String> = tail.into();
            reporter.report("host/build", None, Err(text.join("\n")));
        }
        Err(error) => reporter.report("host/build", None, Err(error)),
    }
}

fn list_unit_tests(rig: &Rig<'_>, reporter: &mut Reporter) {
    let mut unit = Parser::default();
    let listed = cargo_test(rig, &["--", "--list"], |line| {
        // A listed test reads `name: test`; as a result line it goes through the same parser.
        let line = match line.strip_suffix(": test") {
            Some(name) => format!("test {name} ... ok"),
            None => line.to_owned(),
        };
        for (name, _) in unit.line(&line) {
            reporter.wants_any([format!("host/{name}").as_str()]);
        }
    });
    if let Err(error) = listed {
        eprintln!("error: {error}");
    }
}

/// Runs `cargo test --workspace`, its two outputs as one, since one names the crate and the other the tests.
fn cargo_test(rig: &Rig<'_>, arguments: &[&str], mut each_line: impl FnMut(&str)) -> Result<bool, String> {
    let text = |error: std::io::Error| error.to_string();
    let (reader, writer) = std::io::pipe().map_err(text)?;
    let mut command = Command::new(cargo());
    command
        .args(["test", "--workspace"])
        .args(arguments)
        .current_dir(&rig.workspace.root)
        .env("CARGO_TERM_COLOR", "never")
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
        .stdout(writer.try_clone().map_err(text)?)
        .stderr(writer);
    let mut child = command.spawn().map_err(text)?;
    // The command holds the pipe's writing end; while it lives, the reader never sees the end.
    drop(command);
    for line in BufReader::new(reader).lines() {
        each_line(&line.map_err(text)?);
    }
    Ok(child.wait().map_err(text)?.success())
}
