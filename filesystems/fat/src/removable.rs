//! A stick that comes and goes: its files while it is there, an empty directory while it is not.
//!
//! Nobody waits for it. Each request looks whether there is one, if there was none; a request that finds it gone unmounts it. Nodes have the number of the
//! mount in their upper bits, so those of a stick that was pulled are none of the next one's.

use airox_driver_traits::block::{BlockDevice, BlockError};
use airox_file_system::{Attributes, Checked, Cursor, Entry, FileError, FileSystem, Kind, Node, Sink, Source, Usage};

use crate::layout::{Layout, NotMounted};
use crate::part::PartOf;
use crate::volume::{FatFiles, ROOT};

/// Where in a node the mount's number begins: above all nodes of a volume.
const MOUNT_SHIFT: u32 = 48;

/// Where sticks come from.
pub trait Stick {
    /// What is in it.
    type Disk: BlockDevice;

    /// The stick, if it is there now.
    ///
    /// # Errors
    /// [`BlockError::Gone`]: it is not; otherwise why it cannot be used.
    fn disk(&mut self) -> Result<Self::Disk, BlockError>;

    /// Something changed: this is there now, or nothing for this reason.
    fn tell(&mut self, news: Result<Layout, NotMounted>);
}

/// The files of whatever stick is there.
pub struct Removable<S: Stick> {
    stick: S,
    mounted: Result<FatFiles<PartOf<S::Disk>>, NotMounted>,
    mounts: u64,
}

/// What a stick that is not there is.
const GONE: NotMounted = NotMounted::Device(BlockError::Gone);

impl<S: Stick> Removable<S> {
    /// The files of the sticks that come from there.
    pub fn new(stick: S) -> Removable<S> {
        Removable { stick, mounted: Err(GONE), mounts: 0 }
    }

    /// Where sticks come from.
    pub fn stick(&mut self) -> &mut S {
        &mut self.stick
    }

    /// Looks for a stick, unless there is one.
    fn mount(&mut self) {
        let Err(before) = &self.mounted else { return };
        let before = *before;
        let disk = self.stick.disk().map_err(NotMounted::from);
        self.mounted = disk.and_then(PartOf::with_volume).and_then(FatFiles::mount);
        match &self.mounted {
            Ok(files) => {
                self.mounts += 1;
                self.stick.tell(Ok(files.layout()));
            }
            Err(why) if *why != before => self.stick.tell(Err(*why)),
            Err(_) => {}
        }
    }

    /// Does something with the files of the stick that is there; a node of another one is none of its files.
    fn with<R>(
        &mut self,
        nodes: &[Node],
        act: impl FnOnce(&mut FatFiles<PartOf<S::Disk>>, &[Node]) -> Result<R, FileError>,
    ) -> Result<R, FileError> {
        self.mount();
        let files = self.mounted.as_mut().map_err(|why| match why {
            NotMounted::NotFat => FileError::NotSupported,
            NotMounted::Damaged(_) => FileError::Corrupt { node: 0, place: 0 },
            NotMounted::Device(error) => FileError::from(*error),
        })?;
        let mut own = [Node(ROOT); 2];
        for (own, node) in own.iter_mut().zip(nodes) {
            *own = match node.0 >> MOUNT_SHIFT {
                0 if node.0 == ROOT => *node,
                mount if mount == self.mounts => Node(node.0 & ((1 << MOUNT_SHIFT) - 1)),
                _ => return Err(FileError::NotFound),
            };
        }
        let done = act(files, &own[..nodes.len().min(2)]);
        if matches!(done, Err(FileError::Device(BlockError::Gone))) {
            self.mounted = Err(GONE);
            self.stick.tell(Err(GONE));
        }
        done
    }

    /// A node of the stick that is there, for outside.
    fn outside(&self, node: Node) -> Node {
        if node.0 == ROOT { node } else { Node(node.0 | self.mounts << MOUNT_SHIFT) }
    }

    /// What is so without a stick; a damaged one is not passed off as none.
    fn without<R>(&self, done: Result<R, FileError>, empty: R) -> Result<R, FileError> {
        match (&self.mounted, done) {
            (Err(NotMounted::NotFat | GONE), Err(_)) => Ok(empty),
            (_, done) => done,
        }
    }
}

impl<S: Stick> FileSystem for Removable<S> {
    fn root(&self) -> Node {
        Node(ROOT)
    }

    fn stat(&mut self, node: Node) -> Result<Attributes, FileError> {
        let found = self.with(&[node], |files, nodes| files.stat(nodes[0]));
        let found = found.map(|found| Attributes { node, ..found });
        let empty = Attributes { node, kind: Kind::Directory, size: 0, modified_ns: 0 };
        if node.0 == ROOT { self.without(found, empty) } else { found }
    }

    fn lookup(&mut self, directory: Node, name: &str) -> Result<Node, FileError> {
        match self.with(&[directory], |files, nodes| files.lookup(nodes[0], name)) {
            Ok(node) => Ok(self.outside(node)),
            Err(_) if matches!(self.mounted, Err(NotMounted::NotFat | GONE)) => Err(FileError::NotFound),
            Err(error) => Err(error),
        }
    }

    fn create(&mut self, directory: Node, name: &str, kind: Kind, now_ns: u64) -> Result<Node, FileError> {
        let made = self.with(&[directory], |files, nodes| files.create(nodes[0], name, kind, now_ns))?;
        Ok(self.outside(made))
    }

    fn read(&mut self, file: Node, offset: u64, length: u64, sink: &mut dyn Sink) -> Result<u64, FileError> {
        self.with(&[file], |files, nodes| files.read(nodes[0], offset, length, sink))
    }

    fn write(
        &mut self,
        file: Node,
        offset: u64,
        length: u64,
        source: &mut dyn Source,
        now_ns: u64,
    ) -> Result<u64, FileError> {
        self.with(&[file], |files, nodes| files.write(nodes[0], offset, length, source, now_ns))
    }

    fn truncate(&mut self, file: Node, length: u64, now_ns: u64) -> Result<(), FileError> {
        self.with(&[file], |files, nodes| files.truncate(nodes[0], length, now_ns))
    }

    fn rename(&mut self, from: (Node, &str), to: (Node, &str), now_ns: u64) -> Result<(), FileError> {
        let act = |files: &mut FatFiles<_>, nodes: &[Node]| files.rename((nodes[0], from.1), (nodes[1], to.1), now_ns);
        self.with(&[from.0, to.0], act)
    }

    fn unlink(&mut self, directory: Node, name: &str, kind: Kind, now_ns: u64) -> Result<(), FileError> {
        self.with(&[directory], |files, nodes| files.unlink(nodes[0], name, kind, now_ns))
    }

    fn list(
        &mut self,
        directory: Node,
        cursor: Cursor,
        visit: &mut dyn FnMut(Entry<'_>) -> bool,
    ) -> Result<Option<Cursor>, FileError> {
        // As they will be if there is no stick yet.
        self.mount();
        let mounts = self.mounts;
        let listed = self.with(&[directory], |files, nodes| {
            files.list(nodes[0], cursor, &mut |entry| {
                visit(Entry { node: Node(entry.node.0 | mounts << MOUNT_SHIFT), ..entry })
            })
        });
        if directory.0 == ROOT { self.without(listed, None) } else { listed }
    }

    fn sync(&mut self) -> Result<(), FileError> {
        // Without a stick nothing is left to be written: whoever changed something was told that it is gone.
        if self.mounted.is_err() { Ok(()) } else { self.with(&[], |files, _| files.sync()) }
    }

    fn usage(&mut self) -> Result<Usage, FileError> {
        let usage = self.with(&[], |files, _| files.usage());
        self.without(usage, Usage { read_only: true, ..Usage::default() })
    }

    fn check(&mut self) -> Result<Checked, FileError> {
        self.with(&[], |files, _| files.check())
    }
}
