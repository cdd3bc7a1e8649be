use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

use super::*;
use crate::image::tests::Image;

fn open(path: &Path) -> File {
    OpenOptions::new().read(true).write(true).open(path).unwrap()
}

/// An image, and the same bytes on a disk that is longer by `more` bytes.
fn on_a_disk(name: &str, more: u64) -> (Image, File, File) {
    let image = Image::new(name);
    let target = image.sibling("disk");
    fs::copy(image.path(), &target).unwrap();
    let (source, device) = (open(image.path()), open(&target));
    fs::remove_file(target).unwrap();
    device.set_len(source.metadata().unwrap().len() + more).unwrap();
    (image, source, device)
}

fn first_sector(device: &mut File) -> [u8; 512] {
    let mut sector = [0; 512];
    device.rewind().unwrap();
    device.read_exact(&mut sector).unwrap();
    sector
}

#[test]
fn the_backup_goes_to_the_end_of_a_longer_disk() {
    let (_image, mut source, mut device) = on_a_disk("table-longer", 7 << 20);
    // Before, the backup is not where it should be.
    assert!(read(&mut device).is_err());
    fit(&mut source, &mut device).unwrap();
    let last = device.metadata().unwrap().len() / SECTOR_BYTES - 1;
    let disk = read(&mut device).unwrap();
    assert_eq!(disk.backup_header().unwrap().current_lba, last);
    assert!(disk.primary_header().unwrap().last_usable > last - 100);
    let (before, after) = (first_sector(&mut source), first_sector(&mut device));
    assert!(before[..446] == after[..446], "the boot code is kept");
    assert_eq!(after[458..462], u32::try_from(last).unwrap().to_le_bytes());
    assert_eq!(after[510..], [0x55, 0xaa]);
}

#[test]
fn a_disk_of_the_images_length_stays_as_it_is() {
    let (image, mut source, mut device) = on_a_disk("table-equal", 0);
    fit(&mut source, &mut device).unwrap();
    let mut bytes = Vec::new();
    device.rewind().unwrap();
    device.read_to_end(&mut bytes).unwrap();
    assert!(bytes == fs::read(image.path()).unwrap());
}

#[test]
fn a_table_that_the_medium_lost_is_found() {
    let (_image, mut source, mut device) = on_a_disk("table-lost", 1 << 20);
    fit(&mut source, &mut device).unwrap();
    let sectors = device.metadata().unwrap().len() / SECTOR_BYTES;
    verify(&mut source, &mut device, sectors).unwrap();
    // Header and first entry of the primary table, then of the backup.
    for sector in [1, 2, sectors - 33, sectors - 1] {
        let mut good = [0; 512];
        let place = SeekFrom::Start(sector * SECTOR_BYTES);
        device.seek(place).unwrap();
        device.read_exact(&mut good).unwrap();
        device.seek(place).unwrap();
        device.write_all(&good.map(|byte| byte ^ 1)).unwrap();
        assert!(verify(&mut source, &mut device, sectors).is_err(), "sector {sector}");
        device.seek(place).unwrap();
        device.write_all(&good).unwrap();
    }
    verify(&mut source, &mut device, sectors).unwrap();
}
