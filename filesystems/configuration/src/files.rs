//! The settings as a file system.

use crate::schema::{Rule, SCHEMA, rule_for};
use crate::settings::{MAX_SETTINGS, MAX_TEXT, Settings};
use airox_file_system::{Attributes, Cursor, Entry, FileError, FileSystem, Kind, Node, Sink, Source, Usage, path};
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

/// Most bytes of one write: more than any value.
const MAX_WRITE: u64 = 1024;

/// What the settings need of the world.
pub trait World {
    /// Keeps the text of all settings, durably and at one moment.
    ///
    /// # Errors
    /// It still has what it had.
    fn keep(&mut self, text: &str) -> Result<(), FileError>;

    /// A setting is this from now on.
    fn changed(&mut self, path: &str, value: &str);
}

/// The file system. Directories are those of the schema.
pub struct ConfigFiles<W> {
    settings: Settings,
    world: W,
    /// Nodes of directories and of files that are there, by path.
    nodes: BTreeMap<String, (Node, Kind)>,
    next: u64,
}

impl<W: World> ConfigFiles<W> {
    /// With what was kept; tells the world of all that somebody has set.
    pub fn new(settings: Settings, world: W) -> ConfigFiles<W> {
        let mut files = ConfigFiles { settings, world, nodes: BTreeMap::new(), next: 0 };
        files.add("/", Kind::Directory);
        for rule in SCHEMA {
            let inner = rule.directory.char_indices().skip(1).filter(|(_, letter)| *letter == '/');
            for (end, _) in inner.chain([(rule.directory.len(), '/')]) {
                files.add(&rule.directory[..end], Kind::Directory);
            }
            if let Some(name) = rule.name {
                files.add(&format!("{}/{name}", rule.directory), Kind::File);
            }
        }
        for (path, value) in files.settings.clone().all() {
            files.add(path, Kind::File);
            files.world.changed(path, value);
        }
        files
    }

    fn add(&mut self, path: &str, kind: Kind) -> Node {
        if let Some((node, _)) = self.nodes.get(path) {
            return *node;
        }
        let node = Node(self.next);
        self.next += 1;
        self.nodes.insert(path.into(), (node, kind));
        node
    }

    /// The path of a node.
    fn path_of(&self, node: Node) -> Result<(&str, Kind), FileError> {
        let found = self.nodes.iter().find(|(_, (number, _))| *number == node);
        found.map(|(path, (_, kind))| (path.as_str(), *kind)).ok_or(FileError::NotFound)
    }

    fn directory(&self, node: Node) -> Result<&str, FileError> {
        match self.path_of(node)? {
            (path, Kind::Directory) => Ok(path),
            (_, Kind::File) => Err(FileError::NotADirectory),
        }
    }

    fn file(&self, node: Node) -> Result<(&str, &'static Rule), FileError> {
        match self.path_of(node)? {
            (path, Kind::File) => rule_for(path).map(|rule| (path, rule)).ok_or(FileError::NotFound),
            (_, Kind::Directory) => Err(FileError::IsADirectory),
        }
    }

    /// What is in a directory, by number.
    fn entries(&self, directory: &str) -> Vec<(Node, Kind, &str)> {
        let inside = |(path, (node, kind)): &(&'_ String, &(Node, Kind))| {
            let (parent, name) = path::split(path)?;
            (parent == directory).then_some((*node, *kind, name.len()))
        };
        let mut entries: Vec<(Node, Kind, &str)> = self
            .nodes
            .iter()
            .filter_map(|entry| {
                let (node, kind, length) = inside(&entry)?;
                Some((node, kind, &entry.0[entry.0.len() - length..]))
            })
            .collect();
        entries.sort_unstable_by_key(|(node, _, _)| *node);
        entries
    }

    /// What a file holds.
    fn content(&self, path: &str, rule: &Rule) -> String {
        match self.settings.get(path).unwrap_or(rule.default) {
            "" => String::new(),
            value => format!("{value}\n"),
        }
    }

    /// Makes a change durable, then effective.
    fn change(&mut self, settings: Settings, path: &str, value: &str) -> Result<(), FileError> {
        self.world.keep(&settings.text())?;
        self.settings = settings;
        self.world.changed(path, value);
        Ok(())
    }
}

fn join(directory: &str, name: &str) -> String {
    format!("{}/{name}", directory.trim_end_matches('/'))
}

impl<W: World> FileSystem for ConfigFiles<W> {
    fn root(&self) -> Node {
        Node(0)
    }

    fn stat(&mut self, node: Node) -> Result<Attributes, FileError> {
        let (path, kind) = self.path_of(node)?;
        let size = match kind {
            Kind::Directory => self.entries(path).len(),
            Kind::File => self.file(node).map(|(path, rule)| self.content(path, rule).len())?,
        };
        Ok(Attributes { node, kind, size: size as u64, modified_ns: 0 })
    }

    fn lookup(&mut self, directory: Node, name: &str) -> Result<Node, FileError> {
        let path = join(self.directory(directory)?, name);
        self.nodes.get(&path).map(|(node, _)| *node).ok_or(FileError::NotFound)
    }

    fn create(&mut self, directory: Node, name: &str, kind: Kind, _: u64) -> Result<Node, FileError> {
        let path = join(self.directory(directory)?, name);
        path::check_name(name)?;
        if self.nodes.contains_key(&path) {
            return Err(FileError::AlreadyExists);
        }
        if kind == Kind::Directory || rule_for(&path).is_none() {
            return Err(FileError::NotAllowed);
        }
        if self.nodes.len() >= MAX_SETTINGS {
            return Err(FileError::NoSpace);
        }
        Ok(self.add(&path, Kind::File))
    }

    fn read(&mut self, file: Node, offset: u64, length: u64, sink: &mut dyn Sink) -> Result<u64, FileError> {
        let (path, rule) = self.file(file)?;
        let content = self.content(path, rule);
        let rest = usize::try_from(offset).ok().and_then(|offset| content.as_bytes().get(offset..)).unwrap_or(&[]);
        let part = &rest[..rest.len().min(usize::try_from(length).unwrap_or(usize::MAX))];
        sink.put(part)?;
        Ok(part.len() as u64)
    }

    /// A whole value.
    fn write(
        &mut self,
        file: Node,
        offset: u64,
        length: u64,
        source: &mut dyn Source,
        _: u64,
    ) -> Result<u64, FileError> {
        let (path, _) = self.file(file)?;
        if length == 0 {
            return Ok(0);
        }
        if length > MAX_WRITE {
            return Err(FileError::TooLong);
        }
        let mut bytes = vec![0; length as usize];
        source.take(&mut bytes)?;
        // A line's end after the value is there already.
        if offset > 0 && bytes == b"\n" {
            return Ok(length);
        }
        if offset > 0 {
            return Err(FileError::NotSupported);
        }
        let path = String::from(path);
        let mut settings = self.settings.clone();
        let value = String::from(settings.set(&path, &bytes)?);
        if settings != self.settings {
            self.change(settings, &path, &value)?;
        }
        Ok(length)
    }

    /// Emptying a file comes before the write that replaces its value; until then the value stays.
    fn truncate(&mut self, file: Node, length: u64, _: u64) -> Result<(), FileError> {
        self.file(file)?;
        if length == 0 { Ok(()) } else { Err(FileError::NotSupported) }
    }

    fn rename(&mut self, _: (Node, &str), _: (Node, &str), _: u64) -> Result<(), FileError> {
        Err(FileError::NotSupported)
    }

    /// Brings the default back.
    fn unlink(&mut self, directory: Node, name: &str, kind: Kind, _: u64) -> Result<(), FileError> {
        let path = join(self.directory(directory)?, name);
        let (node, is) = *self.nodes.get(&path).ok_or(FileError::NotFound)?;
        match (kind, is) {
            (Kind::File, Kind::Directory) => return Err(FileError::IsADirectory),
            (Kind::Directory, Kind::File) => return Err(FileError::NotADirectory),
            (Kind::Directory, Kind::Directory) => return Err(FileError::NotAllowed),
            (Kind::File, Kind::File) => {}
        }
        let (_, rule) = self.file(node)?;
        let mut settings = self.settings.clone();
        if settings.forget(&path) {
            self.change(settings, &path, rule.default)?;
        }
        if rule.name.is_none() {
            self.nodes.remove(&path);
        }
        Ok(())
    }

    fn list(
        &mut self,
        directory: Node,
        cursor: Cursor,
        visit: &mut dyn FnMut(Entry<'_>) -> bool,
    ) -> Result<Option<Cursor>, FileError> {
        let path = self.directory(directory)?;
        for (node, kind, name) in self.entries(path).into_iter().filter(|(node, _, _)| node.0 >= cursor) {
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
        let used = self.settings.text().len().min(MAX_TEXT);
        let files = Some(self.nodes.len() as u64 - 1);
        Ok(Usage { total: MAX_TEXT as u64, free: (MAX_TEXT - used) as u64, files, read_only: false })
    }
}
