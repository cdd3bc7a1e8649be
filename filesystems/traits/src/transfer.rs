//! How bytes get out of a file system and into it, in one copy.

use crate::{FileError, FileSystem, Node};
use alloc::vec::Vec;

/// Takes bytes that are read, in order.
pub trait Sink {
    /// The next bytes.
    ///
    /// # Errors
    /// They cannot be taken: [`FileError::BadBuffer`], mostly.
    fn put(&mut self, bytes: &[u8]) -> Result<(), FileError>;
}

/// Gives bytes that are to be written, in order.
pub trait Source {
    /// Fills `buffer` with the next bytes.
    ///
    /// # Errors
    /// There are not so many, or they cannot be had: [`FileError::BadBuffer`], mostly.
    fn take(&mut self, buffer: &mut [u8]) -> Result<(), FileError>;
}

impl Sink for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        self.extend_from_slice(bytes);
        Ok(())
    }
}

impl Source for &[u8] {
    fn take(&mut self, buffer: &mut [u8]) -> Result<(), FileError> {
        let (bytes, rest) = self.split_at_checked(buffer.len()).ok_or(FileError::BadBuffer)?;
        buffer.copy_from_slice(bytes);
        *self = rest;
        Ok(())
    }
}

/// A sink into a buffer.
#[derive(Debug)]
pub struct BufferSink<'a> {
    free: &'a mut [u8],
}

impl<'a> BufferSink<'a> {
    /// Fills this from its beginning on.
    pub fn new(buffer: &'a mut [u8]) -> BufferSink<'a> {
        BufferSink { free: buffer }
    }
}

impl Sink for BufferSink<'_> {
    fn put(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        let free = core::mem::take(&mut self.free);
        let (place, rest) = free.split_at_mut_checked(bytes.len()).ok_or(FileError::BadBuffer)?;
        place.copy_from_slice(bytes);
        self.free = rest;
        Ok(())
    }
}

/// Reads into `buffer`; returns how many bytes there were.
///
/// # Errors
/// Those of [`FileSystem::read`].
pub fn read_slice<F: FileSystem + ?Sized>(
    files: &mut F,
    file: Node,
    offset: u64,
    buffer: &mut [u8],
) -> Result<usize, FileError> {
    let length = buffer.len() as u64;
    files.read(file, offset, length, &mut BufferSink::new(buffer)).map(|read| read as usize)
}

/// A whole file, if it has at most `limit` bytes.
///
/// # Errors
/// Those of [`FileSystem::read`]; [`FileError::TooLong`].
pub fn read_all<F: FileSystem + ?Sized>(files: &mut F, file: Node, limit: u64) -> Result<Vec<u8>, FileError> {
    let mut bytes = Vec::new();
    files.read(file, 0, limit.saturating_add(1), &mut bytes)?;
    if bytes.len() as u64 > limit { Err(FileError::TooLong) } else { Ok(bytes) }
}

/// Writes all of `bytes` from `offset` on.
///
/// # Errors
/// Those of [`FileSystem::write`]; the beginning may then have been written.
pub fn write_all<F: FileSystem + ?Sized>(
    files: &mut F,
    file: Node,
    offset: u64,
    bytes: &[u8],
    now_ns: u64,
) -> Result<(), FileError> {
    let mut done = 0;
    while done < bytes.len() {
        let mut rest = &bytes[done..];
        let length = rest.len() as u64;
        let written = files.write(file, offset + done as u64, length, &mut rest, now_ns)?;
        if written == 0 {
            return Err(FileError::NoSpace);
        }
        done += written as usize;
    }
    Ok(())
}
