//! `cargo xtask bench`: the kernel's paths in guest instructions, beside other kernels.
//!
//! The machine is the one the peers were measured on: TCG with an instruction clock, so one instruction is one tick,
//! runs repeat exactly, and every row is a ratio.

mod baseline;
mod measure;
mod peers;
mod profile;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use airox_machine::Options;
use anyhow::{Context, Result, bail};
use serde_json::{Map, Value};

use crate::system::{self, BuiltSystem};
use crate::tools;
use crate::workspace::Workspace;
use baseline::{Comparison, Figures, SAVE, Verdict};
pub use measure::MEMORY;
use measure::Measurement;
use peers::{ROWS, Row, Unit};

/// The system that is measured.
pub const SYSTEM: &str = "bench";
/// The bundle file that tells the program what to do; `airox_bench::options` says how.
pub const OPTIONS_FILE: &str = "bench.options";
/// Has the program show its table on the screen.
pub const ON_SCREEN: &str = "screen\n";

/// Runs of which the smallest number counts when a row seems slower, and the largest for a baseline. The rows are the same in each run but
/// for when timers meet what runs: how long the host takes to read the disk while the machine starts moves those by a few instructions.
const RUNS: usize = 3;

/// Arguments of `bench`.
#[derive(clap::Args)]
pub struct BenchArguments {
    /// Write the rows as flat JSON: {"row": number}
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Measure only this row
    #[arg(long, value_name = "NAME")]
    row: Option<String>,
    /// Compare with tests/bench/baseline.json; fail if a row is more than 2 % slower, or a wake-up beside a long operation 25 %, or over its bound
    #[arg(long)]
    check: bool,
    /// Write what was measured to tests/bench/baseline.json
    #[arg(long, conflicts_with_all = ["row", "check"])]
    save_baseline: bool,
    /// Show in which functions of the kernel a row's instructions are
    #[arg(long, value_name = "ROW", conflicts_with_all = ["json", "row", "check", "save_baseline", "tcg", "boot"])]
    profile: Option<String>,
    /// Time in nanoseconds under plain emulation instead of instructions: rough, and other on every computer
    #[arg(long, conflicts_with_all = ["check", "save_baseline"])]
    tcg: bool,
    /// Make an image that measures cycles on a real computer and shows them on its screen and serial line
    #[arg(long, conflicts_with_all = ["json", "row", "check", "save_baseline", "tcg"])]
    boot: bool,
}

/// Runs the benchmarks; fails if a row is missing.
pub fn bench(workspace: &Workspace, arguments: &BenchArguments) -> Result<ExitCode> {
    if let Some(name) = arguments.row.as_ref().or(arguments.profile.as_ref())
        && !ROWS.iter().any(|row| row.name == name)
    {
        let known: Vec<&str> = ROWS.iter().map(|row| row.name).collect();
        bail!("there is no row `{name}`; rows: {}", known.join(" "));
    }
    if arguments.boot {
        return boot(workspace);
    }
    tools::ensure_qemu(false)?;
    if let Some(name) = &arguments.profile {
        return profile(workspace, name);
    }
    let wanted = |row: &&Row| arguments.row.as_deref().is_none_or(|name| name == row.name);
    let rows: Vec<&Row> = ROWS.iter().filter(wanted).collect();
    let options = match rows[..] {
        [row] => format!("row {}\n", row.measurement),
        _ => String::new(),
    };
    let built = build(workspace, &options)?;
    let machine = measure::machine(&built.image, !arguments.tcg);
    let mut measurement = measure::measure(&machine)?;
    let mut unit = Unit::Instructions;
    if arguments.tcg {
        measurement = measurement.in_nanoseconds();
        unit = Unit::Nanoseconds;
    }
    let measured: Vec<_> = rows.iter().map(|row| (*row, measurement.lines.get(row.measurement).copied())).collect();
    println!("{}", peers::table(&measured, unit));
    if let Some(file) = &arguments.json {
        let numbers: Map<String, Value> = figures(&rows, &measurement)
            .into_iter()
            .filter(|(name, _)| ROWS.iter().any(|row| row.in_json && row.name == name))
            .map(|(name, value)| (name, value.into()))
            .collect();
        let text = serde_json::to_string_pretty(&numbers)?;
        std::fs::write(file, text + "\n").with_context(|| format!("cannot write {}", file.display()))?;
    }
    let missing: Vec<&str> = measured.iter().filter(|(_, line)| line.is_none()).map(|(row, _)| row.name).collect();
    if !missing.is_empty() {
        eprintln!("error: not measured: {}", missing.join(", "));
        return Ok(ExitCode::FAILURE);
    }
    if arguments.save_baseline {
        let mut largest = figures(&rows, &measurement);
        for _ in 1..RUNS {
            let again = figures(&rows, &measure::measure(&machine)?);
            baseline::merge(&mut largest, &again, f64::max);
        }
        let file = baseline::save(workspace, &largest)?;
        println!("\nsaved as {}", file.display());
    }
    if arguments.check {
        let comparisons = compare(workspace, &rows, &machine, figures(&rows, &measurement))?;
        println!("\n{}", baseline::table(&comparisons));
        let bad = comparisons.iter().filter(|row| row.verdict.is_bad());
        let bad = bad.count();
        if bad > 0 {
            println!("\nworse than the baseline or a bound: {bad}; if that is meant: {SAVE}");
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Builds the program's image.
fn build(workspace: &Workspace, options: &str) -> Result<BuiltSystem> {
    let compiled = system::check(workspace, &workspace.system_file(SYSTEM)?)?;
    system::Guest::build(workspace)?.image(workspace, compiled, &[(OPTIONS_FILE, options)])
}

/// Profiles one row.
fn profile(workspace: &Workspace, name: &str) -> Result<ExitCode> {
    let row = ROWS.iter().find(|row| row.name == name);
    let row = row.context("no such row")?;
    if row.is_bound {
        bail!("the work beside this row is the same however many rounds are asked for, so it cannot be profiled");
    }
    let guest = system::Guest::build(workspace)?;
    let text = profile::profile(&guest.kernel, |rounds| {
        let options = format!("row {}\nrounds {rounds}\n", row.measurement);
        let compiled = system::check(workspace, &workspace.system_file(SYSTEM)?)?;
        let built = guest.image(workspace, compiled, &[(OPTIONS_FILE, &options)])?;
        Ok(measure::machine(&built.image, true))
    })?;
    println!("{}\n\n{text}", row.text);
    Ok(ExitCode::SUCCESS)
}

/// Makes the image for a real computer.
fn boot(workspace: &Workspace) -> Result<ExitCode> {
    let built = build(workspace, ON_SCREEN)?;
    println!(
        "{}\nWrite it to a USB stick with: cargo xtask flash DEVICE --image {}\n\
         It boots by BIOS and UEFI, measures, and leaves a table of cycles on screen and serial line.",
        built.image.display(),
        built.image.display()
    );
    Ok(ExitCode::SUCCESS)
}

/// The number of each row that its bar is about.
fn figures(rows: &[&Row], measurement: &Measurement) -> Figures {
    let figure = |row: &&Row| {
        let line = measurement.lines.get(row.measurement)?;
        Some((row.name.to_owned(), row.figure(line)))
    };
    rows.iter().filter_map(figure).collect()
}

/// Compares with the baseline. A row that seems slower is measured again: it is slower if it is so in every run.
fn compare(workspace: &Workspace, rows: &[&Row], machine: &Options, mut now: Figures) -> Result<Vec<Comparison>> {
    let before = baseline::load(workspace)?;
    let mut comparisons = baseline::compare(rows, &before, &now);
    for _ in 1..RUNS {
        let slower = |row: &Comparison| row.verdict == Verdict::Slower;
        if !comparisons.iter().any(slower) {
            break;
        }
        let again = figures(rows, &measure::measure(machine)?);
        baseline::merge(&mut now, &again, f64::min);
        comparisons = baseline::compare(rows, &before, &now);
    }
    Ok(comparisons)
}

/// What the tests ask: each row's name, and what is wrong with it.
pub fn check(workspace: &Workspace, image: &Path) -> Result<Vec<(&'static str, Option<String>)>> {
    let machine = measure::machine(image, true);
    let rows: Vec<&Row> = ROWS.iter().collect();
    let now = figures(&rows, &measure::measure(&machine)?);
    let comparisons = compare(workspace, &rows, &machine, now)?;
    if comparisons.iter().any(|row| row.verdict.is_bad()) {
        println!("{}", baseline::table(&comparisons));
    }
    let results = comparisons.iter().map(|row| (row.name, row.problem()));
    Ok(results.collect())
}

/// The rows' names.
pub fn names() -> impl Iterator<Item = &'static str> {
    ROWS.iter().map(|row| row.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_file_has_the_agreed_rows() {
        let names: Vec<&str> = ROWS.iter().filter(|row| row.in_json).map(|row| row.name).collect();
        let agreed = "null_call port_round_trip port_round_trip_64b signal_wake fault_round_trip \
            timer_wake_idle_median timer_wake_idle_max timer_wake_loaded_max map_touch_unmap \
            spawn_exit_reap boot_to_first_program";
        assert_eq!(names.join(" "), agreed);
    }

    #[test]
    fn each_row_takes_the_number_its_bar_is_about() {
        let mut measurement = Measurement::default();
        measurement.read("BENCH timer_wake_idle 300 310 420");
        let rows: Vec<&Row> = ROWS.iter().collect();
        let figures = figures(&rows, &measurement);
        let expected = [("timer_wake_idle_max", 420.0), ("timer_wake_idle_median", 310.0)];
        assert_eq!(figures, expected.map(|(name, number)| (name.to_owned(), number)).into());
        let comparisons = baseline::compare(&rows, &figures, &figures);
        let good: Vec<&str> = comparisons.iter().filter(|row| !row.verdict.is_bad()).map(|row| row.name).collect();
        assert_eq!(good, ["timer_wake_idle_median", "timer_wake_idle_max"]);
    }
}
