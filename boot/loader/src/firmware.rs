//! What the shared part of the loader asks of the firmware it runs on.

use core::fmt;

use crate::framebuffer::Framebuffer;
use crate::memory_map::{MapFull, MemoryMap};

/// Bytes in a page and in a frame.
pub const PAGE_SIZE: u64 = 4096;

/// Why a file could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileError {
    /// The boot volume has no such file.
    Missing,
    /// It is there, but reading it failed.
    Unreadable(&'static str),
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => write!(f, "file is missing"),
            Self::Unreadable(reason) => write!(f, "file cannot be read: {reason}"),
        }
    }
}

/// A firmware (UEFI or BIOS) seen as a source of memory and files.
///
/// # Safety
/// 1. Memory is identity-mapped: an address [`allocate`](Self::allocate) returns is also a valid pointer.
/// 2. What `allocate` returned is page-aligned RAM, handed out once, and stays the caller's until the
///    kernel has been entered.
/// 3. [`leave`](Self::leave) reports every byte `allocate` may have returned as usable RAM.
pub unsafe trait Firmware {
    /// Takes `pages` consecutive pages of RAM, contents unspecified. `None` when there is no such run.
    fn allocate(&mut self, pages: u64) -> Option<u64>;

    /// Length in bytes of the file at `path` (absolute, `/` between names) on the boot volume.
    fn file_length(&mut self, path: &str) -> Result<u64, FileError>;

    /// Fills `buffer`, which is as long as the file.
    fn read_file(&mut self, path: &str, buffer: &mut [u8]) -> Result<(), FileError>;

    /// First physical address behind all RAM.
    fn memory_end(&mut self) -> u64;

    /// Physical address of the ACPI root pointer.
    fn rsdp(&mut self) -> Option<u64>;

    /// The linear frame buffer, if the firmware gave one.
    fn framebuffer(&self) -> Option<Framebuffer>;

    /// Ends the firmware's part of the boot and adds its memory to `map`.
    fn leave(self, map: &mut MemoryMap) -> Result<(), MapFull>;
}
