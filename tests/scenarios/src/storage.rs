//! Files on a disk: there after the machine was switched off, there after its power was cut or a server killed in the
//! middle of a write.

use std::time::Duration;

use airox_machine::{Context, Machine, Options, Scenario};

use crate::bars::nothing_is_lost;
use crate::play::{COMMAND_LIMIT, Outcome, Player, alone, boot, check, play_on, until};
use crate::power::switch_off;
use crate::scenario;
use crate::screen::wait_for_screen;

pub const SCENARIOS: &[Scenario] = &[
    scenario("storage.files_survive_switching_off", files_survive_switching_off),
    scenario("storage.settings_history_and_log_survive_a_reboot", what_was_set_and_said_survives),
    scenario("storage.the_file_server_is_killed_100_times_while_it_writes", the_file_server_is_killed),
    scenario("storage.the_disks_driver_is_killed_100_times_while_it_writes", the_driver_is_killed),
    scenario("storage.what_was_synchronised_survives_power_cuts", power_is_cut),
];

/// Writes and synchronises without end.
const STORM: &str = "run --files /data:rw file-storm /data";
/// How often a server or driver is killed.
const RESTARTS: u32 = 100;
/// How often the power is cut, and which environment variable says otherwise.
const CUTS: u32 = 10;
const CUTS_VARIABLE: &str = "AIROX_POWER_CUTS";
const CONTROL_C: u8 = 3;
/// For a hundred restarts.
const LONG: Duration = Duration::from_secs(300);

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
        player.expect_exactly("quota /data/notes 64K 2 && write /data/notes/today it rains", "")?;
        player.expect("ls /data/notes", &["today"])?;
        player.expect_exactly("sync", "")
    })?;
    switch_off(machine)?;
    let mut machine = boot(Machine::start(&disk))?;
    play_on(&mut machine, |player| {
        player.expect_exactly("cat /data/notes/today", "it rains")?;
        player.expect_exactly("quota /data/notes", "4 KiB of 64 KiB, 1 files of 2")?;
        player.expect("cp -r /boot /data/notes/large", &["the quota is used up"])?;
        player.expect("mkdir /data/notes/more /data/notes/last", &["/data/notes/", "the quota is used up"]).map(drop)
    })?;
    switch_off(machine)
}

fn what_was_set_and_said_survives(context: &Context) -> Outcome {
    let disk = with_new_disk(context, "storage-settings")?;
    let mut machine = boot(Machine::start(&disk))?;
    play_on(&mut machine, |player| {
        player.expect_exactly("cat /config/shell/history-lines", "200")?;
        player.expect("write /config/shell/history-lines 201", &["the content is not valid here"])?;
        player.expect_exactly("write /config/shell/history-lines 100", "")?;
        player.expect_exactly("write /config/boot/script health", "")?;
        player.expect_exactly("log level rtc debug", "")?;
        player.expect_exactly("cat /config/log/level/rtc", "debug")?;
        player.expect("run fault null-read", &[])?;
        until(player, "cat /log/current", &["--- boot", "fault"]).map(drop)
    })?;
    switch_off(machine)?;
    let mut machine = boot(Machine::start(&disk))?;
    play_on(&mut machine, |player| {
        player.synchronise()?;
        let text = player.machine.text();
        check(text.contains("all services answer"), || "the script did not run".into())?;
        player.expect("history", &["run fault null-read"])?;
        let levels = player.expect("log level", &["SERVER"])?;
        let rtc = levels.lines().find(|line| line.starts_with("rtc "));
        check(rtc.is_some_and(|line| line.contains("debug")), || levels.clone())?;
        player.expect_exactly("cat /config/shell/history-lines", "100")?;
        // Who keeps the log comes to the disk later than the shell to its prompt.
        let log = until(player, "cat /log/current", &["fault", "\n--- boot"])?;
        check(log.matches("--- boot").count() == 2 && log.contains("fault"), || log.clone())?;
        player.expect("write /log/current x", &["read-only"]).map(drop)
    })?;
    switch_off(machine)
}

/// The number of the last turn of `file-storm` of which the console says that it was synchronised.
fn last_turn(machine: &Machine) -> u64 {
    let turn = |line: &str| line.strip_prefix("turn ")?.split_once(" is synchronised")?.0.parse().ok();
    machine.text().lines().rev().find_map(turn).unwrap_or(0)
}

/// The file of `file-storm` must be as after this turn or a later one, and the volume whole.
fn look(player: &mut Player<'_>, turn: u64) -> Outcome {
    let found = player.expect(&format!("{STORM} {turn}"), &["the file is as after turn "])?;
    check(!found.contains("wrong"), || found)?;
    player.expect("check /data", &["no problems"]).map(drop)
}

/// Begins to write, and waits for so many lines that say what was synchronised.
fn storm(player: &mut Player<'_>, lines: u32) -> Outcome {
    player.machine.type_text(&format!("{STORM}\n")).map_err(|error| error.to_string())?;
    (0..lines).try_for_each(|_| player.wait_for(" is synchronised").map(drop))
}

/// The screen's shell restarts the server or driver again and again while the serial line's writes.
fn storm_beside(player: &mut Player<'_>, name: &str, restarts: u32) -> Outcome {
    storm(player, 1)?;
    player.press(&format!("clear; repeat -d 25ms {restarts} restart {name}; echo; echo over\n"))?;
    wait_for_screen(player.machine, "\nover", LONG)?;
    // Nobody is killed any more; it goes on.
    (0..2).try_for_each(|_| player.wait_for(" is synchronised").map(drop))?;
    let turn = last_turn(player.machine);
    player.keys(&[CONTROL_C])?;
    player.wait_for_prompt()?;
    look(player, turn)
}

fn restarted_often(context: &Context, name: &str) -> Outcome {
    alone(context, |player| {
        player.press("echo ready\n")?;
        wait_for_screen(player.machine, "\nready", COMMAND_LIMIT)?;
        // Once before anything is counted, so that everybody has made room for what that takes.
        storm_beside(player, name, 3)?;
        nothing_is_lost(player, |player| {
            storm_beside(player, name, RESTARTS)?;
            player.until(name, |process| process.state == "receiving").map(drop)
        })
    })
}

fn the_file_server_is_killed(context: &Context) -> Outcome {
    restarted_often(context, "data")
}

fn the_driver_is_killed(context: &Context) -> Outcome {
    restarted_often(context, "virtio-block0")
}

fn power_is_cut(context: &Context) -> Outcome {
    let cuts = std::env::var(CUTS_VARIABLE).ok().and_then(|cuts| cuts.parse().ok()).unwrap_or(CUTS);
    let disk = with_new_disk(context, "storage-power-cut")?;
    let mut turn = 0;
    for cut in 0..=cuts {
        let mut machine = boot(Machine::start(&disk))?;
        play_on(&mut machine, |player| {
            look(player, turn)?;
            if cut < cuts { storm(player, 1 + cut % 3) } else { Ok(()) }
        })?;
        turn = turn.max(last_turn(&machine));
        // Dropping it kills QEMU in the middle of a write: no flush, no unmounting.
    }
    Ok(())
}
