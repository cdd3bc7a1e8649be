//! The `kernel` suite: test programs on the real kernel, in place of init. `kernel-suite` tries every system call, right
//! and fault; `runtime-suite` what programs are built from.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use airox_machine::{Ending, Machine, Options, PANIC};
use anyhow::{Context, Result};

use super::protocol::{self, Line};
use super::reporter::Reporter;
use super::{Rig, TestArguments, failure};

/// Systems whose root is a test program, and what its tests' names begin with, behind the suite's name.
const SYSTEMS: [(&str, &str); 2] = [("test", ""), ("runtime", "runtime.")];
/// The suite's name, and how many processors its machine has: all tests run on one, then again on four, unless the run names a number.
const MACHINES: [(&str, u32); 2] = [(NAME, 1), ("kernel-smp4/", 4)];
const NAME: &str = "kernel/";
/// The bundle file with the program's options. A program that does not read it runs all its tests.
pub const ARGUMENTS_FILE: &str = "test.arguments";
/// From power-on to the first line.
const BOOT_LIMIT: Duration = Duration::from_secs(120);
/// Longest silence: a test that says nothing for so long hangs.
const SILENCE_LIMIT: Duration = Duration::from_secs(180);
const END_LIMIT: Duration = Duration::from_secs(20);

/// Runs the suite.
pub fn run(rig: &Rig<'_>, arguments: &TestArguments, reporter: &mut Reporter) {
    let named = arguments.smp.map(|processors| (NAME, processors));
    let machines = named.map_or(MACHINES.to_vec(), |machine| vec![machine]);
    for (suite, processors) in machines {
        // A filter that names a suite leaves out the other.
        let filter = reporter.filter().unwrap_or_default();
        if MACHINES.iter().any(|(name, _)| *name != suite && filter.starts_with(name)) {
            continue;
        }
        for (system, subject) in SYSTEMS {
            let prefix = format!("{suite}{subject}");
            let run = Run { system, suite, prefix: &prefix, processors };
            if let Err(error) = run.boot_and_follow(rig, arguments, reporter) {
                reporter.report(&format!("{prefix}start"), None, Err(format!("{error:#}")));
            }
        }
        failure::run(rig, suite, processors, reporter);
    }
}

/// One system on one machine.
struct Run<'a> {
    system: &'a str,
    suite: &'a str,
    prefix: &'a str,
    processors: u32,
}

/// The filter and options as the program reads them. A filter may begin with the suite's name.
fn program_arguments(suite: &str, arguments: &TestArguments, reporter: &Reporter) -> String {
    let mut words = Vec::new();
    let filter = reporter.filter().map(|filter| filter.strip_prefix(suite).unwrap_or(filter));
    if let Some(filter) = filter.filter(|filter| !filter.is_empty()) {
        words.push(format!("--filter {filter}"));
    }
    if let Some(calls) = arguments.calls {
        words.push(format!("--calls {calls}"));
    }
    if let Some(seed) = arguments.seed {
        words.push(format!("--seed {seed}"));
    }
    if reporter.is_listing() {
        words.push("--list".into());
    }
    words.join("\n")
}

impl Run<'_> {
    fn boot_and_follow(&self, rig: &Rig<'_>, arguments: &TestArguments, reporter: &mut Reporter) -> Result<()> {
        let options = program_arguments(self.suite, arguments, reporter);
        let built = rig.image(self.system, &[(ARGUMENTS_FILE, &options)])?;
        let mut machine = Machine::start(&Options {
            allow_reset: false,
            // Time counted in instructions: no load of this computer changes what the tests see. But then the processors take turns.
            instruction_clock: !arguments.parallel,
            // The HPET sends messages: so they are tested without a bus.
            extra: vec!["-global".into(), "hpet.msi=on".into()],
            processors: self.processors,
            ..Options::new(&built.image)
        })
        .context("cannot start the machine")?;
        let mut follower = Follower { prefix: self.prefix, passed: 0, failed: 0, seen: BTreeSet::new() };
        if let Some(reason) = follower.follow(&mut machine, reporter) {
            let text = machine.text();
            let name = protocol::running(&text).unwrap_or("suite");
            reporter.report(&format!("{}{name}", self.prefix), None, Err(reason));
        }
        Ok(())
    }
}

struct Follower<'a> {
    prefix: &'a str,
    passed: usize,
    failed: usize,
    seen: BTreeSet<String>,
}

impl Follower<'_> {
    /// Reports every line until the end; returns what was wrong with the run as a whole.
    fn follow(&mut self, machine: &mut Machine, reporter: &mut Reporter) -> Option<String> {
        let mut limit = BOOT_LIMIT;
        let mut started = Instant::now();
        loop {
            let line = match machine.wait_for("\n", limit) {
                Ok(line) => line,
                Err(error) => return Some(error.to_string()),
            };
            if line.contains(PANIC) {
                // The backtrace and the end follow.
                let _ = machine.wait_for_exit(END_LIMIT);
                return Some(format!("the kernel panicked:\n{}", machine.last_lines()));
            }
            match protocol::parse(&line) {
                Some(Line::Test(name, outcome)) => {
                    limit = SILENCE_LIMIT;
                    match outcome {
                        Ok(()) => self.passed += 1,
                        Err(_) => self.failed += 1,
                    }
                    let name = format!("{}{name}", self.prefix);
                    if reporter.is_listing() {
                        reporter.wants_any([name.as_str()]);
                    } else if reporter.wants(&name) {
                        reporter.report(&name, Some(started.elapsed()), outcome);
                    }
                    if !self.seen.insert(name.clone()) {
                        return Some(format!("two tests are named {name}"));
                    }
                    started = Instant::now();
                }
                Some(Line::Absent(_)) if reporter.is_listing() => {}
                Some(Line::Absent(text)) => println!("{}: {text}", self.prefix),
                Some(Line::Suite(passed, failed)) => return self.end(machine, passed, failed),
                None if reporter.is_listing() => {
                    if let Some(name) = line.strip_prefix("TEST ") {
                        reporter.wants_any([format!("{}{}", self.prefix, name.trim()).as_str()]);
                    }
                }
                None => {}
            }
        }
    }

    fn end(&self, machine: &mut Machine, passed: usize, failed: usize) -> Option<String> {
        let exit = match machine.wait_for_exit(END_LIMIT) {
            Ok(exit) => exit,
            Err(error) => return Some(error.to_string()),
        };
        if (passed, failed) != (self.passed, self.failed) {
            return Some(format!(
                "the program counts {passed} passed and {failed} failed, its lines {} and {}",
                self.passed, self.failed
            ));
        }
        match exit.ending {
            Ending::DebugExit(value) if (value == 0) == (failed == 0) => None,
            ending => Some(format!("{ending} after {failed} failed tests")),
        }
    }
}
