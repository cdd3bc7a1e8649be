//! The shell on the screen and the keyboard.

use airox_machine::{Context, Scenario, Screenshot};

use crate::play::{COMMAND_LIMIT, Outcome, Player, check, shared};
use crate::scenario;
use crate::screen::wait_for_screen;

pub const SCENARIOS: &[Scenario] = &[
    scenario("screen.shows_a_prompt", shows_a_prompt),
    scenario("screen.commands_are_typed_and_answered", commands_are_typed_and_answered),
    scenario("screen.keys_with_shift", keys_with_shift),
    scenario("screen.runs_programs_beside_the_serial_shell", runs_programs_beside_the_serial_shell),
    scenario("screen.control_c", control_c),
    scenario("screen.scrolls", scrolls),
];

fn screenshot(player: &mut Player<'_>) -> Result<Screenshot, String> {
    Screenshot::take(player.machine).map_err(|error| error.to_string())
}

fn shows(player: &mut Player<'_>, text: &str) -> Result<String, String> {
    wait_for_screen(player.machine, text, COMMAND_LIMIT)
}

fn shows_a_prompt(context: &Context) -> Outcome {
    shared(context, |player| {
        shows(player, "airox>")?;
        let screen = screenshot(player)?;
        check(screen.size().0 >= 640 && screen.size().1 >= 400, || format!("the screen is {:?}", screen.size()))
    })
}

fn commands_are_typed_and_answered(context: &Context) -> Outcome {
    shared(context, |player| {
        player.press("clear\n")?;
        shows(player, "airox>")?;
        let before = screenshot(player)?.lit();
        player.press("uptime\n")?;
        shows(player, "\nup ")?;
        let after = screenshot(player)?.lit();
        check(after > before, || format!("{before} pixels were lit, and now {after}"))?;
        player.press("ps\n")?;
        let text = shows(player, "shell-screen")?;
        check(text.contains("serial-console"), || format!("the screen shows:\n{text}"))
    })
}

fn keys_with_shift(context: &Context) -> Outcome {
    shared(context, |player| {
        player.press("clear\n")?;
        player.press("echo 'Big AND small; {0_+}?'\n")?;
        shows(player, "\nBig AND small; {0_+}?").map(drop)
    })
}

fn runs_programs_beside_the_serial_shell(context: &Context) -> Outcome {
    shared(context, |player| {
        player.press("clear\n")?;
        player.press("run hello screen\n")?;
        // Both shells at once.
        player.expect("run hello serial", &["argument 1: \"serial\""])?;
        let text = shows(player, "argument 1: \"screen\"")?;
        check(!text.contains("\"serial\""), || format!("one shell's output is on the other's screen:\n{text}"))
    })
}

fn control_c(context: &Context) -> Outcome {
    shared(context, |player| {
        player.press("clear\n")?;
        player.press("sleep 1h\n")?;
        shows(player, "sleep 1h")?;
        player.machine.qmp().press(&["ctrl", "c"]).map_err(|error| error.to_string())?;
        shows(player, "^C")?;
        player.press("echo free again\n")?;
        shows(player, "\nfree again").map(drop)
    })
}

fn scrolls(context: &Context) -> Outcome {
    shared(context, |player| {
        player.press("clear\n")?;
        player.press("echo at the top; repeat 120 echo line; echo at the end\n")?;
        let text = shows(player, "\nat the end")?;
        check(!text.contains("\nat the top"), || format!("nothing scrolled:\n{text}"))
    })
}
