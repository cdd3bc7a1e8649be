//! The boot disk, through the BIOS's disk services (interrupt 0x13, with extensions).

use airox_loader::disk::{CachedDisk, DiskError, SECTOR, Sectors, WINDOW};
use core::fmt;

use crate::thunk::{self, Registers};

/// Memory for the cache. Real mode reaches it, and nothing else is there: stage 2 ends below, and the BIOS's own
/// data never starts before 0x80000.
const BUFFER: usize = 0x7_0000;

/// Why the boot disk cannot be used.
#[derive(Clone, Copy, Debug)]
pub enum OpenError {
    /// The BIOS does not tell its size; it gave this status.
    NoParameters(u8),
    /// Its sectors do not have 512 bytes.
    SectorSize(u16),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoParameters(status) => write!(f, "the BIOS reports error {status:#04x}"),
            Self::SectorSize(size) => write!(f, "its sectors have {size} bytes, not 512"),
        }
    }
}

/// A disk the BIOS knows.
pub struct BiosDisk {
    number: u8,
    sectors: u64,
}

/// What the BIOS tells about a disk, as it lies in memory.
#[repr(C, packed)]
#[derive(Clone, Copy, Default)]
struct Parameters {
    size: u16,
    flags: u16,
    geometry: [u32; 3],
    sectors: u64,
    sector_size: u16,
}

/// A request to read sectors, as it lies in memory.
#[repr(C)]
#[derive(Clone, Copy)]
struct Packet {
    size: u16,
    sectors: u16,
    offset: u16,
    segment: u16,
    first: u64,
}

/// Opens disk `number`, with its cache.
pub fn open(number: u8) -> Result<CachedDisk<'static, BiosDisk>, OpenError> {
    let mut parameters = Parameters { size: size_of::<Parameters>() as u16, ..Parameters::default() };
    let mut registers = Registers { eax: 0x4800, edx: number.into(), ..pointing_at(&raw mut parameters as usize) };
    // SAFETY: the service fills `parameters`, whose size it was told.
    unsafe { thunk::call(0x13, &mut registers) };
    if registers.carry() {
        return Err(OpenError::NoParameters(registers.ah()));
    }
    // SAFETY: the service wrote to it behind the compiler's back; every byte pattern is valid.
    let parameters = unsafe { (&raw const parameters).read_volatile() };
    if usize::from(parameters.sector_size) != SECTOR {
        return Err(OpenError::SectorSize(parameters.sector_size));
    }
    let disk = BiosDisk { number, sectors: parameters.sectors };
    // SAFETY: (1) the memory is RAM that nothing else uses, see `BUFFER`; (2) `open` is called once, so the
    // references are the only ones; (3) every byte pattern is valid.
    let windows = unsafe { [&mut *(BUFFER as *mut [u8; WINDOW]), &mut *((BUFFER + WINDOW) as *mut [u8; WINDOW])] };
    Ok(CachedDisk::new(disk, windows))
}

/// Registers with `ds:si` leading to `address`, which is below 1 MiB like all of stage 2.
fn pointing_at(address: usize) -> Registers {
    let (segment, offset) = thunk::segment_and_offset(address).unwrap_or_default();
    Registers { ds: segment, esi: offset.into(), ..Registers::default() }
}

impl Sectors for BiosDisk {
    fn count(&self) -> u64 {
        self.sectors
    }

    fn read(&mut self, first: u64, buffer: &mut [u8]) -> Result<(), DiskError> {
        let address = buffer.as_mut_ptr() as usize;
        let Some((segment, offset)) = thunk::segment_and_offset(address) else {
            return Err(DiskError::BehindEnd);
        };
        let mut packet = Packet {
            size: size_of::<Packet>() as u16,
            sectors: (buffer.len() / SECTOR) as u16,
            offset,
            segment,
            first,
        };
        let mut registers = Registers { eax: 0x4200, edx: self.number.into(), ..pointing_at(&raw mut packet as usize) };
        // SAFETY: the service fills as many sectors as `buffer` has, and updates `packet`.
        unsafe { thunk::call(0x13, &mut registers) };
        if registers.carry() {
            return Err(DiskError::Device { sector: first, code: registers.ah() });
        }
        Ok(())
    }
}
