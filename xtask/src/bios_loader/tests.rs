use super::*;
use crate::test_elf::{Elf, bios_loader};

fn error(elf: &Elf) -> String {
    match cut(&elf.bytes(), 34) {
        Ok(_) => panic!("no error"),
        Err(error) => format!("{error:#}"),
    }
}

#[test]
fn the_boot_sector_knows_stage_2() {
    let loader = cut(&bios_loader().bytes(), 34).unwrap();
    assert_eq!(loader.boot_code[100..108], 34_u64.to_le_bytes());
    assert_eq!(loader.boot_code[108..110], 3_u16.to_le_bytes());
    assert_eq!(loader.boot_code[99], 0x90);
    assert_eq!(loader.boot_code[300], 0);
}

#[test]
fn stage_2_adds_up_to_zero_and_is_otherwise_as_linked() {
    let loader = cut(&bios_loader().bytes(), 34).unwrap();
    assert_eq!(loader.stage2.len(), 3 * SECTOR);
    assert_eq!(words(&loader.stage2).fold(0, u32::wrapping_add), 0);
    for index in (0..64).chain(68..1500) {
        assert_eq!(loader.stage2[index], index as u8);
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let mut large = bios_loader();
    large.segments[1].size = STAGE2_END;
    assert!(error(&large).contains("ends at"));
    let mut long = bios_loader();
    long.segments[0].bytes = vec![0x90; BOOT_CODE_LENGTH + 1];
    long.sections[0].place = Ok((0, 0, BOOT_CODE_LENGTH + 1));
    assert!(error(&long).contains("boot sector code"));
    let mut elsewhere = bios_loader();
    elsewhere.sections[0].address = 0x7e00;
    assert!(error(&elsewhere).contains("boot sector code"));
    let mut empty = bios_loader();
    empty.segments.truncate(1);
    assert!(error(&empty).contains("no stage 2"));
}

#[test]
fn missing_pieces_are_named() {
    for index in 0..3 {
        let mut elf = bios_loader();
        let (name, _) = elf.symbols.remove(index);
        assert!(error(&elf).contains(name));
    }
    let mut astray = bios_loader();
    astray.symbols[0].1 = 0x100;
    assert!(error(&astray).contains("mbr_stage2_sector"));
    let mut behind = bios_loader();
    behind.symbols[2].1 = 0x9_0000;
    assert!(error(&behind).contains("outside"));
    let mut no_code = bios_loader();
    no_code.sections.clear();
    assert!(error(&no_code).contains(".mbr"));
    assert!(cut(b"", 34).is_err());
}
