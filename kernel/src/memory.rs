//! Which physical memory the kernel keeps for itself, and which it hands out.
//!
//! Ranges are half-open `[start, end)` pairs of physical byte addresses. Nothing below 1 MiB is used: firmware and the
//! start-up code of further processors live there.

use airox_kernel_core::machine::Frame;

const PAGE: u64 = 4096;
/// Lowest address used.
pub const LOWEST: u64 = 1 << 20;

/// A range of physical addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// First byte.
    pub start: u64,
    /// First byte past it.
    pub end: u64,
}

impl Range {
    /// Its length in bytes.
    #[must_use]
    pub const fn length(self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    /// The whole pages of it that may be used at all.
    #[must_use]
    pub const fn usable(self) -> Range {
        let start = if self.start < LOWEST { LOWEST } else { self.start.next_multiple_of(PAGE) };
        let end = self.end & !(PAGE - 1);
        Range { start, end: if end < start { start } else { end } }
    }

    /// Whether the two share a byte.
    #[must_use]
    pub const fn overlaps(self, other: Range) -> bool {
        self.start < other.end && other.start < self.end
    }
}

/// Where the kernel's own memory of `length` bytes goes: the start of the largest usable range, if one is large enough.
#[must_use]
pub fn reserve(usable: impl Iterator<Item = Range>, length: u64) -> Option<Range> {
    let largest = usable.map(Range::usable).max_by_key(|range| range.length())?;
    (largest.length() >= length).then_some(Range { start: largest.start, end: largest.start + length })
}

/// What is left of a usable range for the kernel to hand out: `(first frame, frames)`, without `reserved`,
/// which lies at the start of a range. `None` if nothing is left.
#[must_use]
pub fn remainder(range: Range, reserved: Range) -> Option<(Frame, u32)> {
    let mut range = range.usable();
    if range.overlaps(reserved) {
        range.start = reserved.end.min(range.end);
    }
    let frames = u32::try_from(range.length() / PAGE).unwrap_or(u32::MAX);
    (frames > 0).then_some((Frame::containing(range.start), frames))
}

#[cfg(test)]
#[path = "tests/memory.rs"]
mod tests;
