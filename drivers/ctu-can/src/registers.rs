//! Registers of the CTU CAN FD core ("CTU CAN FD IP Core Datasheet", chapter "Memory registers"): byte offsets of 32-bit words, and bits. The core
//! takes words at once; where two registers share one, both are named.

/// Device number in the lower half, [`DEVICE`]; version in the upper.
pub const DEVICE_ID: usize = 0x00;
/// What the lower half of [`DEVICE_ID`] reads as.
pub const DEVICE: u32 = 0xcafd;
/// MODE in the lower half, SETTINGS in the upper.
pub const MODE: usize = 0x04;
/// Status.
pub const STATUS: usize = 0x08;
/// Command, write only.
pub const COMMAND: usize = 0x0c;
/// What happened; a bit that is written as 1 is cleared.
pub const INTERRUPT_STATUS: usize = 0x10;
/// What may interrupt: bits to set.
pub const INTERRUPT_ENABLE_SET: usize = 0x14;
/// And bits to clear.
pub const INTERRUPT_ENABLE_CLEAR: usize = 0x18;
/// What does not even show in [`INTERRUPT_STATUS`]: bits to clear.
pub const INTERRUPT_MASK_CLEAR: usize = 0x20;
/// Timing of a bit.
pub const BIT_TIMING: usize = 0x24;
/// EWL and ERP in the lower half, FAULT_STATE in the upper.
pub const FAULT_STATE: usize = 0x2c;
/// Error counter of reception in the lower half, of transmission in the upper; nine bits each.
pub const ERROR_COUNTERS: usize = 0x30;
/// State of the receive buffer.
pub const RECEIVE_STATUS: usize = 0x68;
/// The next word of the oldest frame; reading it goes on to the one after.
pub const RECEIVE_DATA: usize = 0x6c;
/// States of the transmit buffers, four bits each.
pub const TRANSMIT_STATUS: usize = 0x70;
/// Commands to transmit buffers.
pub const TRANSMIT_COMMAND: usize = 0x74;
/// Priorities of transmit buffers, four bits each.
pub const TRANSMIT_PRIORITY: usize = 0x78;
/// The first transmit buffer.
pub const TRANSMIT_BUFFER: usize = 0x100;

/// Bits of [`MODE`].
pub mod mode {
    /// Resets the core.
    pub const RESET: u32 = 1 << 0;
    /// Frames of CAN FD are taken, too.
    pub const FLEXIBLE_DATA_RATE: u32 = 1 << 4;
    /// The core takes part in the bus.
    pub const ENABLED: u32 = 1 << 22;
}

/// Bits of [`STATUS`].
pub mod status {
    /// Frames were lost.
    pub const OVERRUN: u32 = 1 << 1;
    /// An error counter has reached the warning limit.
    pub const WARNING: u32 = 1 << 6;
}

/// Bits of [`COMMAND`].
pub mod command {
    /// Forget all that was received.
    pub const RELEASE_ALL: u32 = 1 << 2;
    /// The overrun has been noticed.
    pub const CLEAR_OVERRUN: u32 = 1 << 3;
    /// Begin the way back from bus-off.
    pub const RESET_ERRORS: u32 = 1 << 4;
}

/// Bits of [`INTERRUPT_STATUS`].
pub mod interrupt {
    /// The warning limit was reached.
    pub const WARNING: u32 = 1 << 2;
    /// Frames were lost.
    pub const OVERRUN: u32 = 1 << 3;
    /// The state of fault confinement changed.
    pub const FAULT_STATE: u32 = 1 << 4;
    /// There is a frame; set again as long as there is.
    pub const RECEIVED: u32 = 1 << 10;
    /// A transmit buffer changed its state.
    pub const TRANSMIT_STATE: u32 = 1 << 11;
    /// All that the driver wants to hear of.
    pub const WANTED: u32 = WARNING | OVERRUN | FAULT_STATE | RECEIVED | TRANSMIT_STATE;
    /// All there are.
    pub const ALL: u32 = 0xfff;
}

/// Bits of [`FAULT_STATE`].
pub mod fault {
    /// Error passive.
    pub const PASSIVE: u32 = 1 << 17;
    /// Bus-off.
    pub const BUS_OFF: u32 = 1 << 18;
}

/// States of a transmit buffer.
pub mod buffer {
    /// The frame waits for its turn.
    pub const READY: u32 = 1;
    /// It is being sent.
    pub const SENDING: u32 = 2;
    /// It is being sent for the last time.
    pub const ABORTING: u32 = 3;
    /// It was sent.
    pub const SENT: u32 = 4;
    /// It failed.
    pub const FAILED: u32 = 6;
    /// It was given up.
    pub const ABORTED: u32 = 7;
    /// There is none.
    pub const EMPTY: u32 = 8;
}

/// Bits of [`TRANSMIT_COMMAND`].
pub mod transmit {
    /// Send.
    pub const READY: u32 = 1 << 1;
    /// Give up.
    pub const ABORT: u32 = 1 << 2;
    /// What is commanded to is the first buffer.
    pub const FIRST: u32 = 1 << 8;
}

/// Bits of a frame's first word.
pub mod form {
    /// How many bytes; more than 8 are 8 in the classic format.
    pub const LENGTH: u32 = 0xf;
    /// A remote frame.
    pub const REMOTE: u32 = 1 << 5;
    /// A 29-bit identifier.
    pub const EXTENDED: u32 = 1 << 6;
    /// A frame of CAN FD.
    pub const FLEXIBLE_DATA_RATE: u32 = 1 << 7;
}
