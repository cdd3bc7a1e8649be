//! What came over the serial line so far, filled by a thread, searched by whoever waits.

use std::io::{Read, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::text::Filter;

/// Everything the serial line said.
#[derive(Default)]
pub(crate) struct Received {
    pub text: String,
    pub raw: Vec<u8>,
    pub closed: bool,
    filter: Filter,
}

/// Shared between the reading thread and the machine.
#[derive(Clone, Default)]
pub(crate) struct SerialLog {
    shared: Arc<(Mutex<Received>, Condvar)>,
}

impl SerialLog {
    /// Reads `source` to its end; copies the bytes to `copy`.
    pub fn read_all(&self, mut source: impl Read, mut copy: Option<Box<dyn Write + Send>>) {
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = source.read(&mut buffer) {
            let bytes = &buffer[..length];
            if let Some(output) = &mut copy
                && output.write_all(bytes).and_then(|()| output.flush()).is_err()
            {
                // Whoever watched is gone; the machine goes on.
                copy = None;
            }
            let mut guard = self.lock();
            let received = &mut *guard;
            received.raw.extend_from_slice(bytes);
            received.filter.feed(bytes, &mut received.text);
            drop(guard);
            self.shared.1.notify_all();
        }
        self.lock().closed = true;
        self.shared.1.notify_all();
    }

    pub fn lock(&self) -> MutexGuard<'_, Received> {
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `found` returns something, the line closes, or the limit passes.
    pub fn wait<T>(&self, limit: Duration, mut found: impl FnMut(&Received) -> Option<T>) -> Option<T> {
        let deadline = Instant::now() + limit;
        let mut received = self.lock();
        loop {
            if let Some(value) = found(&received) {
                return Some(value);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if received.closed || left.is_zero() {
                return None;
            }
            received = self.shared.1.wait_timeout(received, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
