//! A directory's entries, part by part.

use crate::files::{Connect, Files, Ports};
use airox_api::files::{FileError, Listed};
use alloc::string::String;
use alloc::vec::IntoIter;

/// The entries of a directory. Entries that are there all the time come exactly once, whatever else changes meanwhile.
pub struct Directory<C: Connect = Ports> {
    files: Files<C>,
    path: String,
    entries: IntoIter<Listed>,
    next: Option<u64>,
}

impl<C: Connect> Directory<C> {
    pub(crate) fn open(files: Files<C>, path: &str) -> Result<Directory<C>, FileError> {
        let first = files.list(path, 0)?;
        Ok(Directory { files, path: path.into(), entries: first.entries.into_iter(), next: first.next })
    }
}

impl<C: Connect> Iterator for Directory<C> {
    type Item = Result<Listed, FileError>;

    fn next(&mut self) -> Option<Result<Listed, FileError>> {
        loop {
            if let Some(entry) = self.entries.next() {
                return Some(Ok(entry));
            }
            match self.files.list(&self.path, self.next.take()?) {
                Ok(part) => {
                    self.entries = part.entries.into_iter();
                    self.next = part.next;
                }
                Err(error) => return Some(Err(error)),
            }
        }
    }
}
