//! From TSC ticks to the counts of another timer, without division on the timer path.

/// A rate in counts a TSC tick, as a 32.32 fixed-point number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate(u64);

impl Rate {
    /// `counts` happened while the TSC advanced by `ticks`. `None` if that gives no usable rate.
    #[must_use]
    pub fn new(counts: u64, ticks: u64) -> Option<Rate> {
        let rate = (u128::from(counts) << 32).checked_div(u128::from(ticks))?;
        u64::try_from(rate).ok().filter(|&rate| rate != 0).map(Rate)
    }

    /// The count that passes `ticks` at the earliest, at least 1 and at most what a 32-bit counter holds.
    #[must_use]
    pub const fn counts(self, ticks: u64) -> u32 {
        let counts = ((ticks as u128 * self.0 as u128) >> 32) + 1;
        if counts > u32::MAX as u128 { u32::MAX } else { counts as u32 }
    }
}

/// Ticks a second of a counter that advanced by `ticks` while a reference of `frequency` hertz advanced by `reference`.
#[must_use]
pub fn per_second(ticks: u64, reference: u64, frequency: u64) -> u64 {
    let counted = u128::from(ticks) * u128::from(frequency);
    counted.checked_div(u128::from(reference)).unwrap_or(0) as u64
}

#[cfg(test)]
#[path = "tests/ticks.rs"]
mod tests;
