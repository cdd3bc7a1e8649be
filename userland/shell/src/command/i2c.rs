//! `i2c`.

use super::device::{dump, list_class};
use super::{Command, usage};
use crate::complete::Argument;
use crate::services::i2c::ADDRESSES;
use crate::shell::{Done, Shell, Stop};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Where buses are.
const CLASS: &str = "/dev/i2c/";
/// Addresses in a row of `i2c scan`.
const ROW: usize = 16;

pub const COMMANDS: &[Command] = &[Command {
    name: "i2c",
    usage: "list  |  scan BUS  |  read BUS ADDRESS [REGISTER [COUNT]]",
    summary: "look at devices on I2C and SMBus",
    details: "list       the buses\n\
              scan BUS   the addresses at which devices answer\n\
              read BUS ADDRESS [REGISTER [COUNT]]   so many registers of a device, byte by byte; the first 16 if nothing else is said\n\
              \n\
              Address and register are hexadecimal, with or without 0x.",
    examples: &[
        ("i2c scan /dev/i2c/bus0", "who is there"),
        ("i2c read /dev/i2c/bus0 50 0 128", "what a memory module says of itself"),
    ],
    arguments: &[Argument::Words(&["list", "scan", "read"]), Argument::Free],
    run: i2c,
    ..Command::PLAIN
}];

fn i2c(shell: &mut Shell, arguments: &[String], _: bool) -> Done {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["list"] => list_class(shell, CLASS),
        ["scan", bus] => scan(shell, bus),
        ["read", bus, address] => read(shell, bus, byte(address)?, 0, 16),
        ["read", bus, address, register] => read(shell, bus, byte(address)?, byte(register)?, 1),
        ["read", bus, address, register, count] => {
            let count = super::number(count, "a number of bytes")?;
            read(shell, bus, byte(address)?, byte(register)?, count)
        }
        [] => usage("what is to be done with a bus is missing"),
        ["list" | "scan" | "read", ..] => usage("an argument is missing, or one too many"),
        [verb, ..] => usage(format!("nothing is known of `{verb}`")),
    }
}

fn byte(text: &str) -> Result<u8, Stop> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    u8::from_str_radix(digits, 16).or_else(|_| usage(format!("`{text}` is no hexadecimal byte")))
}

fn scan(shell: &mut Shell, bus: &str) -> Done {
    let mut found = Vec::new();
    for address in ADDRESSES {
        if shell.services.i2c.probe(bus, address)? {
            found.push(format!("{address:02x}"));
        }
        if shell.services.host.interrupted() {
            return Err(Stop::Interrupted);
        }
    }
    for row in found.chunks(ROW) {
        shell.print(&format!("{}\n", row.join(" ")));
    }
    Ok(())
}

fn read(shell: &mut Shell, bus: &str, address: u8, register: u8, count: u64) -> Done {
    let last = u64::from(register).saturating_add(count);
    if last > 0x100 {
        return usage("there are 256 registers");
    }
    let mut bytes = Vec::new();
    for register in u64::from(register)..last {
        bytes.extend(shell.services.i2c.transfer(bus, address, &[register as u8], 1)?);
        if shell.services.host.interrupted() {
            return Err(Stop::Interrupted);
        }
    }
    let text = dump(register.into(), &bytes);
    shell.print(&text);
    Ok(())
}
