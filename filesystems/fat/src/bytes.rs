//! Little-endian numbers in byte slices, without a way to panic: what lies outside reads as zero and is not written.

/// The number of two bytes at `at`.
pub fn get_u16(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |found| u16::from_le_bytes(*found))
}

/// The number of four bytes at `at`.
pub fn get_u32(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |found| u32::from_le_bytes(*found))
}

/// Writes bytes.
pub fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    if let Some(place) = bytes.get_mut(at..).and_then(|rest| rest.get_mut(..value.len())) {
        place.copy_from_slice(value);
    }
}
