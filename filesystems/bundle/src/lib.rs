//! The system bundle as a file system: its files, and in the directory `programs` the images of its programs.
//!
//! # Principles
//! - **Nothing is copied**: what is read are the bundle's own bytes. Files lie in one constant memory, so they can be mapped.
//! - **Nothing changes**: every change is [`FileError::ReadOnly`].
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

#[cfg(test)]
mod tests;

use airox_bundle::{Bundle, Content};
use airox_file_system::{Attributes, Cursor, Entry, Extent, FileError, FileSystem, Kind, Node, Sink, Usage};
use alloc::vec::Vec;

const ROOT: Node = Node(1);
const PROGRAMS: Node = Node(2);
/// Name of the directory with the programs' images.
const PROGRAMS_NAME: &str = "programs";
/// The first file's number; the others follow in the bundle's order.
const FIRST_FILE: u64 = 3;

/// See the crate's documentation.
pub struct BundleFiles<'a> {
    bytes: &'a [u8],
    contents: Vec<Content<'a>>,
}

impl<'a> BundleFiles<'a> {
    /// Of this bundle; `bytes` is all of it. Names that no file can have are left out.
    #[must_use]
    pub fn new(bundle: &Bundle<'a>, bytes: &'a [u8]) -> BundleFiles<'a> {
        let contents = bundle.contents().filter(|content| {
            let hides = !content.is_program && content.name == PROGRAMS_NAME;
            airox_file_system::path::check_name(content.name).is_ok() && !hides
        });
        BundleFiles { bytes, contents: contents.collect() }
    }

    fn content(&self, file: Node) -> Result<(&Content<'a>, &'a [u8]), FileError> {
        if file == ROOT || file == PROGRAMS {
            return Err(FileError::IsADirectory);
        }
        let index = file.0.checked_sub(FIRST_FILE).and_then(|index| usize::try_from(index).ok());
        let content = index.and_then(|index| self.contents.get(index)).ok_or(FileError::NotFound)?;
        let damaged = FileError::Corrupt { node: file.0, place: content.offset as u64 };
        let bytes = self.bytes.get(content.offset..).and_then(|rest| rest.get(..content.length)).ok_or(damaged)?;
        Ok((content, bytes))
    }

    /// The files of a directory.
    fn files_in(&self, directory: Node) -> Result<impl Iterator<Item = (Node, &'a str)>, FileError> {
        match directory {
            ROOT | PROGRAMS => {}
            file => return Err(self.content(file).map_or_else(|error| error, |_| FileError::NotADirectory)),
        }
        let numbered = (FIRST_FILE..).zip(&self.contents);
        let here = numbered.filter(move |(_, content)| content.is_program == (directory == PROGRAMS));
        Ok(here.map(|(number, content)| (Node(number), content.name)))
    }
}

impl FileSystem for BundleFiles<'_> {
    fn root(&self) -> Node {
        ROOT
    }

    fn stat(&mut self, node: Node) -> Result<Attributes, FileError> {
        let (kind, size) = match node {
            ROOT => (Kind::Directory, self.files_in(ROOT)?.count() as u64 + 1),
            PROGRAMS => (Kind::Directory, self.files_in(PROGRAMS)?.count() as u64),
            file => (Kind::File, self.content(file)?.1.len() as u64),
        };
        Ok(Attributes { node, kind, size, modified_ns: 0 })
    }

    fn lookup(&mut self, directory: Node, name: &str) -> Result<Node, FileError> {
        let mut files = self.files_in(directory)?;
        if directory == ROOT && name == PROGRAMS_NAME {
            return Ok(PROGRAMS);
        }
        files.find(|(_, other)| *other == name).map(|(node, _)| node).ok_or(FileError::NotFound)
    }

    airox_file_system::read_only!();

    fn read(&mut self, file: Node, offset: u64, length: u64, sink: &mut dyn Sink) -> Result<u64, FileError> {
        let (_, bytes) = self.content(file)?;
        let end = bytes.len() as u64;
        let (from, to) = (offset.min(end) as usize, offset.saturating_add(length).min(end) as usize);
        sink.put(&bytes[from..to])?;
        Ok((to - from) as u64)
    }

    fn list(
        &mut self,
        directory: Node,
        cursor: Cursor,
        visit: &mut dyn FnMut(Entry<'_>) -> bool,
    ) -> Result<Option<Cursor>, FileError> {
        let programs = Some((PROGRAMS, PROGRAMS_NAME)).filter(|_| directory == ROOT);
        let all = programs.into_iter().chain(self.files_in(directory)?);
        for (node, name) in all.filter(|(node, _)| node.0 >= cursor) {
            let kind = if node == PROGRAMS { Kind::Directory } else { Kind::File };
            if !visit(Entry { name, node, kind }) {
                return Ok(Some(node.0));
            }
        }
        Ok(None)
    }

    fn sync(&mut self) -> Result<(), FileError> {
        Ok(())
    }

    fn usage(&mut self) -> Result<Usage, FileError> {
        let (total, files) = (self.bytes.len() as u64, self.contents.len() as u64 + 1);
        Ok(Usage { total, free: 0, files: Some(files), read_only: true })
    }

    fn extent(&mut self, file: Node) -> Result<Extent, FileError> {
        let (content, bytes) = self.content(file)?;
        Ok(Extent { offset: content.offset as u64, length: bytes.len() as u64 })
    }
}
