//! `find`, `grep`.

use super::super::{Command, usage};
use super::content::{pieces, unfinished};
use super::walk::{Step, tree};
use super::{harmless, normal, options};
use crate::complete::Argument;
use crate::services::FileKind;
use crate::shell::{Done, Shell, Stop};
use airox_file_system::path::split;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// A longer line is looked through in parts of this length.
const MAX_LINE: usize = 16 << 10;

pub const COMMANDS: &[Command] = &[
    Command {
        name: "find",
        usage: "[DIRECTORY [PART]]",
        summary: "list everything below a directory",
        details: "With PART only those whose names contain it; upper and lower case are the same.",
        examples: &[("find /tmp", ""), ("find / log", "")],
        arguments: &[Argument::Path, Argument::Free],
        run: find,
        ..Command::PLAIN
    },
    Command {
        name: "grep",
        usage: "[-inr] TEXT PATH...",
        summary: "show the lines of files that contain a text",
        details: "-i   upper and lower case are the same\n-n   with the numbers of the lines\n-r   in all files of directories, too",
        examples: &[("grep -n error /tmp/log", ""), ("grep -r kernel /boot", "")],
        arguments: &[Argument::Free, Argument::Path],
        run: grep,
        ..Command::PLAIN
    },
];

fn find(shell: &mut Shell, arguments: &[String], _: bool) -> Done {
    let (path, part) = match arguments {
        [] => (shell.directory.clone(), String::new()),
        [path] => (normal(shell, path)?, String::new()),
        [path, part] => (normal(shell, path)?, part.to_lowercase()),
        [_, _, third, ..] => return usage(format!("`{third}` is one argument too many")),
    };
    tree(shell, &path, &mut |shell, path, kind, step| {
        let name = split(path).map_or("/", |(_, name)| name);
        if matches!(step, Step::Enter) && name.to_lowercase().contains(&part) {
            let mark = if kind == FileKind::Directory && path != "/" { "/" } else { "" };
            shell.print(&format!("{}{mark}\n", harmless(path)));
        }
        Ok(())
    })
}

/// What is looked for, and how it is shown.
struct Search {
    text: String,
    same_case: bool,
    numbers: bool,
    names: bool,
    found: u64,
}

fn grep(shell: &mut Shell, arguments: &[String], _: bool) -> Done {
    let (options, words) = options(arguments, "inr")?;
    let Some((text, paths)) = words.split_first().filter(|(_, paths)| !paths.is_empty()) else {
        return usage("what to look for, and where?");
    };
    let (same_case, below) = (!options.contains('i'), options.contains('r'));
    let mut search = Search {
        text: if same_case { text.clone() } else { text.to_lowercase() },
        same_case,
        numbers: options.contains('n'),
        names: below || paths.len() > 1,
        found: 0,
    };
    for word in paths {
        let path = normal(shell, word)?;
        if below {
            tree(shell, &path, &mut |shell, path, kind, _| match kind {
                FileKind::File => in_file(shell, path, &mut search),
                FileKind::Directory => Ok(()),
            })?;
        } else {
            in_file(shell, &path, &mut search)?;
        }
    }
    // A script can go on with `&&` if there was something.
    if search.found == 0 { Err(Stop::Silent) } else { Ok(()) }
}

fn in_file(shell: &mut Shell, path: &str, search: &mut Search) -> Done {
    let mut line: Vec<u8> = Vec::new();
    let mut number = 1_u64;
    pieces(shell, path, |shell, piece| {
        for part in piece.split_inclusive(|byte| *byte == b'\n') {
            line.extend_from_slice(part);
            let ends = part.ends_with(b"\n");
            if ends || line.len() >= MAX_LINE {
                let rest = line.split_off(line.len() - unfinished(&line));
                in_line(shell, path, number, &line, search);
                line = rest;
                number += u64::from(ends);
            }
        }
        Ok(true)
    })?;
    if !line.is_empty() {
        in_line(shell, path, number, &line, search);
    }
    Ok(())
}

fn in_line(shell: &mut Shell, path: &str, number: u64, line: &[u8], search: &mut Search) {
    let text = String::from_utf8_lossy(line);
    let text = text.trim_end_matches('\n');
    let contains =
        if search.same_case { text.contains(&search.text) } else { text.to_lowercase().contains(&search.text) };
    if contains {
        search.found += 1;
        let name = if search.names { format!("{}:", harmless(path)) } else { String::new() };
        let number = if search.numbers { format!("{number}:") } else { String::new() };
        shell.print(&format!("{name}{number}{}\n", harmless(text)));
    }
}
