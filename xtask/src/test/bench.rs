//! The `bench` suite: no path of the kernel has become slower than the committed baseline.

use super::Rig;
use super::reporter::Reporter;
use crate::bench::{self, ON_SCREEN, OPTIONS_FILE};
use airox_machine::{Disk, Machine, Options};
use airox_scenarios::screen::wait_for_screen;
use std::path::Path;
use std::time::Duration;

use super::reporter::Outcome;

const ON_A_REAL_COMPUTER: &str = "bench/table-on-screen-and-serial-line";
/// A few rounds of each row are enough to see that the table is written.
const FEW: &str = "rounds 100\n";
const ROWS_LIMIT: Duration = Duration::from_secs(120);
const SCREEN_LIMIT: Duration = Duration::from_secs(20);

/// Runs the suite.
pub fn run(rig: &Rig<'_>, reporter: &mut Reporter) {
    let name = |row: &str| format!("bench/{row}");
    let names: Vec<String> = bench::names().map(name).collect();
    if reporter.wants_any(names.iter().map(String::as_str)) {
        let checked = rig.image(bench::SYSTEM, &[]).and_then(|built| bench::check(rig.workspace, &built.image));
        match checked {
            Ok(rows) => {
                for (row, problem) in rows {
                    if reporter.wants(&name(row)) {
                        reporter.report(&name(row), None, problem.map_or(Ok(()), Err));
                    }
                }
            }
            Err(error) => reporter.report("bench/start", None, Err(format!("{error:#}"))),
        }
    }
    reporter.run(ON_A_REAL_COMPUTER, || {
        let options = [ON_SCREEN, FEW].concat();
        let built = rig.image(bench::SYSTEM, &[(OPTIONS_FILE, &options)]);
        on_a_real_computer(&built.map_err(|error| format!("{error:#}"))?.image)
    });
}

/// What `bench --boot` makes, on a machine without the emulator's ways out.
fn on_a_real_computer(image: &Path) -> Outcome {
    let options = Options { disk: Disk::Usb, memory: bench::MEMORY.into(), ..Options::new(image) };
    let mut machine = Machine::start(&options).map_err(|error| error.to_string())?;
    let serial = machine.wait_for("Switch the machine off", ROWS_LIMIT).map_err(|error| error.to_string())?;
    let screen = wait_for_screen(&mut machine, "Switch the machine off", SCREEN_LIMIT)?;
    for text in [&serial, &screen] {
        for wanted in ["MHz", "median in us", "null_call", "timer_wake_loaded", "timer_wake_destroy"] {
            if !text.contains(wanted) {
                return Err(format!("{wanted:?} is missing in:\n{text}"));
            }
        }
    }
    Ok(())
}
