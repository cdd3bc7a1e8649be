//! The PCI board: its cores lie one behind the other.

/// Base address register of the cores.
pub const CORES_BAR: u8 = 1;
/// Bytes of a core's registers.
pub const CORE_BYTES: u64 = 0x4000;
/// Most cores of a board: as many as fit in its memory.
pub const MAX_CORES: u64 = 4;
