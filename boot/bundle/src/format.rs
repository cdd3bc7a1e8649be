//! Numbers of the file format, and reading them from bytes. Reader and writer share this file, so the
//! format is written down once.

use crc::{CRC_32_ISO_HDLC, Crc, Table};

/// Bytes in a page; payloads and segment bytes start at multiples of it.
pub const PAGE_SIZE: u64 = 4096;
/// Most bytes of an entry's name.
pub const NAME_CAPACITY: usize = 32;

pub(crate) const MAGIC: [u8; 8] = *b"AIROXbn1";
pub(crate) const VERSION: u32 = 1;

pub(crate) const HEADER_LENGTH: usize = 64;
pub(crate) const RECORD_LENGTH: usize = 96;
pub(crate) const SEGMENT_LENGTH: usize = 40;

/// Byte offsets in the header.
pub(crate) mod header {
    pub const MAGIC: usize = 0;
    pub const VERSION: usize = 8;
    /// CRC-32 of everything before the payloads, with these four bytes zero.
    pub const CHECKSUM: usize = 12;
    pub const LENGTH: usize = 16;
    pub const ENTRIES: usize = 24;
    pub const SEGMENTS: usize = 28;
    pub const ROOT_NAME: usize = 32;
}

/// Byte offsets in a directory record.
pub(crate) mod record {
    pub const NAME: usize = 0;
    pub const KIND: usize = 32;
    pub const CHECKSUM: usize = 36;
    pub const OFFSET: usize = 40;
    pub const LENGTH: usize = 48;
    pub const ENTRY_POINT: usize = 56;
    pub const FIRST_SEGMENT: usize = 64;
    pub const SEGMENT_COUNT: usize = 68;
    pub const SYMBOLS_OFFSET: usize = 72;
    pub const SYMBOLS_LENGTH: usize = 80;
}

/// Byte offsets in a segment record.
pub(crate) mod segment {
    pub const ADDRESS: usize = 0;
    pub const MEMORY_SIZE: usize = 8;
    pub const OFFSET: usize = 16;
    pub const FILE_SIZE: usize = 24;
    pub const FLAGS: usize = 32;
    pub const WRITABLE: u32 = 1;
    pub const EXECUTABLE: u32 = 2;
}

pub(crate) const KIND_PROGRAM: u32 = 1;
pub(crate) const KIND_FILE: u32 = 2;

static CRC: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISO_HDLC);

/// CRC-32 (ISO-HDLC, as in zip and Ethernet) of some bytes. It finds damage, not malice.
#[must_use]
pub fn checksum(bytes: &[u8]) -> u32 {
    CRC.checksum(bytes)
}

/// [`checksum`] of `bytes` with four zero bytes in place of those at `hole`.
pub(crate) fn checksum_with_hole(bytes: &[u8], hole: usize) -> Option<u32> {
    let mut digest = CRC.digest();
    digest.update(bytes.get(..hole)?);
    digest.update(&[0; 4]);
    digest.update(bytes.get(hole + 4..)?);
    Some(digest.finalize())
}

pub(crate) fn read_u32(bytes: &[u8], offset: usize) -> Option<u32> {
    let field = bytes.get(offset..offset.checked_add(4)?)?;
    Some(u32::from_le_bytes(field.try_into().ok()?))
}

pub(crate) fn read_u64(bytes: &[u8], offset: usize) -> Option<u64> {
    let field = bytes.get(offset..offset.checked_add(8)?)?;
    Some(u64::from_le_bytes(field.try_into().ok()?))
}

pub(crate) fn read_usize(bytes: &[u8], offset: usize) -> Option<usize> {
    usize::try_from(read_u64(bytes, offset)?).ok()
}

/// A name: UTF-8, padded with zeros, not empty.
pub(crate) fn read_name(bytes: &[u8], offset: usize) -> Option<&str> {
    let field = bytes.get(offset..offset.checked_add(NAME_CAPACITY)?)?;
    let length = field.iter().position(|byte| *byte == 0).unwrap_or(NAME_CAPACITY);
    let name = core::str::from_utf8(field.get(..length)?).ok()?;
    (!name.is_empty()).then_some(name)
}
