//! From the RSDP to the power registers: root table, FADT, DSDT.

use crate::registers::{PowerRegisters, ResetRegister, SmiCommand};
use crate::sleep_state::{self, Found, sleep_state_at};
use core::fmt;

/// Reads physical memory that holds firmware tables.
pub trait PhysicalRead {
    /// Fills `buffer` from physical `address` on.
    ///
    /// # Errors
    /// Any byte of the range is not readable.
    fn read(&self, address: u64, buffer: &mut [u8]) -> Result<(), Unreadable>;
}

/// The range asked for cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreadable;

/// A table's four-character name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature(pub [u8; 4]);

impl fmt::Display for Signature {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0.escape_ascii())
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// Why the tables do not tell how to turn the machine off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PowerError {
    /// Firmware gave no RSDP.
    NoTables,
    /// This physical address cannot be read.
    Unreadable(u64),
    /// There is no RSDP where firmware said.
    BadRootPointer,
    /// Another table lies where this one should be.
    WrongTable(Signature),
    /// The table's bytes do not add up to 0.
    BadChecksum(Signature),
    /// The table's length is impossible.
    BadLength(Signature, u32),
    /// The root table lists no FADT.
    NoFadt,
    /// The FADT names no DSDT.
    NoDsdt,
    /// The machine has no PM1 control register in I/O space (hardware-reduced ACPI).
    NoControlRegister,
    /// No table defines `\_S5`.
    NoSleepState,
    /// `\_S5` is not a package of constants.
    UnusableSleepState,
}

impl fmt::Display for PowerError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PowerError::NoTables => formatter.write_str("firmware gave no ACPI tables"),
            PowerError::Unreadable(address) => {
                write!(formatter, "ACPI memory at {address:#x} is not readable")
            }
            PowerError::BadRootPointer => formatter.write_str("the ACPI root pointer is damaged"),
            PowerError::WrongTable(name) => write!(formatter, "ACPI table {name} is not there"),
            PowerError::BadChecksum(name) => write!(formatter, "ACPI table {name} is damaged"),
            PowerError::BadLength(name, length) => {
                write!(formatter, "ACPI table {name} claims {length} bytes")
            }
            PowerError::NoFadt => formatter.write_str("ACPI has no FADT"),
            PowerError::NoDsdt => formatter.write_str("ACPI has no DSDT"),
            PowerError::NoControlRegister => formatter.write_str("ACPI has no PM1 control register in I/O space"),
            PowerError::NoSleepState => formatter.write_str("ACPI defines no \\_S5 state"),
            PowerError::UnusableSleepState => formatter.write_str("ACPI's \\_S5 state is not a constant"),
        }
    }
}

impl core::error::Error for PowerError {}

/// Bytes of every table's header.
pub(crate) const HEADER: u32 = 36;
const MAX_ROOT_LENGTH: u32 = HEADER + 8 * 256;
const MAX_FADT_LENGTH: u32 = 4096;
const MAX_AML_LENGTH: u32 = 4 << 20;
const CHUNK: usize = 256;

const FADT: Signature = Signature(*b"FACP");
const DSDT: Signature = Signature(*b"DSDT");
const SSDT: Signature = Signature(*b"SSDT");

/// Byte offsets in the FADT (ACPI 6.5, table 5.9).
mod fadt {
    pub const DSDT: u32 = 40;
    pub const SMI_COMMAND: u32 = 48;
    pub const ACPI_ENABLE: u32 = 52;
    pub const PM1A_CONTROL: u32 = 64;
    pub const PM1B_CONTROL: u32 = 68;
    pub const FLAGS: u32 = 112;
    pub const RESET_REGISTER: u32 = 116;
    pub const RESET_VALUE: u32 = 128;
    pub const X_DSDT: u32 = 140;
    pub const X_PM1A_CONTROL: u32 = 172;
    pub const X_PM1B_CONTROL: u32 = 184;
    /// `FLAGS`: the reset register may be used.
    pub const RESET_SUPPORTED: u32 = 1 << 10;
}

/// Reads, from the RSDP on, which registers turn the machine off and restart it.
///
/// # Errors
/// Tables that are missing, damaged or describe other hardware.
pub fn find_power_registers(memory: &dyn PhysicalRead, rsdp: u64) -> Result<PowerRegisters, PowerError> {
    if rsdp == 0 {
        return Err(PowerError::NoTables);
    }
    let root = root_table(memory, rsdp)?;
    let fadt = find_table(memory, &root, FADT, MAX_FADT_LENGTH, |_| Some(()))?.ok_or(PowerError::NoFadt)?.0;
    let registers = fadt_registers(&fadt)?;
    let address = match fadt.u64(fadt::X_DSDT)? {
        Some(address) if address != 0 => address,
        _ => u64::from(fadt.u32(fadt::DSDT)?.unwrap_or(0)),
    };
    if address == 0 {
        return Err(PowerError::NoDsdt);
    }
    let dsdt = Table::open(memory, address, DSDT, MAX_AML_LENGTH)?;
    let sleep_type = match sleep_type(&dsdt)? {
        Some(found) => found,
        // Firmware may define it in an SSDT instead; a damaged SSDT is skipped like any other table not needed.
        None => {
            find_table(memory, &root, SSDT, MAX_AML_LENGTH, |table| sleep_type(table).ok().flatten())?
                .ok_or(PowerError::NoSleepState)?
                .1
        }
    };
    Ok(PowerRegisters { sleep_type, ..registers })
}

/// A table whose signature, length and checksum were verified.
pub(crate) struct Table<'a> {
    memory: &'a dyn PhysicalRead,
    address: u64,
    length: u32,
}

impl<'a> Table<'a> {
    fn open(
        memory: &'a dyn PhysicalRead,
        address: u64,
        name: Signature,
        longest: u32,
    ) -> Result<Table<'a>, PowerError> {
        let header: [u8; 8] = read(memory, address)?;
        if header[..4] != name.0 {
            return Err(PowerError::WrongTable(name));
        }
        let length = u32::from_le_bytes([header[4], header[5], header[6], header[7]]);
        if length < HEADER || length > longest || address.checked_add(u64::from(length)).is_none() {
            return Err(PowerError::BadLength(name, length));
        }
        let table = Table { memory, address, length };
        let mut sum = 0u8;
        table.chunks(0, |_, bytes, fresh| {
            sum = bytes[..fresh].iter().fold(sum, |sum, &byte| sum.wrapping_add(byte));
            None::<()>
        })?;
        if sum == 0 { Ok(table) } else { Err(PowerError::BadChecksum(name)) }
    }

    /// Visits the table in pieces of at most `CHUNK` bytes, each followed by up to `overlap` bytes of the next one:
    /// `visit(offset, bytes, bytes without the overlap)`. Stops at the first `Some`.
    fn chunks<T>(
        &self,
        overlap: usize,
        mut visit: impl FnMut(u32, &[u8], usize) -> Option<T>,
    ) -> Result<Option<T>, PowerError> {
        let mut buffer = [0u8; CHUNK + sleep_state::LONGEST];
        let mut offset = 0u32;
        while offset < self.length {
            let left = (self.length - offset) as usize;
            let fresh = left.min(CHUNK);
            let bytes = &mut buffer[..left.min(CHUNK + overlap)];
            let address = self.address + u64::from(offset);
            self.memory.read(address, bytes).map_err(|Unreadable| PowerError::Unreadable(address))?;
            if let Some(found) = visit(offset, bytes, fresh) {
                return Ok(Some(found));
            }
            offset += fresh as u32;
        }
        Ok(None)
    }

    /// The bytes at `offset`, or `None` where the table (an older revision) ends before them.
    pub(crate) fn bytes<const N: usize>(&self, offset: u32) -> Result<Option<[u8; N]>, PowerError> {
        if offset as usize + N > self.length as usize {
            return Ok(None);
        }
        read(self.memory, self.address + u64::from(offset)).map(Some)
    }

    fn u8(&self, offset: u32) -> Result<Option<u8>, PowerError> {
        Ok(self.bytes::<1>(offset)?.map(|[byte]| byte))
    }

    fn u32(&self, offset: u32) -> Result<Option<u32>, PowerError> {
        Ok(self.bytes(offset)?.map(u32::from_le_bytes))
    }

    fn u64(&self, offset: u32) -> Result<Option<u64>, PowerError> {
        Ok(self.bytes(offset)?.map(u64::from_le_bytes))
    }

    /// A "generic address" in system I/O space, as a port.
    fn io_address(&self, offset: u32) -> Result<Option<u16>, PowerError> {
        const SYSTEM_IO: u8 = 1;
        let Some(raw) = self.bytes::<12>(offset)? else {
            return Ok(None);
        };
        let address = u64::from_le_bytes([raw[4], raw[5], raw[6], raw[7], raw[8], raw[9], raw[10], raw[11]]);
        Ok((raw[0] == SYSTEM_IO).then(|| usable_port(address)).flatten())
    }
}

/// A port that a two-byte register can start at; 0 means "none" in these tables.
fn usable_port(address: u64) -> Option<u16> {
    u16::try_from(address).ok().filter(|&port| port != 0 && port != u16::MAX)
}

fn read<const N: usize>(memory: &dyn PhysicalRead, address: u64) -> Result<[u8; N], PowerError> {
    let mut bytes = [0; N];
    memory.read(address, &mut bytes).map_err(|Unreadable| PowerError::Unreadable(address))?;
    Ok(bytes)
}

/// The table that lists all others.
pub(crate) struct RootTable<'a> {
    table: Table<'a>,
    entry_size: u32,
}

/// Opens the root table.
pub(crate) fn root_table(memory: &dyn PhysicalRead, rsdp: u64) -> Result<RootTable<'_>, PowerError> {
    let first: [u8; 20] = read(memory, rsdp)?;
    let sum = |bytes: &[u8]| bytes.iter().fold(0u8, |sum, &byte| sum.wrapping_add(byte));
    if &first[..8] != b"RSD PTR " || sum(&first) != 0 {
        return Err(PowerError::BadRootPointer);
    }
    let revision = first[15];
    if revision >= 2 {
        let whole: [u8; 36] = read(memory, rsdp)?;
        let address = u64::from_le_bytes([
            whole[24], whole[25], whole[26], whole[27], whole[28], whole[29], whole[30], whole[31],
        ]);
        if sum(&whole) != 0 {
            return Err(PowerError::BadRootPointer);
        }
        if address != 0 {
            let table = Table::open(memory, address, Signature(*b"XSDT"), MAX_ROOT_LENGTH)?;
            return Ok(RootTable { table, entry_size: 8 });
        }
    }
    let address = u32::from_le_bytes([first[16], first[17], first[18], first[19]]);
    let table = Table::open(memory, u64::from(address), Signature(*b"RSDT"), MAX_ROOT_LENGTH)?;
    Ok(RootTable { table, entry_size: 4 })
}

/// The first table of this name that `accept` takes. Entries that are no such table are passed over; if there is none
/// but a damaged one was seen, that is the error.
pub(crate) fn find_table<'a, T>(
    memory: &'a dyn PhysicalRead,
    root: &RootTable<'_>,
    name: Signature,
    longest: u32,
    mut accept: impl FnMut(&Table<'a>) -> Option<T>,
) -> Result<Option<(Table<'a>, T)>, PowerError> {
    let mut damaged = None;
    let mut offset = HEADER;
    while offset + root.entry_size <= root.table.length {
        let address = match root.entry_size {
            8 => root.table.u64(offset)?,
            _ => root.table.u32(offset)?.map(u64::from),
        };
        offset += root.entry_size;
        match Table::open(memory, address.unwrap_or(0), name, longest) {
            Ok(table) => {
                if let Some(value) = accept(&table) {
                    return Ok(Some((table, value)));
                }
            }
            Err(PowerError::WrongTable(_) | PowerError::Unreadable(_)) => {}
            Err(error) => damaged = Some(error),
        }
    }
    damaged.map_or(Ok(None), Err)
}

/// Everything of [`PowerRegisters`] but the sleep type.
fn fadt_registers(fadt: &Table<'_>) -> Result<PowerRegisters, PowerError> {
    let control = |legacy: u32, extended: u32| {
        let port = fadt.u32(legacy)?.and_then(|port| usable_port(port.into()));
        match port {
            Some(port) => Ok(Some(port)),
            None => fadt.io_address(extended),
        }
    };
    let pm1a = control(fadt::PM1A_CONTROL, fadt::X_PM1A_CONTROL)?;
    let smi_port = fadt.u32(fadt::SMI_COMMAND)?.and_then(|port| usable_port(port.into()));
    let enable = fadt.u8(fadt::ACPI_ENABLE)?.filter(|&value| value != 0);
    let supported = fadt.u32(fadt::FLAGS)?.unwrap_or(0) & fadt::RESET_SUPPORTED != 0;
    let reset = if supported {
        fadt.io_address(fadt::RESET_REGISTER)?
            .zip(fadt.u8(fadt::RESET_VALUE)?)
            .map(|(port, value)| ResetRegister { port, value })
    } else {
        None
    };
    Ok(PowerRegisters {
        pm1a_control: pm1a.ok_or(PowerError::NoControlRegister)?,
        pm1b_control: control(fadt::PM1B_CONTROL, fadt::X_PM1B_CONTROL)?,
        sleep_type: (0, 0),
        smi: smi_port.zip(enable).map(|(port, enable)| SmiCommand { port, enable }),
        reset,
    })
}

/// The sleep types of `\_S5` if this table defines it.
fn sleep_type(table: &Table<'_>) -> Result<Option<(u8, u8)>, PowerError> {
    let mut unusable = false;
    let found = table.chunks(sleep_state::LONGEST, |chunk, bytes, fresh| {
        let header = (HEADER.saturating_sub(chunk) as usize).min(fresh);
        (header..fresh).find_map(|start| match sleep_state_at(&bytes[start..]) {
            Found::SleepType(a, b) => Some((a, b)),
            Found::Unusable => {
                unusable = true;
                None
            }
            Found::Nothing => None,
        })
    })?;
    match found {
        None if unusable => Err(PowerError::UnusableSleepState),
        found => Ok(found),
    }
}
