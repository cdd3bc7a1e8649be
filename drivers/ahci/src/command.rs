//! The memory that the controller reads: headers, tables, commands (sections 4.2 and 5.4; the frame: Serial ATA 3.0, section 10.3.4).

use airox_driver_traits::dma::DmaMemory;

/// Most bytes of a command: what one range of memory can be.
pub const MOST_BYTES: u32 = 4 << 20;

/// Where in the driver's memory the list of headers, the frames that come from the disk, and the first command's table are; and what the disk says of
/// itself.
pub const HEADERS: usize = 0;
pub const RECEIVED: usize = 0x400;
const TABLE: usize = 0x800;
pub const IDENTITY: usize = 0xa00;
/// Bytes of what the disk says of itself.
pub const IDENTITY_BYTES: usize = 512;
/// Bytes of it all.
pub const MEMORY: usize = IDENTITY + IDENTITY_BYTES;
/// Where in a table the range of memory is.
const RANGE: usize = TABLE + 0x80;

/// Commands of the disk (ATA8-ACS, section 7).
pub mod operation {
    /// READ DMA EXT.
    pub const READ: u8 = 0x25;
    /// WRITE DMA EXT.
    pub const WRITE: u8 = 0x35;
    /// FLUSH CACHE EXT.
    pub const FLUSH: u8 = 0xea;
    /// IDENTIFY DEVICE.
    pub const IDENTIFY: u8 = 0xec;
}

/// A command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Command {
    /// What.
    pub operation: u8,
    /// Whether memory goes to the disk.
    pub writes: bool,
    /// The first block.
    pub first: u64,
    /// How many.
    pub count: u32,
    /// Where in memory, and how many bytes: an even number, at most [`MOST_BYTES`].
    pub memory: Option<(u64, u32)>,
}

impl Command {
    /// Puts it where the controller finds the first command.
    pub fn place(&self, memory: &mut impl DmaMemory) {
        const FRAME_WORDS: u32 = 5;
        const WRITE: u32 = 1 << 6;
        const REGISTER_FRAME: u8 = 0x27;
        const IS_COMMAND: u8 = 1 << 7;
        const BLOCK_ADDRESSES: u8 = 1 << 6;
        let (first, count) = (self.first.to_le_bytes(), self.count.to_le_bytes());
        let mut frame = [0; FRAME_WORDS as usize * 4];
        frame[..4].copy_from_slice(&[REGISTER_FRAME, IS_COMMAND, self.operation, 0]);
        frame[4..8].copy_from_slice(&[first[0], first[1], first[2], BLOCK_ADDRESSES]);
        frame[8..11].copy_from_slice(&first[3..6]);
        frame[12..14].copy_from_slice(&count[..2]);
        memory.copy_in(TABLE, &frame);
        let ranges = match self.memory {
            None => 0,
            Some((address, length)) => {
                memory.write_u64(RANGE, address);
                memory.write_u64(RANGE + 8, u64::from(length.saturating_sub(1)) << 32);
                1
            }
        };
        let address = memory.device_address() + TABLE as u64;
        memory.write_u32(HEADERS, ranges << 16 | if self.writes { WRITE } else { 0 } | FRAME_WORDS);
        memory.write_u32(HEADERS + 4, 0);
        memory.write_u64(HEADERS + 8, address);
    }
}
