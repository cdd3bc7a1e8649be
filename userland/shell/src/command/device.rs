//! `devices` and `disk`.

use super::{Command, no_arguments, number, usage};
use crate::complete::Argument;
use crate::services::{DeviceEntry, Failure};
use crate::shell::{Done, Shell, Stop};
use crate::table::{Align, Table};
use crate::units::{bytes, span};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

pub const COMMANDS: &[Command] = &[
    Command {
        name: "devices",
        usage: "[-v | --tree | rescan]",
        summary: "show devices and their drivers",
        details: "Without options, those that have a driver. -v shows all, with vendor, device and class; --tree shows behind which \
                  bridge, USB controller or hub each of them is. `rescan` looks for devices that came and went.",
        examples: &[("devices", "what can be used"), ("devices --tree", "everything, by buses")],
        arguments: &[Argument::Words(&["-v", "--tree", "rescan"])],
        run: devices,
        ..Command::PLAIN
    },
    Command {
        name: "disk",
        usage: "read PATH BLOCK | verify PATH ROUNDS [SEED]",
        summary: "read a block of a disk, or try a disk out",
        details: "`read` shows a block. `verify` DESTROYS what is on the disk or part: in each round it writes a random pattern to a random place, flushes \
                  now and then, and reads back what was written before. The same seed does the same.",
        examples: &[
            ("disk read /dev/block/disk0/scratch 0", "its first block"),
            ("disk verify /dev/block/disk0/scratch 1000", "a thousand writes, each read back"),
        ],
        arguments: &[Argument::Words(&["read", "verify"]), Argument::Free],
        run: disk,
        ..Command::PLAIN
    },
];

fn devices(shell: &mut Shell, arguments: &[String], _: bool) -> Done {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        [] => {
            let list = shell.services.devices.list()?;
            let text = table(list.iter().filter(|entry| !entry.path.is_empty()), false);
            shell.print(&text);
        }
        ["-v"] => {
            let list = shell.services.devices.list()?;
            let text = table(list.iter(), true);
            shell.print(&text);
        }
        ["--tree"] => {
            let list = shell.services.devices.list()?;
            let mut text = String::new();
            tree(&list, None, 0, &mut text);
            shell.print(&text);
        }
        ["rescan"] => {
            let count = shell.services.devices.rescan()?;
            shell.print(&format!("{count} devices\n"));
        }
        ["-v" | "--tree" | "rescan", ..] => return no_arguments(&arguments[1..]),
        [other, ..] => return usage(format!("`{other}` is not understood")),
    }
    Ok(())
}

fn table<'a>(entries: impl Iterator<Item = &'a DeviceEntry>, verbose: bool) -> String {
    let left = |name| (name, Align::Left);
    let mut columns = alloc::vec![left("PATH"), left("DRIVER"), left("STATE"), ("RESTARTS", Align::Right), left("BUS")];
    if verbose {
        columns.extend([left("VENDOR"), left("DEVICE"), left("CLASS")]);
    }
    columns.push(left("WHAT"));
    let mut table = Table::new(&columns);
    for entry in entries {
        let or_dash = |text: &str| if text.is_empty() { "-".to_string() } else { text.to_string() };
        let mut row = alloc::vec![
            or_dash(&entry.path),
            or_dash(&entry.driver),
            entry.state.name().to_string(),
            entry.restarts.to_string(),
            entry.place.to_string(),
        ];
        if verbose {
            let identity = entry.identity;
            row.extend([
                format!("{:04x}", identity.vendor),
                format!("{:04x}", identity.device),
                format!("{:06x}", identity.class),
            ]);
        }
        row.push(entry.summary.clone());
        table.row(row);
        for part in &entry.parts {
            table.row([format!("{}/{part}", entry.path)]);
        }
    }
    table.render()
}

/// The devices behind a bridge, each followed by those behind it. The list cannot go in circles: a bridge comes before what is behind it.
fn tree(list: &[DeviceEntry], parent: Option<usize>, depth: usize, text: &mut String) {
    let behind = parent.map(|index| list[index].place);
    for (index, entry) in list.iter().enumerate().filter(|(_, entry)| entry.parent == behind) {
        let identity = entry.identity;
        let numbers = format!("{:04x}:{:04x} {:06x}", identity.vendor, identity.device, identity.class);
        *text += &format!("{:depth$}{} {numbers} {}", "", entry.place, entry.state.name(), depth = depth * 2);
        *text += &match entry.path.is_empty() {
            false => format!(": {} by {} {}", entry.path, entry.driver, entry.summary),
            true if !entry.driver.is_empty() => format!(": {} by {}", entry.summary, entry.driver),
            true if !entry.summary.is_empty() => format!(": {}", entry.summary),
            true => String::new(),
        };
        text.truncate(text.trim_end().len());
        text.push('\n');
        if parent.is_none_or(|parent| parent < index) {
            tree(list, Some(index), depth + 1, text);
        }
    }
}

fn disk(shell: &mut Shell, arguments: &[String], _: bool) -> Done {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["read", path, block] => {
            let block = number(block, "a block's number")?;
            let content = shell.services.devices.read_block(path, block)?;
            let text = dump(0, &content);
            shell.print(&text);
            Ok(())
        }
        ["verify", path, rounds] => verify(shell, path, number(rounds, "a number of rounds")?, 1),
        ["verify", path, rounds, seed] => {
            verify(shell, path, number(rounds, "a number of rounds")?, number(seed, "a seed")?)
        }
        ["read" | "verify", ..] => usage("path and number are needed"),
        [other, ..] => usage(format!("`{other}` is not understood")),
        [] => usage("read or verify?"),
    }
}

fn verify(shell: &mut Shell, path: &str, rounds: u64, seed: u64) -> Done {
    let start = shell.services.host.uptime_ns();
    let report = shell.services.devices.verify(path, rounds, seed)?;
    let taken = shell.services.host.uptime_ns().saturating_sub(start);
    let (written, read) = (bytes(report.written), bytes(report.read));
    shell.print(&format!(
        "{rounds} rounds: {written} written, {read} read back, {} flushes, slowest request {}, in {}\n",
        report.flushes,
        span(report.slowest_ns),
        span(taken)
    ));
    match report.wrong {
        None => Ok(()),
        Some(block) => Err(Stop::from(Failure::Refused(format!("block {block} is not what was written to it")))),
    }
}

/// The devices of a class, with their parts.
pub(super) fn list_class(shell: &mut Shell, class: &str) -> Done {
    let mut table = Table::new(&[("DEVICE", Align::Left), ("STATE", Align::Left), ("WHAT", Align::Left)]);
    for device in shell.services.devices.list()?.iter().filter(|device| device.path.starts_with(class)) {
        table.row([device.path.clone(), device.state.name().into(), device.summary.clone()]);
        for part in &device.parts {
            table.row([format!("{}/{part}", device.path)]);
        }
    }
    shell.print(&table.render());
    Ok(())
}

/// 16 bytes in a row, as numbers and as text; the first is that of the number `first`.
pub(super) fn dump(first: usize, content: &[u8]) -> String {
    let mut text = String::new();
    for (index, row) in content.chunks(16).enumerate() {
        let numbers: Vec<String> = row.iter().map(|byte| format!("{byte:02x}")).collect();
        let letters: String =
            row.iter().map(|byte| if (b' '..=b'~').contains(byte) { char::from(*byte) } else { '.' }).collect();
        text += &format!("{:05x}  {:47}  {letters}\n", first + index * 16, numbers.join(" "));
    }
    text
}
