use object::pe::IMAGE_SUBSYSTEM_EFI_APPLICATION;
use object::read::pe::PeFile64;
use object::{Object, ObjectSection};

use super::*;
use crate::test_elf::{EXECUTE, Elf, READ, Section, WRITE, uefi_loader};

fn error(elf: &Elf) -> String {
    format!("{:#}", from_elf(&elf.bytes()).unwrap_err())
}

#[test]
fn segments_become_sections_at_the_same_addresses() {
    let file = from_elf(&uefi_loader().bytes()).unwrap();
    let pe = PeFile64::parse(&*file).unwrap();
    let optional = pe.nt_headers().optional_header;
    assert_eq!(optional.subsystem.get(LittleEndian), IMAGE_SUBSYSTEM_EFI_APPLICATION);
    assert_eq!(optional.address_of_entry_point.get(LittleEndian), 0x1004);
    let sections: Vec<_> = pe
        .sections()
        .map(|section| {
            let name = section.name().unwrap().to_owned();
            (name, section.address(), section.size())
        })
        .collect();
    assert_eq!(sections[0], (".text".into(), 0x1000, 0x300));
    assert_eq!(sections[1].1, 0x2000);
    assert_eq!(sections[2], (".data".into(), 0x3000, 0x1400));
    assert_eq!(sections[3].0, ".reloc");
}

#[test]
fn addends_are_in_place_and_listed_for_relocation() {
    let file = from_elf(&uefi_loader().bytes()).unwrap();
    let pe = PeFile64::parse(&*file).unwrap();
    let data = pe.section_by_name(".data").unwrap();
    let data = data.data().unwrap();
    assert_eq!(data[0x08..0x10], 0x2000_u64.to_le_bytes());
    assert_eq!(data[0x10..0x18], 0x1004_u64.to_le_bytes());
    let mut blocks = pe.data_directories().relocation_blocks(&*file, &pe.section_table()).unwrap().unwrap();
    let block = blocks.next().unwrap().unwrap();
    let found: Vec<_> = block
        .map(|relocation| (relocation.virtual_address, relocation.typ))
        .filter(|(_, kind)| *kind != pe::IMAGE_REL_BASED_ABSOLUTE)
        .collect();
    let kind = pe::IMAGE_REL_BASED_DIR64;
    assert_eq!(found, [(0x3008, kind), (0x3010, kind)]);
}

#[test]
fn what_cannot_be_converted_is_refused() {
    assert!(from_elf(b"MZ").is_err());
    let mut fixed = uefi_loader();
    fixed.kind = 2;
    assert!(error(&fixed).contains("position-independent"));
    let mut arm = uefi_loader();
    arm.machine = 183;
    assert!(error(&arm).contains("x86_64"));
    let mut both = uefi_loader();
    both.segments[0].flags = READ | WRITE | EXECUTE;
    assert!(error(&both).contains("writable and executable"));
    let mut unaligned = uefi_loader();
    unaligned.segments[0].address = 0x1010;
    assert!(error(&unaligned).contains("page of its own"));
    let mut overlapping = uefi_loader();
    overlapping.segments[0].size = 0x2000;
    assert!(error(&overlapping).contains("overlaps"));
}

#[test]
fn other_relocations_are_refused() {
    for (place, kind, reason) in [(0x3000, 1, "only RELATIVE"), (0x3ffc, 8, "outside")] {
        let mut elf = uefi_loader();
        let section = Section::relocations(&mut elf, 1, &[(place, kind, 0)]);
        elf.sections.push(section);
        let found = error(&elf);
        assert!(found.contains(reason), "{found}");
    }
}
