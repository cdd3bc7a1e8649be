//! Files of the file system below, for one that keeps what it holds there.
//!
//! The system file says which it is (`mounts = { "/" = "data" }`): its port arrives without a badge, as at the file service, so paths are the whole file
//! system's. It may be started again at any time: what can be done twice is then asked again, the file opened anew.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

use airox_api::CallError;
use airox_api::file_system::{FileSystemClient, MAX_TRANSFER};
use airox_api::files::{Access, Attributes, Create, FileError, How, Kind, Listed};
use airox_api::wire::Transport;
use airox_rt::{Rights, Start, StartError, TypedHandle};
use airox_sys::Port;
use alloc::format;
use alloc::vec::Vec;

/// Prefix of the names of mounted file systems' ports.
const PREFIX: &str = "mount:";
/// So often something is asked of a file system that dies over it.
const MAX_TRIES: u32 = 4;
/// Who has no badge.
const NO_BADGE: u64 = 0;

/// The file system below.
#[derive(Debug)]
pub struct Below<T: Transport = Port>(FileSystemClient<T>);

impl Below {
    /// The one that the system file mounts.
    ///
    /// # Errors
    /// There is none.
    pub fn mounted(start: &Start) -> Result<Below, StartError> {
        let name = start.handles().iter().map(|entry| entry.name.as_str()).find(|name| name.starts_with(PREFIX));
        let port: Port = start.take(name.unwrap_or(PREFIX))?;
        Ok(Below(FileSystemClient::new(port)))
    }

    /// Two ways to it, for two threads.
    ///
    /// # Errors
    /// There is no room for a handle.
    pub fn mounted_twice(start: &Start) -> Result<(Below, Below), StartError> {
        let name = start.handles().iter().map(|entry| entry.name.as_str()).find(|name| name.starts_with(PREFIX));
        let port: Port = start.take(name.unwrap_or(PREFIX))?;
        let copy = port.copy(Rights::SEND)?;
        Ok((Below(FileSystemClient::new(port)), Below(FileSystemClient::new(copy))))
    }
}

impl<T: Transport> Below<T> {
    /// Over whatever carries calls.
    pub fn over(client: FileSystemClient<T>) -> Below<T> {
        Below(client)
    }

    /// Asks, and asks again if the server dies over it or does not know a file that the one before it opened.
    fn ask<R>(&self, call: impl Fn(&FileSystemClient<T>) -> Result<R, CallError<FileError>>) -> Result<R, FileError> {
        let mut tries = 1;
        loop {
            match call(&self.0).map_err(refusal) {
                Err(FileError::ServerDied | FileError::StaleFile) if tries < MAX_TRIES => tries += 1,
                other => return other,
            }
        }
    }

    /// Opens a file, does something with it, and closes it.
    fn with_file<R>(
        &self,
        path: &str,
        how: How,
        act: impl Fn(&FileSystemClient<T>, u64, Attributes) -> Result<R, CallError<FileError>>,
    ) -> Result<R, FileError> {
        self.ask(|files| {
            let (file, attributes) = files.open(NO_BADGE, path, how)?;
            let done = act(files, file, attributes);
            // A server that died has closed it.
            let _ = files.close(file);
            done
        })
    }

    /// Makes a directory, unless it is there.
    ///
    /// # Errors
    /// See [`FileError`]; [`FileError::ServerDied`]: there is no file system.
    pub fn make_directory(&self, path: &str) -> Result<(), FileError> {
        match self.ask(|files| files.make_directory(path)) {
            Err(FileError::AlreadyExists) => Ok(()),
            other => other,
        }
    }

    /// What is known of a path.
    ///
    /// # Errors
    /// See [`FileError`].
    pub fn stat(&self, path: &str) -> Result<Attributes, FileError> {
        self.ask(|files| files.stat(path))
    }

    /// The entries of a directory.
    ///
    /// # Errors
    /// See [`FileError`].
    pub fn list(&self, path: &str) -> Result<Vec<Listed>, FileError> {
        let (mut entries, mut cursor) = (Vec::new(), 0);
        loop {
            let part = self.ask(|files| files.list(path, cursor))?;
            entries.extend(part.entries);
            match part.next {
                Some(next) => cursor = next,
                None => return Ok(entries),
            }
        }
    }

    /// Reads from `offset` on what fits; returns how many bytes, fewer only at the end of the file.
    ///
    /// # Errors
    /// See [`FileError`].
    pub fn read(&self, path: &str, offset: u64, buffer: &mut [u8]) -> Result<usize, FileError> {
        let length = buffer.len().min(MAX_TRANSFER);
        let buffer = core::cell::RefCell::new(&mut buffer[..length]);
        let read = self.with_file(path, How::READ, |files, file, _| files.read(file, offset, &mut buffer.borrow_mut()));
        Ok((read? as usize).min(length))
    }

    /// Writes all of `bytes`, at most a mebibyte, to the end of a file, which is made if it is not there. Asked again after a death it may write
    /// them twice.
    ///
    /// # Errors
    /// See [`FileError`].
    pub fn append(&self, path: &str, bytes: &[u8]) -> Result<(), FileError> {
        let how = How { access: Access::Write, create: Create::IfMissing, truncate: false };
        self.with_file(path, how, |files, file, _| whole(files.append(file, bytes)?.1, bytes))
    }

    /// Replaces a file at one moment, durably: whatever happens, it holds all of the old or all of the new bytes, at most a mebibyte.
    ///
    /// # Errors
    /// See [`FileError`].
    pub fn replace(&self, path: &str, bytes: &[u8]) -> Result<(), FileError> {
        let new = format!("{path}.new");
        self.ask(|files| {
            let (file, _) = files.open(NO_BADGE, &new, How::CREATE)?;
            let written = files.write(file, 0, bytes);
            let _ = files.close(file);
            whole(written?, bytes)?;
            files.rename(&new, path)?;
            files.sync()
        })
    }

    /// Moves a file; one in the way is replaced.
    ///
    /// # Errors
    /// See [`FileError`].
    pub fn rename(&self, from: &str, to: &str) -> Result<(), FileError> {
        self.ask(|files| files.rename(from, to))
    }

    /// Removes a file.
    ///
    /// # Errors
    /// See [`FileError`].
    pub fn remove(&self, path: &str) -> Result<(), FileError> {
        self.ask(|files| files.remove(path, Kind::File))
    }

    /// Makes all changes durable.
    ///
    /// # Errors
    /// See [`FileError`].
    pub fn sync(&self) -> Result<(), FileError> {
        self.ask(FileSystemClient::sync)
    }
}

fn whole(written: u64, bytes: &[u8]) -> Result<(), CallError<FileError>> {
    if written == bytes.len() as u64 { Ok(()) } else { Err(CallError::Service(FileError::NoSpace)) }
}

/// A failed call in the words of files.
fn refusal(error: CallError<FileError>) -> FileError {
    match error {
        CallError::Service(error) => error,
        CallError::ServerDied => FileError::ServerDied,
        CallError::Kernel(error) => FileError::Kernel(error as u32),
        CallError::Protocol(_) | CallError::Decode => FileError::NotSupported,
    }
}
