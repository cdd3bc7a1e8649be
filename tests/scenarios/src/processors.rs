//! A machine with four processors, used by a person.

use std::time::Instant;

use airox_machine::{Context, Ending, Machine, Options, Scenario};

use crate::commands::COMPONENTS;
use crate::play::{BOOT_LIMIT, COMMAND_LIMIT, Outcome, Player, boot, check, play_on};
use crate::scenario;

pub const SCENARIOS: &[Scenario] = &[
    scenario("processors.programs_run_where_they_are_put", programs_run_where_they_are_put),
    scenario("processors.a_hog_elsewhere_does_not_slow_the_shell", a_hog_elsewhere_does_not_slow_the_shell),
    scenario("processors.every_component_can_be_restarted", every_component_can_be_restarted),
    scenario("processors.reboot_and_poweroff", reboot_and_poweroff),
];

const PROCESSORS: u32 = 4;
const CONTROL_C: &[u8] = b"\x03";

fn start(context: &Context) -> Result<Machine, String> {
    boot(Machine::start(&Options { processors: PROCESSORS, ..context.options() }))
}

fn play(context: &Context, play: impl FnOnce(&mut Player<'_>) -> Outcome) -> Outcome {
    play_on(&mut start(context)?, play)
}

/// The processor that `ps -l` tells of a process.
fn processor_of(player: &mut Player<'_>, name: &str) -> Result<String, String> {
    let table = player.enter("ps -l")?;
    let cells = |line: &str| -> Vec<String> {
        let cells = line.split("  ").map(str::trim).filter(|cell| !cell.is_empty());
        cells.map(str::to_owned).collect()
    };
    let place = |wanted: &str, line: &str| cells(line).iter().position(|cell| cell == wanted);
    let column = table.lines().find_map(|line| place("PROCESSOR", line));
    let row = table.lines().find(|line| place(name, line) == Some(1));
    let found = column.zip(row).and_then(|(column, row)| cells(row).get(column).cloned());
    found.ok_or_else(|| format!("no processor of {name} in:\n{table}"))
}

fn programs_run_where_they_are_put(context: &Context) -> Outcome {
    play(context, |player| {
        player.expect("ps", &["init", "serial-console", "shell"])?;
        player.expect("run hello", &["Hello from the program hello."])?;
        for number in 0..PROCESSORS {
            player.expect(&format!("run --processor {number} hello"), &["Hello from the program hello."])?;
            let only = format!("processor  {number}:");
            let output = player.expect(&format!("run --processor {number} processors 20"), &[&only])?;
            check(output.matches("processor  ").count() == 2, || {
                format!("not on processor {number} alone:\n{output}")
            })?;
        }
        let all: Vec<String> = (0..PROCESSORS).map(|number| format!("processor  {number}:")).collect();
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        player.expect("run processors 100", &all)?;
        player.expect(
            &format!("run --processor {PROCESSORS} hello"),
            &["cannot run on processor 4; they can on 0, 1, 2, 3"],
        )?;
        player.expect("run --processor 99 hello", &["cannot run on processor 99"])?;
        player.expect("run --budget 2ms/10ms --processor 1 processors", &["its threads stay there"])?;
        // A fifth of each processor is for programs' budgets.
        for number in 0..PROCESSORS {
            player.expect(&format!("run --processor {number} --budget 2ms/10ms hog &"), &["background"])?;
        }
        player.expect("run --processor 2 --budget 1ms/10ms hog", &["would take 30 % of processor 2"])?;
        player.enter("repeat 4 kill hog")?;
        player.expect(
            "run --processor 3 fault null-read",
            &["read of inaccessible memory at address 0x0", "backtrace:"],
        )?;
        player.expect("source health", &["all services answer"]).map(drop)
    })
}

fn a_hog_elsewhere_does_not_slow_the_shell(context: &Context) -> Outcome {
    play(context, |player| {
        // The slowest of a few: a computer with fewer processors than the machine gives each its turn.
        let slowest = |player: &mut Player<'_>| -> Result<_, String> {
            let mut slowest = std::time::Duration::ZERO;
            for _ in 0..5 {
                let start = Instant::now();
                player.expect_exactly("echo prompt", "prompt")?;
                slowest = slowest.max(start.elapsed());
            }
            Ok(slowest)
        };
        let before = slowest(player)?;
        player.expect("run --processor 3 hog &", &["background"])?;
        let with_hog = slowest(player)?;
        check(with_hog < before * 10 + std::time::Duration::from_secs(1), || {
            format!("a line took {before:?} at most, and {with_hog:?} beside a hog on another processor")
        })?;
        check(processor_of(player, "hog")? == "3", || "the hog is not where it was put".into())?;
        check(processor_of(player, "shell")? == "0", || "the shell is not on the first processor".into())?;
        let top = player.expect("top -n 1 -i 300ms", &["4 processors busy", "hog"])?;
        let busy = top.split("busy ").nth(1).and_then(|rest| rest.split('.').next()?.parse::<u32>().ok());
        check(busy.is_some_and(|busy| (15..100).contains(&busy)), || format!("one of four is busy, but:\n{top}"))?;
        player.enter("kill hog")?;
        player.enter("sleep 50ms")?;
        player.enter("echo")?;
        player.machine.type_text("run --processor 2 primes 100000000\n").map_err(|error| error.to_string())?;
        player.wait_for(" %  ")?;
        player.keys(CONTROL_C)?;
        player.wait_for("^C")?;
        player.wait_for_prompt()?;
        let left = player.processes()?;
        check(left.iter().all(|process| !["hog", "primes"].contains(&process.name.as_str())), || {
            format!("still there: {left:?}")
        })
    })
}

fn every_component_can_be_restarted(context: &Context) -> Outcome {
    play(context, |player| {
        for number in 0..PROCESSORS {
            player.expect(&format!("run --processor {number} hog &"), &["background"])?;
        }
        for name in COMPONENTS.iter().filter(|name| !["shell", "serial-console", "process"].contains(name)) {
            let before = player.process(name)?;
            player.expect_exactly(&format!("restart {name}"), "")?;
            let after = player.until(name, |process| process.restarts > before.restarts && process.state != "dead")?;
            check(after.restarts == before.restarts + 1, || format!("{before:?} became {after:?}"))?;
        }
        // The programs end with the process server.
        player.enter("restart process")?;
        player.until("process", |process| process.restarts == 1)?;
        let left = player.processes()?;
        check(left.iter().all(|process| process.name != "hog"), || format!("still there: {left:?}"))?;
        for command in ["restart serial-console", "restart shell"] {
            player.machine.type_text(&format!("{command}\n")).map_err(|error| error.to_string())?;
            player.synchronise()?;
        }
        player.expect("source health", &["all services answer"]).map(drop)
    })
}

fn reboot_and_poweroff(context: &Context) -> Outcome {
    let mut machine = start(context)?;
    play_on(&mut machine, |player| player.expect("run --processor 3 hog &", &["background"]).map(drop))?;
    machine.type_text("reboot\n").map_err(|error| error.to_string())?;
    machine.wait_for("AIROX loader", BOOT_LIMIT).map_err(|error| error.to_string())?;
    machine.wait_for_prompt(BOOT_LIMIT).map_err(|error| error.to_string())?;
    play_on(&mut machine, |player| {
        player.expect("run --processor 1 hog &", &["background"])?;
        player.expect_exactly("echo again", "again")
    })?;
    machine.type_text("poweroff\n").map_err(|error| error.to_string())?;
    let exit = machine.wait_for_exit(COMMAND_LIMIT).map_err(|error| error.to_string())?;
    check(exit.ending == Ending::PowerOff && exit.status == Some(0), || {
        format!("{}, status {:?}", exit.ending, exit.status)
    })
}
