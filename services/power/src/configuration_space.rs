//! Where PCI configuration space lies in memory (PCI Firmware Specification 3.3, section 4.1.2: the MCFG table).

use crate::tables::{HEADER, PhysicalRead, PowerError, Signature, Table, find_table, root_table};

const MCFG: Signature = Signature(*b"MCFG");
/// The header, 8 reserved bytes, and one entry for each of 256 segments.
const MAX_LENGTH: u32 = HEADER + 8 + ENTRY * 256;
const ENTRY: u32 = 16;
/// Bytes of configuration space of one bus.
pub const BUS_BYTES: u64 = 1 << 20;

/// Configuration space of PCI segment 0 in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConfigurationSpace {
    /// Physical address of the first bus's.
    pub address: u64,
    /// The first bus.
    pub first_bus: u8,
    /// The last bus.
    pub last_bus: u8,
}

impl ConfigurationSpace {
    /// Its length in bytes.
    #[must_use]
    pub const fn length(&self) -> u64 {
        (self.last_bus as u64 - self.first_bus as u64 + 1) * BUS_BYTES
    }
}

/// Reads, from the RSDP on, where configuration space is; `None` if firmware does not say.
///
/// # Errors
/// Tables that are missing or damaged.
pub fn find_configuration_space(
    memory: &dyn PhysicalRead,
    rsdp: u64,
) -> Result<Option<ConfigurationSpace>, PowerError> {
    if rsdp == 0 {
        return Err(PowerError::NoTables);
    }
    let root = root_table(memory, rsdp)?;
    Ok(find_table(memory, &root, MCFG, MAX_LENGTH, segment_0)?.map(|(_, space)| space))
}

/// The first entry for segment 0 that makes sense.
fn segment_0(table: &Table<'_>) -> Option<ConfigurationSpace> {
    let mut offset = HEADER + 8;
    while let Ok(Some(entry)) = table.bytes::<{ ENTRY as usize }>(offset) {
        let [a0, a1, a2, a3, a4, a5, a6, a7, segment_low, segment_high, first_bus, last_bus, ..] = entry;
        let base = u64::from_le_bytes([a0, a1, a2, a3, a4, a5, a6, a7]);
        // The address is that of bus 0, whether or not the range begins with it.
        let address = base.checked_add(u64::from(first_bus) * BUS_BYTES);
        if let Some(address) = address
            && (segment_low, segment_high) == (0, 0)
            && first_bus <= last_bus
            && base != 0
            && address.is_multiple_of(BUS_BYTES)
        {
            return Some(ConfigurationSpace { address, first_bus, last_bus });
        }
        offset += ENTRY;
    }
    None
}
