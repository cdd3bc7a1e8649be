//! Keys that repeat.

use airox_api::input::KeyEvent;

/// How long a key is held before it repeats, and how often it does then, in nanoseconds.
pub const DELAY_NS: u64 = 400_000_000;
/// See [`DELAY_NS`].
pub const PERIOD_NS: u64 = 40_000_000;

/// The key that was pressed last, as long as it is held. Times are in nanoseconds since boot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Repeat {
    /// The key, and when it repeats next.
    held: Option<(u8, u64)>,
}

impl Repeat {
    /// A key that repeats was pressed.
    pub fn pressed(&mut self, usage: u8, now: u64) {
        self.held = Some((usage, now.saturating_add(DELAY_NS)));
    }

    /// Only keys for which this holds are still down.
    pub fn keep(&mut self, is_down: impl FnOnce(u8) -> bool) {
        self.held = self.held.filter(|(usage, _)| is_down(*usage));
    }

    /// When the key repeats next.
    #[must_use]
    pub fn deadline(&self) -> Option<u64> {
        self.held.map(|(_, at)| at)
    }

    /// Time passed: the key may repeat. Repetitions that were missed are not made up for.
    pub fn passed(&mut self, now: u64) -> Option<KeyEvent> {
        let (usage, at) = self.held.filter(|(_, at)| *at <= now)?;
        self.held = Some((usage, at.saturating_add(PERIOD_NS).max(now)));
        Some(KeyEvent { usage, pressed: true })
    }
}
