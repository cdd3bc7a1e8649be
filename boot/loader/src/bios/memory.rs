//! Memory on a BIOS machine: the E820 map, the A20 line, and pages for the loader.

use bootloader_api::info::MemoryRegionKind;

use airox_loader::memory_map::{MapFull, MemoryMap, round_down, round_up};
use x86_64::instructions::port::Port;

use crate::thunk::{self, Registers};

/// Entries of the BIOS's map we take; the maps have 5 to 30.
const MAXIMUM_ENTRIES: usize = 128;
/// The loader's identity map ends here.
const IDENTITY_END: u64 = 4 << 30;
/// Memory below belongs to the loader itself and the BIOS.
const LOW_END: u64 = 1 << 20;
/// "SMAP", which the service wants to see and returns.
const SIGNATURE: u32 = 0x534d_4150;

/// E820 type of usable RAM.
const USABLE: u32 = 1;
/// E820 types that are RAM, although not free: ACPI tables, and memory ACPI keeps over sleep.
const ACPI_RECLAIMABLE: u32 = 3;
const ACPI_STORAGE: u32 = 4;

/// An entry of the map, as it lies in memory.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    start: u64,
    length: u64,
    kind: u32,
    /// Bit 0: the entry counts. A BIOS that knows nothing of this field leaves it as it is.
    attributes: u32,
}

impl Entry {
    fn end(&self) -> u64 {
        self.start.saturating_add(self.length)
    }
}

/// The machine's memory.
pub struct Memory {
    entries: heapless::Vec<Entry, MAXIMUM_ENTRIES>,
    /// Free for the loader; taken from the top.
    free: core::ops::Range<u64>,
}

impl Memory {
    /// Asks the BIOS for its map.
    pub fn detect() -> Self {
        let mut entries = heapless::Vec::new();
        let mut next = 0;
        loop {
            let mut entry = Entry { attributes: 1, ..Entry::default() };
            let (segment, offset) = thunk::segment_and_offset(&raw mut entry as usize).unwrap_or_default();
            let mut registers = Registers {
                eax: 0xe820,
                ebx: next,
                ecx: size_of::<Entry>() as u32,
                edx: SIGNATURE,
                edi: offset.into(),
                es: segment,
                ..Registers::default()
            };
            // SAFETY: the service fills `entry`, whose size it was told.
            unsafe { thunk::call(0x15, &mut registers) };
            if registers.carry() || registers.eax != SIGNATURE {
                break;
            }
            // SAFETY: the service wrote to it behind the compiler's back; every byte pattern is valid.
            let entry = unsafe { (&raw const entry).read_volatile() };
            if entry.attributes & 1 != 0 && entry.length > 0 && entries.push(entry).is_err() {
                break;
            }
            next = registers.ebx;
            if next == 0 {
                break;
            }
        }
        let free = largest_free(&entries);
        Self { entries, free }
    }

    /// Takes `pages` consecutive pages.
    pub fn allocate(&mut self, pages: u64) -> Option<u64> {
        let length = pages.checked_mul(4096)?;
        let start = self.free.end.checked_sub(length)?;
        if start < self.free.start {
            return None;
        }
        self.free.end = start;
        Some(start)
    }

    /// First address behind all RAM.
    pub fn end(&self) -> u64 {
        self.entries
            .iter()
            .filter(|entry| matches!(entry.kind, USABLE | ACPI_RECLAIMABLE | ACPI_STORAGE))
            .map(Entry::end)
            .max()
            .unwrap_or(0)
    }

    /// Adds the whole map to `map`.
    pub fn report(&self, map: &mut MemoryMap) -> Result<(), MapFull> {
        for entry in &self.entries {
            let kind = match entry.kind {
                USABLE => MemoryRegionKind::Usable,
                other => MemoryRegionKind::UnknownBios(other),
            };
            map.add(entry.start, entry.length, kind)?;
        }
        Ok(())
    }

    /// Makes odd megabytes reachable; `false` if that failed.
    pub fn enable_a20(&self) -> bool {
        if a20_is_enabled() {
            return true;
        }
        let mut registers = Registers { eax: 0x2401, ..Registers::default() };
        // SAFETY: the service switches the address line and writes no memory.
        unsafe { thunk::call(0x15, &mut registers) };
        if a20_is_enabled() {
            return true;
        }
        let mut control = Port::<u8>::new(0x92);
        // SAFETY: bit 1 of system control port A is the A20 line; bit 0, which would reset the machine,
        // is written as 0.
        unsafe {
            let value = control.read();
            control.write((value | 2) & !1);
        }
        a20_is_enabled()
    }
}

/// Whether an address and the same one plus 1 MiB are different memory.
fn a20_is_enabled() -> bool {
    // Behind the boot sector's code, where its signature was.
    const LOW: *mut u32 = 0x7de0 as *mut u32;
    let high = (LOW as usize + (1 << 20)) as *mut u32;
    // SAFETY: (1) the low word is the loader's, unused; (2) the high one is RAM nobody uses yet: it is
    // only written back as it was.
    unsafe {
        let saved = high.read_volatile();
        LOW.write_volatile(!saved);
        let differs = high.read_volatile() == saved;
        high.write_volatile(saved);
        differs
    }
}

/// The largest run of usable memory the loader can reach, less what other entries claim of it.
fn largest_free(entries: &[Entry]) -> core::ops::Range<u64> {
    let reachable = |entry: &Entry| {
        let start = round_up(entry.start.max(LOW_END));
        let end = round_down(entry.end().min(IDENTITY_END));
        let claimed = entries
            .iter()
            .filter(|other| other.kind != USABLE && other.start < end && other.end() > start)
            .map(|other| round_down(other.start.max(start)))
            .min();
        start..claimed.unwrap_or(end)
    };
    entries
        .iter()
        .filter(|entry| entry.kind == USABLE)
        .map(reachable)
        .max_by_key(|range| range.end.saturating_sub(range.start))
        .unwrap_or(0..0)
}
