//! `can`.

use super::device::list_class;
use super::{Command, usage};
use crate::complete::Argument;
use crate::services::can::{CanFrame, Event, Frame, News};
use crate::services::{Failure, Waited};
use crate::shell::{Done, Shell, Stop};
use crate::table::{Align, Table};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// Where CAN controllers are.
const CLASS: &str = "/dev/can/";
/// Nanoseconds in a second.
const SECOND: f64 = 1e9;

pub const COMMANDS: &[Command] = &[Command {
    name: "can",
    usage: "list  |  status BUS  |  send BUS FRAME...  |  show BUS [COUNT]  |  watch BUS [COUNT]  |  recover BUS",
    summary: "talk to CAN buses",
    details: "list          the controllers\n\
              status BUS    how a node is at its bus, and what was counted\n\
              send BUS FRAME...   sends frames, each when the one before was acknowledged\n\
              show BUS [COUNT]    the last that came, 20 or so many\n\
              watch BUS [COUNT]   frames of others and changes of the state as they come, until Ctrl-C or so many came\n\
              recover BUS   asks a node back that went off the bus\n\
              \n\
              A frame is IDENTIFIER#DATA, both hexadecimal: 123#0a0b. An identifier of eight digits is one of 29 bits. 123#R4 asks\n\
              another node for four bytes.",
    examples: &[
        ("can send /dev/can/bus0 123#0a0b", "two bytes for whoever wants them"),
        ("can watch /dev/can/bus1/0", "what the others say, as one controller of a board hears it"),
    ],
    arguments: &[Argument::Words(&["list", "status", "send", "show", "watch", "recover"]), Argument::Free],
    run: can,
    ..Command::PLAIN
}];

fn can(shell: &mut Shell, arguments: &[String], _: bool) -> Done {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["list"] => list_class(shell, CLASS),
        ["status", bus] => status(shell, bus),
        ["send", bus, ref frames @ ..] if !frames.is_empty() => send(shell, bus, frames),
        ["show", bus] => show(shell, bus, 20),
        ["show", bus, count] => show(shell, bus, super::number(count, "a number of events")?),
        ["watch", bus] => watch(shell, bus, u64::MAX),
        ["watch", bus, count] => watch(shell, bus, super::number(count, "a number of events")?),
        ["recover", bus] => Ok(shell.services.can.recover(bus)?),
        [] => usage("what is to be done with a CAN bus is missing"),
        ["list" | "status" | "send" | "show" | "watch" | "recover", ..] => {
            usage("an argument is missing, or one too many")
        }
        [verb, ..] => usage(format!("nothing is known of `{verb}`")),
    }
}

fn status(shell: &mut Shell, bus: &str) -> Done {
    let status = shell.services.can.status(bus)?;
    let mut table = Table::new(&[("WHAT", Align::Left), ("VALUE", Align::Right)]);
    for (what, value) in [
        ("controller", status.model),
        ("bit/s", status.bit_rate.to_string()),
        ("state", status.state.name().into()),
        ("transmit error counter", status.counters.transmit.to_string()),
        ("receive error counter", status.counters.receive.to_string()),
        ("frames sent", status.sent.to_string()),
        ("frames not sent", status.failed.to_string()),
        ("frames received", status.received.to_string()),
        ("overruns", status.overruns.to_string()),
        ("malformed frames", status.malformed.to_string()),
    ] {
        table.row([what.into(), value]);
    }
    shell.print(&table.render());
    Ok(())
}

fn send(shell: &mut Shell, bus: &str, words: &[&str]) -> Done {
    let mut frames = Vec::new();
    for word in words {
        frames.push(frame(word).ok_or_else(|| Stop::Usage(format!("`{word}` is no frame")))?);
    }
    for frame in frames {
        shell.services.can.send(bus, frame)?;
        if shell.services.host.interrupted() {
            return Err(Stop::Interrupted);
        }
    }
    Ok(())
}

/// The number of the next event.
fn next_number(shell: &mut Shell, bus: &str) -> Result<u64, Stop> {
    Ok(super::waited(shell.services.can.next(bus, u64::MAX))?.first)
}

fn print(shell: &mut Shell, (time, event): (u64, Event)) {
    shell.print(&format!("{:.6} {}\n", time as f64 / SECOND, text(&event)));
}

fn show(shell: &mut Shell, bus: &str, count: u64) -> Done {
    let end = next_number(shell, bus)?;
    let mut next = end.saturating_sub(count).max(1);
    // Events there are already: no call waits.
    while next < end {
        let News { first, events } = super::waited(shell.services.can.next(bus, next - 1))?;
        if events.is_empty() || first < next {
            // The driver was started anew meanwhile.
            break;
        }
        next = first + events.len() as u64;
        events.into_iter().for_each(|event| print(shell, event));
    }
    Ok(())
}

fn watch(shell: &mut Shell, bus: &str, count: u64) -> Done {
    let mut next = next_number(shell, bus)?;
    let mut left = count;
    while left > 0 {
        match shell.services.can.next(bus, next - 1) {
            Ok(Waited::Done(News { first, events })) => {
                if first > next {
                    shell.print(&format!("-- {} events missed --\n", first - next));
                }
                if first < next {
                    shell.print("-- the driver was started anew --\n");
                }
                next = first + events.len() as u64;
                for event in events.into_iter().take(usize::try_from(left).unwrap_or(usize::MAX)) {
                    left -= 1;
                    print(shell, event);
                }
            }
            Ok(Waited::Interrupted) => return Err(Stop::Interrupted),
            Err(Failure::Died(_)) => {
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
    Ok(())
}

/// The frame that a word describes.
fn frame(word: &str) -> Option<CanFrame> {
    let (identifier, data) = word.split_once('#')?;
    let number = hexadecimal(identifier)?;
    let extended = identifier.len() == 8;
    if let Some(length) = data.strip_prefix(['R', 'r']) {
        let like = CanFrame::with(number, extended, &[])?;
        return CanFrame::new_remote(like.id(), if length.is_empty() { 0 } else { length.parse().ok()? });
    }
    let digits = data.as_bytes();
    let pair = |pair: &[u8]| hexadecimal(core::str::from_utf8(pair).ok()?).map(|byte| byte as u8);
    let bytes: Option<Vec<u8>> = digits.chunks(2).map(pair).collect();
    CanFrame::with(number, extended, &bytes.filter(|_| digits.len().is_multiple_of(2))?)
}

fn hexadecimal(digits: &str) -> Option<u32> {
    let plain = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    u32::from_str_radix(digits, 16).ok().filter(|_| plain)
}

/// An event in the same notation.
fn text(event: &Event) -> String {
    match event {
        Event::State(state) => format!("-- {} --", state.name()),
        Event::Fault(fault) => format!("-- {fault} --"),
        Event::Frame(frame) => {
            let width = if frame.is_extended() { 8 } else { 3 };
            let mut text = format!("{:0width$X}#", frame.number());
            if frame.is_remote_frame() {
                return text + &format!("R{}", frame.dlc());
            }
            frame.data().iter().for_each(|byte| text += &format!("{byte:02X}"));
            text
        }
    }
}
