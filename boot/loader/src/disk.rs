//! A disk read in sectors, seen as bytes: a small cache over the BIOS's disk calls.
//!
//! Files are read cluster by cluster, with a look into the file allocation table between two clusters; a call
//! of the BIOS costs much more than the bytes it moves. So whole windows are read, and the two last used ones are
//! kept: in effect one for the table and one for the file.

use core::fmt;

/// Bytes in a sector; the BIOS gives disks with others no number of ours.
pub const SECTOR: usize = 512;
/// Sectors in a window. BIOSes move at most 127 sectors in one call.
pub const WINDOW_SECTORS: u64 = 64;
/// Bytes in a window.
pub const WINDOW: usize = WINDOW_SECTORS as usize * SECTOR;

/// Why a disk cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskError {
    /// The device reported an error.
    Device {
        /// First sector of the failed read.
        sector: u64,
        /// The firmware's code for the error.
        code: u8,
    },
    /// The address is behind the disk's end.
    BehindEnd,
}

impl fmt::Display for DiskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device { sector, code } => {
                write!(f, "disk error {code:#04x} at sector {sector}")
            }
            Self::BehindEnd => write!(f, "read behind the disk's end"),
        }
    }
}

/// A disk.
pub trait Sectors {
    /// Number of sectors.
    fn count(&self) -> u64;

    /// Reads whole sectors from `first` on; `buffer` is a window's front.
    fn read(&mut self, first: u64, buffer: &mut [u8]) -> Result<(), DiskError>;
}

struct Window<'w> {
    bytes: &'w mut [u8; WINDOW],
    /// First sector in `bytes`, a multiple of `WINDOW_SECTORS`; `None` while empty.
    first: Option<u64>,
}

/// A disk with a cache of two windows.
pub struct CachedDisk<'w, D> {
    sectors: D,
    /// The one used last is in front.
    windows: [Window<'w>; 2],
}

impl<'w, D: Sectors> CachedDisk<'w, D> {
    /// An empty cache in the given memory.
    pub fn new(sectors: D, memory: [&'w mut [u8; WINDOW]; 2]) -> Self {
        Self { sectors, windows: memory.map(|bytes| Window { bytes, first: None }) }
    }

    /// Length of the disk in bytes.
    pub fn length(&self) -> u64 {
        self.sectors.count().saturating_mul(SECTOR as u64)
    }

    /// Copies bytes from `position` on to the front of `buffer`: as many as lie in one window, at least one.
    pub fn read(&mut self, position: u64, buffer: &mut [u8]) -> Result<usize, DiskError> {
        let offset = (position % WINDOW as u64) as usize;
        let window = self.window(position / SECTOR as u64)?;
        let available = window.get(offset..).unwrap_or_default();
        let length = available.len().min(buffer.len());
        if length == 0 && !buffer.is_empty() {
            return Err(DiskError::BehindEnd);
        }
        buffer[..length].copy_from_slice(&available[..length]);
        Ok(length)
    }

    /// Fills `buffer` from `position` on.
    pub fn read_exact(&mut self, mut position: u64, mut buffer: &mut [u8]) -> Result<(), DiskError> {
        while !buffer.is_empty() {
            let length = self.read(position, buffer)?;
            position += length as u64;
            buffer = &mut buffer[length..];
        }
        Ok(())
    }

    /// The window that holds `sector`, without what is behind the disk's end.
    fn window(&mut self, sector: u64) -> Result<&[u8], DiskError> {
        let first = sector / WINDOW_SECTORS * WINDOW_SECTORS;
        let left = self.sectors.count().saturating_sub(first);
        let length = left.min(WINDOW_SECTORS) as usize * SECTOR;
        if length == 0 {
            return Err(DiskError::BehindEnd);
        }
        if self.windows[0].first != Some(first) {
            self.windows.swap(0, 1);
        }
        let window = &mut self.windows[0];
        if window.first != Some(first) {
            window.first = None;
            self.sectors.read(first, &mut window.bytes[..length])?;
            window.first = Some(first);
        }
        Ok(&window.bytes[..length])
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::boxed::Box;
    use std::vec::Vec;

    /// A disk in memory that counts its reads.
    pub(crate) struct MemoryDisk<'a> {
        pub(crate) bytes: &'a [u8],
        pub(crate) reads: usize,
    }

    impl Sectors for MemoryDisk<'_> {
        fn count(&self) -> u64 {
            (self.bytes.len() / SECTOR) as u64
        }

        fn read(&mut self, first: u64, buffer: &mut [u8]) -> Result<(), DiskError> {
            self.reads += 1;
            let start = first as usize * SECTOR;
            buffer.copy_from_slice(&self.bytes[start..start + buffer.len()]);
            Ok(())
        }
    }

    pub(crate) fn cached(bytes: &[u8]) -> CachedDisk<'static, MemoryDisk<'_>> {
        let window = || Box::leak(Box::new([0; WINDOW]));
        CachedDisk::new(MemoryDisk { bytes, reads: 0 }, [window(), window()])
    }

    fn numbered(length: usize) -> Vec<u8> {
        (0..length).map(|index| (index / 3) as u8).collect()
    }

    #[test]
    fn bytes_are_read_across_windows_and_up_to_the_end() {
        let bytes = numbered(5 * WINDOW / 2);
        let mut disk = cached(&bytes);
        let mut all = std::vec![0; bytes.len()];
        disk.read_exact(0, &mut all).unwrap();
        assert_eq!(all, bytes);
        let mut some = [0; 1000];
        disk.read_exact(WINDOW as u64 - 500, &mut some).unwrap();
        assert_eq!(some, bytes[WINDOW - 500..][..1000]);
        let end = bytes.len() as u64;
        assert_eq!(disk.read_exact(end - 10, &mut [0; 11]), Err(DiskError::BehindEnd));
        assert_eq!(disk.read_exact(end, &mut [0]), Err(DiskError::BehindEnd));
        assert_eq!(disk.read_exact(u64::MAX, &mut [0]), Err(DiskError::BehindEnd));
    }

    #[test]
    fn two_places_read_in_turn_stay_cached() {
        let bytes = numbered(4 * WINDOW);
        let mut disk = cached(&bytes);
        for step in 0..100 {
            disk.read_exact(step, &mut [0; 4]).unwrap();
            disk.read_exact(3 * WINDOW as u64 + step, &mut [0; 4]).unwrap();
        }
        assert_eq!(disk.sectors.reads, 2);
    }
}
