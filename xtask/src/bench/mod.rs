//! `cargo xtask bench`: the kernel's paths in guest instructions, beside other kernels.
//!
//! The machine is the one the peers were measured on: TCG with an instruction clock, so one instruction is one tick,
//! runs repeat exactly, and every row is a ratio.

mod peers;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use airox_machine::{Accelerator, Disk, Ending, Machine, Options, PANIC};
use anyhow::{Context, Result, bail};
use serde_json::{Map, Value};

use crate::progress::Step;
use crate::workspace::Workspace;
use crate::{system, tools};
use peers::{ROWS, Row, Statistic};

const SYSTEM: &str = "bench";
const PROCESSOR: &str = "Haswell,-pcid,-x2apic,-tsc-deadline,-hle,-rtm,-invpcid,+rdtscp,+pdpe1gb";
/// Longest silence between two rows.
const ROW_LIMIT: Duration = Duration::from_secs(600);
const END_LIMIT: Duration = Duration::from_secs(20);

/// Arguments of `bench`.
#[derive(clap::Args)]
pub struct BenchArguments {
    /// Write the rows as flat JSON: {"row": number}
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Show only this row
    #[arg(long, value_name = "NAME")]
    row: Option<String>,
}

/// What one line of the program says, in instructions.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Measured {
    min: f64,
    median: f64,
    max: f64,
}

/// Runs the benchmarks; fails if a row is missing.
pub fn bench(workspace: &Workspace, arguments: &BenchArguments) -> Result<ExitCode> {
    if let Some(name) = &arguments.row
        && !ROWS.iter().any(|row| row.name == name)
    {
        let known: Vec<&str> = ROWS.iter().map(|row| row.name).collect();
        bail!("there is no row `{name}`; rows: {}", known.join(" "));
    }
    tools::ensure_qemu(false)?;
    let built = system::build(workspace, SYSTEM)?;
    let measured = measure(&Options {
        machine_type: Some("pc".into()),
        disk: Disk::Ide,
        accelerator: Accelerator::Tcg,
        processor: Some(PROCESSOR.into()),
        memory: "1G".into(),
        instruction_clock: true,
        allow_reset: false,
        ..Options::new(&built.image)
    })?;
    let wanted = |row: &&Row| arguments.row.as_deref().is_none_or(|name| name == row.name);
    let rows: Vec<(&Row, Option<f64>)> = ROWS
        .iter()
        .filter(wanted)
        .map(|row| (row, value(row, &measured)))
        .collect();
    println!("{}", peers::table(&rows));
    if let Some(file) = &arguments.json {
        let numbers: Map<String, Value> = rows
            .iter()
            .filter(|(row, _)| row.in_json)
            .filter_map(|(row, value)| Some((row.name.to_owned(), Value::from((*value)?))))
            .collect();
        let text = serde_json::to_string_pretty(&numbers)?;
        std::fs::write(file, text + "\n")
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    let missing: Vec<&str> = rows
        .iter()
        .filter(|(_, value)| value.is_none())
        .map(|(row, _)| row.name)
        .collect();
    if !missing.is_empty() {
        eprintln!("error: not measured: {}", missing.join(", "));
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

/// Boots the image and collects its rows.
fn measure(options: &Options) -> Result<BTreeMap<String, Measured>> {
    let step = Step::start("measuring (one instruction is one tick)");
    let mut machine = Machine::start(options)?;
    let mut measured = BTreeMap::new();
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
        if let Some((name, row)) = parse(&line) {
            eprintln!("       {name}: {} {} {}", row.min, row.median, row.max);
            measured.insert(name, row);
        }
    };
    if exit.ending != Ending::DebugExit(0) {
        bail!(
            "{}; last serial lines:\n{}",
            exit.ending,
            machine.last_lines()
        );
    }
    step.done();
    Ok(measured)
}

/// Reads `BENCH <row> <min> <median> <max>`.
fn parse(line: &str) -> Option<(String, Measured)> {
    let mut words = line.trim().strip_prefix("BENCH ")?.split_whitespace();
    let name = words.next()?.to_owned();
    let mut number = || words.next()?.parse::<f64>().ok();
    let measured = Measured {
        min: number()?,
        median: number()?,
        max: number()?,
    };
    Some((name, measured))
}

fn value(row: &Row, measured: &BTreeMap<String, Measured>) -> Option<f64> {
    let line = measured.get(row.measurement)?;
    Some(match row.statistic {
        Statistic::Median => line.median,
        Statistic::Max => line.max,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_file_has_the_agreed_rows() {
        let names: Vec<&str> = ROWS
            .iter()
            .filter(|row| row.in_json)
            .map(|row| row.name)
            .collect();
        let agreed = "null_call port_round_trip port_round_trip_64b signal_wake fault_round_trip \
            timer_wake_idle_median timer_wake_idle_max timer_wake_loaded_max map_touch_unmap \
            spawn_exit_reap boot_to_first_program";
        assert_eq!(names.join(" "), agreed);
    }

    #[test]
    fn rows_are_read_and_picked() {
        let (name, row) = parse("BENCH timer_wake_idle 300 310 420").unwrap();
        let measured = BTreeMap::from([(name, row)]);
        let find = |name: &str| ROWS.iter().find(|row| row.name == name).unwrap();
        assert_eq!(
            value(find("timer_wake_idle_median"), &measured),
            Some(310.0)
        );
        assert_eq!(value(find("timer_wake_idle_max"), &measured), Some(420.0));
        assert_eq!(value(find("null_call"), &measured), None);
        assert_eq!(parse("BENCH x 1 2"), None);
        assert_eq!(parse("hello"), None);
    }
}
