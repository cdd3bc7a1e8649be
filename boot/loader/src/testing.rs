//! What tests of the loader share: kernel files made to order, and a firmware in memory.

use std::alloc::{Layout, alloc};
use std::collections::BTreeMap;
use std::string::String;
use std::vec;
use std::vec::Vec;

use bootloader_api::BootloaderConfig;
use bootloader_api::info::MemoryRegionKind;

use crate::checksums::{self, BUNDLE_PATH, CHECKSUMS_PATH, KERNEL_PATH};
use crate::firmware::{FileError, Firmware, PAGE_SIZE};
use crate::framebuffer::Framebuffer;
use crate::memory_map::{MapFull, MemoryMap};

pub(crate) const KERNEL_BASE: u64 = 0xffff_ffff_8000_0000;
pub(crate) const READ: u32 = 4;
pub(crate) const WRITE: u32 = 2;
pub(crate) const EXECUTE: u32 = 1;

/// A kernel file under construction.
#[derive(Clone)]
pub(crate) struct KernelFile {
    pub(crate) kind: u16,
    pub(crate) machine: u16,
    pub(crate) entry: u64,
    /// Address, size in memory, bytes, ELF flags.
    pub(crate) segments: Vec<(u64, u64, Vec<u8>, u32)>,
    pub(crate) config: Option<Vec<u8>>,
}

impl KernelFile {
    /// A good kernel: code, constants, data, with this config.
    pub(crate) fn new(config: &BootloaderConfig) -> Self {
        Self {
            kind: 2,
            machine: 62,
            entry: KERNEL_BASE + 0x10,
            segments: vec![
                (KERNEL_BASE, 0x1800, vec![0xc3; 0x1800], READ | EXECUTE),
                (KERNEL_BASE + 0x2000, 0x20, vec![0x5a; 0x20], READ),
                (KERNEL_BASE + 0x3010, 0x2000, vec![0x77; 0x100], READ | WRITE),
            ],
            config: Some(config.serialize().to_vec()),
        }
    }

    /// The ELF file.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        const NAMES: &[u8] = b"\0.bootloader-config\0.shstrtab\0";
        let headers = 64 + 56 * self.segments.len();
        let mut body: Vec<u8> = Vec::new();
        let mut segment_headers: Vec<u8> = Vec::new();
        for (address, size, bytes, flags) in &self.segments {
            segment_headers.extend(1_u32.to_le_bytes());
            segment_headers.extend(flags.to_le_bytes());
            let offset = (headers + body.len()) as u64;
            for word in [offset, *address, *address, bytes.len() as u64, *size, 0x1000] {
                segment_headers.extend(word.to_le_bytes());
            }
            body.extend(bytes);
        }
        let mut section_headers = vec![0_u8; 64];
        let mut section = |name: u32, kind: u32, bytes: &[u8]| {
            let mut header: Vec<u8> = Vec::new();
            header.extend(name.to_le_bytes());
            header.extend(kind.to_le_bytes());
            let offset = (headers + body.len()) as u64;
            for word in [0_u64, 0, offset, bytes.len() as u64, 0, 1, 0] {
                header.extend(word.to_le_bytes());
            }
            section_headers.extend(header);
            body.extend(bytes);
        };
        section(20, 3, NAMES);
        if let Some(config) = &self.config {
            section(1, 1, config);
        }
        let sections = section_headers.len() / 64;
        let mut file = b"\x7fELF\x02\x01\x01".to_vec();
        file.resize(16, 0);
        file.extend(self.kind.to_le_bytes());
        file.extend(self.machine.to_le_bytes());
        file.extend(1_u32.to_le_bytes());
        file.extend(self.entry.to_le_bytes());
        file.extend(64_u64.to_le_bytes());
        file.extend(((headers + body.len()) as u64).to_le_bytes());
        file.extend(0_u32.to_le_bytes());
        let count = self.segments.len() as u16;
        for half in [64_u16, 56, count, 64, sections as u16, 1] {
            file.extend(half.to_le_bytes());
        }
        file.extend(segment_headers);
        file.extend(body);
        file.extend(section_headers);
        file
    }
}

/// A firmware whose memory is the test's own.
pub(crate) struct MemoryFirmware {
    pub(crate) files: BTreeMap<&'static str, Vec<u8>>,
    /// Pages left to hand out.
    pub(crate) pages: u64,
    /// What was handed out.
    pub(crate) given: Vec<(u64, u64)>,
    pub(crate) framebuffer: Option<Framebuffer>,
}

impl MemoryFirmware {
    /// A boot volume with these files and a right list of checksums.
    pub(crate) fn new(kernel: &[u8], bundle: &[u8]) -> Self {
        let mut list = String::new();
        checksums::write([(KERNEL_PATH, kernel), (BUNDLE_PATH, bundle)], &mut list).unwrap();
        Self {
            files: BTreeMap::from([
                (KERNEL_PATH, kernel.to_vec()),
                (BUNDLE_PATH, bundle.to_vec()),
                (CHECKSUMS_PATH, list.into_bytes()),
            ]),
            pages: u64::MAX,
            given: Vec::new(),
            framebuffer: None,
        }
    }
}

// SAFETY: (1) a process's memory is its own identity map; (2) `alloc` hands memory out once, page-aligned as asked,
// and it is never freed; (3) `leave` reports all of it.
unsafe impl Firmware for MemoryFirmware {
    fn allocate(&mut self, pages: u64) -> Option<u64> {
        self.pages = self.pages.checked_sub(pages)?;
        let layout = Layout::from_size_align((pages * PAGE_SIZE) as usize, 4096).ok()?;
        // SAFETY: no layout here is empty.
        let start = unsafe { alloc(layout) } as u64;
        self.given.push((start, pages * PAGE_SIZE));
        Some(start)
    }

    fn file_length(&mut self, path: &str) -> Result<u64, FileError> {
        let file = self.files.get(path).ok_or(FileError::Missing)?;
        Ok(file.len() as u64)
    }

    fn read_file(&mut self, path: &str, buffer: &mut [u8]) -> Result<(), FileError> {
        buffer.copy_from_slice(self.files.get(path).ok_or(FileError::Missing)?);
        Ok(())
    }

    fn memory_end(&mut self) -> u64 {
        5 << 30
    }

    fn rsdp(&mut self) -> Option<u64> {
        Some(0xe_0010)
    }

    fn framebuffer(&self) -> Option<Framebuffer> {
        self.framebuffer
    }

    fn leave(self, map: &mut MemoryMap) -> Result<(), MapFull> {
        for (start, length) in self.given {
            map.add(start, length, MemoryRegionKind::Usable)?;
        }
        Ok(())
    }
}
