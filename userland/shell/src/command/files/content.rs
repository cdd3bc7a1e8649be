//! `cat`, `hexdump`, `write`.

use super::super::{Command, number, usage};
use super::{PIECE, at, go_on, harmless, normal, options};
use crate::complete::Argument;
use crate::services::{Access, Create, How};
use crate::shell::{Done, Shell, Stop};
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

/// Bytes in a line of `hexdump`.
const ROW: usize = 16;

pub const COMMANDS: &[Command] = &[
    Command {
        name: "cat",
        usage: "PATH...",
        summary: "print files",
        details: "What is no text, or would upset the terminal, is replaced; `hexdump` shows bytes.",
        examples: &[("cat /tmp/note", "")],
        arguments: &[Argument::Path],
        run: cat,
        ..Command::PLAIN
    },
    Command {
        name: "hexdump",
        usage: "[-n COUNT] PATH",
        summary: "print the bytes of a file",
        details: "-n COUNT   so many bytes, 256 unless said; 0 for all",
        arguments: &[Argument::Path],
        run: hexdump,
        ..Command::PLAIN
    },
    Command {
        name: "write",
        usage: "[-a] PATH [WORD...]",
        summary: "write a line to a file",
        details: "What the file held is replaced; without words it is then empty. -a adds the line at the end. `edit` is for more than a line.",
        examples: &[("write /tmp/note buy milk", ""), ("write -a /tmp/note and bread", "")],
        arguments: &[Argument::Path, Argument::Free],
        run: write,
        ..Command::PLAIN
    },
];

/// Shows `take` a file piece by piece; a piece is not empty.
pub fn pieces(
    shell: &mut Shell,
    path: &str,
    mut take: impl FnMut(&mut Shell, &[u8]) -> Result<bool, Stop>,
) -> Result<(), Stop> {
    let mut file = at(shell, path, |files, path| files.open(path, How::READ))?;
    let mut buffer = vec![0; PIECE];
    let mut offset = 0;
    loop {
        go_on(shell)?;
        let read = file.read(offset, &mut buffer).map_err(|error| super::failed(path, error))?;
        if read == 0 || !take(shell, &buffer[..read])? {
            return Ok(());
        }
        offset += read as u64;
    }
}

/// The end of a piece that may be the beginning of a character.
pub fn unfinished(bytes: &[u8]) -> usize {
    match core::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() => bytes.len() - error.valid_up_to(),
        _ => 0,
    }
}

fn cat(shell: &mut Shell, arguments: &[String], _: bool) -> Done {
    if arguments.is_empty() {
        return usage("the file is missing");
    }
    for word in arguments {
        let path = normal(shell, word)?;
        let mut left: Vec<u8> = Vec::new();
        let mut last = b'\n';
        pieces(shell, &path, |shell, piece| {
            left.extend_from_slice(piece);
            last = *piece.last().unwrap_or(&last);
            let rest = left.split_off(left.len() - unfinished(&left));
            shell.print(&harmless(&String::from_utf8_lossy(&left)));
            left = rest;
            Ok(true)
        })?;
        let end = if last == b'\n' { "" } else { "\n" };
        shell.print(&format!("{}{end}", String::from_utf8_lossy(&left)));
    }
    Ok(())
}

fn hexdump(shell: &mut Shell, arguments: &[String], _: bool) -> Done {
    let (most, path) = match arguments {
        [path] => (256, path),
        [option, most, path] if option == "-n" => (number(most, "a number of bytes")?, path),
        _ => return usage("one file, please"),
    };
    let path = normal(shell, path)?;
    let most = if most == 0 { u64::MAX } else { most };
    let mut offset = 0_u64;
    pieces(shell, &path, |shell, piece| {
        let left = usize::try_from(most - offset).unwrap_or(usize::MAX).min(piece.len());
        let mut text = String::new();
        for row in piece[..left].chunks(ROW) {
            text.push_str(&hex_row(offset, row));
            offset += row.len() as u64;
        }
        shell.print(&text);
        Ok(offset < most)
    })
}

fn hex_row(offset: u64, row: &[u8]) -> String {
    let mut text = format!("{offset:08x} ");
    for place in 0..ROW {
        let gap = if place == ROW / 2 { " " } else { "" };
        match row.get(place) {
            Some(byte) => text.push_str(&format!("{gap} {byte:02x}")),
            None => text.push_str(&format!("{gap}   ")),
        }
    }
    let letters = row.iter().map(|byte| if matches!(byte, b' '..=b'~') { char::from(*byte) } else { '.' });
    text.push_str("  |");
    text.extend(letters);
    text.push_str("|\n");
    text
}

fn write(shell: &mut Shell, arguments: &[String], _: bool) -> Done {
    let (options, words) = options(arguments, "a")?;
    let Some((path, words)) = words.split_first() else {
        return usage("the file is missing");
    };
    let path = normal(shell, path)?;
    let line = if words.is_empty() { String::new() } else { format!("{}\n", words.join(" ")) };
    let append = options.contains('a');
    let how = How { access: Access::Write, create: Create::IfMissing, truncate: !append };
    at(shell, &path, |files, path| {
        let mut file = files.open(path, how)?;
        if append { file.append(line.as_bytes()) } else { file.write(0, line.as_bytes()) }
    })
}
