//! Runs the benchmark program and collects what it prints.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use airox_machine::{Accelerator, Disk, Ending, Machine, Options, PANIC};
use anyhow::{Result, bail};

use crate::progress::Step;

const PROCESSOR: &str = "Haswell,-pcid,-x2apic,-tsc-deadline,-hle,-rtm,-invpcid,+rdtscp,+pdpe1gb";
/// Room for the process of 1 GiB that is destroyed.
pub const MEMORY: &str = "1536M";
/// The serial port that makes interrupts, to which nothing is attached; a calendar clock that is the same in each run.
const EXTRA: [&str; 4] = ["-serial", "null", "-rtc", "base=2026-01-01T00:00:00,clock=vm"];
/// Longest silence between two rows.
const ROW_LIMIT: Duration = Duration::from_secs(600);
const END_LIMIT: Duration = Duration::from_secs(20);

/// What one line of the program says, in ticks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    pub min: f64,
    pub median: f64,
    pub max: f64,
}

/// All lines of a run.
#[derive(Debug, Default)]
pub struct Measurement {
    /// By the names that the program gives them.
    pub lines: BTreeMap<String, Measured>,
    /// Ticks a second.
    pub rate: Option<f64>,
}

/// The machine the peers were measured on. With an instruction clock one instruction is one tick, so runs repeat exactly.
pub fn machine(image: &Path, instruction_clock: bool) -> Options {
    Options {
        machine_type: Some("pc".into()),
        disk: Disk::Ide,
        accelerator: Accelerator::Tcg,
        processor: Some(PROCESSOR.into()),
        memory: MEMORY.into(),
        instruction_clock,
        allow_reset: false,
        extra: EXTRA.map(str::to_owned).to_vec(),
        ..Options::new(image)
    }
}

/// Boots the image and collects its rows.
pub fn measure(options: &Options) -> Result<Measurement> {
    let what =
        if options.instruction_clock { "measuring (one instruction is one tick)" } else { "measuring (time passes)" };
    let step = Step::start(what);
    let mut machine = Machine::start(options)?;
    let mut measurement = Measurement::default();
    let exit = loop {
        let line = match machine.wait_for("\n", ROW_LIMIT) {
            Ok(line) => line,
            Err(error) => match machine.try_exit()? {
                Some(exit) => break exit,
                None => return Err(error.into()),
            },
        };
        if line.contains(PANIC) {
            let _ = machine.wait_for_exit(END_LIMIT);
            bail!("the kernel panicked:\n{}", machine.last_lines());
        }
        measurement.read(&line);
    };
    if exit.ending != Ending::DebugExit(0) {
        bail!("{}; last serial lines:\n{}", exit.ending, machine.last_lines());
    }
    step.done();
    Ok(measurement)
}

impl Measurement {
    /// Reads `BENCH <row> <min> <median> <max>` and `BENCH-CLOCK <rate>`; other lines mean nothing.
    pub fn read(&mut self, line: &str) {
        let mut words = line.split_whitespace();
        let kind = words.next();
        let number = |words: &mut std::str::SplitWhitespace<'_>| words.next()?.parse().ok();
        match kind {
            Some("BENCH-CLOCK") => self.rate = number(&mut words),
            Some("BENCH") => {
                let Some(name) = words.next() else { return };
                let numbers: Option<Vec<f64>> = (0..3).map(|_| number(&mut words)).collect();
                if let Some([min, median, max]) = numbers.as_deref() {
                    let (min, median, max) = (*min, *median, *max);
                    let measured = Measured { min, median, max };
                    self.lines.insert(name.to_owned(), measured);
                }
            }
            _ => {}
        }
    }

    /// The same in nanoseconds.
    pub fn in_nanoseconds(mut self) -> Measurement {
        let each = 1e9 / self.rate.unwrap_or(1e9);
        for line in self.lines.values_mut() {
            for number in [&mut line.min, &mut line.median, &mut line.max] {
                *number = (*number * each).round();
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read() {
        let mut measurement = Measurement::default();
        for line in [
            "BENCH-CLOCK 2000000000\r\n",
            "BENCH timer_wake_idle 300 310 420\r\n",
            "BENCH x 1 2",
            "BENCH y one 2 3",
            "BENCH",
            "hello",
        ] {
            measurement.read(line);
        }
        let names: Vec<&str> = measurement.lines.keys().map(String::as_str).collect();
        assert_eq!(names, ["timer_wake_idle"]);
        let line = measurement.in_nanoseconds().lines["timer_wake_idle"];
        assert_eq!((line.min, line.median, line.max), (150.0, 155.0, 210.0));
    }
}
