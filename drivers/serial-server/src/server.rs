//! The interface on a line.

use airox_api::serial::{LineErrors, Serial, SerialError};
use airox_api::{Caller, Deferred, SavedLease};
use airox_driver_traits::serial::SerialLine;
use alloc::collections::VecDeque;

/// Bytes that came and are kept for who has not asked yet.
pub const KEPT: usize = 4096;
/// Most calls that wait to send, and as many to receive.
pub const MAX_WAITING: usize = 8;
/// Times the line is asked in one call of [`SerialServer::pump`] whether it wants more.
const ROUNDS: u32 = 64;
/// Bytes moved at a time.
const CHUNK: usize = 512;

/// Whether all there was to do is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "unfinished work gets no new interrupt"]
pub enum Work {
    /// The next interrupt or call brings more.
    Done,
    /// Serve the clients that wait, then go on.
    More,
}

/// Bytes on their way out, and how many of them the device has taken.
struct Sending {
    bytes: SavedLease,
    taken: usize,
    call: Deferred<u32, SerialError>,
}

/// Room for bytes, and until when its owner waits.
struct Receiving {
    room: SavedLease,
    until: u64,
    call: Deferred<u32, SerialError>,
}

/// Serves a line.
pub struct SerialServer<L> {
    line: L,
    clock: fn() -> u64,
    came: VecDeque<u8>,
    sending: VecDeque<Sending>,
    receiving: VecDeque<Receiving>,
}

/// Who is gone by now is told nothing.
fn answer(call: Deferred<u32, SerialError>, result: Result<usize, SerialError>) {
    let _ = call.send(result.map(|count| count as u32));
}

impl<L: SerialLine> SerialServer<L> {
    /// Serves this line; `clock` gives nanoseconds since boot.
    pub fn new(line: L, clock: fn() -> u64) -> SerialServer<L> {
        SerialServer { line, clock, came: VecDeque::new(), sending: VecDeque::new(), receiving: VecDeque::new() }
    }

    /// The line.
    pub fn line(&mut self) -> &mut L {
        &mut self.line
    }

    /// The device interrupted, or there was more, or a client called: moves bytes both ways.
    ///
    /// # Errors
    /// The device is gone.
    pub fn pump(&mut self) -> Result<Work, L::Error> {
        let mut buffer = [0; CHUNK];
        for _ in 0..ROUNDS {
            let wants = self.line.is_interrupting()?;
            let room = KEPT.saturating_sub(self.came.len()).min(CHUNK);
            let count = if room > 0 { self.line.receive(&mut buffer[..room])? } else { 0 };
            self.came.extend(buffer.get(..count).unwrap_or_default());
            self.hand_out();
            let sent = self.send()?;
            // What cannot be kept is the device's: a client that reads goes on.
            if count == 0 && sent == 0 && (!wants || room == 0) {
                return Ok(Work::Done);
            }
        }
        Ok(Work::More)
    }

    /// Gives what came to those who wait for it, in the order of their calls.
    fn hand_out(&mut self) {
        while !self.came.is_empty()
            && let Some(Receiving { room, call, .. }) = self.receiving.pop_front()
        {
            let count = room.len().min(self.came.len());
            let bytes = &self.came.make_contiguous()[..count];
            match call.write(room, 0, bytes) {
                Ok(()) => {
                    self.came.drain(..count);
                    answer(call, Ok(count));
                }
                // It has taken its memory back, and loses nothing.
                Err(_) => answer(call, Err(SerialError::BadBuffer)),
            }
        }
    }

    /// Sends of the first call that waits; returns how many bytes the device took.
    fn send(&mut self) -> Result<usize, L::Error> {
        let mut buffer = [0; CHUNK];
        let Some(first) = self.sending.front_mut() else {
            // It has nothing more to send.
            return self.line.transmit(&[]);
        };
        let (bytes, taken) = (first.bytes, first.taken);
        let chunk = &mut buffer[..(bytes.len() - taken).min(CHUNK)];
        let read = first.call.read(bytes, taken, chunk);
        let count = if read.is_ok() { self.line.transmit(chunk)?.min(chunk.len()) } else { 0 };
        first.taken += count;
        let finished = if read.is_err() {
            Some(Err(SerialError::BadBuffer))
        } else {
            (first.taken == bytes.len()).then_some(Ok(bytes.len()))
        };
        if let Some(result) = finished
            && let Some(first) = self.sending.pop_front()
        {
            answer(first.call, result);
        }
        Ok(count)
    }

    /// Answers the calls whose patience is over at this time.
    pub fn expire(&mut self, now: u64) {
        let waiting = core::mem::take(&mut self.receiving);
        let (late, waiting) = waiting.into_iter().partition(|receiving: &Receiving| receiving.until <= now);
        self.receiving = waiting;
        let late: VecDeque<Receiving> = late;
        late.into_iter().for_each(|receiving| answer(receiving.call, Err(SerialError::TimedOut)));
    }

    /// When [`SerialServer::expire`] is to be called.
    #[must_use]
    pub fn deadline(&self) -> Option<u64> {
        self.receiving.iter().map(|receiving| receiving.until).filter(|until| *until != u64::MAX).min()
    }
}

impl<L: SerialLine> Serial for SerialServer<L> {
    fn write(&mut self, _caller: Caller, bytes: SavedLease, call: Deferred<u32, SerialError>) {
        if bytes.is_empty() {
            answer(call, Ok(0));
        } else if self.sending.len() >= MAX_WAITING {
            answer(call, Err(SerialError::Busy));
        } else {
            self.sending.push_back(Sending { bytes, taken: 0, call });
        }
    }

    fn read(&mut self, _caller: Caller, bytes: SavedLease, patience_ns: u64, call: Deferred<u32, SerialError>) {
        if bytes.is_empty() {
            answer(call, Err(SerialError::BadBuffer));
        } else if self.receiving.len() >= MAX_WAITING {
            answer(call, Err(SerialError::Busy));
        } else {
            let until = (self.clock)().saturating_add(patience_ns);
            self.receiving.push_back(Receiving { room: bytes, until, call });
        }
    }

    fn errors(&mut self, _caller: Caller) -> Result<LineErrors, SerialError> {
        Ok(self.line.errors())
    }
}
