//! ELF to PE: the UEFI loader is linked as a static position-independent ELF file, since the toolchain's
//! precompiled `core` is for Linux, and firmware loads PE files.
//!
//! Every `PT_LOAD` segment becomes a section at the same address relative to the image's base, which is 0. The only
//! relocations such a file may have are `R_X86_64_RELATIVE` ("add the base here"): their addends are put in
//! place, and a PE base relocation of kind `DIR64` says the same to firmware.

use anyhow::{Context, Result, bail, ensure};
use object::LittleEndian;
use object::elf;
use object::pe;
use object::read::elf::{ElfFile64, FileHeader, ProgramHeader, Rela, SectionHeader};
use object::write::pe::{NtHeaders, SectionRange, Writer};

const SECTION_ALIGNMENT: u32 = 0x1000;
const FILE_ALIGNMENT: u32 = 0x200;
/// PE files have 16 data directories.
const DIRECTORIES: usize = 16;

/// A segment on its way to becoming a section.
struct Section {
    name: [u8; 8],
    characteristics: pe::SectionFlags,
    address: u32,
    size: u32,
    bytes: Vec<u8>,
}

/// Makes a PE file for UEFI of a static position-independent ELF file.
pub fn from_elf(file: &[u8]) -> Result<Vec<u8>> {
    let elf = ElfFile64::<LittleEndian>::parse(file).context("not a 64-bit ELF file")?;
    let endian = elf.endian();
    let header = elf.elf_header();
    ensure!(
        header.e_type(endian) == elf::ET_DYN && header.e_machine(endian) == elf::EM_X86_64,
        "not a position-independent x86_64 executable"
    );
    let mut sections = elf
        .elf_program_headers()
        .iter()
        .filter(|segment| segment.p_type(endian) == elf::PT_LOAD && segment.p_memsz(endian) > 0)
        .map(|segment| section(file, segment))
        .collect::<Result<Vec<_>>>()?;
    let relocations = apply_relocations(&elf, file, &mut sections)?;
    let entry = u32::try_from(header.e_entry(endian)).context("entry point above 4 GiB")?;
    write(&sections, &relocations, entry)
}

fn section(file: &[u8], segment: &elf::ProgramHeader64<LittleEndian>) -> Result<Section> {
    let endian = LittleEndian;
    let start = segment.p_vaddr(endian);
    let bytes = segment.data(endian, file).ok().with_context(|| format!("segment at {start:#x} leaves the file"))?;
    let address = u32::try_from(start).context("segment above 4 GiB")?;
    ensure!(
        address != 0 && address.is_multiple_of(SECTION_ALIGNMENT),
        "segment at {address:#x} does not start on a page of its own"
    );
    let flags = segment.p_flags(endian);
    let (writable, executable) = (flags.contains(elf::PF_W), flags.contains(elf::PF_X));
    let (name, characteristics) = match (writable, executable) {
        (false, true) => (*b".text\0\0\0", pe::IMAGE_SCN_CNT_CODE | pe::IMAGE_SCN_MEM_EXECUTE | pe::IMAGE_SCN_MEM_READ),
        (false, false) => (*b".rdata\0\0", pe::IMAGE_SCN_CNT_INITIALIZED_DATA | pe::IMAGE_SCN_MEM_READ),
        (true, false) => {
            (*b".data\0\0\0", pe::IMAGE_SCN_CNT_INITIALIZED_DATA | pe::IMAGE_SCN_MEM_READ | pe::IMAGE_SCN_MEM_WRITE)
        }
        (true, true) => bail!("segment at {address:#x} is writable and executable"),
    };
    Ok(Section {
        name,
        characteristics,
        address,
        size: u32::try_from(segment.p_memsz(endian)).context("segment larger than 4 GiB")?,
        bytes: bytes.to_vec(),
    })
}

/// Puts every addend in its place; returns the addresses, ascending.
fn apply_relocations(elf: &ElfFile64<'_, LittleEndian>, file: &[u8], sections: &mut [Section]) -> Result<Vec<u32>> {
    let endian = elf.endian();
    let mut addresses = Vec::new();
    for header in elf.elf_section_table().iter() {
        let allocated = header.sh_flags(endian).contains(elf::SHF_ALLOC);
        let Some((relocations, _)) = header.rela(endian, file)? else {
            continue;
        };
        if !allocated {
            continue;
        }
        for relocation in relocations {
            let kind = relocation.r_type(endian, false);
            let address = relocation.r_offset(endian);
            ensure!(
                kind == elf::R_X86_64_RELATIVE,
                "relocation of kind {kind:?} at {address:#x}: only RELATIVE can be converted"
            );
            let address = u32::try_from(address)?;
            let place = sections.iter_mut().find_map(|section| {
                let offset = address.checked_sub(section.address)? as usize;
                section.bytes.get_mut(offset..offset + 8)
            });
            place
                .with_context(|| format!("relocation at {address:#x} is outside the file's bytes"))?
                .copy_from_slice(&relocation.r_addend(endian).to_le_bytes());
            addresses.push(address);
        }
    }
    addresses.sort_unstable();
    Ok(addresses)
}

fn write(sections: &[Section], relocations: &[u32], entry: u32) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    let mut writer = Writer::new(true, SECTION_ALIGNMENT, FILE_ALIGNMENT, &mut out);
    writer.reserve_dos_header();
    writer.reserve_nt_headers(DIRECTORIES);
    // One more for the base relocations: firmware refuses to move a file without them.
    let with_relocations = u16::from(!relocations.is_empty());
    writer.reserve_section_headers(u16::try_from(sections.len())? + with_relocations);
    let mut ranges: Vec<SectionRange> = Vec::new();
    for section in sections {
        ensure!(
            writer.virtual_len() <= section.address,
            "segment at {:#x} overlaps the headers or the segment before it",
            section.address
        );
        writer.reserve_virtual_until(section.address);
        let length = u32::try_from(section.bytes.len())?;
        let (name, flags) = (section.name, section.characteristics);
        ranges.push(writer.reserve_section(name, flags, section.size, length));
    }
    for &address in relocations {
        writer.add_reloc(address, pe::IMAGE_REL_BASED_DIR64);
    }
    if writer.has_relocs() {
        writer.reserve_reloc_section();
    }
    writer.write_empty_dos_header()?;
    writer.write_nt_headers(NtHeaders {
        machine: pe::IMAGE_FILE_MACHINE_AMD64,
        time_date_stamp: 0,
        characteristics: pe::IMAGE_FILE_EXECUTABLE_IMAGE | pe::IMAGE_FILE_LARGE_ADDRESS_AWARE,
        major_linker_version: 0,
        minor_linker_version: 0,
        address_of_entry_point: entry,
        image_base: 0,
        major_operating_system_version: 0,
        minor_operating_system_version: 0,
        major_image_version: 0,
        minor_image_version: 0,
        major_subsystem_version: 0,
        minor_subsystem_version: 0,
        subsystem: pe::IMAGE_SUBSYSTEM_EFI_APPLICATION,
        dll_characteristics: pe::IMAGE_DLLCHARACTERISTICS_DYNAMIC_BASE | pe::IMAGE_DLLCHARACTERISTICS_NX_COMPAT,
        size_of_stack_reserve: 0,
        size_of_stack_commit: 0,
        size_of_heap_reserve: 0,
        size_of_heap_commit: 0,
    });
    writer.write_section_headers();
    for (section, range) in sections.iter().zip(&ranges) {
        writer.write_section(range.file_offset, &section.bytes);
    }
    writer.write_reloc_section();
    Ok(out)
}

#[cfg(test)]
mod tests;
