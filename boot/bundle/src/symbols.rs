//! Function names by address.
//!
//! Layout: `u32` count, `u32` zero, then for each function, sorted by address, `u64` address, `u32` size, `u32` offset of its
//! name from the table's start; a name is a `u16` length and UTF-8 bytes. Names are demangled by the host.

use crate::BundleError;
use crate::format::{read_u32, read_u64};

pub(crate) const TABLE_START: usize = 8;
pub(crate) const FUNCTION_LENGTH: usize = 16;

/// A symbol table, read in place.
#[derive(Clone, Copy, Debug)]
pub struct Symbols<'a> {
    bytes: &'a [u8],
    count: usize,
}

impl<'a> Symbols<'a> {
    /// A table without functions.
    pub const EMPTY: Symbols<'static> = Symbols { bytes: &[], count: 0 };

    /// Reads a table. Empty bytes are an empty table.
    ///
    /// # Errors
    /// [`BundleError::InvalidSymbols`] if the bytes are too short for the count they state.
    pub fn parse(bytes: &'a [u8]) -> Result<Symbols<'a>, BundleError> {
        if bytes.is_empty() {
            return Ok(Symbols::EMPTY);
        }
        let invalid = BundleError::InvalidSymbols;
        let count = read_u32(bytes, 0).ok_or(invalid)? as usize;
        let end =
            count.checked_mul(FUNCTION_LENGTH).and_then(|length| length.checked_add(TABLE_START)).ok_or(invalid)?;
        if end > bytes.len() {
            return Err(invalid);
        }
        Ok(Symbols { bytes, count })
    }

    /// How many functions there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The function that contains `address`, and the offset into it in bytes.
    #[must_use]
    pub fn lookup(&self, address: u64) -> Option<(&'a str, u64)> {
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.address(middle)? <= address {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let index = low.checked_sub(1)?;
        let offset = address - self.address(index)?;
        let size = read_u32(self.bytes, self.field(index) + 8)?;
        (offset < u64::from(size)).then_some((self.name(index)?, offset))
    }

    /// Every function's address and name, by rising address.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &'a str)> {
        let table = *self;
        (0..table.count).filter_map(move |index| Some((table.address(index)?, table.name(index)?)))
    }

    fn field(&self, index: usize) -> usize {
        TABLE_START + index * FUNCTION_LENGTH
    }

    fn address(&self, index: usize) -> Option<u64> {
        read_u64(self.bytes, self.field(index))
    }

    fn name(&self, index: usize) -> Option<&'a str> {
        let offset = read_u32(self.bytes, self.field(index) + 12)? as usize;
        let length = self.bytes.get(offset..offset.checked_add(2)?)?;
        let length = usize::from(u16::from_le_bytes(length.try_into().ok()?));
        let start = offset + 2;
        let name = self.bytes.get(start..start.checked_add(length)?)?;
        core::str::from_utf8(name).ok()
    }
}
