//! A BIOS as a [`Firmware`].

use airox_loader::firmware::{FileError, Firmware};
use airox_loader::framebuffer::Framebuffer;
use airox_loader::memory_map::{MapFull, MemoryMap};
use airox_loader::volume::BootVolume;

use crate::acpi;
use crate::disk::BiosDisk;
use crate::memory::Memory;

/// The boot volume and the memory of a BIOS machine.
pub struct BiosFirmware {
    volume: BootVolume<'static, BiosDisk>,
    memory: Memory,
    framebuffer: Option<Framebuffer>,
}

impl BiosFirmware {
    /// Brings them together.
    pub fn new(volume: BootVolume<'static, BiosDisk>, memory: Memory, framebuffer: Option<Framebuffer>) -> Self {
        Self { volume, memory, framebuffer }
    }
}

// SAFETY: (1) the loader runs on an identity map of 4 GiB, and memory is taken below that; (2) it is taken from
// usable entries of the BIOS's map above 1 MiB, each page once; (3) `leave` reports that very map.
unsafe impl Firmware for BiosFirmware {
    fn allocate(&mut self, pages: u64) -> Option<u64> {
        self.memory.allocate(pages)
    }

    fn file_length(&mut self, path: &str) -> Result<u64, FileError> {
        self.volume.file_length(path)
    }

    fn read_file(&mut self, path: &str, buffer: &mut [u8]) -> Result<(), FileError> {
        self.volume.read_file(path, buffer)
    }

    fn memory_end(&mut self) -> u64 {
        self.memory.end()
    }

    fn rsdp(&mut self) -> Option<u64> {
        acpi::find_rsdp()
    }

    fn framebuffer(&self) -> Option<Framebuffer> {
        self.framebuffer
    }

    fn leave(self, map: &mut MemoryMap) -> Result<(), MapFull> {
        // A BIOS needs no good-bye: it only runs when called.
        self.memory.report(map)
    }
}
