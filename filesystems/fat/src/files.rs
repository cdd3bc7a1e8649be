//! A volume as a [`FileSystem`].

use airox_driver_traits::block::BlockDevice;
use airox_file_system::{
    Attributes, Checked, Cursor, Entry, FileError, FileSystem, Kind, Node, Sink, Source, Usage, path,
};
use core::ops::ControlFlow;

use crate::directory::{Directory, Found};
use crate::entry::Short;
use crate::names;
use crate::volume::{FatFiles, ROOT};

/// No directory is deeper: its path would be too long.
const DEEPEST: usize = path::MAX_PATH / 2;

impl<D: BlockDevice> FatFiles<D> {
    fn writable(&self) -> Result<(), FileError> {
        if self.medium.read_only() { Err(FileError::ReadOnly) } else { Ok(()) }
    }

    /// Forgets a file or an empty directory, whose entry was taken away, and frees what it had.
    fn forget(&mut self, found: &Found) -> Result<(), FileError> {
        self.nodes.removed(found.place() / 32);
        self.free_chain(found.entry.first())
    }

    /// Whether a directory is another one, or somewhere in it.
    fn is_inside(&mut self, directory: Directory, other: u32) -> Result<bool, FileError> {
        let Some(mut first) = directory.first.filter(|_| directory.node != ROOT) else {
            return Ok(false);
        };
        for _ in 0..DEEPEST {
            if first == other {
                return Ok(true);
            }
            first = match self.parent_of(directory.node, first)? {
                0 => return Ok(false),
                parent if self.layout.has(parent) => parent,
                _ => break,
            };
        }
        Err(self.damaged(directory.node, self.layout.place_of(first)))
    }
}

impl<D: BlockDevice> FileSystem for FatFiles<D> {
    fn root(&self) -> Node {
        Node(ROOT)
    }

    fn stat(&mut self, node: Node) -> Result<Attributes, FileError> {
        if node.0 == ROOT {
            let directory = self.directory(node)?;
            return Ok(Attributes { node, kind: Kind::Directory, size: self.count(directory)?, modified_ns: 0 });
        }
        let (_, entry) = self.entry_of(node)?;
        let mut attributes = entry.attributes(node);
        if attributes.kind == Kind::Directory {
            let directory = self.directory(node)?;
            attributes.size = self.count(directory)?;
        }
        Ok(attributes)
    }

    fn lookup(&mut self, directory: Node, name: &str) -> Result<Node, FileError> {
        let directory = self.directory(directory)?;
        let found = self.find(directory, name)?.ok_or(FileError::NotFound)?;
        if found.entry.kind() == Kind::Directory {
            self.check_parent(&found, directory)?;
        }
        Ok(self.node_at(found.place()))
    }

    fn create(&mut self, directory: Node, name: &str, kind: Kind, now_ns: u64) -> Result<Node, FileError> {
        let directory = self.directory(directory)?;
        names::check(name)?;
        self.writable()?;
        if self.find(directory, name)?.is_some() {
            return Err(FileError::AlreadyExists);
        }
        let mut entry = Short::new(kind, 0, now_ns);
        let room = self.find_room(directory, name, &mut entry, &[])?;
        if kind == Kind::Directory {
            let first = self.new_directory_cluster()?;
            self.begin_directory(first, directory, now_ns)?;
            entry.set_first(first);
        }
        let place = self.insert(&room, name, &entry)?;
        Ok(self.node_at(place))
    }

    fn read(&mut self, file: Node, offset: u64, length: u64, sink: &mut dyn Sink) -> Result<u64, FileError> {
        self.read_file(file, offset, length, sink)
    }

    fn write(
        &mut self,
        file: Node,
        offset: u64,
        length: u64,
        source: &mut dyn Source,
        now_ns: u64,
    ) -> Result<u64, FileError> {
        self.write_file(file, offset, length, source, now_ns)
    }

    fn truncate(&mut self, file: Node, length: u64, now_ns: u64) -> Result<(), FileError> {
        self.truncate_file(file, length, now_ns)
    }

    fn rename(&mut self, from: (Node, &str), to: (Node, &str), _: u64) -> Result<(), FileError> {
        let source = self.directory(from.0)?;
        let old = self.find(source, from.1)?.ok_or(FileError::NotFound)?;
        let target = self.directory(to.0)?;
        names::check(to.1)?;
        self.writable()?;
        let is_directory = old.entry.kind() == Kind::Directory;
        if is_directory {
            self.check_parent(&old, source)?;
        }
        let other = self.find(target, to.1)?;
        let itself = other.as_ref().is_some_and(|other| other.place() == old.place());
        if itself && old.name == to.1 {
            return Ok(());
        }
        let other = other.filter(|_| !itself);
        if is_directory && self.is_inside(target, old.entry.first())? {
            return Err(FileError::InvalidPath);
        }
        match &other {
            Some(_) if is_directory => return Err(FileError::AlreadyExists),
            Some(other) if other.entry.kind() == Kind::Directory => return Err(FileError::IsADirectory),
            _ => {}
        }
        let mut entry = old.entry;
        let ignored = [old.place(), other.as_ref().map_or(0, Found::place)];
        let room = self.find_room(target, to.1, &mut entry, &ignored)?;
        if let Some(other) = &other {
            self.remove(other)?;
            self.forget(other)?;
        }
        self.remove(&old)?;
        let place = self.insert(&room, to.1, &entry)?;
        self.nodes.moved(old.place() / 32, place / 32);
        if is_directory && source.node != target.node {
            self.set_parent(entry.first(), target)?;
        }
        Ok(())
    }

    fn unlink(&mut self, directory: Node, name: &str, kind: Kind, _: u64) -> Result<(), FileError> {
        let directory = self.directory(directory)?;
        self.writable()?;
        let found = self.find(directory, name)?.ok_or(FileError::NotFound)?;
        match (found.entry.kind(), kind) {
            (Kind::File, Kind::Directory) => return Err(FileError::NotADirectory),
            (Kind::Directory, Kind::File) => return Err(FileError::IsADirectory),
            (Kind::Directory, Kind::Directory) => {
                self.check_parent(&found, directory)?;
                let node = self.node_at(found.place());
                let inner = self.directory(node)?;
                if self.count(inner)? != 0 {
                    return Err(FileError::NotEmpty);
                }
            }
            (Kind::File, Kind::File) => {}
        }
        self.remove(&found)?;
        self.forget(&found)
    }

    fn list(
        &mut self,
        directory: Node,
        cursor: Cursor,
        visit: &mut dyn FnMut(Entry<'_>) -> bool,
    ) -> Result<Option<Cursor>, FileError> {
        let directory = self.directory(directory)?;
        let Ok(cursor) = u32::try_from(cursor) else {
            return Ok(None);
        };
        // The long name of the first one lies before it.
        let begin = cursor.saturating_sub(names::MOST_SLOTS);
        let mut refused = None;
        let nodes = core::mem::take(&mut self.nodes);
        let listed = self.entries(directory, begin, |found| {
            if found.index < cursor {
                return ControlFlow::Continue(());
            }
            let node = Node(nodes.node(found.place() / 32));
            if visit(Entry { name: &found.name, node, kind: found.entry.kind() }) {
                return ControlFlow::Continue(());
            }
            refused = Some(Cursor::from(found.index));
            ControlFlow::Break(())
        });
        self.nodes = nodes;
        listed?;
        Ok(refused)
    }

    fn sync(&mut self) -> Result<(), FileError> {
        self.flush()
    }

    fn usage(&mut self) -> Result<Usage, FileError> {
        let cluster = u64::from(self.layout.cluster);
        Ok(Usage {
            total: u64::from(self.layout.clusters()) * cluster,
            free: u64::from(self.count_free()?) * cluster,
            files: None,
            read_only: self.medium.read_only(),
        })
    }

    fn check(&mut self) -> Result<Checked, FileError> {
        self.check_volume()
    }
}
