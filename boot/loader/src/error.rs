//! Why a boot failed, in words a person at the screen can act on.

use core::fmt;

use crate::checksums::{Checksum, ChecksumsError};
use crate::firmware::FileError;
use crate::kernel_image::KernelError;

/// Why a boot failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadError {
    /// A file could not be read.
    File {
        /// Its path on the boot volume.
        path: &'static str,
        /// What went wrong.
        error: FileError,
    },
    /// The list of checksums cannot be used.
    Checksums(ChecksumsError),
    /// The list of checksums does not name a file.
    NotListed {
        /// Its path.
        path: &'static str,
    },
    /// A file's length or checksum is not the listed one.
    Damaged {
        /// Its path.
        path: &'static str,
        /// What the list says.
        expected: Checksum,
        /// What the file has.
        found: Checksum,
    },
    /// The kernel file is whole, but cannot be started.
    Kernel(KernelError),
    /// Memory ran out.
    OutOfMemory {
        /// Pages asked for.
        pages: u64,
        /// What they were for.
        purpose: &'static str,
    },
    /// Two of the kernel's mappings want one address, or no address is left.
    Mapping {
        /// What was being mapped.
        what: &'static str,
        /// Where.
        address: u64,
    },
    /// The firmware's memory map is too long.
    MemoryMapTooLong,
    /// The firmware runs with five-level page tables.
    FiveLevelPaging,
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, error } => write!(f, "{path}: {error}"),
            Self::Checksums(error) => write!(f, "{}: {error}", crate::checksums::CHECKSUMS_PATH),
            Self::NotListed { path } => write!(f, "{path}: file is not listed in {}", crate::checksums::CHECKSUMS_PATH),
            Self::Damaged { path, expected, found } if expected.length != found.length => {
                write!(f, "{path}: file is damaged: {} bytes long instead of {}", found.length, expected.length)
            }
            Self::Damaged { path, expected, found } => {
                write!(f, "{path}: file is damaged: checksum {:08x} instead of {:08x}", found.crc, expected.crc)
            }
            Self::Kernel(error) => write!(f, "{}: {error}", crate::checksums::KERNEL_PATH),
            Self::OutOfMemory { pages, purpose } => {
                write!(f, "out of memory: {} KiB for {purpose}", pages * 4)
            }
            Self::Mapping { what, address } => {
                write!(f, "cannot map {what} at {address:#x}")
            }
            Self::MemoryMapTooLong => write!(f, "the firmware's memory map is too long"),
            Self::FiveLevelPaging => write!(f, "the firmware uses five-level page tables"),
        }
    }
}

impl From<KernelError> for LoadError {
    fn from(error: KernelError) -> Self {
        Self::Kernel(error)
    }
}

impl From<ChecksumsError> for LoadError {
    fn from(error: ChecksumsError) -> Self {
        Self::Checksums(error)
    }
}

impl From<crate::memory_map::MapFull> for LoadError {
    fn from(_: crate::memory_map::MapFull) -> Self {
        Self::MemoryMapTooLong
    }
}
