//! Typing at the prompt: keys, history, completion, interruption, and what no person would type.

use airox_machine::{Context, Scenario};

use crate::play::{Outcome, check, shared};
use crate::scenario;

pub const SCENARIOS: &[Scenario] = &[
    scenario("typing.history", history),
    scenario("typing.completion", completion),
    scenario("typing.keys", keys),
    scenario("typing.control_c_gives_the_line_up", control_c_gives_the_line_up),
    scenario("typing.control_d_does_not_end_the_shell", control_d_does_not_end_the_shell),
    scenario("typing.a_very_long_line", a_very_long_line),
    scenario("typing.noise", noise),
    scenario("typing.ahead", ahead),
];

const UP: &[u8] = b"\x1b[A";
const LEFT: &[u8] = b"\x1b[D";
const HOME: &[u8] = b"\x1b[H";
const CONTROL_C: &[u8] = b"\x03";
const CONTROL_D: &[u8] = b"\x04";

fn history(context: &Context) -> Outcome {
    shared(context, |player| {
        player.enter("echo the first of two")?;
        player.enter("echo the second of two")?;
        player.expect("history", &["echo the first of two", "echo the second of two"])?;
        // The line before the line before.
        player.keys(&[UP, UP, UP].concat())?;
        player.wait_for("echo the first of two")?;
        player.keys(b"\r")?;
        let output = player.wait_for_prompt()?;
        check(output.contains("\nthe first of two"), || format!("the recalled line prints {output:?}"))
    })
}

fn completion(context: &Context) -> Outcome {
    shared(context, |player| {
        player.keys(b"upt\t")?;
        player.wait_for("uptime")?;
        player.keys(b"\r")?;
        player.wait_for("up ")?;
        player.wait_for_prompt()?;
        player.keys(b"run hel\t")?;
        player.wait_for("run hello")?;
        player.keys(b"\r")?;
        player.wait_for("Hello from the program hello")?;
        player.wait_for_prompt()?;
        // Several candidates are listed.
        player.keys(b"run h\t\t")?;
        player.wait_for("hello")?;
        player.wait_for("hog")?;
        player.wait_for("airox> run h")?;
        player.keys(CONTROL_C)?;
        player.wait_for("^C")?;
        player.wait_for_prompt().map(drop)
    })
}

fn keys(context: &Context) -> Outcome {
    shared(context, |player| {
        // "eco b" with an h put in after two steps to the right of the start, and "a" before "b".
        player.keys(b"eco b")?;
        player.keys(LEFT)?;
        player.keys(b"a ")?;
        player.keys(HOME)?;
        player.keys(b"\x1b[C\x1b[Ch\r")?;
        let output = player.wait_for_prompt()?;
        check(output.contains("\na b"), || format!("the edited line prints {output:?}"))?;
        player.keys(b"echo gonx\x7fe\r")?;
        let output = player.wait_for_prompt()?;
        check(output.contains("\ngone"), || format!("after a backspace: {output:?}"))
    })
}

fn control_c_gives_the_line_up(context: &Context) -> Outcome {
    shared(context, |player| {
        player.keys(b"poweroff")?;
        player.wait_for("poweroff")?;
        player.keys(CONTROL_C)?;
        player.wait_for("^C")?;
        player.wait_for_prompt()?;
        player.expect_exactly("echo still here", "still here")
    })
}

fn control_d_does_not_end_the_shell(context: &Context) -> Outcome {
    shared(context, |player| {
        player.keys(CONTROL_D)?;
        player.wait_for("poweroff")?;
        player.wait_for_prompt()?;
        player.expect_exactly("echo still here", "still here")
    })
}

fn a_very_long_line(context: &Context) -> Outcome {
    shared(context, |player| {
        let long = "x".repeat(900);
        player.machine.type_text(&format!("echo {long}")).map_err(|error| error.to_string())?;
        player.keys(b"\r")?;
        player.wait_for_prompt()?;
        player.expect_exactly("echo short", "short")
    })
}

fn noise(context: &Context) -> Outcome {
    shared(context, |player| {
        // Every byte there is but those that enter, recall or complete a line; then half an escape sequence and bad UTF-8.
        let bytes: Vec<u8> =
            (0..=255).filter(|byte| !matches!(byte, b'\r' | b'\n' | b'\t' | 0x0f | 0x10 | 0x12)).collect();
        for piece in bytes.chunks(8) {
            player.keys(piece)?;
        }
        player.keys(b"\x1b[999;\xff\xfe\xc3\x28")?;
        player.keys(CONTROL_C)?;
        player.keys(CONTROL_C)?;
        player.keys(b"\r")?;
        player.machine.type_text("echo after the noise\r").map_err(|error| error.to_string())?;
        player.wait_for("\nafter the noise")?;
        player.wait_for_prompt()?;
        player.expect_exactly("echo calm", "calm")
    })
}

fn ahead(context: &Context) -> Outcome {
    shared(context, |player| {
        player.keys(b"sleep 200ms\recho typed ahead\r")?;
        player.wait_for("\ntyped ahead")?;
        player.wait_for_prompt().map(drop)
    })
}
