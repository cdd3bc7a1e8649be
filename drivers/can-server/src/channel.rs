//! One controller: the frames that wait for it, and what came from it.

use airox_api::can::{CanError, CanFault, CanFrame, CanState, Event, Status};
use airox_driver_traits::can::{CanController, nb};
use airox_driver_traits::sensor::Progress;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::events::Events;

/// Most frames that wait to be sent.
pub const MAX_SENDING: usize = 64;
/// Most of them of one client.
pub const MAX_SENDING_OF_ONE: usize = 16;
/// Frames taken in one call.
const FRAMES: usize = 64;
/// Nanoseconds after which a frame that nobody acknowledges is given up.
pub(crate) const PATIENCE: u64 = 1_000_000_000;

/// A frame that waits, and whom to tell.
#[derive(Debug)]
struct Sending<W> {
    badge: u64,
    frame: CanFrame,
    waiter: W,
}

/// A controller with its queues. `W` is the right to answer somebody whose frame waits.
#[derive(Debug)]
pub struct Channel<C, W> {
    controller: C,
    /// What came from it.
    pub events: Events,
    /// The first is on its way if `given_up_at` says so.
    sending: VecDeque<Sending<W>>,
    given_up_at: Option<u64>,
    answers: Vec<(W, Result<(), CanError>)>,
    status: Status,
}

impl<C: CanController, W> Channel<C, W> {
    /// A controller that was just started.
    pub fn new(mut controller: C, bit_rate: u32) -> Channel<C, W> {
        let status = Status {
            model: controller.model().into(),
            bit_rate,
            state: controller.state(),
            counters: controller.counters(),
            sent: 0,
            failed: 0,
            received: 0,
            overruns: 0,
            malformed: 0,
        };
        Channel {
            controller,
            events: Events::default(),
            sending: VecDeque::new(),
            given_up_at: None,
            answers: Vec::new(),
            status,
        }
    }

    #[cfg(test)]
    pub(crate) fn controller(&mut self) -> &mut C {
        &mut self.controller
    }

    /// The controller, and what was counted.
    pub fn status(&mut self) -> Status {
        self.status.counters = self.controller.counters();
        self.status.clone()
    }

    /// Takes a frame to be sent.
    pub fn send(&mut self, now: u64, badge: u64, frame: CanFrame, waiter: W) {
        let of_one = self.sending.iter().filter(|other| other.badge == badge).count();
        if self.sending.len() >= MAX_SENDING || of_one >= MAX_SENDING_OF_ONE {
            self.answers.push((waiter, Err(CanError::Busy)));
            return;
        }
        self.sending.push_back(Sending { badge, frame, waiter });
        self.begin(now);
    }

    /// Begins the way back from bus-off.
    pub fn recover(&mut self) {
        if self.controller.state() == CanState::BusOff {
            self.controller.recover();
        }
    }

    /// The device interrupted, or time passed: does a bounded amount of work.
    pub fn advance(&mut self, now: u64) -> Progress {
        if let Some(result) = self.controller.service() {
            self.ended(result);
        }
        let progress = self.receive(now);
        self.settle(now);
        if self.given_up_at.is_some_and(|at| at <= now) {
            self.controller.give_up();
            // One that cannot even be given up counts as failed all the same.
            let result = self.controller.service().unwrap_or(Err(CanFault::GivenUp));
            self.ended(result);
        }
        self.begin(now);
        progress
    }

    /// When [`Self::advance`] is to be called at the latest.
    pub fn deadline(&self) -> Option<u64> {
        self.given_up_at
    }

    /// What to tell those whose frames left or will not.
    pub fn take_answers(&mut self) -> Vec<(W, Result<(), CanError>)> {
        core::mem::take(&mut self.answers)
    }

    fn receive(&mut self, now: u64) -> Progress {
        for _ in 0..FRAMES {
            let event = match self.controller.receive() {
                Ok(frame) => {
                    self.status.received += 1;
                    Event::Frame(frame)
                }
                Err(nb::Error::WouldBlock) => return Progress::Done,
                Err(nb::Error::Other(fault)) => {
                    match fault {
                        CanFault::Overrun => self.status.overruns += 1,
                        _ => self.status.malformed += 1,
                    }
                    Event::Fault(fault)
                }
            };
            self.events.add(now, event);
        }
        Progress::More
    }

    /// Tells a change of the state; one to bus-off ends all that waits.
    fn settle(&mut self, now: u64) {
        let state = self.controller.state();
        if state != self.status.state {
            self.status.state = state;
            self.events.add(now, Event::State(state));
        }
        if state == CanState::BusOff {
            self.given_up_at = None;
            self.status.failed += self.sending.len() as u64;
            let refused = Err(CanError::Failed(CanFault::BusOff));
            self.answers.extend(self.sending.drain(..).map(|sending| (sending.waiter, refused)));
        }
    }

    /// The frame that was on its way is not any more.
    fn ended(&mut self, result: Result<(), CanFault>) {
        if self.given_up_at.take().is_none() {
            return;
        }
        match result {
            Ok(()) => self.status.sent += 1,
            Err(_) => self.status.failed += 1,
        }
        let waiter = self.sending.pop_front().map(|sending| sending.waiter);
        self.answers.extend(waiter.map(|waiter| (waiter, result.map_err(CanError::Failed))));
    }

    /// Gives the controller the next frame, if it takes one.
    fn begin(&mut self, now: u64) {
        while let (Some(next), None) = (self.sending.front(), self.given_up_at) {
            match self.controller.transmit(&next.frame) {
                Err(nb::Error::WouldBlock) => return,
                result => {
                    self.given_up_at = Some(now.saturating_add(PATIENCE));
                    if let Err(nb::Error::Other(fault)) = result {
                        self.ended(Err(fault));
                    }
                }
            }
        }
    }
}
