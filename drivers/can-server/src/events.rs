//! What came in, in order and numbered.

use airox_api::can::{Event, MAX_EVENTS, News};
use alloc::collections::VecDeque;

/// Events that are kept.
pub const KEPT: usize = 512;

/// The latest events.
#[derive(Debug, Default)]
pub struct Events {
    kept: VecDeque<(u64, Event)>,
    /// Number of the latest; the first is 1.
    latest: u64,
}

impl Events {
    /// Another one.
    pub fn add(&mut self, now: u64, event: Event) {
        if self.kept.len() >= KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back((now, event));
        self.latest += 1;
    }

    /// What came after the one of this number; `None` if nothing did.
    ///
    /// A number that has not been given yet comes from before the driver was restarted: everything is new then.
    #[must_use]
    pub fn after(&self, after: u64) -> Option<News> {
        if after == u64::MAX {
            return Some(News { first: self.latest + 1, events: [].into() });
        }
        let after = if after > self.latest { 0 } else { after };
        if after == self.latest {
            return None;
        }
        let oldest = self.latest + 1 - self.kept.len() as u64;
        let first = oldest.max(after + 1);
        let events = self.kept.iter().skip((first - oldest) as usize).take(MAX_EVENTS);
        Some(News { first, events: events.copied().collect() })
    }
}
