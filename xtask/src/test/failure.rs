//! The `kernel` suite's part about the kernel's own end: a bundle file makes it fail before its first program, and what it leaves
//! on the serial line must say how and where, with the names of its functions.

use std::time::Duration;

use airox_machine::{Ending, Machine, Options, PANIC};

use super::Rig;
use super::kernel::ARGUMENTS_FILE;
use super::protocol::{self, Line};
use super::reporter::{Outcome, Reporter};

/// The system whose kernel fails; its root program never starts, unless the kernel is asked for a failure it does not know.
const SYSTEM: &str = "test";
/// The bundle file that tells the kernel how to fail.
const FAILURE_FILE: &str = "kernel.fail";
/// Run where the kernel does not fail.
const A_TEST: &str = "--filter signal.bits_accumulate_and_clear";
/// From power-on to the end.
const LIMIT: Duration = Duration::from_secs(120);
/// The debug-exit device makes this status of the value 16, which the panic handler writes.
const PANIC_STATUS: i32 = 33;

/// A way to fail, and what must be told of it.
struct Case {
    name: &'static str,
    /// The bundle file's text.
    how: &'static str,
    /// Parts of the message.
    message: &'static [&'static str],
    /// Functions whose names must be in the backtrace, innermost first, each in a line of its own.
    functions: &'static [&'static str],
}

const CASES: [Case; 3] = [
    Case {
        name: "failure.panic_is_symbolised",
        how: "panic",
        message: &[": on purpose (", "failure_tests.rs:"],
        functions: &["failure_tests::fail_on_purpose", "start::running"],
    },
    Case {
        name: "failure.kernel_fault_tells_its_address",
        how: "fault",
        message: &[": page fault (vector 14, code 0x0) at 0xffffffff8", ", address 0x1000, rsp 0xffff"],
        functions: &["failure_tests::fail_on_purpose", "start::running"],
    },
    Case {
        name: "failure.stack_overflow_is_named",
        how: "overflow",
        message: &[": kernel stack overflow (vector ", ", address 0xffff"],
        functions: &["failure_tests::overflow"; 10],
    },
];
const UNKNOWN: &str = "failure.unknown_word_is_ignored";

/// Runs these tests on a machine with so many processors. `suite` begins their names.
pub fn run(rig: &Rig<'_>, suite: &str, processors: u32, reporter: &mut Reporter) {
    for case in &CASES {
        reporter.run(&format!("{suite}{}", case.name), || fail(rig, case, processors));
    }
    reporter.run(&format!("{suite}{UNKNOWN}"), || ignore(rig, processors));
}

/// A machine by BIOS whose kernel is asked to fail so.
fn start(rig: &Rig<'_>, how: &str, processors: u32) -> Result<Machine, String> {
    let files = [(FAILURE_FILE, how), (ARGUMENTS_FILE, A_TEST)];
    let built = rig.image(SYSTEM, &files).map_err(|error| format!("{error:#}"))?;
    let options = Options { allow_reset: false, instruction_clock: true, processors, ..Options::new(&built.image) };
    Machine::start(&options).map_err(|error| error.to_string())
}

fn fail(rig: &Rig<'_>, case: &Case, processors: u32) -> Outcome {
    let mut machine = start(rig, case.how, processors)?;
    let exit = machine.wait_for_exit(LIMIT).map_err(|error| error.to_string())?;
    if (exit.ending, exit.status) != (Ending::Panic, Some(PANIC_STATUS)) {
        return Err(format!("{}, status {:?}\n{}", exit.ending, exit.status, machine.last_lines()));
    }
    examine(case, &machine.text())
}

/// Whether the text ends with the message and the backtrace that the case wants.
fn examine(case: &Case, text: &str) -> Outcome {
    let (_, report) = text.split_once(PANIC).ok_or_else(|| format!("no {PANIC:?} in:\n{text}"))?;
    let mut lines = report.lines();
    let message = lines.next().unwrap_or_default();
    if let Some(part) = case.message.iter().find(|part| !message.contains(**part)) {
        return Err(format!("the message has no {part:?}: {message:?}"));
    }
    let mut functions = case.functions.iter().peekable();
    for line in lines.by_ref().take_while(|line| !line.trim().is_empty()) {
        let name = frame(line).ok_or_else(|| format!("{line:?} is no frame with a function's name:\n{report}"))?;
        functions.next_if(|function| name.contains(**function));
    }
    if let Some(missing) = functions.next() {
        return Err(format!("{missing:?} is missing in the backtrace, or in another place:\n{report}"));
    }
    match lines.find(|line| !line.trim().is_empty()) {
        Some(line) => Err(format!("{line:?} comes after the backtrace")),
        None => Ok(()),
    }
}

/// The function's name in a line `  0x<address> <name> + 0x<offset>`.
fn frame(line: &str) -> Option<&str> {
    let number = |text: &str| u64::from_str_radix(text.strip_prefix("0x")?, 16).ok();
    let (address, rest) = line.trim().split_once(' ')?;
    let (name, offset) = rest.rsplit_once(" + ")?;
    number(address)?;
    number(offset)?;
    Some(name)
}

/// A word that names no failure changes nothing.
fn ignore(rig: &Rig<'_>, processors: u32) -> Outcome {
    let mut machine = start(rig, "panics", processors)?;
    let exit = machine.wait_for_exit(LIMIT).map_err(|error| error.to_string())?;
    let text = machine.text();
    let passed = text.lines().any(|line| protocol::parse(line) == Some(Line::Suite(1, 0)));
    if exit.ending == Ending::DebugExit(0) && passed && !text.contains(PANIC) {
        return Ok(());
    }
    Err(format!("{}\n{}", exit.ending, machine.last_lines()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CASE: Case = Case { name: "", how: "", message: &["on purpose", "a.rs"], functions: &["inner", "outer"] };

    fn problem(report: &str) -> String {
        examine(&CASE, report).err().unwrap_or_default()
    }

    #[test]
    fn a_report_with_names_is_good() {
        let report =
            "boot\n\nKERNEL PANIC: on purpose (a.rs:1)\n  0x10 a::inner + 0x2\n  0x20 b + 0x0\n  0x30 outer + 0xf\n";
        assert_eq!(problem(report), "");
    }

    #[test]
    fn what_is_wrong_is_told() {
        let message = "KERNEL PANIC: on purpose (a.rs:1)\n";
        assert!(problem("all is well").starts_with("no \"KERNEL PANIC"));
        assert!(problem("KERNEL PANIC: on purpose (b.rs)\n").starts_with("the message has no \"a.rs\""));
        for (backtrace, expected) in [
            ("", "\"inner\" is missing"),
            ("  0x10 inner + 0x2\n", "\"outer\" is missing"),
            ("  0x30 outer + 0xf\n  0x10 inner + 0x2\n", "\"outer\" is missing"),
            ("  0x10 inner + 0x2\n  0x20\n", "\"  0x20\" is no frame"),
            ("  0x10 inner + 0x2\n  0x30 outer + 0xf\n\nKERNEL PANIC: again\n", "\"KERNEL PANIC: again\" comes after"),
        ] {
            let problem = problem(&[message, backtrace].concat());
            assert!(problem.starts_with(expected), "{problem}");
        }
    }
}
