//! Files on a disk: there after the machine was switched off, there after its power was cut.

use airox_machine::{Context, Machine, Options, Scenario};

use crate::play::{Outcome, boot, play_on};
use crate::power::switch_off;
use crate::scenario;

pub const SCENARIOS: &[Scenario] = &[
    scenario("storage.files_survive_switching_off", files_survive_switching_off),
    scenario("storage.what_was_synchronised_survives_a_power_cut", what_was_synchronised_survives_a_power_cut),
];

/// Options of a machine with a new data disk of this name, the same one for each machine they start.
fn with_new_disk(context: &Context, name: &str) -> Result<Options, String> {
    let path = context.image.with_file_name(format!("{name}.img"));
    if path.exists() {
        std::fs::remove_file(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(Options { data_disk: Some(path), ..context.options() })
}

fn files_survive_switching_off(context: &Context) -> Outcome {
    let disk = with_new_disk(context, "storage-switched-off")?;
    let mut machine = boot(Machine::start(&disk))?;
    play_on(&mut machine, |player| {
        player.expect_exactly("mkdir /data/notes", "")?;
        player.expect_exactly("write /data/notes/today it rains", "")?;
        player.expect("ls /data/notes", &["today"])?;
        player.expect_exactly("sync", "")
    })?;
    switch_off(machine)?;
    let mut machine = boot(Machine::start(&disk))?;
    play_on(&mut machine, |player| player.expect_exactly("cat /data/notes/today", "it rains"))?;
    switch_off(machine)
}

fn what_was_synchronised_survives_a_power_cut(context: &Context) -> Outcome {
    let disk = with_new_disk(context, "storage-power-cut")?;
    for round in 0..5 {
        let mut machine = boot(Machine::start(&disk))?;
        play_on(&mut machine, |player| {
            for earlier in 0..round {
                player.expect_exactly(&format!("cat /data/round-{earlier}"), &format!("number {earlier}"))?;
            }
            player.expect_exactly(&format!("write /data/round-{round} number {round}"), "")?;
            player.expect_exactly("sync", "")?;
            // Something is under way, and never acknowledged.
            player.expect_exactly("write /data/unfinished much", "")
        })?;
        // Dropping it kills QEMU: no flush, no unmounting.
        drop(machine);
    }
    Ok(())
}
