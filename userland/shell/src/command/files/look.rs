//! `cd`, `check`, `df`, `ls`, `mount`, `pwd`.

use super::super::{Command, no_arguments, usage};
use super::walk::{each, sorted};
use super::{at, files, normal, options};
use crate::calendar::format_utc;
use crate::complete::Argument;
use crate::services::{FileKind, Listed};
use crate::shell::{Done, Shell, Stop};
use crate::table::{Align, Table, columns};
use crate::units::bytes;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// A directory with more entries is listed as it comes.
const MOST_SORTED: u64 = 2000;

pub const COMMANDS: &[Command] = &[
    Command {
        name: "cd",
        usage: "[DIRECTORY]",
        summary: "go to a directory",
        details: "Paths that do not begin with / are meant from there. Without an argument: to /.",
        examples: &[("cd /tmp", ""), ("cd ..", "one up")],
        arguments: &[Argument::Path],
        run: cd,
        ..Command::PLAIN
    },
    Command {
        name: "check",
        usage: "[PATH]",
        summary: "verify all that a file system keeps",
        details: "Every checksum is computed and every structure followed, for which the file system's other users wait. What is damaged is named.",
        examples: &[("check /data", "")],
        arguments: &[Argument::Path],
        run: check,
        ..Command::PLAIN
    },
    Command { name: "df", summary: "show the room in all file systems", arguments: &[], run: df, ..Command::PLAIN },
    Command {
        name: "ls",
        usage: "[-l] [PATH...]",
        summary: "list files",
        details: "Names of directories end in /.\n-l   also their sizes, and when they were changed",
        examples: &[("ls", "where you are"), ("ls -l /tmp", "")],
        arguments: &[Argument::Path],
        run: ls,
        ..Command::PLAIN
    },
    Command {
        name: "mount",
        summary: "list the file systems and their servers",
        details: "What is mounted where is in the system file.",
        arguments: &[],
        run: mount,
        ..Command::PLAIN
    },
    Command { name: "pwd", summary: "tell which directory you are in", arguments: &[], run: pwd, ..Command::PLAIN },
];

fn cd(shell: &mut Shell, arguments: &[String], _: bool) -> Done {
    let path = match arguments {
        [] => "/".into(),
        [path] => normal(shell, path)?,
        [_, second, ..] => return usage(format!("`{second}` is one argument too many")),
    };
    if at(shell, &path, |files, path| files.stat(path))?.kind != FileKind::Directory {
        return Err(Stop::Failed(format!("{path}: not a directory")));
    }
    shell.directory = path;
    Ok(())
}

fn check(shell: &mut Shell, arguments: &[String], _: bool) -> Done {
    let path = match arguments {
        [] => shell.directory.clone(),
        [path] => normal(shell, path)?,
        [_, second, ..] => return usage(format!("`{second}` is one argument too many")),
    };
    let checked = at(shell, &path, |files, path| files.check(path))?;
    shell.print(&format!("{} files, {} directories, ", checked.files, checked.directories));
    match checked.first_problem {
        None => {
            shell.print("no problems\n");
            Ok(())
        }
        Some(first) => Err(Stop::Failed(format!("{} problems; the first: {first}", checked.problems))),
    }
}

fn pwd(shell: &mut Shell, arguments: &[String], _: bool) -> Done {
    no_arguments(arguments)?;
    let line = format!("{}\n", shell.directory);
    shell.print(&line);
    Ok(())
}

fn ls(shell: &mut Shell, arguments: &[String], _: bool) -> Done {
    let (options, words) = options(arguments, "l")?;
    let long = options.contains('l');
    let paths: Vec<String> = match words {
        [] => [shell.directory.clone()].into(),
        words => words.iter().map(|word| normal(shell, word)).collect::<Result<_, _>>()?,
    };
    for path in &paths {
        let found = at(shell, path, |files, path| files.stat(path))?;
        if found.kind == FileKind::File {
            show(shell, &[Listed { name: path.clone(), attributes: found }], long);
            continue;
        }
        if paths.len() > 1 {
            shell.print(&format!("{path}:\n"));
        }
        if found.size <= MOST_SORTED {
            let entries = sorted(shell, path)?;
            show(shell, &entries, long);
        } else {
            each(shell, path, &mut |shell, entry| {
                show(shell, &[entry], long);
                Ok(())
            })?;
        }
    }
    Ok(())
}

/// The name as it is shown: what a terminal would take for more than a name is replaced.
fn shown(entry: &Listed) -> String {
    let mark = if entry.attributes.kind == FileKind::Directory { "/" } else { "" };
    format!("{}{mark}", super::harmless(&entry.name))
}

fn show(shell: &mut Shell, entries: &[Listed], long: bool) {
    if !long {
        let names: Vec<String> = entries.iter().map(shown).collect();
        let width = shell.columns();
        return shell.print(&columns(&names, width));
    }
    let mut table = Table::new(&[("", Align::Right), ("", Align::Left), ("", Align::Left)]);
    for entry in entries {
        let changed = match entry.attributes.modified_ns {
            0 => "-".into(),
            time => format_utc(time),
        };
        table.row([entry.attributes.size.to_string(), changed, shown(entry)]);
    }
    // The columns speak for themselves.
    let text = table.render();
    shell.print(text.split_once('\n').map_or("", |(_, rows)| rows));
}

fn df(shell: &mut Shell, arguments: &[String], _: bool) -> Done {
    no_arguments(arguments)?;
    let mounts = at(shell, "/", |files, _| files.mounts())?;
    let mut table = Table::new(&[
        ("MOUNTED", Align::Left),
        ("SIZE", Align::Right),
        ("USED", Align::Right),
        ("FREE", Align::Right),
        ("FILES", Align::Right),
        ("", Align::Left),
    ]);
    for mount in mounts {
        match files(shell)?.usage(&mount.path) {
            Ok(usage) => table.row([
                mount.path,
                bytes(usage.total),
                bytes(usage.total.saturating_sub(usage.free)),
                bytes(usage.free),
                usage.files.map_or_else(|| "-".into(), |files| files.to_string()),
                if usage.read_only { "read-only".into() } else { String::new() },
            ]),
            // The others have something to tell all the same.
            Err(error) => {
                table.row([mount.path, "-".into(), "-".into(), "-".into(), "-".into(), error.to_string()]);
            }
        }
    }
    shell.print(&table.render());
    Ok(())
}

fn mount(shell: &mut Shell, arguments: &[String], _: bool) -> Done {
    no_arguments(arguments)?;
    let mounts = at(shell, "/", |files, _| files.mounts())?;
    let mut table = Table::new(&[("MOUNTED", Align::Left), ("SERVER", Align::Left)]);
    for mount in mounts {
        table.row([mount.path, mount.provider]);
    }
    shell.print(&table.render());
    Ok(())
}
