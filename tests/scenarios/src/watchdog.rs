//! A watchdog that is fed as long as the system answers. The system is `sensors.toml`, whose watchdog waits for half a second.

use airox_machine::{Context, Machine, Options, Scenario};

use crate::play::{BOOT_LIMIT, COMMAND_LIMIT, Outcome, boot, check, play_on, until};
use crate::scenario;

pub const SCENARIOS: &[Scenario] =
    &[scenario("watchdog.it_resets_the_machine_when_nobody_feeds_it", it_resets_the_machine_when_nobody_feeds_it)];

/// By the instruction clock, by which a busy computer is not a late one.
fn it_resets_the_machine_when_nobody_feeds_it(context: &Context) -> Outcome {
    let mut options = Options { instruction_clock: true, ..context.options() };
    options.extra.extend(["-device", "i6300esb", "-action", "watchdog=reset"].map(String::from));
    let mut machine = boot(Machine::start(&options))?;
    play_on(&mut machine, |player| {
        until(player, "watchdog", &["watchdog0", "running", "500.0 ms"])?;
        let loaders = player.machine.text().matches("AIROX loader: ").count();
        // Four time-outs later; and a driver that is started anew does not stop it.
        player.enter("sleep 2; kill i6300esb0; sleep 2")?;
        until(player, "watchdog", &["watchdog0", "running", "500.0 ms"])?;
        let text = player.machine.text();
        check(text.matches("AIROX loader: ").count() == loaders, || "it was reset while it was fed".into())?;
        player
            .machine
            .type_text("kill health; sleep 0.1; kill health; sleep 0.1; kill health; sleep 60\n")
            .map_err(|error| error.to_string())
    })?;
    machine.wait_for("AIROX loader", BOOT_LIMIT).map_err(|error| error.to_string())?;
    machine.wait_for_prompt(BOOT_LIMIT).map_err(|error| error.to_string())?;
    play_on(&mut machine, |player| {
        until(player, "watchdog", &["running", "reset the machine last"])?;
        player.enter_within("sleep 2", COMMAND_LIMIT).map(drop)
    })
}
