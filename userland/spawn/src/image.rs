//! Where the parts of a program go: checked arithmetic, no system calls.
//!
//! That segments are aligned, apart, inside the bundle and never writable and executable is what
//! [`airox_bundle::Bundle::parse`] has checked; here it is whether they fit the address space of a program.

use airox_abi::layout::{PAGE_SIZE, PROGRAM_BASE, STACK_TOP};
use airox_bundle::Segment;

/// Why a program image, as the bundle describes it, cannot be a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageError {
    /// A segment that is not writable is larger in memory than in the bundle.
    ReadOnlyTail,
    /// A segment lies below the programs' base or reaches the stack or its guard page.
    OutOfBounds,
    /// The stack asked for is empty, or larger than the address range kept for it.
    BadStackSize,
    /// The program has no segment that holds its entry.
    NoEntry,
}

impl core::fmt::Display for ImageError {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.write_str(match self {
            ImageError::ReadOnlyTail => "a read-only segment is larger in memory than in the bundle",
            ImageError::OutOfBounds => "a segment lies outside the programs' address range",
            ImageError::BadStackSize => "the stack size is 0 or too large",
            ImageError::NoEntry => "no executable segment holds the entry",
        })
    }
}

/// How many pages each part of the fresh region takes: start block, then the writable segments in their
/// order, then the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    /// Leading pages of the writable segments that the creator has to write.
    pub data_pages: u64,
    /// Pages of the writable segments.
    pub writable_pages: u64,
    /// Pages of the stack.
    pub stack_pages: u64,
}

impl Layout {
    /// First address of the stack.
    pub const fn stack_base(&self) -> u64 {
        STACK_TOP - self.stack_pages * PAGE_SIZE
    }
}

/// Pages that hold `bytes`.
pub(crate) const fn pages(bytes: u64) -> u64 {
    bytes.div_ceil(PAGE_SIZE)
}

/// Checks every segment and lays the fresh region out.
pub(crate) fn plan(
    segments: impl Iterator<Item = Segment>,
    entry: u64,
    stack_bytes: u32,
) -> Result<Layout, ImageError> {
    let stack_pages = pages(u64::from(stack_bytes));
    let guard = (STACK_TOP - PROGRAM_BASE)
        .checked_sub(stack_pages * PAGE_SIZE)
        .and_then(|room| room.checked_sub(PAGE_SIZE))
        .map(|room| PROGRAM_BASE + room)
        .filter(|_| stack_pages != 0)
        .ok_or(ImageError::BadStackSize)?;

    let mut writable_pages = 0;
    let mut data_pages = 0;
    let mut has_entry = false;
    for segment in segments {
        let end = segment.address.checked_add(segment.memory_size).ok_or(ImageError::OutOfBounds)?;
        if segment.address < PROGRAM_BASE || end > guard {
            return Err(ImageError::OutOfBounds);
        }
        has_entry |= segment.executable && (segment.address..end).contains(&entry);
        if segment.writable {
            if segment.file_size != 0 {
                data_pages = writable_pages + pages(segment.file_size);
            }
            writable_pages += pages(segment.memory_size);
        } else if pages(segment.memory_size) > pages(segment.file_size) {
            return Err(ImageError::ReadOnlyTail);
        }
    }
    if !has_entry {
        return Err(ImageError::NoEntry);
    }
    Ok(Layout { data_pages, writable_pages, stack_pages })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: Segment = Segment {
        address: PROGRAM_BASE,
        memory_size: 0x1800,
        offset: 0x1000,
        file_size: 0x1800,
        writable: false,
        executable: true,
    };
    const DATA: Segment = Segment {
        address: PROGRAM_BASE + 0x2000,
        memory_size: 0x3000,
        offset: 0x3000,
        file_size: 0x1001,
        writable: true,
        executable: false,
    };

    fn plan_of(segments: &[Segment]) -> Result<Layout, ImageError> {
        plan(segments.iter().copied(), PROGRAM_BASE + 4, 0x4000)
    }

    #[test]
    fn every_part_is_counted_in_whole_pages() {
        let layout = plan_of(&[TEXT, DATA]).unwrap();
        assert_eq!(layout.data_pages, 2);
        assert_eq!(layout.writable_pages, 3);
        assert_eq!(layout.stack_pages, 4);
        assert_eq!(layout.stack_base(), STACK_TOP - 0x4000);
    }

    #[test]
    fn zeroed_data_need_no_filling() {
        let zeroed = Segment { file_size: 0, ..DATA };
        assert_eq!(plan_of(&[TEXT, zeroed]).unwrap().data_pages, 0);
    }

    #[test]
    fn hostile_segments_are_refused() {
        let cases = [
            (Segment { address: PROGRAM_BASE - 0x1000, ..DATA }, ImageError::OutOfBounds),
            (Segment { memory_size: u64::MAX, ..DATA }, ImageError::OutOfBounds),
            (
                // The last page before the stack is the guard.
                Segment { address: STACK_TOP - 0x5000, memory_size: 0x1000, file_size: 0x1000, ..DATA },
                ImageError::OutOfBounds,
            ),
            (Segment { writable: false, ..DATA }, ImageError::ReadOnlyTail),
        ];
        for (segment, error) in cases {
            assert_eq!(plan_of(&[TEXT, segment]), Err(error), "{segment:?}");
        }
    }

    #[test]
    fn the_stack_must_fit_and_exist() {
        let segments = || [TEXT].into_iter();
        assert_eq!(plan(segments(), PROGRAM_BASE, 0), Err(ImageError::BadStackSize));
        assert_eq!(plan(segments(), PROGRAM_BASE, u32::MAX), Err(ImageError::BadStackSize));
    }

    #[test]
    fn the_entry_must_be_executable() {
        assert_eq!(plan([TEXT, DATA].into_iter(), DATA.address, 0x1000), Err(ImageError::NoEntry));
        assert_eq!(plan([].into_iter(), 0, 0x1000), Err(ImageError::NoEntry));
    }
}
