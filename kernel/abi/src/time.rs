//! What a budget may be, and what it costs its quota.

/// Millionths in one processor: what the root quota has of [`crate::QuotaKind::Time`] for each.
pub const WHOLE_PROCESSOR: u32 = 1_000_000;
/// Shortest budget, in ns: the timer's own cost stays small against it.
pub const MIN_BUDGET_NS: u64 = 5_000;
/// Shortest period of a budget, in ns.
pub const MIN_PERIOD_NS: u64 = 50_000;
/// Longest period of a budget, in ns: an hour.
pub const MAX_PERIOD_NS: u64 = 3_600_000_000_000;
/// Most processors the kernel uses: as many as a word has bits.
pub const MAX_PROCESSORS: u32 = 64;
/// Largest weight of a thread; the usual one is 100.
pub const MAX_WEIGHT: u16 = 10_000;

/// Millionths of a processor that a budget takes, rounded up; `None` for one the kernel does not make.
#[must_use]
pub const fn budget_share(budget_ns: u64, period_ns: u64) -> Option<u32> {
    if budget_ns < MIN_BUDGET_NS || period_ns < MIN_PERIOD_NS || period_ns > MAX_PERIOD_NS || budget_ns > period_ns {
        return None;
    }
    // At most an hour times a million: fits.
    Some((budget_ns * WHOLE_PROCESSOR as u64).div_ceil(period_ns) as u32)
}

#[cfg(test)]
#[path = "tests/time.rs"]
mod tests;
