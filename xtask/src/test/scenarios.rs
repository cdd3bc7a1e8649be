//! The `scenarios` suite: whole systems used as a person would, on the serial line, keyboard and screen, with devices at the other
//! ends of their lines.

use std::panic::{AssertUnwindSafe, catch_unwind};

use airox_machine::{Accelerator, Context, Scenario};
use airox_scenarios::{scenarios, sensor_scenarios};

use super::Rig;
use super::reporter::Reporter;

/// Runs the suite.
pub fn run(rig: &Rig<'_>, reporter: &mut Reporter) {
    run_on(rig, reporter, "qemu", &scenarios());
    run_on(rig, reporter, "sensors", &sensor_scenarios());
}

/// Runs the scenarios of one system.
fn run_on(rig: &Rig<'_>, reporter: &mut Reporter, system: &str, scenarios: &[Scenario]) {
    let name = |scenario: &Scenario| format!("scenarios/{}", scenario.name);
    let names: Vec<String> = scenarios.iter().map(name).collect();
    if !reporter.wants_any(names.iter().map(String::as_str)) {
        return;
    }
    let image = match rig.image(system, &[]) {
        Ok(built) => built.image,
        Err(error) => {
            reporter.report(&format!("scenarios/image-{system}"), None, Err(format!("{error:#}")));
            return;
        }
    };
    let context = Context::new(image, Accelerator::Tcg);
    for scenario in scenarios {
        reporter.run(&name(scenario), || {
            catch_unwind(AssertUnwindSafe(|| (scenario.run)(&context)))
                .unwrap_or_else(|_| Err("the scenario panicked; see above".into()))
        });
    }
}
