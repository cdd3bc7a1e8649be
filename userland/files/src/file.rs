//! An open file.

use crate::files::{Connect, Files, MAX_TRIES, Ports, System, refusal};
use airox_api::CallError;
use airox_api::file_system::MAX_TRANSFER;
use airox_api::files::{Attributes, Create, FileError, How, Opened};
use airox_sys::Region;
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};

/// An open file, closed when dropped. It has no position of its own: each call says where.
pub struct File<C: Connect = Ports> {
    files: Files<C>,
    path: String,
    /// As it is opened again: it is there, and what it holds stays.
    how: How,
    system: RefCell<System<C>>,
    number: Cell<u64>,
    attributes: Attributes,
    /// Something was written that no `sync` has made durable.
    written: Cell<bool>,
    /// And may be lost, as its server was started again since.
    lost: Cell<bool>,
}

impl<C: Connect> File<C> {
    pub(crate) fn new(files: Files<C>, path: &str, how: How, system: System<C>, opened: Opened) -> File<C> {
        File {
            files,
            path: path.into(),
            how: How { create: Create::Never, truncate: false, ..how },
            system: RefCell::new(system),
            number: Cell::new(opened.file),
            attributes: opened.attributes,
            written: Cell::new(false),
            lost: Cell::new(false),
        }
    }

    /// What was known of it when it was opened.
    #[must_use]
    pub fn attributes_at_open(&self) -> Attributes {
        self.attributes
    }

    /// Makes a call; if the file system was started again, opens the file there and makes it again. `repeat`: also if its server
    /// died over the call, and nobody knows whether it was done.
    fn call<T>(
        &self,
        repeat: bool,
        mut call: impl FnMut(&System<C>, u64) -> Result<T, CallError<FileError>>,
    ) -> Result<T, FileError> {
        let mut tries = 1;
        loop {
            let system = self.system.borrow().clone();
            let failed = match call(&system, self.number.get()).map_err(refusal) {
                Err(error @ FileError::StaleFile) => error,
                Err(error @ FileError::ServerDied) if repeat => error,
                other => return other,
            };
            if tries == MAX_TRIES {
                return Err(failed);
            }
            tries += 1;
            self.lost.set(self.lost.get() | self.written.get());
            let (system, opened) = self.files.open_at(&self.path, self.how)?;
            self.system.replace(system);
            self.number.set(opened.file);
        }
    }

    /// Reads from `offset` on; returns how many bytes, fewer than fit only at the end of the file.
    ///
    /// # Errors
    /// See [`FileError`].
    pub fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, FileError> {
        let mut done = 0;
        while done < buffer.len() {
            let part = &mut buffer[done..];
            let wanted = part.len().min(MAX_TRANSFER);
            let read =
                self.call(true, |system, file| system.read(file, offset + done as u64, &mut part[..wanted]))? as usize;
            done += read.min(wanted);
            if read < wanted {
                break;
            }
        }
        Ok(done)
    }

    /// All of it, if that is at most `limit` bytes.
    ///
    /// # Errors
    /// [`FileError::TooLong`] and what else reading says.
    pub fn read_to_end(&self, limit: usize) -> Result<Vec<u8>, FileError> {
        let size = self.attributes()?.size;
        if size > limit as u64 {
            return Err(FileError::TooLong);
        }
        let mut bytes = alloc::vec![0; size as usize];
        let read = self.read(0, &mut bytes)?;
        bytes.truncate(read);
        Ok(bytes)
    }

    /// Writes all of `bytes` from `offset` on.
    ///
    /// # Errors
    /// See [`FileError`]; a part may have been written.
    pub fn write_all(&self, offset: u64, bytes: &[u8]) -> Result<(), FileError> {
        let mut done = 0;
        while done < bytes.len() {
            let part = &bytes[done..bytes.len().min(done + MAX_TRANSFER)];
            let written = self.call(true, |system, file| system.write(file, offset + done as u64, part))? as usize;
            if written == 0 {
                return Err(FileError::NoSpace);
            }
            self.written.set(true);
            done += written.min(part.len());
        }
        Ok(())
    }

    /// Writes all of `bytes` to the end. Pieces of a mebibyte are each in one place, whoever else appends.
    ///
    /// # Errors
    /// See [`FileError`]; a part may have been written. [`FileError::ServerDied`]: perhaps all of it, perhaps not.
    pub fn append(&self, bytes: &[u8]) -> Result<(), FileError> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let part = &rest[..rest.len().min(MAX_TRANSFER)];
            let (_, written) = self.call(false, |system, file| system.append(file, part))?;
            if written == 0 {
                return Err(FileError::NoSpace);
            }
            self.written.set(true);
            rest = &rest[part.len().min(written as usize)..];
        }
        Ok(())
    }

    /// Cuts it off, or lets it grow by zeros.
    ///
    /// # Errors
    /// See [`FileError`].
    pub fn truncate(&self, length: u64) -> Result<(), FileError> {
        self.call(true, |system, file| system.truncate(file, length))?;
        self.written.set(true);
        Ok(())
    }

    /// What is known of it.
    ///
    /// # Errors
    /// See [`FileError`].
    pub fn attributes(&self) -> Result<Attributes, FileError> {
        self.call(true, |system, file| system.attributes(file))
    }

    /// Makes its changes durable.
    ///
    /// # Errors
    /// See [`FileError`]. [`FileError::ServerDied`], once: the server was started again after something was written, which may be lost; it has to be
    /// written again.
    pub fn sync(&self) -> Result<(), FileError> {
        self.call(true, |system, file| system.sync_file(file))?;
        self.written.set(false);
        if self.lost.replace(false) { Err(FileError::ServerDied) } else { Ok(()) }
    }

    /// Its pages, to be mapped read-only, and its length: where files never change.
    ///
    /// # Errors
    /// [`FileError::NotSupported`] and what else [`FileError`] says.
    pub fn map(&self) -> Result<(Region, u64), FileError> {
        self.call(true, |system, file| system.map(file))
    }
}

impl<C: Connect> Drop for File<C> {
    fn drop(&mut self) {
        // A server that was started again has closed it already.
        let _ = self.system.borrow().close(self.number.get());
    }
}
