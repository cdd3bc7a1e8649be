//! `watchdog`.

use super::{Command, no_arguments};
use crate::services::WatchdogStatus;
use crate::shell::{Done, Shell};
use crate::table::{Align, Table};
use crate::units::span;
use alloc::string::{String, ToString};

/// Where watchdogs are.
const CLASS: &str = "/dev/watchdog/";
const MILLISECOND: u64 = 1_000_000;

pub const COMMANDS: &[Command] = &[Command {
    name: "watchdog",
    summary: "show whether watchdogs run and are fed",
    details: "A watchdog resets the machine unless it is fed in time. It is, by the component `health`, as long as the system answers; nobody can stop it.",
    arguments: &[],
    run: watchdog,
    ..Command::PLAIN
}];

fn watchdog(shell: &mut Shell, arguments: &[String], _: bool) -> Done {
    no_arguments(arguments)?;
    let columns = [
        ("NAME", Align::Left),
        ("STATE", Align::Left),
        ("TIMEOUT", Align::Right),
        ("FED", Align::Right),
        ("LAST", Align::Right),
        ("", Align::Left),
    ];
    let mut table = Table::new(&columns);
    for entry in shell.services.devices.list()? {
        let Some(name) = entry.path.strip_prefix(CLASS) else { continue };
        match shell.services.watchdogs.status(&entry.path) {
            Ok(status) => table.row(row(name, &status, shell.services.host.uptime_ns())),
            Err(failure) => table.row([name.to_string(), failure.to_string()]),
        }
    }
    shell.print(&table.render());
    Ok(())
}

fn row(name: &str, status: &WatchdogStatus, now: u64) -> [String; 6] {
    let ago = match status.fed {
        0 => "-".into(),
        _ => alloc::format!("{} ago", span(now.saturating_sub(status.fed_at_ns))),
    };
    [
        name.into(),
        if status.running { "running" } else { "stopped" }.into(),
        status.timeout_ms.map_or_else(|| "-".into(), |timeout| span(u64::from(timeout) * MILLISECOND)),
        status.fed.to_string(),
        ago,
        if status.has_reset { "reset the machine last" } else { "" }.into(),
    ]
}
