//! What the unit says of a request that it blocked (section 10.4.14).

use crate::Source;
use crate::frames::FRAME_BYTES;

/// A blocked request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Whose.
    pub source: Source,
    /// The page that the device named.
    pub address: u64,
    /// Whether it was to be read; else written.
    pub read: bool,
    /// Why (section 7.3): 2 is no context, 5 and 6 are a page that may not be written or read.
    pub reason: u8,
}

impl Fault {
    /// From both halves of a record.
    #[must_use]
    pub(crate) const fn decode(low: u64, high: u64) -> Fault {
        Fault {
            source: Source { bus: (high >> 8) as u8, function: high as u8 },
            address: low & !(FRAME_BYTES - 1),
            read: high >> 62 & 1 != 0,
            reason: (high >> 32) as u8,
        }
    }
}
