//! The ACPI root pointer of a BIOS machine: a signed structure somewhere in low memory (ACPI 6.5, 5.2.5.1).

/// The BIOS's own read-only memory.
const ROM: core::ops::Range<usize> = 0xe_0000..0x10_0000;
/// Where the BIOS keeps the segment of its extended data area.
const EXTENDED_DATA_SEGMENT: *const u16 = 0x40e as *const u16;
/// Bytes of that area the pointer may be in.
const EXTENDED_DATA_LENGTH: usize = 1024;

const SIGNATURE: [u8; 8] = *b"RSD PTR ";
/// Length of the part the first checksum covers.
const LENGTH: usize = 20;

/// Physical address of the root pointer.
pub fn find_rsdp() -> Option<u64> {
    // SAFETY: the BIOS data area is RAM in the identity map.
    let segment = unsafe { EXTENDED_DATA_SEGMENT.read_volatile() };
    let area = usize::from(segment) * 16;
    let extended = area..(area + EXTENDED_DATA_LENGTH).min(0xa_0000);
    [extended, ROM]
        .into_iter()
        .flat_map(|range| range.step_by(16))
        .filter(|&address| (0x400..ROM.end - LENGTH).contains(&address))
        .find(|&address| {
            // SAFETY: (1) both ranges are below 1 MiB, which is mapped and can be read without side effects;
            // (2) any bytes are valid.
            let bytes = unsafe { (address as *const [u8; LENGTH]).read_volatile() };
            bytes.starts_with(&SIGNATURE) && bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte)) == 0
        })
        .map(|address| address as u64)
}
