//! `edit`: a line editor.

use super::super::{Command, one_argument};
use super::content::pieces;
use super::{at, harmless, normal};
use crate::complete::Argument;
use crate::editor::Outcome;
use crate::services::{FileKind, Files, How};
use crate::shell::{Done, Shell, Stop};
use airox_file_system::FileError;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// Largest file that can be edited, in bytes: it is kept in memory twice.
const MAX_BYTES: usize = 256 << 10;
/// What the editor prints when it waits for a command.
const PROMPT: &str = "edit> ";

const HELP: &str = "\
p [N [M]]   print all lines, line N, lines N to M
a [TEXT]    add a line at the end; without text: lines up to one that is `.`
i N TEXT    insert a line before line N
c N TEXT    change line N
d N [M]     delete line N, lines N to M
w           write the file
q           leave; q! without writing
";

pub const COMMANDS: &[Command] = &[Command {
    name: "edit",
    usage: "PATH",
    summary: "change a text file line by line",
    details: "A line at a time: `p` prints, `a` adds, `i` inserts, `c` changes, `d` deletes, `w` writes, `q` leaves; `h` explains them.\n\
              The file is replaced in one step when it is written.",
    arguments: &[Argument::Path],
    run: edit,
    ..Command::PLAIN
}];

struct Text {
    path: String,
    lines: Vec<String>,
    changed: bool,
}

fn edit(shell: &mut Shell, arguments: &[String], _: bool) -> Done {
    let path = normal(shell, one_argument(arguments, "the file")?)?;
    let mut text = Text { lines: read(shell, &path)?, path, changed: false };
    shell.print(&format!("{}: {} lines; `h` for help\n", text.path, text.lines.len()));
    loop {
        let line = match shell.read_line(PROMPT) {
            Outcome::Line(line) => line,
            Outcome::EndOfInput => "q".into(),
            Outcome::Cancelled | Outcome::Editing => continue,
        };
        match command(shell, &mut text, &line) {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            // What is wrong with a line of the editor does not end it.
            Err(Stop::Failed(why) | Stop::Usage(why)) => shell.print(&format!("{why}\n")),
            Err(other) => return Err(other),
        }
    }
}

fn read(shell: &mut Shell, path: &str) -> Result<Vec<String>, Stop> {
    let found = match super::files(shell)?.stat(path) {
        Err(FileError::NotFound) => return Ok(Vec::new()),
        other => other.map_err(|error| super::failed(path, error))?,
    };
    if found.size > MAX_BYTES as u64 {
        return Err(Stop::Failed(format!("{path}: too long to be edited")));
    }
    let mut bytes = Vec::new();
    pieces(shell, path, |_, piece| {
        bytes.extend_from_slice(piece);
        Ok(bytes.len() <= MAX_BYTES)
    })?;
    let text = String::from_utf8(bytes).map_err(|_| Stop::Failed(format!("{path}: not a text")))?;
    Ok(text.lines().map(String::from).collect())
}

/// Does one line of the editor; `true` if it was the last.
fn command(shell: &mut Shell, text: &mut Text, line: &str) -> Result<bool, Stop> {
    let (name, rest) = line.trim_start().split_once(' ').unwrap_or((line.trim(), ""));
    match name {
        "" => {}
        "h" => shell.print(HELP),
        "p" => print(shell, text, rest)?,
        "a" if rest.is_empty() => add_lines(shell, text),
        "a" => {
            text.lines.push(rest.into());
            text.changed = true;
        }
        "i" | "c" => {
            let (place, words) = rest.split_once(' ').unwrap_or((rest, ""));
            let index = index(place, text.lines.len() + usize::from(name == "i"))?;
            if name == "c" {
                text.lines[index] = words.into();
            } else {
                text.lines.insert(index, words.into());
            }
            text.changed = true;
        }
        "d" => {
            let (first, last) = range(rest, text.lines.len())?;
            text.lines.drain(first..=last);
            text.changed = true;
        }
        "w" => write(shell, text)?,
        "q" if text.changed => shell.print("not written yet; `w` writes, `q!` leaves all the same\n"),
        "q" | "q!" => return Ok(true),
        other => return Err(Stop::Failed(format!("`{other}` is not understood; `h` for help"))),
    }
    Ok(false)
}

/// A line's number as its index.
fn index(number: &str, count: usize) -> Result<usize, Stop> {
    match number.parse::<usize>() {
        Ok(number) if (1..=count).contains(&number) => Ok(number - 1),
        Ok(_) => Err(Stop::Failed(format!("there is no line {number}"))),
        Err(_) => Err(Stop::Failed(format!("`{number}` is no number of a line"))),
    }
}

/// `N` or `N M`.
fn range(words: &str, count: usize) -> Result<(usize, usize), Stop> {
    let mut words = words.split_whitespace();
    let first = index(words.next().unwrap_or(""), count)?;
    let last = words.next().map_or(Ok(first), |word| index(word, count))?;
    if last < first { Err(Stop::Failed("the first line comes after the last".into())) } else { Ok((first, last)) }
}

fn print(shell: &mut Shell, text: &Text, words: &str) -> Done {
    if text.lines.is_empty() {
        return Ok(());
    }
    let (first, last) =
        if words.trim().is_empty() { (0, text.lines.len() - 1) } else { range(words, text.lines.len())? };
    for (index, line) in text.lines.iter().enumerate().take(last + 1).skip(first) {
        super::go_on(shell)?;
        shell.print(&format!("{:4}  {}\n", index + 1, harmless(line)));
    }
    Ok(())
}

fn add_lines(shell: &mut Shell, text: &mut Text) {
    while let Outcome::Line(line) = shell.read_line("") {
        if line == "." {
            return;
        }
        text.lines.push(line);
        text.changed = true;
    }
}

/// Writes a new file and puts it in the place of the old one, so that there is always a whole one.
fn write(shell: &mut Shell, text: &mut Text) -> Done {
    let mut bytes = text.lines.join("\n");
    if !bytes.is_empty() {
        bytes.push('\n');
    }
    let beside = format!("{}.new", text.path);
    at(shell, &text.path.to_string(), |files, path| replace(files, path, &beside, bytes.as_bytes()))?;
    text.changed = false;
    shell.print(&format!("{}: {} bytes\n", text.path, bytes.len()));
    Ok(())
}

fn replace(files: &mut dyn Files, path: &str, beside: &str, bytes: &[u8]) -> Result<(), FileError> {
    let mut file = files.open(beside, How::CREATE)?;
    let written = file.write(0, bytes).and_then(|()| file.sync());
    drop(file);
    let replaced = written.and_then(|()| files.rename(beside, path));
    if replaced.is_err() {
        // The first reason is the one to tell.
        let _ = files.remove(beside, FileKind::File);
    }
    replaced
}
