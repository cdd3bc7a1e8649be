//! SCSI commands, and the answers that are looked into. Numbers in them have their high byte first.

use airox_driver_traits::queue::{Kind, Request};

/// Bytes of a command.
pub const BYTES: usize = 10;

/// A command with its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Command {
    pub bytes: [u8; BYTES],
    /// Where the data is, and how much.
    pub address: u64,
    pub length: u32,
    /// Whether it comes from the device.
    pub is_in: bool,
}

const fn small(operation: u8, length: u8, address: u64) -> Command {
    let bytes = [operation, 0, 0, 0, length, 0, 0, 0, 0, 0];
    Command { bytes, address, length: length as u32, is_in: true }
}

/// Whether it can be used now.
pub const TEST_UNIT_READY: Command = small(0x00, 0, 0);

/// Why the last command failed (SPC-4, section 6.39): 18 bytes.
pub const fn request_sense(address: u64) -> Command {
    small(0x03, 18, address)
}

/// What it is: 36 bytes.
pub const fn inquiry(address: u64) -> Command {
    small(0x12, 36, address)
}

/// The caching page, for the sake of what comes before it: whether it can be written. 4 bytes of that.
pub const fn mode_sense(address: u64) -> Command {
    let mut command = small(0x1a, 4, address);
    // All pages there are.
    command.bytes[2] = 0x3f;
    command
}

/// How large it is (SBC-3, section 5.12): the last block and the size of one, 8 bytes.
pub const fn read_capacity(address: u64) -> Command {
    let mut command = small(0x25, 0, address);
    command.length = 8;
    command
}

/// The command of a request. Its blocks are told in 32 bits, their count in 16.
pub fn of(request: &Request, block_size: u32) -> Option<Command> {
    let first = u32::try_from(request.first).ok()?.to_be_bytes();
    let count = u16::try_from(request.count).ok()?.to_be_bytes();
    let operation = match request.kind {
        Kind::Read => 0x28,
        Kind::Write => 0x2a,
        Kind::Flush => 0x35,
    };
    let mut bytes = [0; BYTES];
    bytes[0] = operation;
    bytes[2..6].copy_from_slice(&first);
    bytes[7..9].copy_from_slice(&count);
    let length = request.count.checked_mul(block_size)?;
    Some(Command { bytes, address: request.address, length, is_in: request.kind == Kind::Read })
}

/// Why a command failed (SPC-4, section 4.5.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sense {
    /// It did not, or was done all the same.
    Done,
    /// It may do better again: not ready yet, or something happened that had to be told.
    Again,
    /// The medium cannot be written.
    Protected,
    /// The command is not known.
    Unknown,
    /// Anything else: the medium, mostly.
    Medium,
}

impl Sense {
    /// What a device answered to [`request_sense`].
    pub fn parse(bytes: &[u8]) -> Sense {
        match bytes {
            [0x70 | 0xf0, _, key, ..] => match key & 0xf {
                0 | 1 => Sense::Done,
                2 | 6 => Sense::Again,
                5 => Sense::Unknown,
                7 => Sense::Protected,
                _ => Sense::Medium,
            },
            _ => Sense::Medium,
        }
    }
}
