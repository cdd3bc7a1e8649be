//! The namespace: everything that has a path.

use crate::{Directory, File};
use airox_api::CallError;
use airox_api::file_system::FileSystemClient;
use airox_api::files::{
    Attributes, Checked, FileError, FileGrant, FilesClient, How, Kind, Listing, Mounted, Opened, Quota, Usage,
};
use airox_api::wire::Transport;
use airox_sys::{Port, Signal};
use alloc::collections::BTreeMap;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::RefCell;

/// So often a call is made when servers die over it.
pub(crate) const MAX_TRIES: u32 = 4;

/// What carries calls: ports, or a test's stand-ins.
pub trait Connect {
    /// To the file service.
    type Service: Transport;
    /// To a file system.
    type System: Transport;

    /// A way to this file system.
    ///
    /// # Errors
    /// There is none, or the file service does not say.
    fn connect(files: &FilesClient<Self::Service>, mount: u32) -> Result<Self::System, CallError<FileError>>;
}

/// The kernel's ports.
#[derive(Clone, Copy, Debug)]
pub struct Ports;

impl Connect for Ports {
    type Service = Port;
    type System = Port;

    fn connect(files: &FilesClient, mount: u32) -> Result<Port, CallError<FileError>> {
        files.file_system(mount)
    }
}

pub(crate) type System<C> = Rc<FileSystemClient<<C as Connect>::System>>;

/// A program's files. Clones are the same.
pub struct Files<C: Connect = Ports> {
    shared: Rc<Shared<C>>,
}

struct Shared<C: Connect> {
    client: FilesClient<C::Service>,
    /// Ways to the file systems used so far.
    systems: RefCell<BTreeMap<u32, System<C>>>,
}

impl<C: Connect> Clone for Files<C> {
    fn clone(&self) -> Files<C> {
        Files { shared: Rc::clone(&self.shared) }
    }
}

impl Files {
    /// Over a client of the file service: `Files::new(start.connect()?)`.
    #[must_use]
    pub fn new(client: FilesClient) -> Files {
        Files::over(client)
    }
}

impl<C: Connect> Files<C> {
    /// Over whatever carries its calls.
    #[must_use]
    pub fn over(client: FilesClient<C::Service>) -> Files<C> {
        Files { shared: Rc::new(Shared { client, systems: RefCell::default() }) }
    }

    /// The file service.
    #[must_use]
    pub fn client(&self) -> &FilesClient<C::Service> {
        &self.shared.client
    }

    /// Opens a file.
    ///
    /// # Errors
    /// See [`FileError`].
    pub fn open(&self, path: &str, how: How) -> Result<File<C>, FileError> {
        let (system, opened) = self.open_at(path, how)?;
        Ok(File::new(self.clone(), path, how, system, opened))
    }

    /// Opens a file and finds the way to its file system.
    pub(crate) fn open_at(&self, path: &str, how: How) -> Result<(System<C>, Opened), FileError> {
        let opened = if how.create == airox_api::files::Create::New {
            self.shared.client.open(path, how).map_err(refusal)?
        } else {
            repeated(|| self.shared.client.open(path, how))?
        };
        let known = self.shared.systems.borrow().get(&opened.mount).cloned();
        let system = match known {
            Some(system) => system,
            None => {
                let transport = repeated(|| C::connect(&self.shared.client, opened.mount))?;
                let system = Rc::new(FileSystemClient::new(transport));
                self.shared.systems.borrow_mut().insert(opened.mount, Rc::clone(&system));
                system
            }
        };
        Ok((system, opened))
    }

    /// A whole file of at most `limit` bytes.
    ///
    /// # Errors
    /// [`FileError::TooLong`] and what else reading says.
    pub fn read_file(&self, path: &str, limit: usize) -> Result<Vec<u8>, FileError> {
        self.open(path, How::READ)?.read_to_end(limit)
    }

    /// Makes a file of these bytes, or replaces what it held.
    ///
    /// # Errors
    /// See [`FileError`]; a part may have been written.
    pub fn write_file(&self, path: &str, bytes: &[u8]) -> Result<(), FileError> {
        self.open(path, How::CREATE)?.write_all(0, bytes)
    }

    /// What is known of a path.
    ///
    /// # Errors
    /// See [`FileError`].
    pub fn stat(&self, path: &str) -> Result<Attributes, FileError> {
        repeated(|| self.shared.client.stat(path))
    }

    /// The entries of a directory, asked for while they are taken.
    ///
    /// # Errors
    /// See [`FileError`].
    pub fn directory(&self, path: &str) -> Result<Directory<C>, FileError> {
        Directory::open(self.clone(), path)
    }

    /// A part of the list of a directory; see [`Files::directory`].
    ///
    /// # Errors
    /// See [`FileError`].
    pub fn list(&self, path: &str, cursor: u64) -> Result<Listing, FileError> {
        repeated(|| self.shared.client.list(path, cursor))
    }

    /// Makes a directory.
    ///
    /// # Errors
    /// See [`FileError`].
    pub fn make_directory(&self, path: &str) -> Result<(), FileError> {
        self.shared.client.make_directory(path).map_err(refusal)
    }

    /// Removes a file or an empty directory.
    ///
    /// # Errors
    /// See [`FileError`].
    pub fn remove(&self, path: &str, kind: Kind) -> Result<(), FileError> {
        self.shared.client.remove(path, kind).map_err(refusal)
    }

    /// Moves a file or directory within its file system.
    ///
    /// # Errors
    /// See [`FileError`].
    pub fn rename(&self, from: &str, to: &str) -> Result<(), FileError> {
        self.shared.client.rename(from, to).map_err(refusal)
    }

    /// Makes all changes of a file system durable.
    ///
    /// # Errors
    /// See [`FileError`].
    pub fn sync(&self, path: &str) -> Result<(), FileError> {
        repeated(|| self.shared.client.sync(path))
    }

    /// Room in a file system.
    ///
    /// # Errors
    /// See [`FileError`].
    pub fn usage(&self, path: &str) -> Result<Usage, FileError> {
        repeated(|| self.shared.client.usage(path))
    }

    /// The quota that what is at a path counts for, if any.
    ///
    /// # Errors
    /// See [`FileError`].
    pub fn quota(&self, path: &str) -> Result<Option<Quota>, FileError> {
        repeated(|| self.shared.client.quota(path))
    }

    /// Limits what is below a directory to so many bytes and files; `u64::MAX` is no limit.
    ///
    /// # Errors
    /// See [`FileError`].
    pub fn set_quota(&self, path: &str, most_bytes: u64, most_files: u64) -> Result<(), FileError> {
        repeated(|| self.shared.client.set_quota(path, most_bytes, most_files))
    }

    /// Reads everything that a file system keeps and says whether it is as it should be.
    ///
    /// # Errors
    /// See [`FileError`].
    pub fn check(&self, path: &str) -> Result<Checked, FileError> {
        repeated(|| self.shared.client.check(path))
    }

    /// Has bits of a signal notified at changes; returns the watch's number.
    ///
    /// # Errors
    /// See [`FileError`].
    pub fn watch(&self, path: &str, signal: &Signal, bits: u64) -> Result<u64, FileError> {
        self.shared.client.watch(path, signal, bits).map_err(refusal)
    }

    /// The file systems of which this program sees something.
    ///
    /// # Errors
    /// See [`FileError`].
    pub fn mounts(&self) -> Result<Vec<Mounted>, FileError> {
        repeated(|| self.shared.client.mounts())
    }

    /// What this program was given.
    ///
    /// # Errors
    /// See [`FileError`].
    pub fn grants(&self) -> Result<Vec<FileGrant>, FileError> {
        repeated(|| self.shared.client.grants())
    }
}

/// A call that can be repeated when a server dies over it.
fn repeated<T>(mut call: impl FnMut() -> Result<T, CallError<FileError>>) -> Result<T, FileError> {
    let mut tries = 1;
    loop {
        match call().map_err(refusal) {
            Err(FileError::ServerDied) if tries < MAX_TRIES => tries += 1,
            other => return other,
        }
    }
}

/// A failed call in the words of files.
pub(crate) fn refusal(error: CallError<FileError>) -> FileError {
    match error {
        CallError::Service(error) => error,
        CallError::ServerDied => FileError::ServerDied,
        CallError::Kernel(error) => FileError::Kernel(error as u32),
        CallError::Protocol(_) | CallError::Decode => FileError::NotSupported,
    }
}
