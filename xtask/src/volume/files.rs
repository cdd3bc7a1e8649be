//! What is done with the files of a mounted volume. Every error names the path it is about.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;

use airox_file_system::path;
use airox_persistent::{Error, NodeKind, ROOT};
use anyhow::{Context, Result, ensure};

use super::{Mount, is_existing_directory, say};

/// Bytes copied at a time.
const PIECE: usize = 1 << 20;

/// The names of a path in the volume. A `/` at its beginning or end makes no difference.
fn names(text: &str) -> Result<Vec<String>> {
    let normal = path::resolve("/", text).with_context(|| format!("\"{text}\""))?;
    Ok(path::components(&normal)?.map(String::from).collect())
}

/// The node of a path.
pub fn find(volume: &mut Mount, text: &str) -> Result<u64> {
    let mut node = ROOT;
    for name in names(text)? {
        node = volume.lookup(node, &name).with_context(|| text.to_owned())?;
    }
    Ok(node)
}

/// The directory a path is in, and its name there.
fn find_parent(volume: &mut Mount, text: &str) -> Result<(u64, String)> {
    let mut names = names(text)?;
    let name = names.pop().context("the root directory itself cannot be meant")?;
    Ok((find(volume, &format!("/{}", names.join("/")))?, name))
}

/// The lines of `ls`: length or `-`, date, name.
pub fn list(volume: &mut Mount, text: &str, recursive: bool) -> Result<String> {
    let node = find(volume, text)?;
    let mut lines = String::new();
    if volume.node(node)?.kind == NodeKind::File {
        line(volume, node, text, &mut lines)?;
        return Ok(lines);
    }
    let mut waiting = vec![(String::new(), node)];
    while let Some((prefix, directory)) = waiting.pop() {
        not_too_deep(&prefix)?;
        for (name, node, kind) in entries(volume, directory)? {
            let mark = if kind == NodeKind::Directory { "/" } else { "" };
            let shown = format!("{prefix}{name}{mark}");
            line(volume, node, &shown, &mut lines)?;
            if recursive && kind == NodeKind::Directory {
                waiting.push((shown, node));
            }
        }
    }
    Ok(lines)
}

fn line(volume: &mut Mount, node: u64, shown: &str, lines: &mut String) -> Result<()> {
    let found = volume.node(node).with_context(|| shown.to_owned())?;
    let length = if found.kind == NodeKind::File { found.size.to_string() } else { "-".into() };
    writeln!(lines, "{length:>12}  {}  {shown}", date(found.modified))?;
    Ok(())
}

/// Ends a walk through a damaged volume on which a directory is in itself.
fn not_too_deep(text: &str) -> Result<()> {
    ensure!(
        text.len() <= path::MAX_PATH,
        "{}...: the directories are nested too deeply",
        &text[..text.floor_char_boundary(80)]
    );
    Ok(())
}

/// A time as `2026-11-23 05:25:35`, UTC.
fn date(nanoseconds: u64) -> String {
    let seconds = nanoseconds / 1_000_000_000;
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Counted from 1 March of year 0, in eras of 400 years, so that the leap day is a year's last.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = 400 * era + year + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
}

/// All entries of a directory, by name.
fn entries(volume: &mut Mount, directory: u64) -> Result<Vec<(String, u64, NodeKind)>> {
    let mut entries = Vec::new();
    let mut cursor = 0;
    loop {
        let listed = volume.list(directory, cursor, 256).with_context(|| volume.path_of(directory))?;
        let Some(last) = listed.last() else {
            break;
        };
        cursor = last.next;
        entries.extend(listed.into_iter().map(|found| (found.entry.name, found.entry.node, found.entry.kind)));
    }
    entries.sort_by(|one, other| one.0.cmp(&other.0));
    Ok(entries)
}

/// Makes a directory and those above it.
pub fn make_directories(volume: &mut Mount, text: &str) -> Result<u64> {
    let mut node = ROOT;
    for name in names(text)? {
        node = match volume.lookup(node, &name) {
            Err(Error::NotFound) => volume.create(node, &name, NodeKind::Directory),
            found => found,
        }
        .with_context(|| text.to_owned())?;
    }
    let kind = volume.node(node)?.kind;
    ensure!(kind == NodeKind::Directory, "{text}: it is a file");
    Ok(node)
}

/// Copies a file or directory of the host into the volume.
pub fn put(volume: &mut Mount, source: &Path, text: &str) -> Result<()> {
    let metadata = fs::metadata(source).with_context(|| format!("cannot read {}", source.display()))?;
    let into =
        find(volume, text).ok().filter(|node| volume.node(*node).is_ok_and(|node| node.kind == NodeKind::Directory));
    let (directory, name) = match into {
        Some(directory) => {
            let name = source.file_name().with_context(|| format!("{} has no name", source.display()))?;
            (directory, name.to_str().context("the name is not UTF-8")?.to_owned())
        }
        None => find_parent(volume, text)?,
    };
    if metadata.is_dir() {
        put_directory(volume, source, directory, &name)
    } else {
        put_file(volume, source, directory, &name)
    }
}

fn put_directory(volume: &mut Mount, source: &Path, directory: u64, name: &str) -> Result<()> {
    let node = match volume.lookup(directory, name) {
        Err(Error::NotFound) => volume.create(directory, name, NodeKind::Directory),
        found => found,
    }
    .with_context(|| name.to_owned())?;
    let unreadable = || format!("cannot read {}", source.display());
    let mut inside =
        fs::read_dir(source).with_context(unreadable)?.collect::<Result<Vec<_>, _>>().with_context(unreadable)?;
    inside.sort_by_key(fs::DirEntry::file_name);
    for entry in inside {
        let path = entry.path();
        let name = entry.file_name();
        let name = name.to_str().with_context(|| format!("{}: the name is not UTF-8", path.display()))?;
        if fs::metadata(&path).with_context(|| format!("cannot read {}", path.display()))?.is_dir() {
            put_directory(volume, &path, node, name)?;
        } else {
            put_file(volume, &path, node, name)?;
        }
    }
    Ok(())
}

/// Under a name of its own first, so that an error leaves what was there.
fn put_file(volume: &mut Mount, source: &Path, directory: u64, name: &str) -> Result<()> {
    let context = || format!("cannot copy {}", source.display());
    let mut file = File::open(source).with_context(context)?;
    let partial = format!(".{}.partial", std::process::id());
    let node = volume.create(directory, &partial, NodeKind::File).with_context(context)?;
    let copied =
        copy_in(volume, &mut file, node).and_then(|()| Ok(volume.rename((directory, &partial), (directory, name))?));
    if copied.is_err() {
        volume.remove(directory, &partial, None).with_context(context)?;
    }
    copied.with_context(context)
}

fn copy_in(volume: &mut Mount, file: &mut File, node: u64) -> Result<()> {
    let mut buffer = vec![0; PIECE];
    let mut offset = 0;
    loop {
        let mut length = 0;
        while length < PIECE {
            match file.read(&mut buffer[length..])? {
                0 => break,
                more => length += more,
            }
        }
        // What is all zeros stays a hole.
        if buffer[..length].iter().any(|byte| *byte != 0) {
            volume.write(node, offset, &buffer[..length])?;
        }
        offset += length as u64;
        if length < PIECE {
            return Ok(volume.truncate(node, offset)?);
        }
    }
}

/// Copies a file or directory of the volume to the host.
pub fn get(volume: &mut Mount, text: &str, target: &Path) -> Result<()> {
    let node = find(volume, text)?;
    let own = names(text)?.pop();
    let target = match own {
        Some(name) if is_existing_directory(target) => target.join(name),
        _ => target.to_owned(),
    };
    get_node(volume, node, text, &target)
}

fn get_node(volume: &mut Mount, node: u64, text: &str, target: &Path) -> Result<()> {
    let context = || format!("cannot write {}", target.display());
    if volume.node(node).with_context(|| text.to_owned())?.kind == NodeKind::File {
        let mut file = File::create(target).with_context(context)?;
        return copy_out(volume, node, text, &mut file);
    }
    if !is_existing_directory(target) {
        fs::create_dir(target).with_context(context)?;
    }
    not_too_deep(text)?;
    for (name, node, _) in entries(volume, node)? {
        get_node(volume, node, &path::join(text, &name), &target.join(&name))?;
    }
    Ok(())
}

/// Copies a file's contents to a stream.
pub fn copy_out(volume: &mut Mount, node: u64, text: &str, out: &mut impl Write) -> Result<()> {
    let mut buffer = vec![0; PIECE];
    let mut offset = 0;
    loop {
        let length = volume.read(node, offset, &mut buffer).with_context(|| text.to_owned())?;
        say(out, &buffer[..length])?;
        offset += length as u64;
        if length < PIECE {
            return Ok(());
        }
    }
}

/// Removes a file or directory.
pub fn remove(volume: &mut Mount, text: &str, recursive: bool) -> Result<()> {
    not_too_deep(text)?;
    let (directory, name) = find_parent(volume, text)?;
    let node = volume.lookup(directory, &name).with_context(|| text.to_owned())?;
    if recursive && volume.node(node)?.kind == NodeKind::Directory {
        for (name, _, _) in entries(volume, node)? {
            remove(volume, &path::join(text, &name), true)?;
        }
    }
    volume.remove(directory, &name, None).with_context(|| text.to_owned())
}
