//! Where the DMA remapping unit is (Intel VT-d specification 3.3, section 8.1: the DMAR table).

use crate::tables::{HEADER, PhysicalRead, PowerError, Signature, Table, find_table, root_table};

const DMAR: Signature = Signature(*b"DMAR");
/// The header, address width, flags and 10 reserved bytes come before the first structure.
const FIRST: u32 = HEADER + 12;
const MAX_LENGTH: u32 = 1 << 16;
/// A unit's structure: type, length, flags, size, segment, address of its registers.
const UNIT: u16 = 0;
const UNIT_BYTES: u16 = 16;
/// The unit is in charge of all devices of its segment that no other structure names.
const ALL: u8 = 1;
const PAGE: u64 = 4096;

/// Reads, from the RSDP on, where the registers of the unit are that is in charge of the devices of PCI segment 0; `None` if there is none. That is the
/// one for all devices, or the only one, which names the devices that the machine began with. Units for single devices, as graphics have beside
/// that, are passed over.
///
/// # Errors
/// Tables that are missing or damaged.
pub fn find_remapping_unit(memory: &dyn PhysicalRead, rsdp: u64) -> Result<Option<u64>, PowerError> {
    if rsdp == 0 {
        return Err(PowerError::NoTables);
    }
    let root = root_table(memory, rsdp)?;
    Ok(find_table(memory, &root, DMAR, MAX_LENGTH, unit_for_all)?.map(|(_, address)| address))
}

fn unit_for_all(table: &Table<'_>) -> Option<u64> {
    let (mut only, mut units) = (None, 0);
    let mut offset = FIRST;
    while let Ok(Some([type_0, type_1, length_0, length_1])) = table.bytes::<4>(offset) {
        let length = u16::from_le_bytes([length_0, length_1]);
        if u16::from_le_bytes([type_0, type_1]) == UNIT
            && length >= UNIT_BYTES
            && let Ok(Some([flags, _, segment_0, segment_1])) = table.bytes::<4>(offset + 4)
            && let Ok(Some(address)) = table.bytes::<8>(offset + 8)
        {
            let address = Some(u64::from_le_bytes(address)).filter(|it| *it != 0 && it.is_multiple_of(PAGE));
            units += 1;
            only = address.filter(|_| (segment_0, segment_1) == (0, 0));
            if flags & ALL != 0 && only.is_some() {
                return only;
            }
        }
        // A structure without length would be looked at for ever.
        offset += u32::from(length.max(4));
    }
    only.filter(|_| units == 1)
}
