//! The interface `entropy` on any [`EntropySource`].

use airox_api::entropy::{Entropy, EntropyError, MAX_BYTES};
use airox_api::{Caller, Deferred};
use airox_driver_traits::entropy::EntropySource;
use airox_driver_traits::queue::Broken;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// Most requests that wait; of one client a quarter.
pub const MAX_WAITING: usize = 32;
const MAX_OF_ONE: usize = MAX_WAITING / 4;

type Call = Deferred<Vec<u8>, EntropyError>;

/// A request, and what has come for it.
struct Request {
    badge: u64,
    count: usize,
    bytes: Vec<u8>,
    call: Call,
}

/// Serves a source. Bytes go to the oldest request first, and none to two.
pub struct EntropyServer<S> {
    source: S,
    waiting: VecDeque<Request>,
    /// Whether the source has been asked and has not answered.
    asked: bool,
}

impl<S: EntropySource> EntropyServer<S> {
    /// Serves this source.
    pub fn new(source: S) -> EntropyServer<S> {
        EntropyServer { source, waiting: VecDeque::new(), asked: false }
    }

    /// The source.
    pub fn source(&mut self) -> &mut S {
        &mut self.source
    }

    /// Hands out what has come, and asks for what is missing. To be called when the source interrupts.
    ///
    /// # Errors
    /// [`Broken`].
    pub fn pump(&mut self) -> Result<(), Broken> {
        while let Some(bytes) = self.source.next()? {
            self.asked = false;
            let Some(request) = self.waiting.front_mut() else { continue };
            request.bytes.extend(bytes);
            if request.bytes.len() >= request.count
                && let Some(done) = self.waiting.pop_front()
            {
                // Who is gone by now is told nothing.
                let _ = done.call.send(Ok(done.bytes));
            }
        }
        self.ask();
        Ok(())
    }

    fn ask(&mut self) {
        if let Some(request) = self.waiting.front().filter(|_| !self.asked) {
            // One that is full has been asked.
            let _ = self.source.ask((request.count - request.bytes.len()) as u32);
            self.asked = true;
        }
    }
}

impl<S: EntropySource> Entropy for EntropyServer<S> {
    fn read(&mut self, caller: Caller, count: u32, call: Call) {
        let of_one = self.waiting.iter().filter(|request| request.badge == caller.badge).count();
        let refusal = if count == 0 || count > MAX_BYTES {
            Some(EntropyError::BadCount)
        } else if self.waiting.len() >= MAX_WAITING || of_one >= MAX_OF_ONE {
            Some(EntropyError::Busy)
        } else {
            None
        };
        if let Some(refusal) = refusal {
            let _ = call.send(Err(refusal));
            return;
        }
        self.waiting.push_back(Request { badge: caller.badge, count: count as usize, bytes: Vec::new(), call });
        self.ask();
    }
}
