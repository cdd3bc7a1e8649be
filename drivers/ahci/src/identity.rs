//! What a disk says of itself (ATA8-ACS, section 7.16.7): 256 words.

use airox_driver_traits::block::{Geometry, SECTOR};

use crate::SetupError;
use crate::command::IDENTITY_BYTES;

/// Numbers of words, and bits.
const COMMAND_SETS: usize = 83;
const LONG_ADDRESSES: u16 = 1 << 10;
const ENABLED: usize = 85;
const CACHE: u16 = 1 << 5;
const BLOCKS: usize = 100;
const SECTOR_SIZE: usize = 106;
/// Bits 15 and 14 are 01 if the word says something; bit 12: blocks are longer than 256 words.
const SAYS: u16 = 3 << 14;
const SAID: u16 = 1 << 14;
const LONG_BLOCKS: u16 = 1 << 12;
const BLOCK_WORDS: usize = 117;
const LARGEST_BLOCK: u32 = 1 << 16;
/// Addresses have 48 bits.
const MOST_BLOCKS: u64 = 1 << 48;

/// A disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Size.
    pub geometry: Geometry,
    /// Whether writes need a flush.
    pub has_cache: bool,
}

impl Identity {
    /// Reads it.
    pub fn read(bytes: &[u8; IDENTITY_BYTES]) -> Result<Identity, SetupError> {
        let word = |number: usize| u16::from_le_bytes([bytes[2 * number], bytes[2 * number + 1]]);
        let blocks = (0..4).rev().fold(0, |blocks, index| blocks << 16 | u64::from(word(BLOCKS + index)));
        let long = word(SECTOR_SIZE) & SAYS == SAID && word(SECTOR_SIZE) & LONG_BLOCKS != 0;
        let block_size = match long {
            false => SECTOR,
            true => (u32::from(word(BLOCK_WORDS)) | u32::from(word(BLOCK_WORDS + 1)) << 16).saturating_mul(2),
        };
        let usable = block_size.is_power_of_two() && (SECTOR..=LARGEST_BLOCK).contains(&block_size);
        if word(COMMAND_SETS) & LONG_ADDRESSES == 0 || !usable || blocks == 0 || blocks > MOST_BLOCKS {
            return Err(SetupError::BadDisk);
        }
        let geometry = Geometry { block_size, blocks, read_only: false };
        Ok(Identity { geometry, has_cache: word(ENABLED) & CACHE != 0 })
    }
}
