//! The directory of log files, to read.

use airox_api::wire::Transport;
use airox_file_system::{Attributes, Cursor, Entry, FileError, FileSystem, Kind, Node, Sink, Usage};
use airox_stacked_files::Below;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use crate::DIRECTORY;

/// Bytes read from below at a time.
const PIECE: u64 = 64 << 10;
/// The directory's own node; files have those of the file system below.
const ROOT: Node = Node(0);

/// The file system. A file keeps its node when it gets another name, so who reads it reads on.
pub struct View<T: Transport>(Below<T>);

impl<T: Transport> View<T> {
    /// Of what is below.
    pub fn new(below: Below<T>) -> View<T> {
        View(below)
    }

    /// The files there are, by node.
    fn files(&self) -> Result<Vec<(String, Attributes)>, FileError> {
        let listed = self.0.list(DIRECTORY)?.into_iter().filter(|entry| entry.attributes.kind == Kind::File);
        let mut files: Vec<(String, Attributes)> = listed.map(|entry| (entry.name, entry.attributes)).collect();
        files.sort_unstable_by_key(|(_, attributes)| attributes.node);
        Ok(files)
    }

    fn file(&self, node: Node) -> Result<(String, Attributes), FileError> {
        if node == ROOT {
            return Err(FileError::IsADirectory);
        }
        self.files()?.into_iter().find(|(_, attributes)| attributes.node == node).ok_or(FileError::NotFound)
    }
}

fn is_root(directory: Node) -> Result<(), FileError> {
    if directory == ROOT { Ok(()) } else { Err(FileError::NotADirectory) }
}

impl<T: Transport> FileSystem for View<T> {
    fn root(&self) -> Node {
        ROOT
    }

    fn stat(&mut self, node: Node) -> Result<Attributes, FileError> {
        if node == ROOT {
            let size = self.files()?.len() as u64;
            return Ok(Attributes { node, kind: Kind::Directory, size, modified_ns: 0 });
        }
        Ok(self.file(node)?.1)
    }

    fn lookup(&mut self, directory: Node, name: &str) -> Result<Node, FileError> {
        is_root(directory)?;
        let found = self.files()?.into_iter().find(|(file, _)| file == name);
        found.map(|(_, attributes)| attributes.node).ok_or(FileError::NotFound)
    }

    airox_file_system::read_only!();

    fn read(&mut self, file: Node, offset: u64, length: u64, sink: &mut dyn Sink) -> Result<u64, FileError> {
        let (name, _) = self.file(file)?;
        let path = format!("{DIRECTORY}/{name}");
        let mut piece = vec![0; length.min(PIECE) as usize];
        let mut done = 0;
        while done < length {
            let wanted = (length - done).min(PIECE) as usize;
            let read = self.0.read(&path, offset.saturating_add(done), &mut piece[..wanted])?;
            sink.put(&piece[..read])?;
            done += read as u64;
            if read < wanted {
                break;
            }
        }
        Ok(done)
    }

    fn list(
        &mut self,
        directory: Node,
        cursor: Cursor,
        visit: &mut dyn FnMut(Entry<'_>) -> bool,
    ) -> Result<Option<Cursor>, FileError> {
        is_root(directory)?;
        for (name, attributes) in self.files()?.iter().filter(|(_, attributes)| attributes.node.0 >= cursor) {
            if !visit(Entry { name, node: attributes.node, kind: attributes.kind }) {
                return Ok(Some(attributes.node.0));
            }
        }
        Ok(None)
    }

    fn sync(&mut self) -> Result<(), FileError> {
        Ok(())
    }

    fn usage(&mut self) -> Result<Usage, FileError> {
        let files = self.files()?;
        let used: u64 = files.iter().map(|(_, attributes)| attributes.size).sum();
        Ok(Usage { total: used, free: 0, files: Some(files.len() as u64), read_only: true })
    }
}
