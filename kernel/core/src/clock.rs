//! Time: TSC ticks to nanoseconds since boot and back, without division.

use airox_abi::info::ClockPage;

/// Bits of fraction in the multipliers.
const SHIFT: u32 = 32;

/// The clock.
pub(crate) struct Clock {
    /// What programs need to tell the time themselves.
    pub(crate) page: ClockPage,
    /// Ticks per nanosecond, times 2^32, rounded up: a timer never fires early.
    to_ticks: u64,
}

impl Clock {
    /// A clock that was 0 at `base_ticks`.
    pub(crate) fn new(base_ticks: u64, ticks_per_second: u64) -> Clock {
        let ratio = |a: u64, b: u64| ((u128::from(a) << SHIFT) / u128::from(b.max(1))) as u64;
        let multiplier = ratio(1_000_000_000, ticks_per_second);
        let to_ticks = ratio(ticks_per_second, 1_000_000_000) + 1;
        Clock { page: ClockPage { base_ticks, ticks_per_second, multiplier, shift: SHIFT.into() }, to_ticks }
    }

    /// The TSC value at this time since boot; saturates.
    pub(crate) fn ticks(&self, nanoseconds: u64) -> u64 {
        // `u64::MAX` would mean "never".
        self.span(nanoseconds).saturating_add(self.page.base_ticks).min(u64::MAX - 1)
    }

    /// Ticks in this many nanoseconds; saturates.
    pub(crate) fn span(&self, nanoseconds: u64) -> u64 {
        let ticks = (u128::from(nanoseconds) * u128::from(self.to_ticks)) >> SHIFT;
        u64::try_from(ticks).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
#[path = "tests/clock.rs"]
mod tests;
