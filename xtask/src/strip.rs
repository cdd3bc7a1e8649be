//! A kernel file without what only debuggers read: the loader reads and checks the whole file on every
//! boot, and three quarters of it would be debug sections and symbols. The kernel finds its own
//! symbols in the bundle.

use anyhow::{Context, Result};
use object::build::elf::Builder;

/// `file` without the sections that do not belong to its memory image.
pub fn without_debug(file: &[u8]) -> Result<Vec<u8>> {
    let mut builder = Builder::read64(file).context("not a 64-bit ELF file")?;
    for section in &mut builder.sections {
        let names = section.sh_type == object::elf::SHT_STRTAB;
        section.delete = !section.is_alloc() && !names;
    }
    for symbol in &mut builder.symbols {
        symbol.delete = true;
    }
    builder.delete_orphans();
    let mut out = Vec::new();
    builder.write(&mut out)?;
    Ok(out)
}

#[cfg(test)]
mod tests;
