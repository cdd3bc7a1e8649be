//! ELF files made to order, for tests.

use object::elf::{SHT_PROGBITS, SHT_RELA, SHT_STRTAB, SHT_SYMTAB};

pub const READ: u32 = 4;
pub const WRITE: u32 = 2;
pub const EXECUTE: u32 = 1;
/// A section that is part of the memory image.
const ALLOCATED: u64 = 2;

/// A 64-bit x86 ELF file under construction.
#[derive(Clone)]
pub struct Elf {
    /// `ET_EXEC` (2) or `ET_DYN` (3).
    pub kind: u16,
    pub machine: u16,
    pub entry: u64,
    pub segments: Vec<Segment>,
    pub sections: Vec<Section>,
    pub symbols: Vec<(&'static str, u64)>,
}

#[derive(Clone)]
pub struct Segment {
    pub address: u64,
    pub size: u64,
    pub bytes: Vec<u8>,
    pub flags: u32,
}

#[derive(Clone)]
pub struct Section {
    pub name: &'static str,
    pub address: u64,
    /// Its place in the bytes of the segment with this index; else bytes of its own.
    pub place: Result<(usize, usize, usize), Vec<u8>>,
    pub kind: u32,
    pub entry_size: u64,
}

impl Section {
    /// `length` bytes from `offset` on of a segment.
    pub fn of_segment(name: &'static str, segment: usize, elf: &Elf) -> Section {
        Section {
            name,
            address: elf.segments[segment].address,
            place: Ok((segment, 0, elf.segments[segment].bytes.len())),
            kind: SHT_PROGBITS.0,
            entry_size: 0,
        }
    }

    /// Relocations that end up in segment `segment` at `offset`: (place, kind, addend).
    pub fn relocations(elf: &mut Elf, segment: usize, list: &[(u64, u64, i64)]) -> Section {
        let bytes: Vec<u8> = list
            .iter()
            .flat_map(|(place, kind, addend)| [*place, *kind, addend.cast_unsigned()])
            .flat_map(u64::to_le_bytes)
            .collect();
        let target = &mut elf.segments[segment];
        let offset = target.bytes.len();
        target.bytes.extend(&bytes);
        target.size = target.size.max(target.bytes.len() as u64);
        Section {
            name: ".rela.dyn",
            address: target.address + offset as u64,
            place: Ok((segment, offset, bytes.len())),
            kind: SHT_RELA.0,
            entry_size: 24,
        }
    }

    /// Bytes that are no part of the memory image.
    pub fn debug(name: &'static str, bytes: Vec<u8>) -> Section {
        Section { name, address: 0, place: Err(bytes), kind: SHT_PROGBITS.0, entry_size: 0 }
    }
}

impl Elf {
    pub fn new(kind: u16, entry: u64) -> Elf {
        Elf { kind, machine: 62, entry, segments: Vec::new(), sections: Vec::new(), symbols: Vec::new() }
    }

    pub fn segment(&mut self, address: u64, bytes: Vec<u8>, flags: u32) -> &mut Segment {
        self.segments.push(Segment { address, size: bytes.len() as u64, bytes, flags });
        self.segments.last_mut().unwrap()
    }

    /// The file.
    pub fn bytes(&self) -> Vec<u8> {
        let headers = 64 + 56 * self.segments.len();
        let mut body: Vec<u8> = Vec::new();
        let mut segment_headers: Vec<u8> = Vec::new();
        let mut offsets = Vec::new();
        for segment in &self.segments {
            let aligned = (headers + body.len()).next_multiple_of(8) - headers;
            body.resize(aligned, 0);
            let offset = (headers + body.len()) as u64;
            offsets.push(offset);
            segment_headers.extend(1_u32.to_le_bytes());
            segment_headers.extend(segment.flags.to_le_bytes());
            let length = segment.bytes.len() as u64;
            for word in [offset, segment.address, segment.address, length, segment.size, 1] {
                segment_headers.extend(word.to_le_bytes());
            }
            body.extend(&segment.bytes);
        }
        let (symbols, symbol_names) = self.symbol_table();
        let mut names = vec![0_u8];
        let mut section_headers = vec![0_u8; 64];
        let mut header = |name: &str, kind: u32, flags: u64, words: [u64; 3], link: u32, size: u64| {
            section_headers.extend((names.len() as u32).to_le_bytes());
            names.extend(name.as_bytes());
            names.push(0);
            section_headers.extend(kind.to_le_bytes());
            section_headers.extend(flags.to_le_bytes());
            for word in words {
                section_headers.extend(word.to_le_bytes());
            }
            section_headers.extend(link.to_le_bytes());
            section_headers.extend(1_u32.to_le_bytes());
            section_headers.extend(1_u64.to_le_bytes());
            section_headers.extend(size.to_le_bytes());
        };
        for section in &self.sections {
            let (offset, length, flags) = match &section.place {
                Ok((segment, offset, length)) => (offsets[*segment] + *offset as u64, *length, ALLOCATED),
                Err(bytes) => {
                    let offset = (headers + body.len()) as u64;
                    body.extend(bytes);
                    (offset, bytes.len(), 0)
                }
            };
            let words = [section.address, offset, length as u64];
            header(section.name, section.kind, flags, words, 0, section.entry_size);
        }
        let mut extra = |name: &str, kind: u32, bytes: &[u8], link: u32, size: u64| {
            let aligned = (headers + body.len()).next_multiple_of(8) - headers;
            body.resize(aligned, 0);
            let offset = (headers + body.len()) as u64;
            body.extend(bytes);
            header(name, kind, 0, [0, offset, bytes.len() as u64], link, size);
        };
        let strings = self.sections.len() as u32 + 2;
        extra(".symtab", SHT_SYMTAB.0, &symbols, strings, 24);
        extra(".strtab", SHT_STRTAB.0, &symbol_names, 0, 0);
        let names_index = strings + 1;
        header(".shstrtab", SHT_STRTAB.0, 0, [0, (headers + body.len()) as u64, 0], 0, 0);
        let length_of_names = names.len() as u64;
        body.extend(&names);
        let size_field = section_headers.len() - 64 + 32;
        section_headers[size_field..size_field + 8].copy_from_slice(&length_of_names.to_le_bytes());

        let aligned = (headers + body.len()).next_multiple_of(8) - headers;
        body.resize(aligned, 0);
        let mut file = b"\x7fELF\x02\x01\x01".to_vec();
        file.resize(16, 0);
        file.extend(self.kind.to_le_bytes());
        file.extend(self.machine.to_le_bytes());
        file.extend(1_u32.to_le_bytes());
        for word in [self.entry, 64, (headers + body.len()) as u64] {
            file.extend(word.to_le_bytes());
        }
        file.extend(0_u32.to_le_bytes());
        let segments = self.segments.len() as u16;
        let sections = (section_headers.len() / 64) as u16;
        for half in [64, 56, segments, 64, sections, names_index as u16] {
            file.extend(half.to_le_bytes());
        }
        file.extend(segment_headers);
        file.extend(body);
        file.extend(section_headers);
        file
    }

    fn symbol_table(&self) -> (Vec<u8>, Vec<u8>) {
        let (mut table, mut names) = (vec![0_u8; 24], vec![0_u8]);
        for (name, value) in &self.symbols {
            table.extend((names.len() as u32).to_le_bytes());
            // Global, no type; of no section but absolute.
            table.extend([0x10, 0, 0xf1, 0xff]);
            table.extend(value.to_le_bytes());
            table.extend(0_u64.to_le_bytes());
            names.extend(name.as_bytes());
            names.push(0);
        }
        (table, names)
    }
}

/// A UEFI loader in miniature: code, constants, and data with one relocation.
pub fn uefi_loader() -> Elf {
    let mut elf = Elf::new(3, 0x1004);
    elf.segment(0x1000, vec![0xc3; 0x300], READ | EXECUTE);
    elf.segment(0x2000, vec![0x11; 0x40], READ);
    elf.segment(0x3000, vec![0; 0x20], READ | WRITE).size = 0x1400;
    let relocations = Section::relocations(&mut elf, 1, &[(0x3010, 8, 0x1004), (0x3008, 8, 0x2000)]);
    elf.sections.push(relocations);
    elf
}

/// A BIOS loader in miniature.
pub fn bios_loader() -> Elf {
    let mut elf = Elf::new(2, 0x7c00);
    elf.segment(0x7c00, vec![0x90; 300], 7);
    elf.segment(0x8000, (0..1500_u32).map(|byte| byte as u8).collect(), 7).size = 0x4000;
    let code = Section::of_segment(".mbr", 0, &elf);
    elf.sections.push(code);
    elf.symbols = vec![
        ("mbr_stage2_sector", 0x7c00 + 100),
        ("mbr_stage2_sectors", 0x7c00 + 108),
        ("stage2_checksum", 0x8000 + 64),
    ];
    elf
}

/// A kernel in miniature, with a debug section larger than all the rest.
pub fn kernel() -> Elf {
    const BASE: u64 = 0xffff_ffff_8000_0000;
    let mut elf = Elf::new(2, BASE + 8);
    elf.segment(BASE, vec![0xc3; 0x100], READ | EXECUTE);
    let config = bootloader_api::BootloaderConfig::new_default().serialize();
    elf.segment(BASE + 0x1000, config.to_vec(), READ);
    elf.segment(BASE + 0x2000, vec![7; 0x10], READ | WRITE).size = 0x2000;
    for (name, segment) in [(".text", 0), (".bootloader-config", 1), (".data", 2)] {
        let section = Section::of_segment(name, segment, &elf);
        elf.sections.push(section);
    }
    elf.sections.push(Section::debug(".debug_info", vec![0xdb; 100_000]));
    elf.symbols = vec![("_start", BASE + 8)];
    elf
}
