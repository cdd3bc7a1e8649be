//! `cp`, `mkdir`, `mv`, `quota`, `rm`, `rmdir`, `sync`.

use super::super::{Command, usage};
use super::walk::{Step, tree};
use super::{at, copy, failed, files, normal, options};
use crate::complete::Argument;
use crate::services::{FileError, FileKind, Quota};
use crate::shell::{Done, Shell, Stop};
use crate::units::bytes;
use airox_file_system::path::{below, is_within, join, split};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

pub const COMMANDS: &[Command] = &[
    Command {
        name: "cp",
        usage: "[-r] FROM... TO",
        summary: "copy files",
        details: "TO is the new name, or a directory. -r copies directories with all that is in them. Long copies tell how far they are; Ctrl-C ends them.",
        examples: &[("cp /boot/system /tmp", ""), ("cp -r /tmp/a /tmp/b", "")],
        arguments: &[Argument::Path],
        run: cp,
        ..Command::PLAIN
    },
    Command {
        name: "mkdir",
        usage: "PATH...",
        summary: "make directories",
        arguments: &[Argument::Path],
        run: mkdir,
        ..Command::PLAIN
    },
    Command {
        name: "mv",
        usage: "FROM... TO",
        summary: "move or rename files and directories",
        details: "TO is the new name, or a directory. To another file system they are copied, and then removed.",
        examples: &[("mv /tmp/a /tmp/b", "")],
        arguments: &[Argument::Path],
        run: mv,
        ..Command::PLAIN
    },
    Command {
        name: "quota",
        usage: "PATH [BYTES|none [FILES|none]]",
        summary: "show or limit what a directory may have below it",
        details: "BYTES and FILES are the most there may be: 500K, 20M, 1G. A directory that had no limits has to be empty. What is below a directory with limits of its own counts there alone.",
        examples: &[
            ("quota /data/logs 20M 100", ""),
            ("quota /data/logs", "how much is used"),
            ("quota /data/logs none", "no limits any more"),
        ],
        arguments: &[Argument::Path, Argument::Words(&["none"])],
        run: quota,
        ..Command::PLAIN
    },
    Command {
        name: "rm",
        usage: "[-r] PATH...",
        summary: "remove files",
        details: "-r removes directories with all that is in them.",
        arguments: &[Argument::Path],
        run: rm,
        ..Command::PLAIN
    },
    Command {
        name: "rmdir",
        usage: "PATH...",
        summary: "remove empty directories",
        arguments: &[Argument::Path],
        run: rmdir,
        ..Command::PLAIN
    },
    Command {
        name: "sync",
        usage: "[PATH]",
        summary: "make changes durable",
        details: "When it has ended, what was changed before survives a power cut. Without a path: in all file systems, whatever one of them says. What is in memory (/tmp) survives nothing.",
        arguments: &[Argument::Path],
        run: sync,
        ..Command::PLAIN
    },
];

fn paths(shell: &Shell, words: &[String]) -> Result<Vec<String>, Stop> {
    if words.is_empty() {
        return usage("the path is missing");
    }
    words.iter().map(|word| normal(shell, word)).collect()
}

fn mkdir(shell: &mut Shell, arguments: &[String], _: bool) -> Done {
    for path in paths(shell, arguments)? {
        at(shell, &path, |files, path| files.make_directory(path))?;
    }
    Ok(())
}

fn quota(shell: &mut Shell, arguments: &[String], _: bool) -> Done {
    let (path, limits) = match arguments {
        [] => return usage("the directory is missing"),
        [path, limits @ ..] if limits.len() <= 2 => (normal(shell, path)?, limits),
        [_, _, _, more, ..] => return usage(format!("`{more}` is one argument too many")),
        [..] => return usage("one directory, please"),
    };
    if let [bytes, files @ ..] = limits {
        let files = files.first().map_or(Ok(u64::MAX), |word| limit(word))?;
        let bytes = limit(bytes)?;
        return at(shell, &path, |service, path| service.set_quota(path, bytes, files));
    }
    let text = match at(shell, &path, |files, path| files.quota(path))? {
        None => "no limits\n".into(),
        Some(Quota { most_bytes, bytes: used, most_files, files }) => {
            let most = |limit: u64, text: String| if limit == u64::MAX { "any number".into() } else { text };
            format!(
                "{} of {}, {files} files of {}\n",
                bytes(used),
                most(most_bytes, bytes(most_bytes)),
                most(most_files, most_files.to_string())
            )
        }
    };
    shell.print(&text);
    Ok(())
}

/// A number, with `K`, `M` or `G` for powers of 1024; `none`: no limit.
fn limit(word: &str) -> Result<u64, Stop> {
    let shift = match word.as_bytes().last() {
        Some(b'K' | b'k') => 10,
        Some(b'M' | b'm') => 20,
        Some(b'G' | b'g') => 30,
        _ => 0,
    };
    let digits = if shift == 0 { word } else { &word[..word.len() - 1] };
    match digits.parse::<u64>().ok().and_then(|number| number.checked_mul(1 << shift)) {
        _ if word == "none" => Ok(u64::MAX),
        Some(number) => Ok(number),
        None => usage(format!("`{word}` is no limit: a number, with K, M or G for bytes, or `none`")),
    }
}

fn rmdir(shell: &mut Shell, arguments: &[String], _: bool) -> Done {
    for path in paths(shell, arguments)? {
        at(shell, &path, |files, path| files.remove(path, FileKind::Directory))?;
    }
    Ok(())
}

fn rm(shell: &mut Shell, arguments: &[String], _: bool) -> Done {
    let (options, words) = options(arguments, "r")?;
    for path in paths(shell, words)? {
        if options.contains('r') {
            remove_tree(shell, &path)?;
        } else {
            at(shell, &path, |files, path| files.remove(path, FileKind::File)).map_err(|stop| match stop {
                Stop::Failed(why) if why.ends_with("it is a directory") => {
                    Stop::Failed(format!("{why}; `rm -r` removes it with all that is in it"))
                }
                other => other,
            })?;
        }
    }
    Ok(())
}

fn remove_tree(shell: &mut Shell, path: &str) -> Done {
    tree(shell, path, &mut |shell, path, kind, step| match (kind, step) {
        (FileKind::Directory, Step::Enter) => Ok(()),
        _ => at(shell, path, |files, path| files.remove(path, kind)),
    })
}

/// Where each of several things goes.
fn targets(shell: &mut Shell, words: &[String]) -> Result<Vec<(String, String)>, Stop> {
    let mut paths = paths(shell, words)?;
    let to = paths.pop().unwrap_or_default();
    if paths.is_empty() {
        return usage("from where, and to where?");
    }
    let into = match files(shell)?.stat(&to) {
        Ok(found) => found.kind == FileKind::Directory,
        Err(FileError::NotFound) => false,
        Err(error) => return Err(failed(&to, error)),
    };
    if !into && paths.len() > 1 {
        return Err(Stop::Failed(format!("{to}: several things need a directory to go to")));
    }
    let target = |from: String| {
        let name = split(&from).map_or("", |(_, name)| name);
        let to = if into { join(&to, name) } else { to.clone() };
        if is_within(&to, &from) {
            return Err(Stop::Failed(format!("{from} cannot go to itself or into itself")));
        }
        Ok((from, to))
    };
    paths.into_iter().map(target).collect()
}

fn cp(shell: &mut Shell, arguments: &[String], _: bool) -> Done {
    let (options, words) = options(arguments, "r")?;
    for (from, to) in targets(shell, words)? {
        let found = at(shell, &from, |files, path| files.stat(path))?;
        match found.kind {
            FileKind::File => copy::file(shell, &from, &to)?,
            FileKind::Directory if options.contains('r') => copy_tree(shell, &from, &to)?,
            FileKind::Directory => {
                return Err(Stop::Failed(format!(
                    "{from}: it is a directory; `cp -r` copies it with all that is in it"
                )));
            }
        }
    }
    Ok(())
}

fn copy_tree(shell: &mut Shell, from: &str, to: &str) -> Done {
    tree(shell, from, &mut |shell, path, kind, step| {
        let rest = below(path, from).unwrap_or("/");
        let target = if rest == "/" { to.into() } else { format!("{to}{rest}") };
        match (kind, step) {
            (FileKind::File, _) => copy::file(shell, path, &target),
            (FileKind::Directory, Step::Enter) => match files(shell)?.make_directory(&target) {
                Ok(()) | Err(FileError::AlreadyExists) => Ok(()),
                Err(error) => Err(failed(&target, error)),
            },
            (FileKind::Directory, Step::Leave) => Ok(()),
        }
    })
}

fn mv(shell: &mut Shell, arguments: &[String], _: bool) -> Done {
    for (from, to) in targets(shell, arguments)? {
        match files(shell)?.rename(&from, &to) {
            Ok(()) => {}
            Err(FileError::OtherFileSystem) => {
                copy_tree(shell, &from, &to)?;
                remove_tree(shell, &from)?;
            }
            Err(FileError::NotFound) => {
                // Which of both it is.
                at(shell, &from, |files, path| files.stat(path))?;
                return Err(failed(&to, FileError::NotFound));
            }
            Err(error) => return Err(failed(&to, error)),
        }
    }
    Ok(())
}

fn sync(shell: &mut Shell, arguments: &[String], _: bool) -> Done {
    match arguments {
        [] => {
            // What fails of one does not keep the others from being durable.
            let mut done = Ok(());
            for mount in at(shell, "/", |files, _| files.mounts())? {
                let synchronised = sync_one(shell, &mount.path);
                done = done.and(synchronised);
            }
            done
        }
        [path] => {
            let path = normal(shell, path)?;
            sync_one(shell, &path)
        }
        [_, second, ..] => usage(format!("`{second}` is one argument too many")),
    }
}

/// Makes a file system durable. Where its server has ended for good, there is no disk for it.
fn sync_one(shell: &mut Shell, path: &str) -> Done {
    match files(shell)?.sync(path) {
        Err(FileError::ServerDied) => Err(Stop::Failed(format!("{path}: there is no disk, so nothing is kept there"))),
        other => other.map_err(|error| failed(path, error)),
    }
}
