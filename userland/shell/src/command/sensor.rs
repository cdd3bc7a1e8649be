//! `sensor`.

use super::{Command, usage};
use crate::complete::Argument;
use crate::nearest::nearest;
use crate::services::{Channel, Description, Failure, Reading, SensorError, Statistics, Waited};
use crate::shell::{Done, Shell, Stop};
use crate::table::{Align, Table};
use alloc::format;
use alloc::string::{String, ToString};

/// Nanoseconds in a second.
const SECOND: f64 = 1e9;

pub const COMMANDS: &[Command] = &[Command {
    name: "sensor",
    usage: "list  |  read SENSOR  |  watch SENSOR  |  count SENSOR",
    summary: "show what sensors measure",
    details: "list          the sensors, what they are about and how good their last reading is\n\
              read SENSOR   the last reading, value by value, or why there is none\n\
              watch SENSOR  each new reading on a line, until Ctrl-C\n\
              count SENSOR  what the driver counted: messages, errors, timeouts\n\
              \n\
              A value that the sensor does not know is shown as `-`.",
    examples: &[
        ("sensor list", "which sensors there are"),
        ("sensor read gps0", "where it is"),
        ("sensor watch imu0", "how it turns, as it turns"),
    ],
    arguments: &[Argument::Words(&["list", "read", "watch", "count"]), Argument::Sensor],
    run: sensor,
    ..Command::PLAIN
}];

fn sensor(shell: &mut Shell, arguments: &[String], _: bool) -> Done {
    let words: [&str; 2] = match arguments {
        [verb] => [verb, ""],
        [verb, sensor] => [verb, sensor],
        [] => return usage("what is to be done with sensors is missing"),
        [_, _, more, ..] => return usage(format!("`{more}` is one argument too many")),
    };
    match words {
        ["list", ""] => list(shell),
        ["list", more] => usage(format!("`{more}` is one argument too many")),
        ["read" | "watch" | "count", ""] => usage("the sensor is missing"),
        ["read", sensor] => known(shell, sensor).and_then(|()| read(shell, sensor)),
        ["watch", sensor] => known(shell, sensor).and_then(|()| watch(shell, sensor)),
        ["count", sensor] => known(shell, sensor).and_then(|()| count(shell, sensor)),
        [verb, _] => usage(format!("nothing is known of `{verb}`")),
    }
}

fn known(shell: &mut Shell, sensor: &str) -> Done {
    let names = shell.services.sensors.names()?;
    if names.iter().any(|name| name == sensor) {
        return Ok(());
    }
    Err(Stop::Failed(match nearest(sensor, names.iter().map(String::as_str)) {
        Some(near) => format!("{sensor}: no such sensor; did you mean `{near}`?"),
        None => format!("{sensor}: no such sensor"),
    }))
}

fn list(shell: &mut Shell) -> Done {
    let columns = [("NAME", Align::Left), ("KIND", Align::Left), ("MODEL", Align::Left), ("STATE", Align::Left)];
    let mut table = Table::new(&columns);
    for name in shell.services.sensors.names()? {
        let row = match shell.services.sensors.describe(&name) {
            Ok(what) => {
                let state = match shell.services.sensors.read(&name) {
                    Ok(Ok(reading)) => reading.quality.name().into(),
                    Ok(Err(why)) => why.to_string(),
                    Err(failure) => failure.to_string(),
                };
                [name, what.kind.name().into(), what.model.into_owned(), state]
            }
            Err(failure) => [name, "-".into(), "-".into(), failure.to_string()],
        };
        table.row(row);
    }
    shell.print(&table.render());
    Ok(())
}

fn read(shell: &mut Shell, sensor: &str) -> Done {
    let what = shell.services.sensors.describe(sensor)?;
    let reading = shell.services.sensors.read(sensor)?;
    let reading = reading.map_err(|why| Stop::Failed(format!("{sensor}: {why}")))?;
    let table = values(what.channels.iter(), &reading);
    let age = shell.services.host.uptime_ns().saturating_sub(reading.time_ns) / 1_000_000;
    shell.print(&format!("{table}quality {}, {age} ms old\n", reading.quality.name()));
    Ok(())
}

/// A table of a reading's values.
pub(super) fn values<'a>(channels: impl Iterator<Item = &'a Channel>, reading: &Reading) -> String {
    let mut table = Table::new(&[("CHANNEL", Align::Left), ("VALUE", Align::Right), ("UNIT", Align::Left)]);
    for (channel, value) in channels.zip(&reading.values) {
        table.row([channel.name.clone().into_owned(), number(*value), channel.unit.symbol().into()]);
    }
    table.render()
}

fn count(shell: &mut Shell, sensor: &str) -> Done {
    let Statistics {
        good,
        checksum_errors,
        malformed,
        resyncs,
        timeouts,
        device_errors,
        resets,
        overruns,
        line_errors,
    } = shell.services.sensors.statistics(sensor)?;
    let mut table = Table::new(&[("COUNTED", Align::Left), ("TIMES", Align::Right)]);
    for (what, times) in [
        ("good messages", good),
        ("checksum errors", checksum_errors),
        ("malformed messages", malformed),
        ("resynchronisations", resyncs),
        ("timeouts", timeouts),
        ("device errors", device_errors),
        ("device resets", resets),
        ("overruns", overruns),
        ("other line errors", line_errors),
    ] {
        table.row([what.into(), times.to_string()]);
    }
    shell.print(&table.render());
    Ok(())
}

fn watch(shell: &mut Shell, sensor: &str) -> Done {
    let what = shell.services.sensors.describe(sensor)?;
    // No news has this number: the first answer comes at once.
    let mut after = u64::MAX;
    loop {
        match shell.services.sensors.next(sensor, after) {
            Ok(Waited::Done(news)) => {
                after = news.number;
                shell.print(&line(&what, &news.state));
            }
            Ok(Waited::Interrupted) => return Err(Stop::Interrupted),
            Err(Failure::Died(_)) => {
                shell.print("-- the driver was started anew --\n");
                after = u64::MAX;
                if shell.services.host.sleep(100_000_000) == Waited::Interrupted {
                    return Err(Stop::Interrupted);
                }
            }
            Err(other) => return Err(other.into()),
        }
        if shell.services.host.interrupted() {
            return Err(Stop::Interrupted);
        }
    }
}

fn line(what: &Description, state: &Result<Reading, SensorError>) -> String {
    let reading = match state {
        Ok(reading) => reading,
        Err(why) => return format!("{why}\n"),
    };
    let mut text = format!("{:.3} {}", reading.time_ns as f64 / SECOND, reading.quality.name());
    for (channel, value) in what.channels.iter().zip(&reading.values) {
        text.push_str(&format!(" {}={}", channel.name, number(*value)));
    }
    text.push('\n');
    text
}

/// A value to six places, without the zeros at its end.
fn number(value: Option<f64>) -> String {
    let Some(value) = value else { return "-".into() };
    let text = format!("{value:.6}");
    text.trim_end_matches('0').trim_end_matches('.').into()
}
