//! The `file-system` interface over any file system.

use crate::lend::{FromClient, ToClient};
use crate::table::{OpenFile, Table};
use crate::walk::{find, parent};
use crate::watches::Watches;
use airox_api::file_system::{self, MAX_TRANSFER};
use airox_api::files::{Access, Create, How, Listed, Listing, MAX_LISTED};
use airox_api::{Caller, Deferred, ReadLease, WriteLease};
use airox_file_system::{Attributes, Checked, Extent, FileError, FileSystem, Kind, Node, Quota, Usage, path};
use airox_sys::{Region, Signal};
use alloc::vec::Vec;

/// The badge of the file service: none.
const FILE_SERVICE: u64 = 0;

/// What the server needs of the world.
pub trait Host {
    /// Nanoseconds since 1970; 0 if nobody knows.
    fn now_ns(&mut self) -> u64;

    /// It may be time to ask somebody who knows better: called before files are made or opened.
    fn refresh(&mut self) {}

    /// A region whose first bytes are these, zeros behind them, for a client to read.
    ///
    /// # Errors
    /// [`FileError::NotSupported`], [`FileError::NoSpace`], or what the kernel says.
    fn pages(&mut self, extent: Extent) -> Result<Region, FileError>;
}

/// A file system's server.
pub struct FileServer<F, H> {
    files: F,
    host: H,
    table: Table,
    watches: Watches,
    attending: Vec<Deferred<(), FileError>>,
}

impl<F: FileSystem, H: Host> FileServer<F, H> {
    /// A server that was started at this time, in nanoseconds since boot.
    pub fn new(files: F, host: H, started_ns: u64) -> FileServer<F, H> {
        FileServer { files, host, table: Table::new(started_ns), watches: Watches::default(), attending: Vec::new() }
    }

    /// The file system.
    pub fn files(&mut self) -> &mut F {
        &mut self.files
    }

    /// A file of who calls, for this use.
    fn opened(&self, caller: Caller, number: u64, access: Access) -> Result<(Node, &OpenFile), FileError> {
        let file = self.table.get(caller.badge, number)?;
        if file.access < access {
            return Err(FileError::NotAllowed);
        }
        Ok((file.node, file))
    }

    fn changed(&self, caller: Caller, number: u64) {
        if let Ok(file) = self.table.get(caller.badge, number) {
            self.watches.changed(&file.path);
        }
    }

    /// The node to open, and whether something was changed for it.
    fn find_or_make(&mut self, at: &str, how: How) -> Result<(Node, bool), FileError> {
        let now = self.host.now_ns();
        match find(&mut self.files, at) {
            Ok(_) if how.create == Create::New => Err(FileError::AlreadyExists),
            Ok(node) => {
                if self.files.stat(node)?.kind == Kind::Directory {
                    return Err(FileError::IsADirectory);
                }
                if how.truncate {
                    self.files.truncate(node, 0, now)?;
                }
                Ok((node, how.truncate))
            }
            Err(FileError::NotFound) if how.create != Create::Never => {
                let (directory, name) = parent(&mut self.files, at)?;
                let node = self.files.create(directory, name, Kind::File, now)?;
                Ok((node, true))
            }
            Err(error) => Err(error),
        }
    }
}

fn service_only(caller: Caller) -> Result<(), FileError> {
    if caller.badge == FILE_SERVICE { Ok(()) } else { Err(FileError::NotAllowed) }
}

impl<F: FileSystem, H: Host> file_system::FileSystem for FileServer<F, H> {
    fn read(&mut self, caller: Caller, file: u64, offset: u64, bytes: WriteLease<'_>) -> Result<u64, FileError> {
        let (node, _) = self.opened(caller, file, Access::Read)?;
        let length = bytes.len().min(MAX_TRANSFER) as u64;
        self.files.read(node, offset, length, &mut ToClient::new(bytes))
    }

    fn write(&mut self, caller: Caller, file: u64, offset: u64, bytes: ReadLease<'_>) -> Result<u64, FileError> {
        let (node, _) = self.opened(caller, file, Access::Write)?;
        let length = bytes.len().min(MAX_TRANSFER) as u64;
        let now = self.host.now_ns();
        let written = self.files.write(node, offset, length, &mut FromClient::new(bytes), now)?;
        self.changed(caller, file);
        Ok(written)
    }

    fn append(&mut self, caller: Caller, file: u64, bytes: ReadLease<'_>) -> Result<(u64, u64), FileError> {
        let (node, _) = self.opened(caller, file, Access::Write)?;
        let end = self.files.stat(node)?.size;
        let written = self.write(caller, file, end, bytes)?;
        Ok((end, written))
    }

    fn truncate(&mut self, caller: Caller, file: u64, length: u64) -> Result<(), FileError> {
        let (node, _) = self.opened(caller, file, Access::Write)?;
        let now = self.host.now_ns();
        self.files.truncate(node, length, now)?;
        self.changed(caller, file);
        Ok(())
    }

    fn attributes(&mut self, caller: Caller, file: u64) -> Result<Attributes, FileError> {
        let (node, _) = self.opened(caller, file, Access::Read)?;
        self.files.stat(node)
    }

    fn sync_file(&mut self, caller: Caller, file: u64) -> Result<(), FileError> {
        self.opened(caller, file, Access::Read)?;
        self.files.sync()
    }

    fn close(&mut self, caller: Caller, file: u64) -> Result<(), FileError> {
        self.table.close(caller.badge, file)
    }

    fn map(&mut self, caller: Caller, file: u64) -> Result<(Region, u64), FileError> {
        let (node, _) = self.opened(caller, file, Access::Read)?;
        let extent = self.files.extent(node)?;
        Ok((self.host.pages(extent)?, extent.length))
    }

    fn open(&mut self, caller: Caller, badge: u64, at: &str, how: How) -> Result<(u64, Attributes), FileError> {
        service_only(caller)?;
        self.table.check_room(badge)?;
        self.host.refresh();
        let (node, changed) = self.find_or_make(at, how)?;
        let attributes = self.files.stat(node)?;
        if changed {
            self.watches.changed(at);
        }
        let number = self.table.insert(OpenFile { badge, node, access: how.access, path: at.into() });
        Ok((number, attributes))
    }

    fn stat(&mut self, caller: Caller, at: &str) -> Result<Attributes, FileError> {
        service_only(caller)?;
        let node = find(&mut self.files, at)?;
        self.files.stat(node)
    }

    fn list(&mut self, caller: Caller, at: &str, cursor: u64) -> Result<Listing, FileError> {
        service_only(caller)?;
        let directory = find(&mut self.files, at)?;
        let mut names: Vec<(alloc::string::String, Node)> = Vec::new();
        let next = self.files.list(directory, cursor, &mut |entry| {
            let room = names.len() < MAX_LISTED;
            if room {
                names.push((entry.name.into(), entry.node));
            }
            room
        })?;
        let mut entries = Vec::with_capacity(names.len());
        for (name, node) in names {
            entries.push(Listed { name, attributes: self.files.stat(node)? });
        }
        Ok(Listing { entries, next })
    }

    fn make_directory(&mut self, caller: Caller, at: &str) -> Result<(), FileError> {
        service_only(caller)?;
        path::check(at)?;
        // The root is there.
        let (directory, name) = match parent(&mut self.files, at) {
            Err(FileError::Busy) => return Err(FileError::AlreadyExists),
            other => other?,
        };
        self.host.refresh();
        let now = self.host.now_ns();
        self.files.create(directory, name, Kind::Directory, now)?;
        self.watches.changed(at);
        Ok(())
    }

    fn remove(&mut self, caller: Caller, at: &str, kind: Kind) -> Result<(), FileError> {
        service_only(caller)?;
        let (directory, name) = parent(&mut self.files, at)?;
        let now = self.host.now_ns();
        self.files.unlink(directory, name, kind, now)?;
        self.watches.changed(at);
        Ok(())
    }

    fn rename(&mut self, caller: Caller, from: &str, to: &str) -> Result<(), FileError> {
        service_only(caller)?;
        let (from_directory, from_name) = parent(&mut self.files, from)?;
        let (to_directory, to_name) = parent(&mut self.files, to)?;
        let now = self.host.now_ns();
        self.files.rename((from_directory, from_name), (to_directory, to_name), now)?;
        self.table.renamed(from, to);
        self.watches.changed(from);
        self.watches.changed(to);
        Ok(())
    }

    fn sync(&mut self, caller: Caller) -> Result<(), FileError> {
        service_only(caller)?;
        self.files.sync()
    }

    fn check(&mut self, caller: Caller) -> Result<Checked, FileError> {
        service_only(caller)?;
        self.files.check()
    }

    fn quota(&mut self, caller: Caller, at: &str) -> Result<Option<Quota>, FileError> {
        service_only(caller)?;
        let node = find(&mut self.files, at)?;
        self.files.quota(node)
    }

    fn set_quota(&mut self, caller: Caller, at: &str, most_bytes: u64, most_files: u64) -> Result<(), FileError> {
        service_only(caller)?;
        let directory = find(&mut self.files, at)?;
        let now = self.host.now_ns();
        self.files.set_quota(directory, most_bytes, most_files, now)
    }

    fn usage(&mut self, caller: Caller) -> Result<Usage, FileError> {
        service_only(caller)?;
        self.files.usage()
    }

    fn watch(&mut self, caller: Caller, watch: u64, at: &str, signal: Signal, bits: u64) -> Result<(), FileError> {
        service_only(caller)?;
        path::check(at)?;
        self.watches.add(watch, at, signal, bits)
    }

    fn unwatch(&mut self, caller: Caller, watch: u64) -> Result<(), FileError> {
        service_only(caller)?;
        self.watches.remove(watch);
        Ok(())
    }

    fn release(&mut self, caller: Caller, badge: u64) -> Result<(), FileError> {
        service_only(caller)?;
        self.table.release(badge);
        Ok(())
    }

    fn attend(&mut self, caller: Caller, reply: Deferred<(), FileError>) {
        // The file service has one such call, and an earlier instance of it is gone: so is its call.
        self.attending.clear();
        match service_only(caller) {
            Ok(()) => self.attending.push(reply),
            Err(error) => drop(reply.send(Err(error))),
        }
    }
}
