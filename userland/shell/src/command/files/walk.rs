//! Directories, entry by entry.

use super::{at, go_on};
use crate::services::{FileKind, Listed};
use crate::shell::{Shell, Stop};
use airox_file_system::path::join;
use alloc::string::String;
use alloc::vec::Vec;

/// Shows `visit` every entry of a directory, part by part.
pub fn each(
    shell: &mut Shell,
    path: &str,
    visit: &mut dyn FnMut(&mut Shell, Listed) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let mut next = Some(0);
    while let Some(cursor) = next {
        go_on(shell)?;
        let part = at(shell, path, |files, path| files.list(path, cursor))?;
        for entry in part.entries {
            visit(shell, entry)?;
        }
        next = part.next;
    }
    Ok(())
}

/// All entries of a directory, sorted by name.
pub fn sorted(shell: &mut Shell, path: &str) -> Result<Vec<Listed>, Stop> {
    let mut all = Vec::new();
    each(shell, path, &mut |_, entry| {
        all.push(entry);
        Ok(())
    })?;
    all.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(all)
}

/// What a walk comes by.
pub enum Step {
    /// A file, or a directory before what is in it.
    Enter,
    /// A directory after that.
    Leave,
}

/// Sees what a walk comes by.
pub type Visit<'a> = dyn FnMut(&mut Shell, &str, FileKind, Step) -> Result<(), Stop> + 'a;

/// Walks through everything below a path, and itself.
pub fn tree(shell: &mut Shell, path: &str, visit: &mut Visit<'_>) -> Result<(), Stop> {
    let kind = at(shell, path, |files, path| files.stat(path))?.kind;
    let mut open: Vec<(String, FileKind, Step)> = [(path.into(), kind, Step::Enter)].into();
    while let Some((path, kind, step)) = open.pop() {
        go_on(shell)?;
        if matches!((kind, &step), (FileKind::Directory, Step::Enter)) {
            visit(shell, &path, kind, Step::Enter)?;
            let entries = sorted(shell, &path)?;
            open.push((path.clone(), kind, Step::Leave));
            // The stack gives them back in their order.
            let below = entries.into_iter().rev();
            open.extend(below.map(|entry| (join(&path, &entry.name), entry.attributes.kind, Step::Enter)));
        } else {
            visit(shell, &path, kind, step)?;
        }
    }
    Ok(())
}
