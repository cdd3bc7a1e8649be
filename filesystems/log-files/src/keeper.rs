//! Writing, and making room.

use airox_api::log::Record;
use airox_api::wire::Transport;
use airox_file_system::FileError;
use airox_stacked_files::Below;
use alloc::format;
use alloc::string::String;
use alloc::vec;

use crate::DIRECTORY;

/// Bytes of a file, at most: about 3,000 records.
pub const LIMIT: u64 = 256 << 10;
/// What the line begins with that begins a boot.
const BOOT: &str = "--- boot; seconds since 1970: ";
/// Older files that are kept.
pub const KEPT: u32 = 4;

/// Writes the files.
pub struct Keeper<T: Transport> {
    below: Below<T>,
    /// Bytes of the current one.
    length: u64,
}

impl<T: Transport> Keeper<T> {
    /// Goes on where the last one ended.
    ///
    /// # Errors
    /// There is no file system below.
    pub fn new(below: Below<T>) -> Result<Keeper<T>, FileError> {
        below.make_directory(DIRECTORY)?;
        let length = match below.stat(&path("current")) {
            Err(FileError::NotFound) => 0,
            other => other?.size,
        };
        Ok(Keeper { below, length })
    }

    /// Adds whole lines, durably.
    ///
    /// # Errors
    /// See [`FileError`]; the lines may be there, or a part of them.
    pub fn add(&mut self, lines: &str) -> Result<(), FileError> {
        if self.length > 0 && self.length + lines.len() as u64 > LIMIT {
            self.rotate()?;
        }
        self.below.append(&path("current"), lines.as_bytes())?;
        self.length += lines.len() as u64;
        self.below.sync()
    }

    /// Begins a boot, unless the current file says that it has begun: this server was only started again. The boot's moment is in seconds since 1970.
    ///
    /// # Errors
    /// See [`FileError`].
    pub fn begin(&mut self, boot: u64) -> Result<bool, FileError> {
        let mut bytes = vec![0; LIMIT as usize];
        let length = match self.below.read(&path("current"), 0, &mut bytes) {
            Err(FileError::NotFound) => 0,
            other => other?,
        };
        let text = String::from_utf8_lossy(&bytes[..length]);
        let last = text.lines().rev().find_map(|line| line.strip_prefix(BOOT)?.parse::<u64>().ok());
        let same = last == Some(boot);
        if !same {
            self.add(&format!("{BOOT}{boot}\n"))?;
        }
        Ok(!same)
    }

    /// Each file takes the name of the next older one; the oldest is gone.
    fn rotate(&mut self) -> Result<(), FileError> {
        for number in (1..KEPT).rev() {
            self.rename(&format!("{number}"), &format!("{}", number + 1))?;
        }
        self.rename("current", "1")?;
        self.length = 0;
        Ok(())
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), FileError> {
        match self.below.rename(&path(from), &path(to)) {
            Err(FileError::NotFound) => Ok(()),
            other => other,
        }
    }
}

fn path(name: &str) -> String {
    format!("{DIRECTORY}/{name}")
}

/// A record as a line: seconds since boot, level, server, text.
#[must_use]
pub fn line(record: &Record) -> String {
    let (seconds, micros) = (record.time_ns / 1_000_000_000, record.time_ns / 1_000 % 1_000_000);
    format!("{seconds:5}.{micros:06} {:5} {}: {}\n", record.level.name(), record.source, record.text)
}
