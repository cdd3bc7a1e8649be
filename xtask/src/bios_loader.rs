//! The two pieces of the BIOS loader, cut from its ELF file: the boot sector's code and the flat stage 2.
//!
//! The boot sector knows where stage 2 lies and how long it is because we write it in here; stage 2's 32-bit words
//! add up to 0 because we write the missing term into it, so the boot sector can refuse a damaged one.

use anyhow::{Context, Result, ensure};
use object::elf;
use object::read::elf::{ElfFile64, ProgramHeader};
use object::{LittleEndian, Object, ObjectSection, ObjectSymbol};

/// Code bytes of a master boot record; the disk signature and the partition table follow.
pub const BOOT_CODE_LENGTH: usize = 440;
/// Where the boot sector's code is linked: where a BIOS puts it.
const BOOT_CODE_ADDRESS: u64 = 0x7c00;
/// Where stage 2 is linked, and where the boot sector loads it.
const STAGE2_ADDRESS: u64 = 0x8000;
/// End of the memory the boot sector may fill: the loader's disk buffer follows.
const STAGE2_END: u64 = 0x7_0000;
/// Bytes of a disk sector.
pub const SECTOR: usize = 512;

/// What goes onto the disk.
pub struct BiosLoader {
    /// Start of the master boot record.
    pub boot_code: [u8; BOOT_CODE_LENGTH],
    /// Contents of the BIOS boot partition, whole sectors.
    pub stage2: Vec<u8>,
}

/// Cuts the loader from its ELF file for a BIOS boot partition that starts at sector `stage2_sector`.
pub fn cut(file: &[u8], stage2_sector: u64) -> Result<BiosLoader> {
    let elf = ElfFile64::<LittleEndian>::parse(file).context("not a 64-bit ELF file")?;
    let mut boot_code = boot_code(&elf)?;
    let mut stage2 = flatten(&elf, file)?;

    let checksum =
        address(&elf, "stage2_checksum")?.checked_sub(STAGE2_ADDRESS).context("stage2_checksum is not in stage 2")?;
    patch(&mut stage2, checksum, &[0; 4])?;
    let sum = words(&stage2).fold(0_u32, u32::wrapping_add);
    patch(&mut stage2, checksum, &sum.wrapping_neg().to_le_bytes())?;

    let sectors = u16::try_from(stage2.len() / SECTOR)?;
    for (symbol, bytes) in
        [("mbr_stage2_sector", stage2_sector.to_le_bytes().as_slice()), ("mbr_stage2_sectors", &sectors.to_le_bytes())]
    {
        let offset = address(&elf, symbol)?
            .checked_sub(BOOT_CODE_ADDRESS)
            .with_context(|| format!("{symbol} is not in the boot sector"))?;
        patch(&mut boot_code, offset, bytes)?;
    }
    Ok(BiosLoader { boot_code, stage2 })
}

fn words(bytes: &[u8]) -> impl Iterator<Item = u32> {
    bytes.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word))
}

fn boot_code(elf: &ElfFile64<'_, LittleEndian>) -> Result<[u8; BOOT_CODE_LENGTH]> {
    let section = elf.section_by_name(".mbr").context("the BIOS loader has no .mbr section")?;
    let code = section.data()?;
    ensure!(
        section.address() == BOOT_CODE_ADDRESS && code.len() <= BOOT_CODE_LENGTH,
        "boot sector code: {} bytes at {:#x}; at most {BOOT_CODE_LENGTH} at {BOOT_CODE_ADDRESS:#x} fit",
        code.len(),
        section.address()
    );
    let mut bytes = [0; BOOT_CODE_LENGTH];
    bytes[..code.len()].copy_from_slice(code);
    Ok(bytes)
}

/// Stage 2 as it lies in memory, padded to whole sectors.
fn flatten(elf: &ElfFile64<'_, LittleEndian>, file: &[u8]) -> Result<Vec<u8>> {
    let endian = elf.endian();
    let mut image = Vec::new();
    for segment in elf.elf_program_headers() {
        let start = segment.p_vaddr(endian);
        if segment.p_type(endian) != elf::PT_LOAD || start < STAGE2_ADDRESS {
            continue;
        }
        let end = start + segment.p_memsz(endian);
        ensure!(end <= STAGE2_END, "stage 2 ends at {end:#x}, above {STAGE2_END:#x}");
        let bytes =
            segment.data(endian, file).ok().with_context(|| format!("segment at {start:#x} leaves the file"))?;
        if bytes.is_empty() {
            continue;
        }
        let offset = (start - STAGE2_ADDRESS) as usize;
        let length = image.len().max(offset + bytes.len());
        image.resize(length, 0);
        image[offset..offset + bytes.len()].copy_from_slice(bytes);
    }
    ensure!(!image.is_empty(), "the BIOS loader has no stage 2");
    image.resize(image.len().next_multiple_of(SECTOR), 0);
    Ok(image)
}

fn address(elf: &ElfFile64<'_, LittleEndian>, name: &str) -> Result<u64> {
    elf.symbols()
        .find(|symbol| symbol.name() == Ok(name))
        .map(|symbol| symbol.address())
        .with_context(|| format!("the BIOS loader has no symbol {name}"))
}

fn patch(image: &mut [u8], offset: u64, bytes: &[u8]) -> Result<()> {
    let start = usize::try_from(offset)?;
    image.get_mut(start..start + bytes.len()).context("a patched field lies outside its stage")?.copy_from_slice(bytes);
    Ok(())
}

#[cfg(test)]
mod tests;
