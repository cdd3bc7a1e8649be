//! The `scenarios` suite: the full system used as a person would, on the serial line, keyboard and screen.

use std::panic::{AssertUnwindSafe, catch_unwind};

use airox_machine::{Accelerator, Context};
use airox_scenarios::scenarios;

use super::Rig;
use super::reporter::Reporter;

const SYSTEM: &str = "qemu";

/// Runs the suite.
pub fn run(rig: &Rig<'_>, reporter: &mut Reporter) {
    let scenarios = scenarios();
    let name = |scenario: &airox_machine::Scenario| format!("scenarios/{}", scenario.name);
    let names: Vec<String> = scenarios.iter().map(name).collect();
    if !reporter.wants_any(names.iter().map(String::as_str)) {
        return;
    }
    let image = match rig.image(SYSTEM, &[]) {
        Ok(built) => built.image,
        Err(error) => {
            reporter.report("scenarios/image", None, Err(format!("{error:#}")));
            return;
        }
    };
    let context = Context::new(image, Accelerator::Tcg);
    for scenario in &scenarios {
        reporter.run(&name(scenario), || {
            catch_unwind(AssertUnwindSafe(|| (scenario.run)(&context)))
                .unwrap_or_else(|_| Err("the scenario panicked; see above".into()))
        });
    }
}
