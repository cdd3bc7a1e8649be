//! Paths: text on the outside, checked components on the inside.
//!
//! A **normal** path is absolute, UTF-8, at most [`MAX_PATH`] bytes: `/` alone, or `/` before each of its names. Clients make one of whatever
//! a person typed ([`resolve`]: `.` and `..` are taken out by letter, as there are no links); servers refuse any other ([`components`]), so nothing is ever
//! hidden in a path that was checked.

use crate::FileError;
use alloc::string::String;

/// Longest name, in bytes.
pub const MAX_NAME: usize = 255;
/// Longest path, in bytes.
pub const MAX_PATH: usize = 4096;

/// Checks one name: not empty, at most [`MAX_NAME`] bytes, not `.` or `..`, no `/`, no control characters.
///
/// # Errors
/// [`FileError::InvalidName`], [`FileError::TooLong`].
pub fn check_name(name: &str) -> Result<(), FileError> {
    if name.len() > MAX_NAME {
        return Err(FileError::TooLong);
    }
    let bad = |character: char| character == '/' || character.is_control();
    if name.is_empty() || name == "." || name == ".." || name.chars().any(bad) {
        return Err(FileError::InvalidName);
    }
    Ok(())
}

/// The names of a normal path; none of `/`.
///
/// # Errors
/// [`FileError::InvalidPath`]: not absolute, an empty name, `.` or `..`, or a `/` at its end; otherwise as [`check_name`].
pub fn components(path: &str) -> Result<impl Iterator<Item = &str> + Clone, FileError> {
    if path.len() > MAX_PATH {
        return Err(FileError::TooLong);
    }
    let rest = path.strip_prefix('/').ok_or(FileError::InvalidPath)?;
    let names = rest.split('/').filter(move |_| !rest.is_empty());
    for name in names.clone() {
        if matches!(name, "" | "." | "..") {
            return Err(FileError::InvalidPath);
        }
        check_name(name)?;
    }
    Ok(names)
}

/// Checks that a path is normal.
///
/// # Errors
/// As [`components`].
pub fn check(path: &str) -> Result<(), FileError> {
    components(path).map(drop)
}

/// The normal path that `path` means to somebody in the directory `current`, itself normal. `..` above the root stays there.
///
/// # Errors
/// [`FileError::InvalidPath`]: `path` is empty; [`FileError::TooLong`]; as [`check_name`].
pub fn resolve(current: &str, path: &str) -> Result<String, FileError> {
    if path.is_empty() {
        return Err(FileError::InvalidPath);
    }
    let base = if path.starts_with('/') { "" } else { current.trim_end_matches('/') };
    let mut normal = String::with_capacity(base.len() + path.len() + 1);
    normal.push_str(base);
    for name in path.split('/') {
        match name {
            "" | "." => {}
            ".." => normal.truncate(normal.rfind('/').unwrap_or(0)),
            name => {
                check_name(name)?;
                normal.push('/');
                normal.push_str(name);
            }
        }
    }
    if normal.is_empty() {
        normal.push('/');
    }
    if normal.len() > MAX_PATH { Err(FileError::TooLong) } else { Ok(normal) }
}

/// The directory a normal path is in, and its name there; `None` for `/`.
#[must_use]
pub fn split(path: &str) -> Option<(&str, &str)> {
    let (directory, name) = path.rsplit_once('/')?;
    if name.is_empty() {
        return None;
    }
    Some((if directory.is_empty() { "/" } else { directory }, name))
}

/// The path of `name` in the directory `directory`.
#[must_use]
pub fn join(directory: &str, name: &str) -> String {
    alloc::format!("{}/{name}", directory.trim_end_matches('/'))
}

/// Whether a normal path is `directory` itself or below it.
#[must_use]
pub fn is_within(path: &str, directory: &str) -> bool {
    below(path, directory).is_some()
}

/// What is left of a normal path below `directory`: itself normal, so `/` for the directory.
#[must_use]
pub fn below<'a>(path: &'a str, directory: &str) -> Option<&'a str> {
    let rest = path.strip_prefix(directory.trim_end_matches('/'))?;
    match rest {
        "" => Some("/"),
        rest => rest.starts_with('/').then_some(rest),
    }
}
