//! `find_power_registers` on the tables of real firmware, and on damaged ones.

use airox_power::{
    ConfigurationSpace, PhysicalRead, PowerError, PowerRegisters, ResetRegister, Signature, SmiCommand, Unreadable,
    find_configuration_space, find_power_registers, find_remapping_unit,
};
use proptest::prelude::*;

/// Physical memory in which only the recorded tables are readable.
#[derive(Clone)]
struct Memory(Vec<(u64, Vec<u8>)>);

impl Memory {
    fn load(file: &str) -> Memory {
        let path = format!("{}/tests/tables/{file}", env!("CARGO_MANIFEST_DIR"));
        let bytes = std::fs::read(path).expect("fixture is there");
        let mut rest = &bytes[..];
        let mut tables = Vec::new();
        while !rest.is_empty() {
            let address = u64::from_le_bytes(rest[..8].try_into().expect("8 bytes"));
            let length = u32::from_le_bytes(rest[8..12].try_into().expect("4 bytes")) as usize;
            tables.push((address, rest[12..12 + length].to_vec()));
            rest = &rest[12 + length..];
        }
        Memory(tables)
    }

    fn find(&self) -> Result<PowerRegisters, PowerError> {
        find_power_registers(self, self.0[0].0)
    }

    fn table(&mut self, name: &[u8; 4]) -> &mut Vec<u8> {
        let table = self.0.iter_mut().find(|(_, bytes)| &bytes[..4] == name);
        &mut table.expect("table is there").1
    }

    /// Changes a table and makes its checksum right again.
    fn change(&mut self, name: &[u8; 4], change: impl FnOnce(&mut Vec<u8>)) {
        let table = self.table(name);
        change(table);
        sign(table, 9);
    }

    fn change_rsdp(&mut self, change: impl FnOnce(&mut Vec<u8>)) {
        change(&mut self.0[0].1);
        sign(&mut self.0[0].1[..20], 8);
    }

    /// Adds a table and lists it in the root table.
    fn add(&mut self, address: u32, table: Vec<u8>) {
        self.0.push((address.into(), table));
        self.change(b"RSDT", |root| {
            root.extend_from_slice(&address.to_le_bytes());
            let length = root.len() as u32;
            root[4..8].copy_from_slice(&length.to_le_bytes());
        });
    }
}

impl PhysicalRead for Memory {
    fn read(&self, address: u64, buffer: &mut [u8]) -> Result<(), Unreadable> {
        for (start, bytes) in &self.0 {
            if let Some(offset) = address.checked_sub(*start)
                && let Ok(offset) = usize::try_from(offset)
                && let Some(source) = bytes.get(offset..offset.saturating_add(buffer.len()))
            {
                buffer.copy_from_slice(source);
                return Ok(());
            }
        }
        Err(Unreadable)
    }
}

fn sign(bytes: &mut [u8], at: usize) {
    bytes[at] = 0;
    let sum = bytes.iter().fold(0u8, |sum, &byte| sum.wrapping_add(byte));
    bytes[at] = sum.wrapping_neg();
}

fn aml_table(name: &[u8; 4], aml: &[u8]) -> Vec<u8> {
    let mut table = vec![0; 36];
    table[..4].copy_from_slice(name);
    table.extend_from_slice(aml);
    let length = table.len() as u32;
    table[4..8].copy_from_slice(&length.to_le_bytes());
    sign(&mut table, 9);
    table
}

#[test]
fn reads_what_qemu_presents() {
    let registers = |pm1a_control, enable, reset| PowerRegisters {
        pm1a_control,
        pm1b_control: None,
        sleep_type: (0, 0),
        smi: Some(SmiCommand { port: 0xb2, enable }),
        reset,
    };
    let reset = Some(ResetRegister { port: 0xcf9, value: 0xf });
    for (file, expected) in [
        ("pc-bios.bin", registers(0x604, 0xf1, None)),
        ("pc-ovmf.bin", registers(0xb004, 0xf1, None)),
        ("q35-bios.bin", registers(0x604, 2, reset)),
        ("q35-ovmf.bin", registers(0x604, 2, reset)),
    ] {
        assert_eq!(Memory::load(file).find(), Ok(expected), "{file}");
    }
}

#[test]
fn follows_a_64_bit_root_table() {
    let mut memory = Memory::load("q35-bios.bin");
    let expected = memory.find();
    let entries: Vec<u8> = memory.table(b"RSDT")[36..].chunks(4).flat_map(|entry| [entry, &[0; 4]].concat()).collect();
    memory.0.push((0x5000_0000, aml_table(b"XSDT", &entries)));
    memory.change_rsdp(|rsdp| {
        rsdp[15] = 2;
        rsdp[16..20].copy_from_slice(&[0; 4]);
        rsdp.resize(36, 0);
        rsdp[20..24].copy_from_slice(&36u32.to_le_bytes());
        rsdp[24..32].copy_from_slice(&0x5000_0000u64.to_le_bytes());
    });
    assert_eq!(memory.find(), Err(PowerError::BadRootPointer));
    sign(&mut memory.0[0].1, 32);
    assert_eq!(memory.find(), expected);
}

#[test]
fn finds_the_sleep_state_in_an_ssdt() {
    let mut memory = Memory::load("pc-bios.bin");
    memory.change(b"DSDT", |dsdt| {
        let at = dsdt.windows(4).position(|bytes| bytes == b"_S5_");
        dsdt[at.expect("_S5_ is there")] = b'X';
    });
    assert_eq!(memory.find(), Err(PowerError::NoSleepState));
    memory.add(0x600_0000, aml_table(b"SSDT", b"\x08_S4_\x12\x03\x01\x01"));
    assert_eq!(memory.find(), Err(PowerError::NoSleepState));
    memory.add(0x700_0000, aml_table(b"SSDT", b"\x08_S5_\x12\x06\x02\x0a\x05\x0a\x06"));
    assert_eq!(memory.find().map(|found| found.sleep_type), Ok((5, 6)));
}

#[test]
fn finds_the_sleep_state_wherever_pieces_are_cut() {
    for padding in 200..260 {
        let mut memory = Memory::load("pc-bios.bin");
        let mut aml = vec![0xa3; padding];
        aml.extend_from_slice(b"\x08_S5_\x12\x06\x04\x0a\x05\x0a\x05\x00\x00");
        let table = aml_table(b"DSDT", &aml);
        *memory.table(b"DSDT") = table;
        let found = memory.find().map(|found| found.sleep_type);
        assert_eq!(found, Ok((5, 5)), "{padding}");
    }
}

#[test]
fn every_damage_has_its_error() {
    let error = |damage: &dyn Fn(&mut Memory)| {
        let mut memory = Memory::load("q35-bios.bin");
        damage(&mut memory);
        memory.find().expect_err("damage is noticed")
    };
    let name = |name: &[u8; 4]| Signature(*name);
    let memory = Memory::load("q35-bios.bin");
    assert_eq!(find_power_registers(&memory, 0), Err(PowerError::NoTables));
    assert_eq!(find_power_registers(&memory, 0x1234), Err(PowerError::Unreadable(0x1234)));
    assert_eq!(find_power_registers(&memory, u64::MAX - 3), Err(PowerError::Unreadable(u64::MAX - 3)));
    assert_eq!(error(&|m| m.0[0].1[0] ^= 1), PowerError::BadRootPointer);
    assert_eq!(error(&|m| m.table(b"RSDT")[36] ^= 1), PowerError::BadChecksum(name(b"RSDT")));
    assert_eq!(error(&|m| m.table(b"FACP")[60] ^= 1), PowerError::BadChecksum(name(b"FACP")));
    assert_eq!(error(&|m| m.table(b"DSDT")[5000] ^= 1), PowerError::BadChecksum(name(b"DSDT")));
    for length in [0u32, 35, u32::MAX] {
        assert_eq!(
            error(&|m| m.table(b"DSDT")[4..8].copy_from_slice(&length.to_le_bytes())),
            PowerError::BadLength(name(b"DSDT"), length)
        );
    }
    assert_eq!(error(&|m| m.change(b"FACP", |fadt| fadt[..4].copy_from_slice(b"GONE"))), PowerError::NoFadt);
    let no_dsdt = |fadt: &mut Vec<u8>| {
        fadt[40..44].fill(0);
        fadt[140..148].fill(0);
    };
    assert_eq!(error(&|m| m.change(b"FACP", no_dsdt)), PowerError::NoDsdt);
    let no_pm1 = |fadt: &mut Vec<u8>| {
        fadt[64..68].fill(0);
        fadt[172] = 0; // system memory instead of I/O
    };
    assert_eq!(error(&|m| m.change(b"FACP", no_pm1)), PowerError::NoControlRegister);
    let unusable = |dsdt: &mut Vec<u8>| {
        let at = dsdt.windows(4).position(|bytes| bytes == b"_S5_");
        dsdt[at.expect("_S5_ is there") + 4] = 0x11;
    };
    assert_eq!(error(&|m| m.change(b"DSDT", unusable)), PowerError::UnusableSleepState);
}

#[test]
fn extended_addresses_stand_in_for_missing_ones() {
    let mut memory = Memory::load("q35-bios.bin");
    memory.change(b"FACP", |fadt| {
        fadt[64..68].fill(0);
        fadt[172] = 1;
        fadt[176..184].copy_from_slice(&0x1804u64.to_le_bytes());
    });
    assert_eq!(memory.find().map(|found| found.pm1a_control), Ok(0x1804));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_damage_never_panics(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>()), 1..20),
        signed in any::<bool>(),
    ) {
        let mut memory = Memory::load("q35-bios.bin");
        for (table, byte, value) in damage {
            let index = table.index(4);
            let bytes = &mut memory.0[index].1;
            let at = byte.index(bytes.len().min(300));
            bytes[at] = value;
            if signed {
                match index {
                    0 => sign(&mut bytes[..20], 8),
                    _ => sign(bytes, 9),
                }
            }
        }
        if let Ok(found) = memory.find() {
            prop_assert!(found.sleep_type.0 < 8 && found.sleep_type.1 < 8);
            prop_assert!(found.pm1a_control != 0 && found.pm1a_control != u16::MAX);
        }
    }
}

fn mcfg(entries: &[(u64, u16, u8, u8)]) -> Vec<u8> {
    let mut body = vec![0; 8];
    for (base, segment, first, last) in entries {
        body.extend(base.to_le_bytes());
        body.extend(segment.to_le_bytes());
        body.extend([*first, *last, 0, 0, 0, 0]);
    }
    aml_table(b"MCFG", &body)
}

#[test]
fn configuration_space_is_that_of_segment_0() {
    let mut memory = Memory::load("pc-bios.bin");
    assert_eq!(find_configuration_space(&memory, memory.0[0].0), Ok(None));
    assert_eq!(find_configuration_space(&memory, 0), Err(PowerError::NoTables));
    memory.add(0x7000_0000, mcfg(&[(0xb000_0000, 1, 0, 255), (0xc000_0000, 0, 9, 8), (0xe000_0000, 0, 16, 31)]));
    let space = find_configuration_space(&memory, memory.0[0].0);
    let expected = ConfigurationSpace { address: 0xe100_0000, first_bus: 16, last_bus: 31 };
    assert_eq!(space, Ok(Some(expected)));
    assert_eq!(expected.length(), 16 << 20);
}

#[test]
fn configuration_space_that_makes_no_sense_is_none() {
    for entries in [&[][..], &[(0, 0, 0, 255)], &[(0xb000_0001, 0, 0, 255)], &[(u64::MAX, 0, 1, 2)]] {
        let mut memory = Memory::load("pc-bios.bin");
        memory.add(0x7000_0000, mcfg(entries));
        assert_eq!(find_configuration_space(&memory, memory.0[0].0), Ok(None), "{entries:?}");
    }
    let mut memory = Memory::load("pc-bios.bin");
    memory.add(0x7000_0000, mcfg(&[(0xb000_0000, 0, 0, 255)]));
    memory.table(b"MCFG")[40] ^= 1;
    let damaged = PowerError::BadChecksum(Signature(*b"MCFG"));
    assert_eq!(find_configuration_space(&memory, memory.0[0].0), Err(damaged));
}

/// A DMAR table of units: flags, segment, address, and bytes of devices that each names.
fn dmar(units: &[(u8, u16, u64, usize)]) -> Vec<u8> {
    let mut body = vec![0; 12];
    // Memory reserved for a device, which is nothing to look for.
    body.extend([1, 0, 24, 0]);
    body.resize(body.len() + 20, 0xff);
    for (flags, segment, address, devices) in units {
        body.extend([0, 0, 16 + *devices as u8, 0, *flags, 0]);
        body.extend(segment.to_le_bytes());
        body.extend(address.to_le_bytes());
        body.resize(body.len() + devices, 1);
    }
    aml_table(b"DMAR", &body)
}

#[test]
fn the_remapping_unit_is_the_one_for_all_devices() {
    let mut memory = Memory::load("pc-bios.bin");
    assert_eq!(find_remapping_unit(&memory, memory.0[0].0), Ok(None));
    assert_eq!(find_remapping_unit(&memory, 0), Err(PowerError::NoTables));
    let units = [(0, 0, 0xfed9_0000, 8), (1, 1, 0xfed9_2000, 0), (1, 0, 0xfed9_1000, 6)];
    memory.add(0x7000_0000, dmar(&units));
    assert_eq!(find_remapping_unit(&memory, memory.0[0].0), Ok(Some(0xfed9_1000)));
    // As QEMU tells it.
    let mut memory = Memory::load("pc-bios.bin");
    memory.add(0x7000_0000, dmar(&[(0, 0, 0xfed9_0000, 48)]));
    assert_eq!(find_remapping_unit(&memory, memory.0[0].0), Ok(Some(0xfed9_0000)));
}

#[test]
fn a_remapping_unit_that_makes_no_sense_is_none() {
    let two = [(0, 0, 0xfed9_0000, 6), (0, 0, 0xfed9_1000, 6)];
    for units in [&[][..], &[(1, 0, 0, 0)], &[(1, 0, 0xfed9_0800, 0)], &[(0, 1, 0xfed9_0000, 0)], &two] {
        let mut memory = Memory::load("pc-bios.bin");
        memory.add(0x7000_0000, dmar(units));
        assert_eq!(find_remapping_unit(&memory, memory.0[0].0), Ok(None), "{units:?}");
    }
    // Structures that claim to have no length, or more than there is.
    for structure in [[0, 0, 0, 0], [0, 0, 255, 255], [0, 0, 3, 0]] {
        let mut memory = Memory::load("pc-bios.bin");
        let mut body = vec![0; 12];
        body.extend(structure);
        memory.add(0x7000_0000, aml_table(b"DMAR", &body));
        assert_eq!(find_remapping_unit(&memory, memory.0[0].0), Ok(None));
    }
}
