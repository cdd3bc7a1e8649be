//! The interface `can` on the controllers of a board.

use airox_api::can::{Can, CanError, CanFrame, News, Status};
use airox_api::device::PART_SHIFT;
use airox_api::{Caller, Deferred};
use airox_driver_traits::can::CanController;
use airox_driver_traits::sensor::Progress;
use alloc::vec::Vec;

use crate::channel::Channel;

/// Most clients that wait for events.
pub const MAX_WAITING: usize = 64;

type Port<C> = Channel<C, Deferred<(), CanError>>;

/// A call that waits for events.
struct Waiting {
    badge: u64,
    after: u64,
    call: Deferred<News, CanError>,
}

/// Serves the controllers of a board: a handle's part 1 is the first of them, and so is the whole device.
pub struct CanServer<C> {
    ports: Vec<Port<C>>,
    clock: fn() -> u64,
    waiting: Vec<Waiting>,
}

/// Which controller a badge means.
const fn part(badge: u64) -> usize {
    (badge >> PART_SHIFT).saturating_sub(1) as usize
}

impl<C: CanController> CanServer<C> {
    /// Serves these; `clock` gives nanoseconds since boot.
    pub fn new(controllers: Vec<C>, bit_rate: u32, clock: fn() -> u64) -> CanServer<C> {
        let ports = controllers.into_iter().map(|controller| Channel::new(controller, bit_rate)).collect();
        CanServer { ports, clock, waiting: Vec::new() }
    }

    /// The device interrupted, or time passed.
    pub fn advance(&mut self) -> Progress {
        let now = (self.clock)();
        let more = self.ports.iter_mut().filter_map(|port| (port.advance(now) == Progress::More).then_some(())).count();
        self.tell();
        if more > 0 { Progress::More } else { Progress::Done }
    }

    /// When [`Self::advance`] is to be called at the latest.
    pub fn deadline(&self) -> Option<u64> {
        self.ports.iter().filter_map(Channel::deadline).min()
    }

    /// Answers the calls for which there is an answer now.
    fn tell(&mut self) {
        // A client that is gone by now is told nothing.
        for (waiter, result) in self.ports.iter_mut().flat_map(Channel::take_answers) {
            let _ = waiter.send(result);
        }
        for waiting in core::mem::take(&mut self.waiting) {
            match self.ports.get(part(waiting.badge)).and_then(|port| port.events.after(waiting.after)) {
                Some(news) => drop(waiting.call.send(Ok(news))),
                None => self.waiting.push(waiting),
            }
        }
    }

    #[cfg(test)]
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    fn port(&mut self, caller: Caller) -> Result<&mut Port<C>, CanError> {
        self.ports.get_mut(part(caller.badge)).ok_or(CanError::NoSuchController)
    }
}

impl<C: CanController> Can for CanServer<C> {
    fn status(&mut self, caller: Caller) -> Result<Status, CanError> {
        Ok(self.port(caller)?.status())
    }

    fn send(&mut self, caller: Caller, frame: CanFrame, call: Deferred<(), CanError>) {
        let now = (self.clock)();
        match self.port(caller) {
            Ok(port) => port.send(now, caller.badge, frame, call),
            Err(error) => drop(call.send(Err(error))),
        }
        self.tell();
    }

    fn next(&mut self, caller: Caller, after: u64, call: Deferred<News, CanError>) {
        let refused = match self.port(caller).map(|port| port.events.after(after)) {
            Ok(Some(news)) => Ok(news),
            Err(error) => Err(error),
            Ok(None) => {
                let earlier = self.waiting.iter().position(|other| other.badge == caller.badge);
                let earlier = earlier.map(|index| self.waiting.swap_remove(index));
                let _ = earlier.map(|earlier| earlier.call.send(Err(CanError::Busy)));
                if self.waiting.len() < MAX_WAITING {
                    self.waiting.push(Waiting { badge: caller.badge, after, call });
                    return;
                }
                Err(CanError::Busy)
            }
        };
        let _ = call.send(refused);
    }

    fn recover(&mut self, caller: Caller) -> Result<(), CanError> {
        self.port(caller)?.recover();
        Ok(())
    }
}
