//! Transfer request blocks: the 16 bytes of which all rings are made (section 6.4).

/// Bytes of one.
pub const BYTES: usize = 16;

/// Kinds (table 6-91).
pub mod kind {
    pub const NORMAL: u32 = 1;
    pub const SETUP: u32 = 2;
    pub const DATA: u32 = 3;
    pub const STATUS: u32 = 4;
    pub const LINK: u32 = 6;
    pub const ENABLE_SLOT: u32 = 9;
    pub const DISABLE_SLOT: u32 = 10;
    pub const ADDRESS_DEVICE: u32 = 11;
    pub const CONFIGURE_ENDPOINT: u32 = 12;
    pub const EVALUATE_CONTEXT: u32 = 13;
    pub const RESET_ENDPOINT: u32 = 14;
    pub const STOP_ENDPOINT: u32 = 15;
    pub const SET_DEQUEUE: u32 = 16;
    pub const TRANSFER_EVENT: u32 = 32;
    pub const COMMAND_EVENT: u32 = 33;
    pub const PORT_EVENT: u32 = 34;
}

/// What became of a command or transfer (table 6-90).
pub mod code {
    pub const SUCCESS: u8 = 1;
    pub const STALL: u8 = 6;
    pub const SHORT: u8 = 13;
    /// The endpoint is not in a state in which the command makes sense.
    pub const CONTEXT_STATE: u8 = 19;
    /// An endpoint was stopped: before, in the middle of, or at a short end of a transfer.
    pub const STOPPED: [u8; 3] = [26, 27, 28];
}

/// Bits of the last word.
pub const CYCLE: u32 = 1 << 0;
/// Of a link: the cycle bit's meaning turns behind it.
pub const TOGGLE: u32 = 1 << 1;
/// An event is wanted if the device had less.
pub const ON_SHORT: u32 = 1 << 2;
/// More of the same transfer follows.
pub const CHAIN: u32 = 1 << 4;
/// An event is wanted.
pub const ON_COMPLETION: u32 = 1 << 5;
/// The first two words are the data.
pub const IMMEDIATE: u32 = 1 << 6;
/// To the host, in data and status.
pub const IN: u32 = 1 << 16;

/// One block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trb {
    /// An address, mostly.
    pub parameter: u64,
    /// Lengths and codes.
    pub status: u32,
    /// Cycle, flags, kind, endpoint, slot.
    pub control: u32,
}

impl Trb {
    /// A command about a slot and an endpoint (0 if it is about none).
    pub const fn command(kind: u32, slot: u8, endpoint: u8, parameter: u64) -> Trb {
        Trb { parameter, status: 0, control: kind << 10 | (endpoint as u32) << 16 | (slot as u32) << 24 }
    }

    pub const fn kind(&self) -> u32 {
        self.control >> 10 & 0x3f
    }

    /// Of an event.
    pub const fn code(&self) -> u8 {
        (self.status >> 24) as u8
    }

    /// Of an event.
    pub const fn slot(&self) -> u8 {
        (self.control >> 24) as u8
    }

    /// Of an event: which endpoint.
    pub const fn endpoint(&self) -> u8 {
        (self.control >> 16 & 0x1f) as u8
    }

    /// Of a transfer's event: bytes that were not moved.
    pub const fn residue(&self) -> u32 {
        self.status & 0xff_ffff
    }
}
