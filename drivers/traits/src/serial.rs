//! A serial line, as those who speak a protocol over one see it.
//!
//! # Principles
//! - Nothing here waits: `embedded-io`'s own `Read` and `Write` block, which a driver that also serves clients must not. Its errors are
//!   taken over, so that a USB adapter that was pulled out says so in the same words as any other.
//! - What the line damaged is counted, not told byte by byte: whoever speaks a protocol finds damage by its checksums.

use core::fmt;
use embedded_io::ErrorType;
use serde::{Deserialize, Serialize};

/// Errors of a line, counted since its driver started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LineErrors {
    /// Characters lost because the FIFO was full.
    pub overrun: u64,
    /// Characters with wrong parity.
    pub parity: u64,
    /// Characters without a stop bit: wrong speed, or noise.
    pub framing: u64,
    /// Breaks: the line was held low.
    pub breaks: u64,
}

impl LineErrors {
    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.overrun + self.parity + self.framing + self.breaks
    }
}

impl fmt::Display for LineErrors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} overruns, {} parity errors, {} framing errors, {} breaks",
            self.overrun, self.parity, self.framing, self.breaks
        )
    }
}

/// A serial line whose driver is told by interrupts when to look.
pub trait SerialLine: ErrorType {
    /// Whether the device asks for service. To be asked again after each service, until it says no.
    ///
    /// # Errors
    /// The device is gone.
    fn is_interrupting(&mut self) -> Result<bool, Self::Error>;

    /// Moves what has arrived to `buffer`, in order; returns how many bytes, 0 if there are none.
    ///
    /// # Errors
    /// The device is gone.
    fn receive(&mut self, buffer: &mut [u8]) -> Result<usize, Self::Error>;

    /// Takes what there is room for; returns how many bytes. An interrupt tells when there is room again. Without bytes it only says that there is
    /// nothing more to send.
    ///
    /// # Errors
    /// The device is gone.
    fn transmit(&mut self, bytes: &[u8]) -> Result<usize, Self::Error>;

    /// What went wrong so far.
    fn errors(&self) -> LineErrors;
}
