//! Files: what a person does with them, and how paths are meant.
//!
//! A path that does not begin with `/` is meant from the shell's directory. Long commands look for Ctrl-C between pieces and entries.

mod change;
mod content;
mod copy;
mod edit;
mod look;
mod search;
mod walk;

pub use content::pieces;

use super::Command;
use crate::services::{FileAnswer, FileError, Files};
use crate::shell::{Shell, Stop};
use airox_file_system::path::resolve;
use alloc::format;
use alloc::string::String;

/// The commands, in groups.
pub const GROUPS: [&[Command]; 5] =
    [look::COMMANDS, content::COMMANDS, change::COMMANDS, search::COMMANDS, edit::COMMANDS];

/// Bytes read or written in one piece.
const PIECE: usize = 512 << 10;

/// The files, if there are any.
fn files(shell: &mut Shell) -> Result<&mut dyn Files, Stop> {
    match &mut shell.services.files {
        Some(files) => Ok(&mut **files),
        None => Err(Stop::Failed("this shell has no access to files".into())),
    }
}

/// The normal path that a word means.
pub fn normal(shell: &Shell, word: &str) -> Result<String, Stop> {
    resolve(&shell.directory, word).map_err(|error| failed(word, error))
}

/// What went wrong, and where.
pub fn failed(path: &str, error: FileError) -> Stop {
    Stop::Failed(format!("{path}: {error}"))
}

/// Does something with a path; what goes wrong is told with it.
fn at<T>(shell: &mut Shell, path: &str, action: impl FnOnce(&mut dyn Files, &str) -> FileAnswer<T>) -> Result<T, Stop> {
    action(files(shell)?, path).map_err(|error| failed(path, error))
}

/// Ends a command after Ctrl-C.
fn go_on(shell: &mut Shell) -> Result<(), Stop> {
    if shell.services.host.interrupted() { Err(Stop::Interrupted) } else { Ok(()) }
}

/// Takes options of one letter off the front; `--` ends them.
fn options<'a>(mut arguments: &'a [String], known: &str) -> Result<(String, &'a [String]), Stop> {
    let mut found = String::new();
    while let [first, rest @ ..] = arguments {
        let Some(letters) = first.strip_prefix('-').filter(|letters| !letters.is_empty()) else {
            break;
        };
        arguments = rest;
        if letters == "-" {
            break;
        }
        for letter in letters.chars() {
            if !known.contains(letter) {
                return super::usage(format!("`-{letter}` is not understood"));
            }
            found.push(letter);
        }
    }
    Ok((found, arguments))
}

/// Bytes as text that does a terminal no harm: what is no text, or would move the cursor, is replaced.
fn harmless(text: &str) -> String {
    let shown = |character: char| match character {
        '\n' | '\t' => character,
        _ if character.is_control() => char::REPLACEMENT_CHARACTER,
        _ => character,
    };
    text.chars().map(shown).collect()
}
