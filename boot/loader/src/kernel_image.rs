//! The kernel's ELF file: what must hold of it, and what the loader takes from it.
//!
//! Its checksum was right before it comes here, so an error means a kernel built wrongly, and says how.

use bootloader_api::BootloaderConfig;
use bootloader_api::info::TlsTemplate;
use core::fmt;
use core::ops::Range;

use object::LittleEndian;
use object::elf;
use object::read::elf::{FileHeader, ProgramHeader, SectionHeader};

use crate::memory_map::{round_down, round_up};

/// First address of the upper half, where everything of the kernel lies.
pub const UPPER_HALF: u64 = 0xffff_8000_0000_0000;

/// Segments a kernel may have.
pub const MAXIMUM_SEGMENTS: usize = 8;

/// Why a kernel file cannot be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KernelError {
    /// Not an ELF file for this machine.
    NotElf,
    /// Not linked to a fixed address.
    Relocatable,
    /// No `.bootloader-config` section.
    NoConfig,
    /// The section's contents are wrong.
    BadConfig(&'static str),
    /// Built against another `bootloader_api`.
    OtherApi {
        /// Major and minor version it was built against.
        kernel: (u16, u16),
    },
    /// A setting this loader does not have.
    Unsupported(&'static str),
    /// A segment leaves the file, or its size overflows.
    SegmentOutsideFile(u64),
    /// A segment is not in the upper half.
    SegmentOutsideUpperHalf(u64),
    /// A segment asks to be writable and executable.
    WritableAndExecutable(u64),
    /// Two segments lie in one page, so their rights cannot differ.
    SharedPage(u64),
    /// More segments than [`MAXIMUM_SEGMENTS`].
    TooManySegments,
    /// The entry point is not in an executable segment.
    BadEntry(u64),
}

impl fmt::Display for KernelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotElf => write!(f, "not a 64-bit x86 ELF executable"),
            Self::Relocatable => write!(f, "not linked to a fixed address"),
            Self::NoConfig => write!(f, "has no .bootloader-config section"),
            Self::BadConfig(reason) => write!(f, "its .bootloader-config is wrong: {reason}"),
            Self::OtherApi { kernel } => write!(
                f,
                "was built against bootloader_api {}.{}, the loader against {}.{}",
                kernel.0,
                kernel.1,
                loader_version().0,
                loader_version().1
            ),
            Self::Unsupported(setting) => write!(f, "asks for {setting}, which is not supported"),
            Self::SegmentOutsideFile(address) => {
                write!(f, "segment at {address:#x} leaves the file")
            }
            Self::SegmentOutsideUpperHalf(address) => {
                write!(f, "segment at {address:#x} is not in the upper half")
            }
            Self::WritableAndExecutable(address) => {
                write!(f, "segment at {address:#x} is writable and executable")
            }
            Self::SharedPage(address) => {
                write!(f, "segment at {address:#x} shares a page with another")
            }
            Self::TooManySegments => write!(f, "has more than {MAXIMUM_SEGMENTS} segments"),
            Self::BadEntry(address) => write!(f, "entry {address:#x} is not in a code segment"),
        }
    }
}

/// A `PT_LOAD` segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KernelSegment<'a> {
    /// Virtual addresses it occupies, not rounded.
    pub addresses: Range<u64>,
    /// Its bytes from the file; the rest is zero.
    pub bytes: &'a [u8],
    /// May be written.
    pub writable: bool,
    /// May be executed.
    pub executable: bool,
}

impl KernelSegment<'_> {
    /// Its addresses, grown to whole pages.
    pub fn pages(&self) -> Range<u64> {
        round_down(self.addresses.start)..round_up(self.addresses.end)
    }
}

/// A kernel that can be started.
#[derive(Debug)]
pub struct KernelImage<'a> {
    /// The whole file.
    pub file: &'a [u8],
    /// What it asks of its loader.
    pub config: BootloaderConfig,
    /// Address of its first instruction.
    pub entry: u64,
    /// Its segments, in file order.
    pub segments: heapless::Vec<KernelSegment<'a>, MAXIMUM_SEGMENTS>,
    /// Its thread-local template, if it has one.
    pub tls: Option<TlsTemplate>,
}

impl<'a> KernelImage<'a> {
    /// Reads and checks a kernel file.
    pub fn parse(file: &'a [u8]) -> Result<Self, KernelError> {
        // The parts of `object` used here work on the file in place: the loader has no heap.
        let endian = LittleEndian;
        let header = elf::FileHeader64::<LittleEndian>::parse(file).map_err(|_| KernelError::NotElf)?;
        let segment_headers = header.program_headers(endian, file).map_err(|_| KernelError::NotElf)?;
        if header.e_machine(endian) != elf::EM_X86_64 {
            return Err(KernelError::NotElf);
        }
        if header.e_type(endian) != elf::ET_EXEC {
            return Err(KernelError::Relocatable);
        }
        let config = read_config(header, file)?;
        let mut segments = heapless::Vec::new();
        let mut tls = None;
        for segment in segment_headers {
            match segment.p_type(endian) {
                elf::PT_LOAD if segment.p_memsz(endian) > 0 => {
                    let loaded = read_segment(file, segment)?;
                    check_segment(&loaded, &segments)?;
                    segments.push(loaded).map_err(|_| KernelError::TooManySegments)?;
                }
                elf::PT_TLS => {
                    tls = Some(TlsTemplate {
                        start_addr: segment.p_vaddr(endian),
                        file_size: segment.p_filesz(endian),
                        mem_size: segment.p_memsz(endian),
                    });
                }
                _ => {}
            }
        }
        let entry = header.e_entry(endian);
        if !segments.iter().any(|segment| segment.executable && segment.addresses.contains(&entry)) {
            return Err(KernelError::BadEntry(entry));
        }
        Ok(Self { file, config, entry, segments, tls })
    }
}

fn read_config(header: &elf::FileHeader64<LittleEndian>, file: &[u8]) -> Result<BootloaderConfig, KernelError> {
    let endian = LittleEndian;
    let sections = header.sections(endian, file).map_err(|_| KernelError::NotElf)?;
    let (_, section) = sections.section_by_name(endian, b".bootloader-config").ok_or(KernelError::NoConfig)?;
    let bytes = section.data(endian, file).map_err(|_| KernelError::NoConfig)?;
    let config = BootloaderConfig::deserialize(bytes).map_err(KernelError::BadConfig)?;
    let kernel = config_version(bytes);
    if kernel != loader_version() {
        return Err(KernelError::OtherApi { kernel });
    }
    if config.mappings.page_table_recursive.is_some() {
        return Err(KernelError::Unsupported("a recursive page table"));
    }
    if config.mappings.aslr {
        return Err(KernelError::Unsupported("a random address (aslr)"));
    }
    Ok(config)
}

/// Major and minor version of the `bootloader_api` the loader was built against.
fn loader_version() -> (u16, u16) {
    config_version(&BootloaderConfig::new_default().serialize())
}

/// Major and minor version in a serialised config: little-endian, after the 16 bytes that mark it. The
/// config's own version field is private.
fn config_version(config: &[u8]) -> (u16, u16) {
    let number = |offset: usize| match config.get(offset..offset + 2) {
        Some(&[low, high]) => u16::from_le_bytes([low, high]),
        _ => 0,
    };
    (number(16), number(18))
}

fn read_segment<'a>(
    file: &'a [u8],
    header: &elf::ProgramHeader64<LittleEndian>,
) -> Result<KernelSegment<'a>, KernelError> {
    let endian = LittleEndian;
    let start = header.p_vaddr(endian);
    let outside = KernelError::SegmentOutsideFile(start);
    let size = header.p_memsz(endian);
    let bytes = header.data(endian, file).map_err(|()| outside)?;
    if bytes.len() as u64 > size {
        return Err(outside);
    }
    let end = start.checked_add(size).filter(|&end| end <= round_down(u64::MAX)).ok_or(outside)?;
    let flags = header.p_flags(endian);
    Ok(KernelSegment {
        addresses: start..end,
        bytes,
        writable: flags.contains(elf::PF_W),
        executable: flags.contains(elf::PF_X),
    })
}

fn check_segment(segment: &KernelSegment<'_>, others: &[KernelSegment<'_>]) -> Result<(), KernelError> {
    let (pages, start) = (segment.pages(), segment.addresses.start);
    if start < UPPER_HALF {
        return Err(KernelError::SegmentOutsideUpperHalf(start));
    }
    if segment.writable && segment.executable {
        return Err(KernelError::WritableAndExecutable(start));
    }
    let shares = |other: &KernelSegment<'_>| {
        let other = other.pages();
        pages.start < other.end && other.start < pages.end
    };
    if others.iter().any(shares) {
        return Err(KernelError::SharedPage(start));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{EXECUTE, KERNEL_BASE, KernelFile, READ, WRITE};

    fn file() -> KernelFile {
        KernelFile::new(&BootloaderConfig::new_default())
    }

    fn error(file: &KernelFile) -> KernelError {
        KernelImage::parse(&file.bytes()).expect_err("an error")
    }

    #[test]
    fn a_good_kernel_is_read() {
        let bytes = file().bytes();
        let kernel = KernelImage::parse(&bytes).unwrap();
        assert_eq!(kernel.entry, KERNEL_BASE + 0x10);
        assert_eq!(kernel.segments.len(), 3);
        assert_eq!(kernel.segments[2].pages(), KERNEL_BASE + 0x3000..KERNEL_BASE + 0x6000);
        assert!(kernel.segments[2].writable && !kernel.segments[2].executable);
        assert_eq!(kernel.segments[0].bytes.len(), 0x1800);
    }

    #[test]
    fn other_files_are_refused() {
        assert_eq!(KernelImage::parse(b"").unwrap_err(), KernelError::NotElf);
        assert_eq!(KernelImage::parse(&[0x7f; 5000]).unwrap_err(), KernelError::NotElf);
        let mut arm = file();
        arm.machine = 183;
        assert_eq!(error(&arm), KernelError::NotElf);
        let mut relocatable = file();
        relocatable.kind = 3;
        assert_eq!(error(&relocatable), KernelError::Relocatable);
    }

    #[test]
    fn the_config_must_be_there_and_of_our_version() {
        let mut none = file();
        none.config = None;
        assert_eq!(error(&none), KernelError::NoConfig);
        let mut cut = file();
        cut.config.as_mut().unwrap().pop();
        assert!(matches!(error(&cut), KernelError::BadConfig(_)));
        let mut other = file();
        other.config.as_mut().unwrap()[18] += 1;
        let (major, minor) = loader_version();
        assert_eq!(error(&other), KernelError::OtherApi { kernel: (major, minor + 1) });
    }

    #[test]
    fn a_segments_rights_and_place_are_checked() {
        let mut both = file();
        both.segments[0].3 = READ | WRITE | EXECUTE;
        assert_eq!(error(&both), KernelError::WritableAndExecutable(KERNEL_BASE));
        let mut low = file();
        low.segments[1].0 = 0x40_0000;
        assert_eq!(error(&low), KernelError::SegmentOutsideUpperHalf(0x40_0000));
        let mut shared = file();
        shared.segments[1].0 = KERNEL_BASE + 0x1f00;
        assert_eq!(error(&shared), KernelError::SharedPage(KERNEL_BASE + 0x1f00));
        let mut endless = file();
        endless.segments[2].1 = u64::MAX;
        assert!(matches!(error(&endless), KernelError::SegmentOutsideFile(_)));
        let mut shrunk = file();
        shrunk.segments[2].1 = 0x10;
        assert!(matches!(error(&shrunk), KernelError::SegmentOutsideFile(_)));
        let mut many = file();
        for index in 0..MAXIMUM_SEGMENTS as u64 {
            let address = KERNEL_BASE + 0x10_0000 + index * 0x1000;
            many.segments.push((address, 1, std::vec![1], READ));
        }
        assert_eq!(error(&many), KernelError::TooManySegments);
        let mut data = file();
        data.entry = KERNEL_BASE + 0x3010;
        assert_eq!(error(&data), KernelError::BadEntry(KERNEL_BASE + 0x3010));
    }

    #[test]
    fn no_changed_or_cut_file_makes_it_panic() {
        let good = file().bytes();
        for length in 0..good.len() {
            let _ = KernelImage::parse(&good[..length]);
        }
        let mut seed = 1_u64;
        for _ in 0..20_000 {
            let mut bytes = good.clone();
            for _ in 0..3 {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                // The headers matter most: the first 256 bytes and the last.
                let index = (seed >> 33) as usize % 512;
                let length = bytes.len();
                let place = if index < 256 { index } else { length - 1 - (index - 256) };
                bytes[place] = (seed >> 25) as u8;
            }
            let _ = KernelImage::parse(&bytes);
        }
    }
}
