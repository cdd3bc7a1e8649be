//! The log: structured records from every server, levels per server, a ring of recent records.
//!
//! The source of a record is the badge of the handle it came through, so nobody can write in another's name.

use airox_api_macros::interface;
use alloc::string::String;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// How important a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Level {
    /// Nothing; as a limit: no records at all.
    Off,
    /// Something failed.
    Error,
    /// Something looks wrong.
    Warn,
    /// Normal news.
    Info,
    /// For who debugs the server.
    Debug,
    /// Everything.
    Trace,
}

impl Level {
    /// Every level, from none to all.
    pub const ALL: [Level; 6] = [Level::Off, Level::Error, Level::Warn, Level::Info, Level::Debug, Level::Trace];

    /// Its name, for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Level::Off => "off",
            Level::Error => "error",
            Level::Warn => "warn",
            Level::Info => "info",
            Level::Debug => "debug",
            Level::Trace => "trace",
        }
    }

    /// The level with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Level> {
        Level::ALL.into_iter().find(|level| level.name() == name)
    }
}

/// One record, as `read` returns it: postcard records one after the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Counts up from 1 without gaps, over all sources.
    pub sequence: u64,
    /// When it was written, in nanoseconds since boot.
    pub time_ns: u64,
    /// Who wrote it.
    pub source: String,
    /// How important it is.
    pub level: Level,
    /// What it says.
    pub text: String,
}

/// The level up to which the records of a source are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceLevel {
    /// Who writes.
    pub source: String,
    /// Records less important than this are dropped.
    pub level: Level,
}

/// What the log refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LogError {
    /// This handle may not: programs a person runs may only write, and only a handle without a badge may give names.
    NotAllowed,
    /// No source has this name.
    UnknownSource,
    /// The buffer does not even hold the next record.
    BufferTooSmall,
    /// The server has no room for another source or waiter.
    Full,
}

impl core::fmt::Display for LogError {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.write_str(match self {
            LogError::NotAllowed => "not allowed",
            LogError::UnknownSource => "no such log source",
            LogError::BufferTooSmall => "buffer too small for one record",
            LogError::Full => "no room in the log server",
        })
    }
}

/// Longest text of a record, in bytes.
pub const MAX_TEXT: usize = 1024;
/// A buffer for `read` of this size holds at least one record.
pub const MAX_RECORD: usize = MAX_TEXT + 128;

/// The log server.
#[interface(name = "log")]
pub trait Log {
    /// Adds a record, or one for each line of the text. A line over [`MAX_TEXT`] bytes is cut, and what could harm a terminal is
    /// escaped; the kernel's clock gives the time.
    fn write(level: Level, text: &str) -> Result<(), LogError>;

    /// Writes the records newer than sequence number `after` to `records`, oldest first, as many as fit; returns how
    /// many bytes were written. Records dropped from the ring in the meantime are skipped: the sequence numbers show it.
    fn read(after: u64, records: &mut [u8]) -> Result<u32, LogError>;

    /// Answers, when the newest record is another than number `after`, with its number. A smaller number means that the log
    /// began anew; `u64::MAX` is answered at once.
    #[deferred]
    fn wait(after: u64) -> Result<u64, LogError>;

    /// Sets from which level on records of the server `source` are kept ("*": of all, present and future).
    fn set_level(source: &str, level: Level) -> Result<(), LogError>;

    /// The sources and their levels, from place `cursor` on, as many as fit in one answer; none past the end.
    fn levels(cursor: u32) -> Result<Vec<SourceLevel>, LogError>;

    /// Tells the name of the source behind a badge. For handles without a badge only.
    fn register(badge: u64, name: &str) -> Result<(), LogError>;
}

/// The records in what `read` wrote: an iterator that ends at the first damaged record.
pub fn records(mut bytes: &[u8]) -> impl Iterator<Item = Record> + '_ {
    core::iter::from_fn(move || {
        let (record, rest) = postcard::take_from_bytes(bytes).ok()?;
        bytes = rest;
        Some(record)
    })
}
