//! The loader's record: what it tells the kernel that `BootInfo` has no field for.
//!
//! It is the last 16 bytes before the first byte of the ramdisk (which starts a page, so the record
//! ends the page before it): [`MAGIC`], then the value of the time-stamp counter at the loader's
//! entry, both little-endian. A kernel that finds another magic was started by another loader.

/// Marks a record.
pub const MAGIC: [u8; 8] = *b"AIROXldr";

/// Length of a record in bytes.
pub const LENGTH: usize = 16;

/// The loader's record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoaderRecord {
    /// Time-stamp counter at the loader's first instructions.
    pub entry_ticks: u64,
}

impl LoaderRecord {
    /// The bytes in front of the ramdisk.
    pub fn to_bytes(self) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..].copy_from_slice(&self.entry_ticks.to_le_bytes());
        bytes
    }

    /// Reads a record; `None` if there is none.
    pub fn from_bytes(bytes: [u8; LENGTH]) -> Option<Self> {
        let (magic, ticks) = bytes.split_first_chunk::<8>()?;
        let ticks = ticks.first_chunk::<8>()?;
        (*magic == MAGIC).then(|| Self { entry_ticks: u64::from_le_bytes(*ticks) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_survives_the_trip_and_anything_else_is_none() {
        let record = LoaderRecord { entry_ticks: 0x1234_5678_9abc_def0 };
        assert_eq!(LoaderRecord::from_bytes(record.to_bytes()), Some(record));
        assert_eq!(LoaderRecord::from_bytes([0; LENGTH]), None);
    }
}
