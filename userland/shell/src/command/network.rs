//! `network` and `random`.

use super::{Command, number, usage};
use crate::arp;
use crate::complete::Argument;
use crate::services::{Failure, NetworkStatus};
use crate::shell::{Done, Shell, Stop};
use crate::table::{Align, Table};
use crate::units::bytes;
use airox_driver_traits::network::MacAddress;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// Where interfaces and sources of randomness are.
const INTERFACES: &str = "/dev/network/";
const RANDOM: &str = "/dev/random/random0";
/// A source gives so many at a time, and so many are shown at most.
const AT_A_TIME: u32 = 256;
const MOST: u64 = 64 << 10;
/// A question is asked so often, and answers are waited for so long each time, in nanoseconds.
const QUESTIONS: u64 = 20;
const PATIENCE: u64 = 50_000_000;

pub const COMMANDS: &[Command] = &[
    Command {
        name: "network",
        usage: "[list]  |  arp INTERFACE OWN-ADDRESS ADDRESS",
        summary: "show network interfaces, or ask who has an address",
        details: "list  the interfaces: address, link, frames and bytes in and out, and what was lost\n\
                  arp   asks on INTERFACE who has the IPv4 ADDRESS, as one who has OWN-ADDRESS; waits a second for the answer",
        examples: &[
            ("network", "which interfaces there are"),
            ("network arp net0 10.0.2.15 10.0.2.2", "the Ethernet address of 10.0.2.2"),
        ],
        arguments: &[Argument::Words(&["list", "arp"]), Argument::Free],
        run: network,
        ..Command::PLAIN
    },
    Command {
        name: "random",
        usage: "[BYTES]",
        summary: "show random bytes",
        details: "They come from the machine's source of randomness, 16 unless told otherwise.",
        examples: &[("random 4", "four bytes")],
        run: random,
        ..Command::PLAIN
    },
];

fn network(shell: &mut Shell, arguments: &[String], _: bool) -> Done {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        [] | ["list"] => list(shell),
        ["list", more, ..] => usage(format!("`{more}` is one argument too many")),
        ["arp", interface, own, wanted] => {
            let address = |text: &str| match arp::parse(text) {
                Some(address) => Ok(address),
                None => usage(format!("`{text}` is no IPv4 address")),
            };
            ask(shell, interface, address(own)?, address(wanted)?, wanted)
        }
        ["arp", ..] => usage("an interface and two addresses are needed"),
        [other, ..] => usage(format!("`{other}` is not understood")),
    }
}

fn list(shell: &mut Shell) -> Done {
    let right = |name| (name, Align::Right);
    let columns = [
        ("NAME", Align::Left),
        ("ADDRESS", Align::Left),
        ("LINK", Align::Left),
        right("RECEIVED"),
        right("BYTES"),
        right("SENT"),
        right("BYTES"),
        right("DROPPED"),
        right("ERRORS"),
    ];
    let mut table = Table::new(&columns);
    for entry in shell.services.devices.list()? {
        let Some(name) = entry.path.strip_prefix(INTERFACES) else { continue };
        match shell.services.networks.status(&entry.path) {
            Ok(status) => table.row(row(name, &status)),
            Err(failure) => table.row([name.to_string(), "-".into(), failure.to_string()]),
        }
    }
    shell.print(&table.render());
    Ok(())
}

fn row(name: &str, status: &NetworkStatus) -> [String; 9] {
    let (link, counters) = (status.link, status.counters);
    let link = match (link.up, link.megabits) {
        (false, _) => "down".into(),
        (true, None) => "up".into(),
        (true, Some(megabits)) => format!("{megabits} Mbit/s"),
    };
    [
        name.to_string(),
        status.address.to_string(),
        link,
        counters.received.to_string(),
        bytes(counters.received_bytes),
        counters.sent.to_string(),
        bytes(counters.sent_bytes),
        counters.dropped.to_string(),
        counters.errors.to_string(),
    ]
}

fn ask(shell: &mut Shell, interface: &str, own: arp::Ipv4, wanted: arp::Ipv4, text: &str) -> Done {
    let path = format!("{INTERFACES}{interface}");
    let networks = &mut shell.services.networks;
    let address = networks.status(&path)?.address;
    // Listening begins before the question is asked.
    networks.receive(&path, 0)?;
    let question = arp::request(address, own, wanted);
    let begin = shell.services.host.uptime_ns();
    let mut found = None;
    // Frames may be lost on their way, so it is asked again.
    for turn in 1..=QUESTIONS {
        shell.services.networks.send(&path, &question)?;
        found = answer(shell, &path, wanted, begin.saturating_add(turn * PATIENCE))?;
        if found.is_some() {
            break;
        }
    }
    let Some(address) = found else {
        return Err(Stop::from(Failure::Refused(format!("nobody says that it has {text}"))));
    };
    shell.print(&format!("{text} is at {address}\n"));
    Ok(())
}

/// The answer, if it comes by then.
fn answer(shell: &mut Shell, path: &str, wanted: arp::Ipv4, deadline: u64) -> Result<Option<MacAddress>, Stop> {
    loop {
        let left = deadline.saturating_sub(shell.services.host.uptime_ns());
        let Some(frame) = shell.services.networks.receive(path, left)? else { return Ok(None) };
        match arp::answer(&frame, wanted) {
            None if left > 0 => {}
            found => return Ok(found),
        }
    }
}

fn random(shell: &mut Shell, arguments: &[String], _: bool) -> Done {
    let mut left = match arguments {
        [] => 16,
        [count] => number(count, "a number of bytes")?,
        [_, more, ..] => return usage(format!("`{more}` is one argument too many")),
    };
    if left > MOST {
        return usage(format!("{MOST} bytes at most"));
    }
    let mut bytes = Vec::new();
    while left > 0 {
        let next = shell.services.networks.random(RANDOM, left.min(AT_A_TIME.into()) as u32)?;
        left = left.saturating_sub(next.len() as u64);
        bytes.extend(next);
    }
    let mut text = String::new();
    for row in bytes.chunks(16) {
        let numbers: Vec<String> = row.iter().map(|byte| format!("{byte:02x}")).collect();
        text += &format!("{}\n", numbers.join(" "));
    }
    shell.print(&text);
    Ok(())
}
