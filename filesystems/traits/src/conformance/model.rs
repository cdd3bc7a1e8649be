//! A file system as simple as can be: what all others are compared with.

use crate::path::check_name;
use crate::{Attributes, Cursor, Entry, FileError, FileSystem, Kind, Node, Sink, Source, Usage};
use std::collections::BTreeMap;
use std::string::String;
use std::vec::Vec;

const ROOT: Node = Node(1);
/// No file of the model is longer.
const LIMIT: u64 = 1 << 30;

#[derive(Clone, Debug)]
enum Content {
    File(Vec<u8>),
    Directory(BTreeMap<String, Node>),
}

/// See the module's documentation.
#[derive(Clone, Debug)]
pub struct Model {
    nodes: BTreeMap<Node, (Content, u64)>,
    last: u64,
}

impl Default for Model {
    fn default() -> Model {
        let root = (Content::Directory(BTreeMap::new()), 0);
        Model { nodes: BTreeMap::from([(ROOT, root)]), last: ROOT.0 }
    }
}

impl Model {
    /// An empty one.
    #[must_use]
    pub fn new() -> Model {
        Model::default()
    }

    fn directory(&mut self, node: Node) -> Result<(&mut BTreeMap<String, Node>, &mut u64), FileError> {
        match self.nodes.get_mut(&node) {
            Some((Content::Directory(entries), modified)) => Ok((entries, modified)),
            Some(_) => Err(FileError::NotADirectory),
            None => Err(FileError::NotFound),
        }
    }

    fn file(&mut self, node: Node) -> Result<(&mut Vec<u8>, &mut u64), FileError> {
        match self.nodes.get_mut(&node) {
            Some((Content::File(bytes), modified)) => Ok((bytes, modified)),
            Some(_) => Err(FileError::IsADirectory),
            None => Err(FileError::NotFound),
        }
    }

    fn kind(&self, node: Node) -> Kind {
        match self.nodes.get(&node) {
            Some((Content::Directory(_), _)) => Kind::Directory,
            _ => Kind::File,
        }
    }

    /// Whether `node` is `directory` or in it, at whatever depth.
    fn contains(&self, directory: Node, node: Node) -> bool {
        let inside = match self.nodes.get(&directory) {
            Some((Content::Directory(entries), _)) => entries.values().any(|entry| self.contains(*entry, node)),
            _ => false,
        };
        directory == node || inside
    }
}

impl FileSystem for Model {
    fn root(&self) -> Node {
        ROOT
    }

    fn stat(&mut self, node: Node) -> Result<Attributes, FileError> {
        let (content, modified_ns) = self.nodes.get(&node).ok_or(FileError::NotFound)?;
        let (kind, size) = match content {
            Content::File(bytes) => (Kind::File, bytes.len() as u64),
            Content::Directory(entries) => (Kind::Directory, entries.len() as u64),
        };
        Ok(Attributes { node, kind, size, modified_ns: *modified_ns })
    }

    fn lookup(&mut self, directory: Node, name: &str) -> Result<Node, FileError> {
        self.directory(directory)?.0.get(name).copied().ok_or(FileError::NotFound)
    }

    fn create(&mut self, directory: Node, name: &str, kind: Kind, now_ns: u64) -> Result<Node, FileError> {
        let node = Node(self.last + 1);
        let (entries, modified) = self.directory(directory)?;
        check_name(name)?;
        if entries.contains_key(name) {
            return Err(FileError::AlreadyExists);
        }
        entries.insert(name.into(), node);
        *modified = now_ns;
        self.last += 1;
        let content = match kind {
            Kind::File => Content::File(Vec::new()),
            Kind::Directory => Content::Directory(BTreeMap::new()),
        };
        self.nodes.insert(node, (content, now_ns));
        Ok(node)
    }

    fn read(&mut self, file: Node, offset: u64, length: u64, sink: &mut dyn Sink) -> Result<u64, FileError> {
        let (bytes, _) = self.file(file)?;
        let end = bytes.len() as u64;
        let (from, to) = (offset.min(end) as usize, offset.saturating_add(length).min(end) as usize);
        sink.put(&bytes[from..to])?;
        Ok((to - from) as u64)
    }

    fn write(
        &mut self,
        file: Node,
        offset: u64,
        length: u64,
        source: &mut dyn Source,
        now_ns: u64,
    ) -> Result<u64, FileError> {
        let (bytes, modified) = self.file(file)?;
        let end = offset.checked_add(length).filter(|end| *end <= LIMIT).ok_or(FileError::TooLong)?;
        let mut data = std::vec![0; length as usize];
        source.take(&mut data)?;
        if length > 0 {
            bytes.resize(bytes.len().max(end as usize), 0);
            bytes[offset as usize..end as usize].copy_from_slice(&data);
            *modified = now_ns;
        }
        Ok(length)
    }

    fn truncate(&mut self, file: Node, length: u64, now_ns: u64) -> Result<(), FileError> {
        let (bytes, modified) = self.file(file)?;
        if length > LIMIT {
            return Err(FileError::TooLong);
        }
        bytes.resize(length as usize, 0);
        *modified = now_ns;
        Ok(())
    }

    fn rename(&mut self, from: (Node, &str), to: (Node, &str), now_ns: u64) -> Result<(), FileError> {
        let node = self.lookup(from.0, from.1)?;
        let (entries, _) = self.directory(to.0)?;
        check_name(to.1)?;
        let in_the_way = entries.get(to.1).copied();
        if in_the_way == Some(node) {
            return Ok(());
        }
        if self.kind(node) == Kind::Directory && self.contains(node, to.0) {
            return Err(FileError::InvalidPath);
        }
        if let Some(other) = in_the_way {
            match (self.kind(node), self.kind(other)) {
                (Kind::Directory, _) => return Err(FileError::AlreadyExists),
                (Kind::File, Kind::Directory) => return Err(FileError::IsADirectory),
                (Kind::File, Kind::File) => self.nodes.remove(&other),
            };
        }
        let (entries, modified) = self.directory(from.0)?;
        entries.remove(from.1);
        *modified = now_ns;
        let (entries, modified) = self.directory(to.0)?;
        entries.insert(to.1.into(), node);
        *modified = now_ns;
        Ok(())
    }

    fn unlink(&mut self, directory: Node, name: &str, kind: Kind, now_ns: u64) -> Result<(), FileError> {
        let node = self.lookup(directory, name)?;
        match (self.kind(node), kind) {
            (Kind::File, Kind::Directory) => return Err(FileError::NotADirectory),
            (Kind::Directory, Kind::File) => return Err(FileError::IsADirectory),
            (Kind::Directory, Kind::Directory) if !self.directory(node)?.0.is_empty() => {
                return Err(FileError::NotEmpty);
            }
            _ => {}
        }
        let (entries, modified) = self.directory(directory)?;
        entries.remove(name);
        *modified = now_ns;
        self.nodes.remove(&node);
        Ok(())
    }

    fn list(
        &mut self,
        directory: Node,
        cursor: Cursor,
        visit: &mut dyn FnMut(Entry<'_>) -> bool,
    ) -> Result<Option<Cursor>, FileError> {
        let (entries, _) = self.directory(directory)?;
        // By node: renaming neither hides nor repeats an entry.
        let mut by_node: Vec<(Node, String)> = entries.iter().map(|(name, node)| (*node, name.clone())).collect();
        by_node.sort();
        for (node, name) in by_node.into_iter().filter(|(node, _)| node.0 >= cursor) {
            let kind = self.kind(node);
            if !visit(Entry { name: &name, node, kind }) {
                return Ok(Some(node.0));
            }
        }
        Ok(None)
    }

    fn sync(&mut self) -> Result<(), FileError> {
        Ok(())
    }

    fn usage(&mut self) -> Result<Usage, FileError> {
        let files = self.nodes.len() as u64 - 1;
        Ok(Usage { total: LIMIT, free: LIMIT, files: Some(files), read_only: false })
    }
}
