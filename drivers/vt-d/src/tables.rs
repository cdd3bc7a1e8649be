//! Root table, context tables and page tables (sections 9.1, 9.3 and 9.8).

use alloc::vec::Vec;

use crate::frames::{FRAME_BYTES, Frame, Frames, TableMemory};
use crate::{Error, Source};

/// In root and context entries.
const PRESENT: u64 = 1;
/// In entries of page tables.
const READ_WRITE: u64 = 3;
/// Of an entry: where it leads.
const ADDRESS: u64 = ((1 << 52) - 1) & !(FRAME_BYTES - 1);
/// Bits of an address that each level decides.
const LEVEL_BITS: u32 = 9;
const PAGE_BITS: u32 = 12;
/// Of a context's high word.
const DOMAIN_SHIFT: u32 = 8;

/// Makes a function's context: its requests go through the page tables below `pages`.
pub fn set_context(
    frames: &mut Frames<impl TableMemory>,
    root: Frame,
    source: Source,
    (pages, levels): (Frame, u32),
    domain: u16,
) -> Result<(), Error> {
    let (bus, function) = source.places();
    let entry = frames.read(root, 2 * bus);
    let contexts = match frames.at(entry & ADDRESS).filter(|_| entry & PRESENT != 0) {
        Some(contexts) => contexts,
        None => {
            let contexts = frames.take()?;
            let address = frames.address(contexts);
            frames.write(root, 2 * bus, address | PRESENT);
            contexts
        }
    };
    let address = frames.address(pages);
    // The half that makes it valid comes last.
    frames.write(contexts, 2 * function + 1, u64::from(domain) << DOMAIN_SHIFT | u64::from(levels - 2));
    frames.write(contexts, 2 * function, address | PRESENT);
    Ok(())
}

/// Takes a function's context away. Context tables stay.
pub fn clear_context(frames: &mut Frames<impl TableMemory>, root: Frame, source: Source) {
    let (bus, function) = source.places();
    let entry = frames.read(root, 2 * bus);
    if let Some(contexts) = frames.at(entry & ADDRESS).filter(|_| entry & PRESENT != 0) {
        frames.write(contexts, 2 * function, 0);
        frames.write(contexts, 2 * function + 1, 0);
    }
}

/// The place of an address's page in the page table of a level, 0 the lowest.
const fn place(address: u64, level: u32) -> usize {
    (address >> (PAGE_BITS + LEVEL_BITS * level)) as usize & ((1 << LEVEL_BITS) - 1)
}

/// Writes the entry of one page: memory at `physical`, or nothing. Page tables that are missing on the way are made, and noted in `made`.
pub fn set_page(
    frames: &mut Frames<impl TableMemory>,
    (pages, levels): (Frame, u32),
    made: &mut Vec<Frame>,
    address: u64,
    physical: Option<u64>,
) -> Result<(), Error> {
    let mut table = pages;
    for level in (1..levels).rev() {
        let entry = frames.read(table, place(address, level));
        table = match frames.at(entry & ADDRESS).filter(|_| entry & READ_WRITE != 0) {
            Some(lower) => lower,
            None => {
                let lower = frames.take()?;
                made.push(lower);
                let lower_address = frames.address(lower);
                frames.write(table, place(address, level), lower_address | READ_WRITE);
                lower
            }
        };
    }
    frames.write(table, place(address, 0), physical.map_or(0, |physical| physical | READ_WRITE));
    Ok(())
}
