//! The bars: servers killed a hundred times, and the system goes on with no more memory and handles than before.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use airox_machine::{Context, Scenario};

use crate::play::{COMMAND_LIMIT, Outcome, Player, alone, check};
use crate::scenario;
use crate::screen::wait_for_screen;
use crate::tables::Process;

pub const SCENARIOS: &[Scenario] = &[
    scenario("bar.serial_console_killed_100_times_from_the_screen", serial_console_killed),
    scenario("bar.tmp_server_killed_100_times_while_it_is_written_to", tmp_server_killed),
    scenario("bar.log_server_killed_100_times_in_a_flood", log_server_killed),
];

/// How often.
const TIMES: u32 = 100;
/// Kills tried in one go, most of which come too early.
const TURNS: u32 = 3000;
/// For a hundred restarts.
const LONG: Duration = Duration::from_secs(300);
/// Locks that two threads may want at the same time for the first time between two counts: far fewer than servers are ended.
pub(crate) const LOCKS: u32 = 8;
/// Frames (4 KiB) the system may hold more than before: what servers had not touched yet when it was counted first. Fewer than servers are ended.
const FRAMES_MORE: u64 = 64;

/// The server of the file system on the disk.
const CACHING: &str = "data";
/// Bytes of a frame.
const FRAME: u64 = 4096;

/// What must come back to where it was.
pub(crate) struct Held {
    objects: BTreeMap<String, u64>,
    processes: Vec<Process>,
}

/// It, now.
pub(crate) fn held(player: &mut Player<'_>) -> Result<Held, String> {
    Ok(Held { objects: player.objects()?, processes: player.processes()? })
}

impl Held {
    /// Frames of the file system on the disk: as long as there is room, it keeps what was read and written lately, and the log is written all the time.
    fn cached(&self) -> u64 {
        let data = self.processes.iter().find(|process| process.name == CACHING);
        data.map_or(0, |data| data.memory.div_ceil(FRAME))
    }
}

/// Whether it has come back. A lock gets its signal when two threads first want it at the same time, and keeps it: so many handles and signals may be more.
pub(crate) fn same(before: &Held, after: &Held, locks: u32) -> Outcome {
    for (kind, old) in &before.objects {
        let new = after.objects.get(kind).copied().unwrap_or(0);
        let room = match kind.as_str() {
            "frames" => FRAMES_MORE + after.cached(),
            "handles" | "signals" => locks.into(),
            _ => 0,
        };
        let less = if kind == "frames" { before.cached() } else { 0 };
        check(new + less <= old + room, || format!("{kind}: {old} before, {new} after"))?;
    }
    for old in &before.processes {
        let Some(new) = after.processes.iter().find(|process| process.name == old.name) else {
            return Err(format!("{} is gone", old.name));
        };
        check(new.handles.abs_diff(old.handles) <= locks, || {
            format!("{}: {} handles before, {} after", old.name, old.handles, new.handles)
        })?;
    }
    Ok(())
}

/// Whether no more is held after `play`, which ends something a hundred times, than before: what is lost with each end is more than there is room for.
pub(crate) fn nothing_is_lost(player: &mut Player<'_>, play: impl FnOnce(&mut Player<'_>) -> Outcome) -> Outcome {
    let before = held(player)?;
    play(player)?;
    same(&before, &held(player)?, LOCKS)
}

/// One kill and return of the server, so that everybody has made room for what a reconnection takes.
fn rehearse(player: &mut Player<'_>, name: &str) -> Outcome {
    player.machine.type_text(&format!("restart {name}\n")).map_err(|error| error.to_string())?;
    player.synchronise()?;
    player.until(name, |server| server.state == "receiving").map(drop)
}

fn screen_shows(player: &mut Player<'_>, text: &str, limit: Duration) -> Outcome {
    wait_for_screen(player.machine, text, limit).map(drop)
}

/// Has the server killed by `kill` until it was started again as often as it must be.
///
/// A kill that finds it down, in the pause before it is started again, is refused. So each `kill` makes many attempts.
fn killed_often(player: &mut Player<'_>, name: &str, mut kill: impl FnMut(&mut Player<'_>) -> Outcome) -> Outcome {
    let start = player.process(name)?.restarts;
    let deadline = Instant::now() + LONG;
    let mut done = 0;
    while done < TIMES {
        check(Instant::now() < deadline, || format!("only {done} kills in {LONG:?}"))?;
        kill(player)?;
        done = player.until(name, |server| server.state == "receiving")?.restarts - start;
    }
    Ok(())
}

fn serial_console_killed(context: &Context) -> Outcome {
    alone(context, |player| {
        player.press("echo ready\n")?;
        screen_shows(player, "\nready", COMMAND_LIMIT)?;
        rehearse(player, "serial-console")?;
        let before = held(player)?;
        killed_often(player, "serial-console", |player| {
            player.press(&format!("clear; repeat -k {TURNS} kill serial-console; echo over\n"))?;
            screen_shows(player, "\nover", LONG)?;
            player.synchronise()
        })?;
        player.expect_exactly("echo the line works", "the line works")?;
        same(&before, &held(player)?, LOCKS)
    })
}

fn tmp_server_killed(context: &Context) -> Outcome {
    alone(context, |player| {
        player.press("echo ready\n")?;
        screen_shows(player, "\nready", COMMAND_LIMIT)?;
        player.enter("write /tmp/serial text; cat /tmp/serial")?;
        // Once before anything is counted: a lock gets its signal when two threads first want it at the same time.
        killed_while_written_to(player)?;
        nothing_is_lost(player, |player| {
            killed_while_written_to(player)?;
            player.expect_exactly("write /tmp/again text && cat /tmp/again", "text")?;
            player.enter("rm /tmp/again").map(drop)
        })
    })
}

/// The shell on the screen copies to `/tmp` while its server is killed a hundred times.
fn killed_while_written_to(player: &mut Player<'_>) -> Outcome {
    player.press("clear; repeat -k 1000000 cp /boot/kernel.symbols /tmp/copy\n")?;
    killed_often(player, "tmp", |player| player.enter_within(&format!("repeat -k {TURNS} kill tmp"), LONG).map(drop))?;
    player.machine.qmp().press(&["ctrl", "c"]).map_err(|error| error.to_string())?;
    screen_shows(player, "^C", COMMAND_LIMIT)?;
    player.synchronise()
}

fn log_server_killed(context: &Context) -> Outcome {
    alone(context, |player| {
        player.press("echo ready\n")?;
        screen_shows(player, "\nready", COMMAND_LIMIT)?;
        // The flood: programs that go wrong, each with several records, from the shell on the screen.
        player.press("repeat -k 3 run fault null-read\n")?;
        screen_shows(player, "3 of 3 turns failed", LONG)?;
        rehearse(player, "log")?;
        let before = held(player)?;
        player.press("clear; repeat -k 100000 run fault null-read\n")?;
        screen_shows(player, "faulted", COMMAND_LIMIT)?;
        killed_often(player, "log", |player| {
            player.enter_within(&format!("repeat -k {TURNS} kill log"), LONG).map(drop)
        })?;
        player.machine.qmp().press(&["ctrl", "c"]).map_err(|error| error.to_string())?;
        screen_shows(player, "^C", COMMAND_LIMIT)?;
        player.expect("source health", &["all services answer"])?;
        same(&before, &held(player)?, LOCKS)
    })
}
