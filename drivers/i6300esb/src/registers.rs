//! Registers of the watchdog (Intel 6300ESB I/O Controller Hub Datasheet, chapter 16): byte offsets and bits.

/// Base address register of the memory.
pub const BAR: u8 = 0;
/// Bytes there.
pub const LENGTH: u64 = 16;

/// What the counter begins with in its first stage, 20 bits (section 16.2.1).
pub const PRELOAD_1: usize = 0x00;
/// In its second stage, after which the machine is reset (section 16.2.2).
pub const PRELOAD_2: usize = 0x04;
/// Most that either holds.
pub const MOST_PRELOAD: u32 = 0xf_ffff;
/// Begins the first stage again, and unlocks (section 16.2.4).
pub const RELOAD: usize = 0x0c;
/// Written to [`RELOAD`] in this order before each write of a register here: the next one is taken.
pub const UNLOCK: [u16; 2] = [0x80, 0x86];

/// Bits of [`RELOAD`].
pub mod reload {
    /// Begins the first stage again.
    pub const FEED: u16 = 1 << 8;
    /// The second stage has ended since power-on; cleared by writing 1.
    pub const HAS_RESET: u16 = 1 << 9;
}

/// In configuration space: what happens at the end of each stage, 16 bits (section 16.1.16).
pub const CONFIGURATION: usize = 0x60;
/// Bits of [`CONFIGURATION`].
pub mod configuration {
    /// Both set: the end of the first stage interrupts nobody.
    pub const NO_INTERRUPT: u16 = 0b11;
    /// The counter counts microseconds, about, not milliseconds.
    pub const FAST: u16 = 1 << 2;
    /// The end of the second stage resets nothing.
    pub const NO_RESET: u16 = 1 << 5;
}

/// In configuration space: whether it runs, 8 bits (section 16.1.17).
pub const LOCK: usize = 0x68;
/// Bits of [`LOCK`].
pub mod lock {
    /// Keeps the other bits as they are until the machine is reset.
    pub const LOCKED: u8 = 1 << 0;
    /// It runs.
    pub const RUNNING: u8 = 1 << 1;
}

/// Nanoseconds of the counter's step: 2^15 cycles of the PCI clock, 30 ns at 33 MHz.
pub const STEP_NS: u64 = 30 << 15;
