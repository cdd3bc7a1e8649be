//! ELF files as bundle programs and symbol tables.

use airox_bundle::PAGE_SIZE;
use airox_bundle::write::{Function, ProgramImage, SegmentImage};
use anyhow::{Context, Result, bail};
use object::elf;
use object::read::elf::{ElfFile64, FileHeader, ProgramHeader};
use object::{Object, ObjectSymbol, SymbolKind};

/// Converts a ring-3 program. Its load segments must share no page and never be both writable and executable.
pub fn program(name: &str, bytes: &[u8]) -> Result<ProgramImage> {
    let file: ElfFile64<'_> = ElfFile64::parse(bytes).context("not a 64-bit ELF file")?;
    let endian = file.endian();
    if file.elf_header().e_type(endian) != elf::ET_EXEC {
        bail!("not linked at a fixed address");
    }
    let mut segments = Vec::new();
    for header in file.elf_program_headers() {
        match header.p_type(endian) {
            elf::PT_LOAD if header.p_memsz(endian) > 0 => {
                segments.push(segment(header, endian, bytes)?);
            }
            elf::PT_TLS => bail!("thread-local variables are not supported"),
            elf::PT_INTERP | elf::PT_DYNAMIC => bail!("dynamic linking is not supported"),
            _ => {}
        }
    }
    if segments.is_empty() {
        bail!("nothing to load");
    }
    Ok(ProgramImage { name: name.to_owned(), entry: file.entry(), segments, symbols: functions(&file) })
}

fn segment(
    header: &elf::ProgramHeader64<object::Endianness>,
    endian: object::Endianness,
    file: &[u8],
) -> Result<SegmentImage> {
    let data = header.data(endian, file).ok().context("a segment lies outside the file")?;
    // A segment that begins inside a page is extended down to the page's start with zeros.
    let address = header.p_vaddr(endian) / PAGE_SIZE * PAGE_SIZE;
    let front = header.p_vaddr(endian) - address;
    let mut bytes = vec![0; front as usize];
    bytes.extend_from_slice(data);
    let flags = header.p_flags(endian);
    Ok(SegmentImage {
        address,
        memory_size: header.p_memsz(endian) + front,
        bytes,
        writable: (flags & elf::PF_W).0 != 0,
        executable: (flags & elf::PF_X).0 != 0,
    })
}

/// The functions of an ELF file, for backtraces.
pub fn symbols(bytes: &[u8]) -> Result<Vec<Function>> {
    let file: ElfFile64<'_> = ElfFile64::parse(bytes).context("not a 64-bit ELF file")?;
    Ok(functions(&file))
}

/// The address of the symbol of this name.
pub fn symbol_address(bytes: &[u8], name: &str) -> Result<Option<u64>> {
    let file: ElfFile64<'_> = ElfFile64::parse(bytes).context("not a 64-bit ELF file")?;
    let mut symbols = file.symbols();
    Ok(symbols.find(|symbol| symbol.name() == Ok(name)).map(|symbol| symbol.address()))
}

fn functions(file: &ElfFile64<'_>) -> Vec<Function> {
    file.symbols()
        .filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.size() > 0)
        .filter_map(|symbol| {
            Some(Function {
                address: symbol.address(),
                size: u32::try_from(symbol.size()).ok()?,
                // The alternate form leaves out the hash at the end.
                name: format!("{:#}", rustc_demangle::demangle(symbol.name().ok()?)),
            })
        })
        .collect()
}

/// How large an ELF file's parts are in memory.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sizes {
    /// Executable bytes.
    pub text: u64,
    /// Bytes that are only read.
    pub constants: u64,
    /// Writable bytes with a value at the start.
    pub data: u64,
    /// Writable bytes that start as zero.
    pub zeroed: u64,
}

/// Measures an ELF file's load segments.
pub fn sizes(bytes: &[u8]) -> Result<Sizes> {
    let file: ElfFile64<'_> = ElfFile64::parse(bytes).context("not a 64-bit ELF file")?;
    let endian = file.endian();
    let mut sizes = Sizes::default();
    for header in file.elf_program_headers() {
        if header.p_type(endian) != elf::PT_LOAD {
            continue;
        }
        let (filed, memory) = (header.p_filesz(endian), header.p_memsz(endian));
        let flags = header.p_flags(endian);
        if (flags & elf::PF_X).0 != 0 {
            sizes.text += memory;
        } else if (flags & elf::PF_W).0 != 0 {
            sizes.data += filed;
            sizes.zeroed += memory - filed;
        } else {
            sizes.constants += memory;
        }
    }
    Ok(sizes)
}
