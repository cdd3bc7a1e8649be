//! Registers of the SMBus host (Intel I/O Controller Hub 9 Family Datasheet, section 19.2): byte offsets and bits.

/// Base address register of the ports.
pub const PORTS_BAR: u8 = 4;
/// In configuration space: host configuration (section 19.1.16).
pub const HOST_CONFIGURATION: usize = 0x40;
/// Bit of [`HOST_CONFIGURATION`]: the host answers to its ports.
pub const HOST_ENABLED: u8 = 1 << 0;

/// Host status; a bit that is written as 1 is cleared (section 19.2.1).
pub const STATUS: usize = 0x00;
/// Host control (section 19.2.2).
pub const CONTROL: usize = 0x02;
/// The command byte (section 19.2.3).
pub const COMMAND: usize = 0x03;
/// The address in bits 1 to 7, and bit 0: reads (section 19.2.4).
pub const ADDRESS: usize = 0x04;
/// First byte of data (section 19.2.5).
pub const DATA_0: usize = 0x05;
/// Second byte of data (section 19.2.6).
pub const DATA_1: usize = 0x06;

/// Bits of [`STATUS`].
pub mod status {
    /// A transaction is under way.
    pub const BUSY: u8 = 1 << 0;
    /// It ended well.
    pub const DONE: u8 = 1 << 1;
    /// The device did not acknowledge, or the transaction cannot be, or it hung.
    pub const DEVICE_ERROR: u8 = 1 << 2;
    /// Another master was on the bus.
    pub const COLLISION: u8 = 1 << 3;
    /// It was ended.
    pub const KILLED: u8 = 1 << 4;
    /// A byte of a block has come.
    pub const BYTE_DONE: u8 = 1 << 7;
    /// All that ends with a transaction. The rest, the alert line and a semaphore for firmware, is left alone.
    pub const ENDS: u8 = DONE | DEVICE_ERROR | COLLISION | KILLED | BYTE_DONE;
}

/// Bits of [`CONTROL`].
pub mod control {
    /// Interrupts at the end of a transaction.
    pub const INTERRUPT: u8 = 1 << 0;
    /// Ends the transaction.
    pub const KILL: u8 = 1 << 1;
    /// Begins.
    pub const START: u8 = 1 << 6;
}

/// Bit of [`ADDRESS`]: reads.
pub const READ: u8 = 1;

/// Kinds of transactions, as bits of [`CONTROL`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// The address alone.
    Quick = 0 << 2,
    /// One byte.
    Byte = 1 << 2,
    /// A command and a byte.
    ByteData = 2 << 2,
    /// A command and two bytes.
    WordData = 3 << 2,
}
