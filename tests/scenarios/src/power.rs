//! Switching off, starting again, and the run without a person.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use airox_machine::{Context, Ending, Firmware, Machine, Options, Scenario};

use crate::play::{BOOT_LIMIT, COMMAND_LIMIT, Outcome, boot, check, play_on};
use crate::scenario;

pub const SCENARIOS: &[Scenario] = &[
    scenario("power.poweroff_ends_qemu", poweroff_ends_qemu),
    scenario("power.poweroff_ends_qemu_under_uefi", poweroff_ends_qemu_under_uefi),
    scenario("power.reboot_comes_back", reboot_comes_back),
    scenario("power.prompt_within_three_seconds", prompt_within_three_seconds),
    scenario("power.scripted_run", scripted_run),
];

/// Enters `poweroff` and waits for QEMU's end.
pub fn switch_off(machine: Machine) -> Outcome {
    let mut machine = machine;
    machine.type_text("poweroff\n").map_err(|error| error.to_string())?;
    let exit = machine.wait_for_exit(COMMAND_LIMIT).map_err(|error| error.to_string())?;
    check(exit.ending == Ending::PowerOff && exit.status == Some(0), || {
        format!("{}, status {:?}", exit.ending, exit.status)
    })
}

fn poweroff_ends_qemu(context: &Context) -> Outcome {
    // The shared machine has been through much; if it is there, it is the one to switch off.
    let machine = context.shared().take();
    match machine {
        Some(machine) => switch_off(machine),
        None => switch_off(boot(context.start())?),
    }
}

fn poweroff_ends_qemu_under_uefi(context: &Context) -> Outcome {
    let options = Options { firmware: Firmware::Uefi, ..context.options() };
    let mut machine = boot(Machine::start(&options))?;
    play_on(&mut machine, |player| player.expect("source health", &["all services answer"]).map(drop))?;
    switch_off(machine)
}

fn reboot_comes_back(context: &Context) -> Outcome {
    let mut machine = boot(context.start())?;
    machine.type_text("reboot\n").map_err(|error| error.to_string())?;
    machine.wait_for("AIROX loader", BOOT_LIMIT).map_err(|error| error.to_string())?;
    machine.wait_for_prompt(BOOT_LIMIT).map_err(|error| error.to_string())?;
    let loaders = machine.text().matches("AIROX loader: BIOS").count();
    check(loaders == 2, || format!("the loader ran {loaders} times"))?;
    play_on(&mut machine, |player| player.expect_exactly("echo again", "again"))
}

/// Loader entry to prompt, with TCG and BIOS. The best of a few boots: the computer may be busy with other things.
fn prompt_within_three_seconds(context: &Context) -> Outcome {
    const LIMIT: Duration = Duration::from_secs(3);
    const ATTEMPTS: usize = 5;
    let mut best = Duration::MAX;
    for _ in 0..ATTEMPTS {
        let mut machine = context.start().map_err(|error| error.to_string())?;
        machine.wait_for("AIROX loader", BOOT_LIMIT).map_err(|error| error.to_string())?;
        let start = Instant::now();
        machine.wait_for_prompt(BOOT_LIMIT).map_err(|error| error.to_string())?;
        best = best.min(start.elapsed());
        if best < LIMIT {
            return Ok(());
        }
    }
    Err(format!("the best of {ATTEMPTS} boots took {best:?}"))
}

/// `printf 'ps\npoweroff\n' | cargo xtask run`: this very program, started anew.
fn scripted_run(_: &Context) -> Outcome {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut child = Command::new(program)
        .arg("run")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("cannot start `xtask run`: {error}"))?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(b"ps\necho scripted\npoweroff\n").map_err(|error| error.to_string())?;
    }
    let output = child.wait_with_output().map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    check(output.status.success(), || format!("`xtask run` ends with {}:\n{text}", output.status))?;
    for wanted in ["serial-console", "\nscripted", "Switching off."] {
        let text = text.replace('\r', "");
        check(text.contains(wanted), || format!("`xtask run` does not print {wanted:?} but:\n{text}"))?;
    }
    Ok(())
}
