//! What the log server does, without messages: ring, names, levels and who waits.
//!
//! `W` is a call that waits for a record; the server answers it later.

use crate::ring::Ring;
use crate::sources::{Levels, Names};
use crate::text::{clean, lines};
use airox_api::log::{Level, LogError, SourceLevel};
use alloc::collections::BTreeSet;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// Bytes the ring may hold.
pub const RING_BYTES: usize = 256 * 1024;
/// Most calls that wait for a record at a time. One whose caller died counts until the next record.
pub const MAX_WAITS: usize = 16;
/// What is kept of everybody at the start.
pub const DEFAULT_LEVEL: Level = Level::Info;
/// Most bytes of a source's name.
pub const MAX_NAME: usize = 100;
/// Stands for every source.
pub const EVERYBODY: &str = "*";

/// See the module documentation.
pub struct LogCore<W> {
    ring: Ring,
    names: Names,
    levels: Levels,
    /// All of them wait for the record after the newest.
    waits: Vec<W>,
}

impl<W> LogCore<W> {
    /// An empty log whose ring holds `ring_bytes`.
    #[must_use]
    pub fn new(ring_bytes: usize) -> LogCore<W> {
        LogCore {
            ring: Ring::new(ring_bytes),
            names: Names::default(),
            levels: Levels::new(DEFAULT_LEVEL),
            waits: Vec::new(),
        }
    }

    /// Keeps a record, unless the source's level says otherwise; a text of several lines makes one record of each, so that reports
    /// stay readable and no line lacks its source. Returns the calls that can be answered now, and the newest
    /// sequence number. A record that claims the level `off` is an error: that is a limit, and no way around limits.
    pub fn write(&mut self, badge: u64, time_ns: u64, level: Level, text: &[u8]) -> (Vec<W>, u64) {
        let level = level.max(Level::Error);
        if !self.levels.keeps(&self.names.name(badge), level) {
            return (Vec::new(), self.ring.last());
        }
        for line in lines(text) {
            self.ring.push(badge, time_ns, level, clean(line).into_boxed_str());
        }
        (core::mem::take(&mut self.waits), self.ring.last())
    }

    /// Copies the records newer than `after` to `buffer`, as postcard, as many as fit; returns how many bytes.
    ///
    /// # Errors
    /// [`LogError::BufferTooSmall`]: there is a record, and it does not fit.
    pub fn read(&self, after: u64, buffer: &mut [u8]) -> Result<usize, LogError> {
        let mut used = 0;
        for (badge, stored) in self.ring.after(after) {
            let record = stored.to_record(self.names.name(badge));
            match postcard::to_slice(&record, &mut buffer[used..]) {
                Ok(bytes) => used += bytes.len(),
                Err(_) if used == 0 => return Err(LogError::BufferTooSmall),
                Err(_) => break,
            }
        }
        Ok(used)
    }

    /// Keeps a call until the newest record is another than `after`. It comes back at once, with the newest number, if that is so
    /// already: also when the number is from an earlier life of this server.
    ///
    /// # Errors
    /// The call itself, with why it can be neither kept nor answered.
    pub fn wait(&mut self, after: u64, call: W) -> Result<Option<(W, u64)>, (W, LogError)> {
        let newest = self.ring.last();
        if newest != after {
            return Ok(Some((call, newest)));
        }
        if self.waits.len() >= MAX_WAITS {
            return Err((call, LogError::Full));
        }
        self.waits.push(call);
        Ok(None)
    }

    /// Sets what is kept of a source, or of everybody ([`EVERYBODY`]), present and future.
    ///
    /// # Errors
    /// [`LogError::UnknownSource`]: no source has such a name; [`LogError::Full`]. A source that has not written yet may be given a level: settings come first.
    pub fn set_level(&mut self, source: &str, level: Level) -> Result<(), LogError> {
        if source == EVERYBODY {
            self.levels.set_all(level);
            return Ok(());
        }
        if source.is_empty() || source.len() > MAX_NAME || source.chars().any(char::is_control) {
            return Err(LogError::UnknownSource);
        }
        self.levels.set(source, level).map_err(|_| LogError::Full)
    }

    /// What is kept of everybody else, then of each source by name; from place `cursor` on.
    #[must_use]
    pub fn levels(&self, cursor: u32, count: usize) -> Vec<SourceLevel> {
        let everybody =
            core::iter::once(SourceLevel { source: EVERYBODY.to_string(), level: self.levels.default_level() });
        let known = self.known().into_iter().map(|source| {
            let level = self.levels.of(&source);
            SourceLevel { source, level }
        });
        everybody.chain(known).skip(cursor as usize).take(count).collect()
    }

    /// Gives a badge a name.
    ///
    /// # Errors
    /// [`LogError::Full`].
    pub fn register(&mut self, badge: u64, name: &str) -> Result<(), LogError> {
        let ring = &self.ring;
        self.names.register(badge, name, |badge| ring.holds(badge)).map_err(|_| LogError::Full)
    }

    /// Names that are registered, have records, or have a level of their own.
    fn known(&self) -> BTreeSet<String> {
        let held = self.ring.sources().map(|badge| self.names.name(badge));
        let registered = self.names.all().map(String::from);
        let with_level = self.levels.names().map(String::from);
        held.chain(registered).chain(with_level).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use airox_api::log::{MAX_RECORD, Record, records};
    use alloc::vec;

    /// A wait is a number in these tests.
    fn log() -> LogCore<u32> {
        let mut log = LogCore::new(RING_BYTES);
        log.register(1, "init").unwrap();
        log.register(2, "rtc").unwrap();
        log
    }

    fn write(log: &mut LogCore<u32>, badge: u64, level: Level, text: &str) -> Vec<(u32, u64)> {
        {
            let (calls, newest) = log.write(badge, 7, level, text.as_bytes());
            calls.into_iter().map(|call| (call, newest)).collect()
        }
    }

    fn read_all(log: &LogCore<u32>) -> Vec<Record> {
        let mut buffer = vec![0; MAX_RECORD];
        let mut all = Vec::new();
        loop {
            let after = all.last().map_or(0, |record: &Record| record.sequence);
            let length = log.read(after, &mut buffer).unwrap();
            if length == 0 {
                return all;
            }
            all.extend(records(&buffer[..length]));
        }
    }

    #[test]
    fn records_carry_who_when_and_what() {
        let mut log = log();
        write(&mut log, 2, Level::Warn, "battery\tlow\n");
        write(&mut log, 77, Level::Info, "hello");
        let all = read_all(&log);
        assert_eq!((all[0].sequence, all[0].time_ns, all[0].source.as_str()), (1, 7, "rtc"));
        assert_eq!((all[0].level, all[0].text.as_str()), (Level::Warn, "battery\\tlow"));
        assert_eq!(all[1].source, "client-77");
    }

    #[test]
    fn several_lines_are_several_records() {
        let mut log = log();
        assert_eq!(log.wait(0, 5), Ok(None));
        assert_eq!(write(&mut log, 2, Level::Error, "fault\n  rax 0\r\n\n"), [(5, 2)]);
        let texts: Vec<_> = read_all(&log).into_iter().map(|r| (r.source, r.text)).collect();
        assert_eq!(texts, [("rtc".into(), "fault".into()), ("rtc".into(), "  rax 0".into())]);
    }

    #[test]
    fn the_largest_record_fits_in_the_promised_buffer() {
        let mut log = log();
        log.register(3, &"n".repeat(100)).unwrap();
        log.write(3, u64::MAX, Level::Info, &[0xff; 10_000]);
        assert_eq!(read_all(&log).len(), 1);
        assert_eq!(log.read(0, &mut [0; 10]), Err(LogError::BufferTooSmall));
        assert_eq!(log.read(1, &mut []), Ok(0));
    }

    #[test]
    fn levels_filter_at_write() {
        let mut log = log();
        write(&mut log, 1, Level::Debug, "no");
        log.set_level("rtc", Level::Debug).unwrap();
        write(&mut log, 2, Level::Debug, "yes");
        log.set_level(EVERYBODY, Level::Off).unwrap();
        write(&mut log, 2, Level::Error, "no");
        write(&mut log, 2, Level::Off, "no way around");
        log.set_level("rtc", Level::Error).unwrap();
        write(&mut log, 2, Level::Off, "an error");
        let texts: Vec<_> = read_all(&log).into_iter().map(|r| (r.level, r.text)).collect();
        assert_eq!(texts, [(Level::Debug, "yes".into()), (Level::Error, "an error".into())]);
        assert_eq!(log.set_level("", Level::Info), Err(LogError::UnknownSource));
        assert_eq!(log.set_level(&"x".repeat(101), Level::Info), Err(LogError::UnknownSource));
        log.set_level("not-yet", Level::Debug).unwrap();
        log.register(9, "not-yet").unwrap();
        assert!(!write(&mut log, 9, Level::Debug, "early").is_empty() || read_all(&log).len() == 3);
    }

    #[test]
    fn levels_are_listed_from_a_cursor() {
        let mut log = log();
        log.set_level("rtc", Level::Debug).unwrap();
        let list = |log: &LogCore<u32>, cursor| {
            let levels = log.levels(cursor, 2).into_iter();
            levels.map(|entry| (entry.source, entry.level)).collect::<Vec<_>>()
        };
        assert_eq!(list(&log, 0), [("*".into(), Level::Info), ("init".into(), Level::Info)]);
        assert_eq!(list(&log, 2), [("rtc".into(), Level::Debug)]);
        assert_eq!(list(&log, 3), []);
    }

    #[test]
    fn waits_end_with_the_next_record() {
        let mut log = log();
        assert_eq!(log.wait(0, 10), Ok(None));
        assert!(write(&mut log, 1, Level::Debug, "filtered").is_empty());
        assert_eq!(write(&mut log, 1, Level::Info, "x"), [(10, 1)]);
        assert_eq!(log.wait(0, 11), Ok(Some((11, 1))));
        // A number from an earlier life of the server.
        assert_eq!(log.wait(500, 12), Ok(Some((12, 1))));
    }

    #[test]
    fn waits_are_bounded() {
        let mut log = log();
        for call in 0..MAX_WAITS as u32 {
            assert_eq!(log.wait(0, call), Ok(None));
        }
        assert_eq!(log.wait(0, 99), Err((99, LogError::Full)));
    }
}
