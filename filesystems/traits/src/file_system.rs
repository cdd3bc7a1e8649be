//! The trait.

use crate::{Attributes, Checked, Cursor, Entry, Extent, FileError, Kind, Node, Quota, Sink, Source, Usage};

/// A file system. `now_ns` is the time, in nanoseconds since 1970, that a change is noted with.
///
/// Names are given as one component each; a file system checks them with [`path::check_name`](crate::path::check_name) when it makes one, and may be stricter.
/// What is said of errors here is what the tests in [`conformance`](crate::conformance) ask for; every method may also answer [`FileError::Corrupt`]
/// and [`FileError::Device`], and every change [`FileError::ReadOnly`]. A method that fails changes nothing, unless it says otherwise.
pub trait FileSystem {
    /// The directory everything is in.
    fn root(&self) -> Node;

    /// What is known of a node.
    ///
    /// # Errors
    /// [`FileError::NotFound`].
    fn stat(&mut self, node: Node) -> Result<Attributes, FileError>;

    /// The node that a name in a directory stands for.
    ///
    /// # Errors
    /// [`FileError::NotFound`]: the directory, or the name in it; [`FileError::NotADirectory`].
    fn lookup(&mut self, directory: Node, name: &str) -> Result<Node, FileError>;

    /// Makes an empty file or directory.
    ///
    /// # Errors
    /// As [`lookup`](FileSystem::lookup) for the directory; [`FileError::AlreadyExists`], [`FileError::InvalidName`], [`FileError::TooLong`],
    /// [`FileError::NoSpace`].
    fn create(&mut self, directory: Node, name: &str, kind: Kind, now_ns: u64) -> Result<Node, FileError>;

    /// Hands `length` bytes from `offset` on to `sink`, in order, or as many as there are before the end of the file; returns how many. What was
    /// never written is zero.
    ///
    /// # Errors
    /// [`FileError::NotFound`], [`FileError::IsADirectory`], and what the sink says; some bytes may then have been handed over.
    fn read(&mut self, file: Node, offset: u64, length: u64, sink: &mut dyn Sink) -> Result<u64, FileError>;

    /// Takes `length` bytes from `source` and keeps them from `offset` on; the file grows if need be. Returns how many were written: fewer, but not
    /// none, when room ends in the middle.
    ///
    /// # Errors
    /// [`FileError::NotFound`], [`FileError::IsADirectory`], [`FileError::NoSpace`], [`FileError::TooLong`]: no file can be that long; and what the source says. After an error
    /// the bytes of that range may be the old or the new ones, and the file is no longer than if all had gone well.
    fn write(
        &mut self,
        file: Node,
        offset: u64,
        length: u64,
        source: &mut dyn Source,
        now_ns: u64,
    ) -> Result<u64, FileError>;

    /// Cuts a file off, or lets it grow by zeros.
    ///
    /// # Errors
    /// As [`write`](FileSystem::write).
    fn truncate(&mut self, file: Node, length: u64, now_ns: u64) -> Result<(), FileError>;

    /// Moves an entry. A file in the way of a file is replaced at the same moment, so that there always is one; a rename to itself
    /// does nothing.
    ///
    /// # Errors
    /// As [`lookup`](FileSystem::lookup) for both directories and the old name, as [`create`](FileSystem::create) for the new one: [`FileError::AlreadyExists`] for anything in the way of
    /// a directory, [`FileError::IsADirectory`] for a directory in the way of a file; [`FileError::InvalidPath`]: a directory cannot be moved into itself.
    fn rename(&mut self, from: (Node, &str), to: (Node, &str), now_ns: u64) -> Result<(), FileError>;

    /// Removes a file, or an empty directory; `kind` says which of both is meant.
    ///
    /// # Errors
    /// As [`lookup`](FileSystem::lookup); [`FileError::NotADirectory`], [`FileError::IsADirectory`]: it is the other; [`FileError::NotEmpty`].
    fn unlink(&mut self, directory: Node, name: &str, kind: Kind, now_ns: u64) -> Result<(), FileError>;

    /// Shows `visit` the entries of a directory from `cursor` on, in whatever order, until it answers `false` or there are no more; returns where to go on: the
    /// entry refused is the next one; `None` at the end. Entries that are there all the time are shown exactly once, however long it takes
    /// and whatever else is made, renamed or removed in the meantime.
    ///
    /// # Errors
    /// [`FileError::NotFound`], [`FileError::NotADirectory`].
    fn list(
        &mut self,
        directory: Node,
        cursor: Cursor,
        visit: &mut dyn FnMut(Entry<'_>) -> bool,
    ) -> Result<Option<Cursor>, FileError>;

    /// Makes all that was changed durable: after a power cut it is there.
    ///
    /// # Errors
    /// What was changed since the last success may be lost.
    fn sync(&mut self) -> Result<(), FileError>;

    /// Room and number of files.
    ///
    /// # Errors
    /// Only those of the disk.
    fn usage(&mut self) -> Result<Usage, FileError>;

    /// The quota that a node counts for, if any.
    ///
    /// # Errors
    /// [`FileError::NotFound`]; [`FileError::NotSupported`]: there are none here.
    fn quota(&mut self, node: Node) -> Result<Option<Quota>, FileError> {
        let _all_may_grow = node;
        Err(FileError::NotSupported)
    }

    /// Limits what is below a directory to so many bytes and so many files; `u64::MAX` is no limit. What is above a new limit stays, and does not grow.
    ///
    /// # Errors
    /// [`FileError::NotFound`], [`FileError::NotADirectory`]; [`FileError::NotEmpty`]: it had no quota before, and has entries;
    /// [`FileError::NotSupported`].
    fn set_quota(&mut self, directory: Node, most_bytes: u64, most_files: u64, now_ns: u64) -> Result<(), FileError> {
        let _all_may_grow = (directory, most_bytes, most_files, now_ns);
        Err(FileError::NotSupported)
    }

    /// Reads everything that is kept and says whether it is as it should be.
    ///
    /// # Errors
    /// Those of the disk; damage is in the result. [`FileError::NotSupported`]: nothing is kept that could be damaged.
    fn check(&mut self) -> Result<Checked, FileError> {
        Err(FileError::NotSupported)
    }

    /// Where a file lies, if this file system is made of one constant memory. Such a file can be mapped.
    ///
    /// # Errors
    /// [`FileError::NotFound`], [`FileError::IsADirectory`], [`FileError::NotSupported`].
    fn extent(&mut self, file: Node) -> Result<Extent, FileError> {
        let _everything_lies_elsewhere = file;
        Err(FileError::NotSupported)
    }
}

/// In an `impl FileSystem`: the methods that change something, for one that nobody changes by these. Written out where it holds, so that a method
/// that is forgotten elsewhere does not compile.
#[macro_export]
macro_rules! read_only {
    () => {
        fn create(
            &mut self,
            _: $crate::Node,
            _: &str,
            _: $crate::Kind,
            _: u64,
        ) -> Result<$crate::Node, $crate::FileError> {
            Err($crate::FileError::ReadOnly)
        }

        fn write(
            &mut self,
            _: $crate::Node,
            _: u64,
            _: u64,
            _: &mut dyn $crate::Source,
            _: u64,
        ) -> Result<u64, $crate::FileError> {
            Err($crate::FileError::ReadOnly)
        }

        fn truncate(&mut self, _: $crate::Node, _: u64, _: u64) -> Result<(), $crate::FileError> {
            Err($crate::FileError::ReadOnly)
        }

        fn rename(
            &mut self,
            _: ($crate::Node, &str),
            _: ($crate::Node, &str),
            _: u64,
        ) -> Result<(), $crate::FileError> {
            Err($crate::FileError::ReadOnly)
        }

        fn unlink(&mut self, _: $crate::Node, _: &str, _: $crate::Kind, _: u64) -> Result<(), $crate::FileError> {
            Err($crate::FileError::ReadOnly)
        }
    };
}
