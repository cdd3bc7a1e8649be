//! Checksums: XXH64, whole for what the file system itself wrote, its lower half for file data.
//!
//! XXH64 needs one multiplication and few other scalar instructions for eight bytes; its successor XXH3 is faster only with
//! vector instructions, which an emulated processor carries out one lane at a time.

use xxhash_rust::xxh64::xxh64;

/// Checksum of a block of metadata.
pub fn of_metadata(bytes: &[u8]) -> u64 {
    xxh64(bytes, 0)
}

/// Checksum of a block of a file's data.
pub fn of_data(bytes: &[u8]) -> u32 {
    xxh64(bytes, 0) as u32
}

/// Hash of a name in a directory. The seed differs from volume to volume, so nobody can prepare names that collide.
pub fn of_name(name: &str, seed: u64) -> u64 {
    xxh64(name.as_bytes(), seed)
}
