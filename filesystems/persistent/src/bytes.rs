//! Little-endian numbers in byte slices, without a way to panic: what lies outside of the slice reads as zero and is not written.

/// The number of two bytes at `at`.
pub fn get_u16(bytes: &[u8], at: usize) -> u16 {
    get(bytes, at).map_or(0, u16::from_le_bytes)
}

/// The number of four bytes at `at`.
pub fn get_u32(bytes: &[u8], at: usize) -> u32 {
    get(bytes, at).map_or(0, u32::from_le_bytes)
}

/// The number of eight bytes at `at`.
pub fn get_u64(bytes: &[u8], at: usize) -> u64 {
    get(bytes, at).map_or(0, u64::from_le_bytes)
}

/// The number of sixteen bytes at `at`.
pub fn get_u128(bytes: &[u8], at: usize) -> u128 {
    get(bytes, at).map_or(0, u128::from_le_bytes)
}

/// Writes two bytes.
pub fn put_u16(bytes: &mut [u8], at: usize, value: u16) {
    put(bytes, at, value.to_le_bytes());
}

/// Writes four bytes.
pub fn put_u32(bytes: &mut [u8], at: usize, value: u32) {
    put(bytes, at, value.to_le_bytes());
}

/// Writes eight bytes.
pub fn put_u64(bytes: &mut [u8], at: usize, value: u64) {
    put(bytes, at, value.to_le_bytes());
}

/// Writes sixteen bytes.
pub fn put_u128(bytes: &mut [u8], at: usize, value: u128) {
    put(bytes, at, value.to_le_bytes());
}

fn get<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

fn put<const N: usize>(bytes: &mut [u8], at: usize, value: [u8; N]) {
    if let Some(place) = bytes.get_mut(at..).and_then(|rest| rest.first_chunk_mut()) {
        *place = value;
    }
}
