//! `actuator`.

use super::{Command, usage};
use crate::complete::Argument;
use crate::services::Outputs;
use crate::shell::{Done, Shell, Stop};
use crate::table::{Align, Table};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

pub const COMMANDS: &[Command] = &[Command {
    name: "actuator",
    usage: "list  |  read ACTUATOR  |  set ACTUATOR CHANNEL VALUE  |  stop ACTUATOR [CHANNEL]",
    summary: "move things, and see what they do",
    details: "list            the actuators and their channels' ranges\n\
              read ACTUATOR   what each channel does; `-` where nothing is driven\n\
              set ACTUATOR CHANNEL VALUE   sets a channel, by name or number, and waits until the device has confirmed it\n\
              stop ACTUATOR [CHANNEL]   lets a channel go, or all of them: nothing drives them any more",
    examples: &[
        ("actuator set servos0 servo2 0.5", "half way to its end"),
        ("actuator stop servos0", "let all servos go"),
    ],
    arguments: &[Argument::Words(&["list", "read", "set", "stop"]), Argument::Free],
    run: actuator,
    ..Command::PLAIN
}];

fn actuator(shell: &mut Shell, arguments: &[String], _: bool) -> Done {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["list"] => list(shell),
        ["read", actuator] => read(shell, actuator),
        ["set", actuator, channel, value] => {
            let Ok(value) = value.parse() else { return usage(format!("`{value}` is not a value")) };
            let channel = channel_of(&shell.services.actuators.describe(actuator)?, channel)?;
            Ok(shell.services.actuators.set(actuator, channel, Some(value))?)
        }
        ["stop", actuator] => {
            let count = shell.services.actuators.describe(actuator)?.outputs.len() as u32;
            stop(shell, actuator, 0..count)
        }
        ["stop", actuator, channel] => {
            let channel = channel_of(&shell.services.actuators.describe(actuator)?, channel)?;
            stop(shell, actuator, channel..channel + 1)
        }
        [] => usage("what is to be done with actuators is missing"),
        ["list" | "read" | "set" | "stop", ..] => usage("an argument is missing, or one too many"),
        [verb, ..] => usage(format!("nothing is known of `{verb}`")),
    }
}

/// The number of a channel, by its number or name.
fn channel_of(what: &Outputs, channel: &str) -> Result<u32, Stop> {
    let named = what.outputs.iter().position(|output| output.channel.name == channel);
    let number = named.or_else(|| channel.parse().ok().filter(|number| *number < what.outputs.len()));
    number.map(|number| number as u32).ok_or_else(|| Stop::Failed(format!("{channel}: no such channel")))
}

/// Lets channels go: all of them, even if one cannot be.
fn stop(shell: &mut Shell, actuator: &str, channels: core::ops::Range<u32>) -> Done {
    let mut done = Ok(());
    for channel in channels {
        done = done.and(shell.services.actuators.set(actuator, channel, None));
    }
    Ok(done?)
}

fn list(shell: &mut Shell) -> Done {
    let columns = [("ACTUATOR", Align::Left), ("CHANNEL", Align::Left), ("RANGE", Align::Left), ("MODEL", Align::Left)];
    let mut table = Table::new(&columns);
    for name in shell.services.actuators.names()? {
        match shell.services.actuators.describe(&name) {
            Ok(what) => {
                for output in &what.outputs {
                    let range = format!("{} to {} {}", output.least, output.most, output.channel.unit.symbol());
                    let (channel, model) = (output.channel.name.to_string(), what.model.to_string());
                    table.row([name.clone(), channel, range.trim_end().into(), model]);
                }
            }
            Err(failure) => table.row([name, "-".into(), "-".into(), failure.to_string()]),
        }
    }
    shell.print(&table.render());
    Ok(())
}

fn read(shell: &mut Shell, actuator: &str) -> Done {
    let what = shell.services.actuators.describe(actuator)?;
    let reading = shell.services.actuators.read(actuator)?;
    let reading = reading.map_err(|why| Stop::Failed(format!("{actuator}: {why}")))?;
    let channels = what.outputs.iter().map(|output| &output.channel);
    let text = super::sensor::values(channels, &reading);
    shell.print(&text);
    Ok(())
}
