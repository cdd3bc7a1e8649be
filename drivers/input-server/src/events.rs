//! Events, numbered, and the calls that wait for them.

use airox_api::input::{Input, InputError, KeyEvent, Keys};
use airox_api::{Caller, Deferred};
use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// Events that are kept for who has not asked yet.
pub const KEPT: usize = 128;
/// Most calls that wait.
pub const MAX_WAITING: usize = 16;

/// The interface `input`.
#[derive(Debug, Default)]
pub struct Events {
    kept: VecDeque<KeyEvent>,
    /// The number of the latest.
    number: u64,
    waiting: Vec<(u64, Deferred<Keys, InputError>)>,
}

impl Events {
    /// More events.
    pub fn add(&mut self, events: impl IntoIterator<Item = KeyEvent>) {
        let before = self.number;
        for event in events {
            self.number += 1;
            self.kept.push_back(event);
        }
        let surplus = self.kept.len().saturating_sub(KEPT);
        self.kept.drain(..surplus);
        if self.number != before {
            for (after, call) in core::mem::take(&mut self.waiting) {
                // A client that is gone by now is told nothing.
                let _ = call.send(Ok(self.after(after)));
            }
        }
    }

    /// The events after a number. One that has not been reached is another instance's.
    fn after(&self, after: u64) -> Keys {
        let new = self.number.checked_sub(after).unwrap_or(self.number);
        let kept = self.kept.len() as u64;
        let (count, missed) = (new.min(kept), new > kept || after > self.number);
        let events = self.kept.iter().skip((kept - count) as usize).copied().collect();
        Keys { number: self.number, missed, events }
    }
}

impl Input for Events {
    fn next(&mut self, _caller: Caller, after: u64, call: Deferred<Keys, InputError>) {
        let answer = match after {
            u64::MAX => Ok(Keys { number: self.number, missed: false, events: Vec::new() }),
            after if after != self.number => Ok(self.after(after)),
            _ if self.waiting.len() < MAX_WAITING => return self.waiting.push((after, call)),
            _ => Err(InputError::Busy),
        };
        let _ = call.send(answer);
    }
}
