//! The `log` interface on top of [`LogCore`].

use crate::server::{LogCore, RING_BYTES};
use airox_api::log::{Level, Log, LogError, SourceLevel};
use airox_api::process::FIRST_PROGRAM;
use airox_api::{Caller, Deferred, WriteLease};
use alloc::vec;
use alloc::vec::Vec;

/// Bytes of records copied to a reader in one call, whatever it lends.
const MAX_READ: usize = 16 * 1024;
/// Entries of the list of levels in one answer: with the longest names they fit in a reply of 4096 bytes.
const LEVELS_IN_ANSWER: usize = 64;
/// The badge of the handle that may give names to badges.
const ADMINISTRATOR: u64 = 0;

/// Programs a person runs may write, and nothing else: neither read what servers tell each other's operators, nor silence them, nor
/// use up the places of those who wait.
fn component_only(caller: Caller) -> Result<(), LogError> {
    if caller.badge < u64::from(FIRST_PROGRAM) { Ok(()) } else { Err(LogError::NotAllowed) }
}

/// A call of `wait` to be answered.
type Wait = Deferred<u64, LogError>;

/// The log server.
pub struct LogServer {
    core: LogCore<Wait>,
    now_ns: fn() -> u64,
}

impl LogServer {
    /// An empty log; `now_ns` tells nanoseconds since boot.
    #[must_use]
    pub fn new(now_ns: fn() -> u64) -> LogServer {
        LogServer { core: LogCore::new(RING_BYTES), now_ns }
    }

    /// Gives a badge a name, as [`Log::register`] does.
    ///
    /// # Errors
    /// [`LogError::Full`].
    pub fn name(&mut self, badge: u64, name: &str) -> Result<(), LogError> {
        self.core.register(badge, name)
    }

    /// Adds a record of the server itself, or of another source by its badge.
    pub fn record(&mut self, badge: u64, level: Level, text: &[u8]) {
        let (waits, newest) = self.core.write(badge, (self.now_ns)(), level, text);
        for wait in waits {
            // Who is gone needs no answer.
            let _ = wait.send(Ok(newest));
        }
    }
}

impl Log for LogServer {
    fn write(&mut self, caller: Caller, level: Level, text: &str) -> Result<(), LogError> {
        self.record(caller.badge, level, text.as_bytes());
        Ok(())
    }

    fn read(&mut self, caller: Caller, after: u64, records: WriteLease<'_>) -> Result<u32, LogError> {
        component_only(caller)?;
        let mut buffer = vec![0; records.len().min(MAX_READ)];
        let length = self.core.read(after, &mut buffer)?;
        if records.write(0, &buffer[..length]).is_err() {
            // The reader took its memory back; it does not see the answer either.
            return Err(LogError::BufferTooSmall);
        }
        Ok(length as u32)
    }

    fn wait(&mut self, caller: Caller, after: u64, reply: Wait) {
        // Who is gone needs no answer.
        let _ = match component_only(caller) {
            Err(error) => reply.send(Err(error)),
            Ok(()) => match self.core.wait(after, reply) {
                Ok(None) => Ok(()),
                Ok(Some((reply, newest))) => reply.send(Ok(newest)),
                Err((reply, error)) => reply.send(Err(error)),
            },
        };
    }

    fn set_level(&mut self, caller: Caller, source: &str, level: Level) -> Result<(), LogError> {
        component_only(caller)?;
        self.core.set_level(source, level)
    }

    fn levels(&mut self, caller: Caller, cursor: u32) -> Result<Vec<SourceLevel>, LogError> {
        component_only(caller)?;
        Ok(self.core.levels(cursor, LEVELS_IN_ANSWER))
    }

    fn register(&mut self, caller: Caller, badge: u64, name: &str) -> Result<(), LogError> {
        if caller.badge != ADMINISTRATOR {
            return Err(LogError::NotAllowed);
        }
        self.name(badge, name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use airox_api::CallError;
    use airox_api::log::{LogClient, LogDispatcher, MAX_RECORD, MAX_TEXT, Record, records};
    use airox_api::testing::Loopback;

    const CLIENT: u64 = 5;

    fn log(badge: u64) -> LogClient<Loopback<LogDispatcher<LogServer>>> {
        let mut server = LogServer::new(|| 42);
        server.name(CLIENT, "rtc").unwrap();
        LogClient::new(Loopback::new(LogDispatcher(server), badge))
    }

    fn read(log: &LogClient<Loopback<LogDispatcher<LogServer>>>, after: u64) -> Vec<Record> {
        let mut buffer = [0; 4 * MAX_RECORD];
        let length = log.read(after, &mut buffer).unwrap() as usize;
        records(&buffer[..length]).collect()
    }

    #[test]
    fn records_travel_from_writer_to_reader() {
        let log = log(CLIENT);
        log.write(Level::Info, "first").unwrap();
        log.write(Level::Debug, "not kept").unwrap();
        log.write(Level::Error, &"x".repeat(MAX_TEXT + 7)).unwrap();
        let all = read(&log, 0);
        assert_eq!((all[0].sequence, all[0].time_ns), (1, 42));
        assert_eq!((all[0].source.as_str(), all[0].text.as_str()), ("rtc", "first"));
        assert!(all[1].text.ends_with("x...[+7 bytes]"));
        assert_eq!(read(&log, 1).len(), 1);
        assert!(read(&log, 2).is_empty());
        let refused = log.read(0, &mut [0; 8]);
        assert_eq!(refused, Err(CallError::Service(LogError::BufferTooSmall)));
    }

    #[test]
    fn waits_are_answered_when_there_is_news() {
        let log = log(CLIENT);
        assert_eq!(log.wait(u64::MAX), Ok(0));
        // Kept: the other side of this test gets no answer for now.
        assert_eq!(log.wait(0), Err(CallError::Kernel(airox_abi::Error::NoReply)));
        log.write(Level::Info, "news").unwrap();
        assert_eq!(log.wait(0), Ok(1));
    }

    #[test]
    fn names_are_the_administrators() {
        let refused = log(CLIENT).register(9, "init");
        assert_eq!(refused, Err(CallError::Service(LogError::NotAllowed)));
        assert_eq!(log(ADMINISTRATOR).register(9, "new"), Ok(()));
    }

    #[test]
    fn programs_may_only_write() {
        let log = log(FIRST_PROGRAM.into());
        let refused = CallError::Service(LogError::NotAllowed);
        assert_eq!(log.write(Level::Info, "hello"), Ok(()));
        assert_eq!(log.read(0, &mut [0; MAX_RECORD]), Err(refused.clone()));
        assert_eq!(log.wait(u64::MAX), Err(refused.clone()));
        assert_eq!(log.set_level("*", Level::Off), Err(refused.clone()));
        assert_eq!(log.levels(0), Err(refused));
    }

    #[test]
    fn the_longest_list_of_levels_fits_in_answers() {
        let log = log(ADMINISTRATOR);
        for badge in 0..300 {
            log.register(badge, &alloc::format!("{badge:032}")).unwrap();
        }
        let mut all = Vec::new();
        loop {
            let next = log.levels(all.len() as u32).unwrap();
            if next.is_empty() {
                break;
            }
            all.extend(next);
        }
        // Everybody, and the 300 names; badge 5 has a new one.
        assert_eq!(all.len(), 301);
    }
}
