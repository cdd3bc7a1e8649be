//! The tree.

use crate::content::{Content, Room};
use airox_file_system::path::check_name;
use airox_file_system::{Attributes, Cursor, Entry, FileError, FileSystem, Kind, Node, Sink, Source, Usage};
use alloc::collections::BTreeMap;
use alloc::rc::Rc;

const ROOT: Node = Node(1);
/// What a node and its entry take besides the name.
const NODE_COST: u64 = 256;

enum Body {
    File(Content),
    Directory(Directory),
}

/// The entries of a directory, by name and by node.
struct Directory {
    parent: Node,
    by_name: BTreeMap<Rc<str>, Node>,
    by_node: BTreeMap<Node, Rc<str>>,
}

impl Directory {
    fn new(parent: Node) -> Directory {
        Directory { parent, by_name: BTreeMap::new(), by_node: BTreeMap::new() }
    }

    fn insert(&mut self, name: &str, node: Node) {
        let name: Rc<str> = name.into();
        self.by_name.insert(Rc::clone(&name), node);
        self.by_node.insert(node, name);
    }

    fn remove(&mut self, name: &str) {
        if let Some(node) = self.by_name.remove(name) {
            self.by_node.remove(&node);
        }
    }
}

struct Item {
    body: Body,
    modified_ns: u64,
}

impl Item {
    fn kind(&self) -> Kind {
        match self.body {
            Body::File(_) => Kind::File,
            Body::Directory(_) => Kind::Directory,
        }
    }
}

/// See the crate's documentation.
pub struct MemoryFiles {
    items: BTreeMap<Node, Item>,
    last: u64,
    room: Room,
}

impl MemoryFiles {
    /// An empty one with room for so many bytes.
    #[must_use]
    pub fn new(limit: u64) -> MemoryFiles {
        let root = Item { body: Body::Directory(Directory::new(ROOT)), modified_ns: 0 };
        MemoryFiles { items: BTreeMap::from([(ROOT, root)]), last: ROOT.0, room: Room { limit, used: 0 } }
    }

    fn directory(&mut self, node: Node) -> Result<(&mut Directory, &mut u64), FileError> {
        match self.items.get_mut(&node) {
            Some(Item { body: Body::Directory(directory), modified_ns }) => Ok((directory, modified_ns)),
            Some(_) => Err(FileError::NotADirectory),
            None => Err(FileError::NotFound),
        }
    }

    /// A file, its time, and the room it may take.
    fn file(&mut self, node: Node) -> Result<(&mut Content, &mut u64, &mut Room), FileError> {
        match self.items.get_mut(&node) {
            Some(Item { body: Body::File(content), modified_ns }) => Ok((content, modified_ns, &mut self.room)),
            Some(_) => Err(FileError::IsADirectory),
            None => Err(FileError::NotFound),
        }
    }

    fn kind(&self, node: Node) -> Kind {
        self.items.get(&node).map_or(Kind::File, Item::kind)
    }

    /// Whether `node` is `directory` or somewhere in it.
    fn is_inside(&mut self, mut node: Node, directory: Node) -> bool {
        loop {
            if node == directory {
                return true;
            }
            match self.directory(node) {
                Ok((found, _)) if found.parent != node => node = found.parent,
                _ => return false,
            }
        }
    }

    /// Forgets a node that nothing names any more.
    fn forget(&mut self, node: Node) {
        if let Some(Item { body: Body::File(content), .. }) = self.items.remove(&node) {
            self.room.give(content.cost());
        }
    }

    /// Takes an entry out of its directory, and gives its room back.
    fn take_entry(&mut self, directory: Node, name: &str, now_ns: u64) -> Result<(), FileError> {
        let (entries, modified) = self.directory(directory)?;
        entries.remove(name);
        *modified = now_ns;
        self.room.give(entry_cost(name));
        Ok(())
    }
}

fn entry_cost(name: &str) -> u64 {
    NODE_COST + name.len() as u64
}

impl FileSystem for MemoryFiles {
    fn root(&self) -> Node {
        ROOT
    }

    fn stat(&mut self, node: Node) -> Result<Attributes, FileError> {
        let item = self.items.get(&node).ok_or(FileError::NotFound)?;
        let size = match &item.body {
            Body::File(content) => content.length(),
            Body::Directory(directory) => directory.by_name.len() as u64,
        };
        Ok(Attributes { node, kind: item.kind(), size, modified_ns: item.modified_ns })
    }

    fn lookup(&mut self, directory: Node, name: &str) -> Result<Node, FileError> {
        self.directory(directory)?.0.by_name.get(name).copied().ok_or(FileError::NotFound)
    }

    fn create(&mut self, directory: Node, name: &str, kind: Kind, now_ns: u64) -> Result<Node, FileError> {
        let (entries, _) = self.directory(directory)?;
        check_name(name)?;
        if entries.by_name.contains_key(name) {
            return Err(FileError::AlreadyExists);
        }
        self.room.take(entry_cost(name))?;
        self.last += 1;
        let node = Node(self.last);
        let (entries, modified) = self.directory(directory)?;
        entries.insert(name, node);
        *modified = now_ns;
        let body = match kind {
            Kind::File => Body::File(Content::default()),
            Kind::Directory => Body::Directory(Directory::new(directory)),
        };
        self.items.insert(node, Item { body, modified_ns: now_ns });
        Ok(node)
    }

    fn read(&mut self, file: Node, offset: u64, length: u64, sink: &mut dyn Sink) -> Result<u64, FileError> {
        self.file(file)?.0.read(offset, length, sink)
    }

    fn write(
        &mut self,
        file: Node,
        offset: u64,
        length: u64,
        source: &mut dyn Source,
        now_ns: u64,
    ) -> Result<u64, FileError> {
        let (content, modified, room) = self.file(file)?;
        let written = content.write(offset, length, source, room)?;
        if written > 0 {
            *modified = now_ns;
        }
        Ok(written)
    }

    fn truncate(&mut self, file: Node, length: u64, now_ns: u64) -> Result<(), FileError> {
        let (content, modified, room) = self.file(file)?;
        content.truncate(length, room)?;
        *modified = now_ns;
        Ok(())
    }

    fn rename(&mut self, from: (Node, &str), to: (Node, &str), now_ns: u64) -> Result<(), FileError> {
        let node = self.lookup(from.0, from.1)?;
        let (entries, _) = self.directory(to.0)?;
        check_name(to.1)?;
        let in_the_way = entries.by_name.get(to.1).copied();
        if in_the_way == Some(node) {
            return Ok(());
        }
        let kind = self.kind(node);
        if kind == Kind::Directory && self.is_inside(to.0, node) {
            return Err(FileError::InvalidPath);
        }
        match in_the_way.map(|other| (kind, self.kind(other))) {
            Some((Kind::Directory, _)) => return Err(FileError::AlreadyExists),
            Some((Kind::File, Kind::Directory)) => return Err(FileError::IsADirectory),
            Some((Kind::File, Kind::File)) | None => {}
        }
        // The new name first, while everything can still be as it was.
        self.room.take(entry_cost(to.1))?;
        if let Some(other) = in_the_way {
            self.take_entry(to.0, to.1, now_ns)?;
            self.forget(other);
        }
        self.take_entry(from.0, from.1, now_ns)?;
        let (entries, modified) = self.directory(to.0)?;
        entries.insert(to.1, node);
        *modified = now_ns;
        if let Ok((moved, _)) = self.directory(node) {
            moved.parent = to.0;
        }
        Ok(())
    }

    fn unlink(&mut self, directory: Node, name: &str, kind: Kind, now_ns: u64) -> Result<(), FileError> {
        let node = self.lookup(directory, name)?;
        match (self.kind(node), kind) {
            (Kind::File, Kind::Directory) => return Err(FileError::NotADirectory),
            (Kind::Directory, Kind::File) => return Err(FileError::IsADirectory),
            (Kind::Directory, Kind::Directory) if !self.directory(node)?.0.by_name.is_empty() => {
                return Err(FileError::NotEmpty);
            }
            _ => {}
        }
        self.take_entry(directory, name, now_ns)?;
        self.forget(node);
        Ok(())
    }

    fn list(
        &mut self,
        directory: Node,
        cursor: Cursor,
        visit: &mut dyn FnMut(Entry<'_>) -> bool,
    ) -> Result<Option<Cursor>, FileError> {
        self.directory(directory)?;
        let Some(Item { body: Body::Directory(entries), .. }) = self.items.get(&directory) else {
            return Err(FileError::NotADirectory);
        };
        for (node, name) in entries.by_node.range(Node(cursor)..) {
            if !visit(Entry { name, node: *node, kind: self.kind(*node) }) {
                return Ok(Some(node.0));
            }
        }
        Ok(None)
    }

    fn sync(&mut self) -> Result<(), FileError> {
        // Nothing of it survives a power cut, and nobody was told otherwise.
        Ok(())
    }

    fn usage(&mut self) -> Result<Usage, FileError> {
        let Room { limit, used } = self.room;
        let files = self.items.len() as u64 - 1;
        Ok(Usage { total: limit, free: limit - used.min(limit), files: Some(files), read_only: false })
    }
}
