//! Servers that are ended come back, and their clients find them again.

use airox_machine::{Context, Scenario};

use crate::commands::COMPONENTS;
use crate::play::{Outcome, check, shared};
use crate::scenario;

pub const SCENARIOS: &[Scenario] = &[
    scenario("supervision.a_killed_log_server_returns", a_killed_log_server_returns),
    scenario("supervision.every_component_can_be_restarted", every_component_can_be_restarted),
    scenario("supervision.the_shell_survives_its_console", the_shell_survives_its_console),
    scenario("supervision.a_killed_shell_returns", a_killed_shell_returns),
    scenario("supervision.the_process_server_is_not_given_up", the_process_server_is_not_given_up),
    scenario("supervision.init_cannot_be_killed", init_cannot_be_killed),
    scenario("supervision.log_following_goes_on_after_a_restart", log_following_goes_on),
];

fn a_killed_log_server_returns(context: &Context) -> Outcome {
    shared(context, |player| {
        let before = player.process("log")?;
        player.enter("kill log")?;
        let after = player.until("log", |log| log.state == "receiving")?;
        check(after.restarts == before.restarts + 1, || format!("{before:?} became {after:?}"))?;
        // It answers, and others write to it again.
        player.enter("run fault exit 5")?;
        player.enter("log")?;
        Ok(())
    })
}

fn every_component_can_be_restarted(context: &Context) -> Outcome {
    shared(context, |player| {
        for name in COMPONENTS.iter().filter(|name| !["shell", "serial-console"].contains(name)) {
            let before = player.process(name)?;
            player.expect_exactly(&format!("restart {name}"), "")?;
            let working = ["receiving", "awaiting reply", "waiting", "sending", "ready", "running"];
            let after = player.until(name, |process| working.contains(&process.state.as_str()))?;
            check(after.restarts == before.restarts + 1, || format!("{before:?} became {after:?}"))?;
        }
        player.expect("source health", &["all services answer"])?;
        Ok(())
    })
}

fn the_shell_survives_its_console(context: &Context) -> Outcome {
    shared(context, |player| {
        for command in ["kill serial-console", "restart serial-console"] {
            let before = player.process("serial-console")?;
            player.machine.type_text(&format!("{command}\n")).map_err(|error| error.to_string())?;
            player.synchronise()?;
            let after = player.until("serial-console", |console| console.state == "receiving")?;
            check(after.restarts > before.restarts, || format!("{before:?} became {after:?}"))?;
        }
        player.expect_exactly("echo back", "back")
    })
}

fn a_killed_shell_returns(context: &Context) -> Outcome {
    shared(context, |player| {
        player.machine.type_text("kill shell\n").map_err(|error| error.to_string())?;
        player.wait_for(&format!("\n{}", airox_machine::PROMPT))?;
        player.expect_exactly("echo a new shell", "a new shell")?;
        let shell = player.process("shell")?;
        check(shell.restarts >= 1, || format!("it was not restarted: {shell:?}"))
    })
}

/// More often than components may fail by default: without it nothing could be restarted any more.
fn the_process_server_is_not_given_up(context: &Context) -> Outcome {
    shared(context, |player| {
        player.expect_exactly("repeat 30 kill process", "")?;
        player.expect("run hello", &["Hello from the program hello."])?;
        Ok(())
    })
}

fn init_cannot_be_killed(context: &Context) -> Outcome {
    shared(context, |player| {
        player.expect("kill init", &["kill: init: the root task "])?;
        player.expect("kill 0", &["kill: 0: "])?;
        player.expect("restart init", &["restart: init: "])?;
        player.process("init").map(drop)
    })
}

fn log_following_goes_on(context: &Context) -> Outcome {
    shared(context, |player| {
        // A background program ends the log server's first instance while its records are followed.
        player.machine.type_text("repeat 3 restart log; log -f\n").map_err(|error| error.to_string())?;
        player.wait_for("\n")?;
        player.wait_for("restarted by hand")?;
        player.keys(b"\x03")?;
        player.wait_for("^C")?;
        player.wait_for_prompt().map(drop)
    })
}
