//! Registers of the SJA1000 in PeliCAN mode (data sheet of 2000-01-04, section 6.4): byte offsets and bits.

/// Mode (section 6.4.3).
pub const MODE: usize = 0;
/// Command, write only (section 6.4.4).
pub const COMMAND: usize = 1;
/// Status (section 6.4.5).
pub const STATUS: usize = 2;
/// What interrupts; reading clears all but [`interrupt::RECEIVE`] (section 6.4.6).
pub const INTERRUPT: usize = 3;
/// What may interrupt (section 6.4.7).
pub const INTERRUPT_ENABLE: usize = 4;
/// Bus timing (sections 6.5.1 and 6.5.2).
pub const BUS_TIMING_0: usize = 6;
/// The second half of it.
pub const BUS_TIMING_1: usize = 7;
/// How the chip's outputs drive the bus (section 6.5.3).
pub const OUTPUT_CONTROL: usize = 8;
/// Error counter of reception (section 6.4.11).
pub const RECEIVE_ERRORS: usize = 14;
/// Error counter of transmission (section 6.4.12).
pub const TRANSMIT_ERRORS: usize = 15;
/// In reset mode: four bytes of acceptance code (section 6.4.15). In operation: the oldest frame received, and, when written, the frame to be sent
/// (sections 6.4.13 and 6.4.14).
pub const FRAME: usize = 16;
/// In reset mode: four bytes of acceptance mask; a bit that is set is not compared.
pub const ACCEPTANCE_MASK: usize = 20;
/// Clock divider, and PeliCAN mode (section 6.5.4).
pub const CLOCK_DIVIDER: usize = 31;
/// Bytes that a chip's registers take.
pub const CHIP_BYTES: usize = 32;

/// Bits of [`MODE`].
pub mod mode {
    /// Reset mode: the chip takes no part in the bus.
    pub const RESET: u8 = 1 << 0;
    /// It takes part, with two acceptance filters of two bytes each.
    pub const OPERATION: u8 = 0;
}

/// Bits of [`COMMAND`].
pub mod command {
    /// Send the frame.
    pub const TRANSMIT: u8 = 1 << 0;
    /// Give it up, unless it is just being sent.
    pub const ABORT: u8 = 1 << 1;
    /// The oldest frame has been read.
    pub const RELEASE: u8 = 1 << 2;
    /// The overrun has been noticed.
    pub const CLEAR_OVERRUN: u8 = 1 << 3;
}

/// Bits of [`STATUS`].
pub mod status {
    /// There is a frame.
    pub const RECEIVED: u8 = 1 << 0;
    /// Frames were lost.
    pub const OVERRUN: u8 = 1 << 1;
    /// A frame may be written.
    pub const TRANSMIT_FREE: u8 = 1 << 2;
    /// The last frame was sent.
    pub const TRANSMITTED: u8 = 1 << 3;
    /// An error counter has reached the warning limit.
    pub const ERRORS: u8 = 1 << 6;
    /// Bus-off.
    pub const BUS_OFF: u8 = 1 << 7;
}

/// Bits of [`INTERRUPT`] and [`INTERRUPT_ENABLE`].
pub mod interrupt {
    /// There is a frame; ends when all are read.
    pub const RECEIVE: u8 = 1 << 0;
    /// A frame may be written again.
    pub const TRANSMIT: u8 = 1 << 1;
    /// [`super::status::ERRORS`] or [`super::status::BUS_OFF`] changed.
    pub const ERRORS: u8 = 1 << 2;
    /// Frames were lost.
    pub const OVERRUN: u8 = 1 << 3;
    /// The node became error passive, or active again.
    pub const PASSIVE: u8 = 1 << 5;
    /// All that the driver wants to hear of. Each error on the bus would be another: too many of them come where the bus is broken.
    pub const WANTED: u8 = RECEIVE | TRANSMIT | ERRORS | OVERRUN | PASSIVE;
}

/// Bits of the first byte of a frame.
pub mod information {
    /// A 29-bit identifier.
    pub const EXTENDED: u8 = 1 << 7;
    /// A remote frame.
    pub const REMOTE: u8 = 1 << 6;
    /// How many bytes; more than 8 are 8 (section 6.4.13.2).
    pub const LENGTH: u8 = 0xf;
}

/// Bit of [`CLOCK_DIVIDER`]: PeliCAN mode.
pub const PELICAN: u8 = 1 << 7;
/// Bit of [`CLOCK_DIVIDER`]: the receiver's input comparator is bypassed, since the board has one.
pub const COMPARATOR_BYPASSED: u8 = 1 << 6;
/// Bits of [`OUTPUT_CONTROL`]: normal mode, both outputs push-pull.
pub const PUSH_PULL: u8 = 0xda;
