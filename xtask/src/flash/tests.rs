use super::*;
use crate::image::tests::Image;
use std::fs;

const FILE: FlashOptions = FlashOptions { file: true };
const DISK: FlashOptions = FlashOptions { file: false };

fn flash_quietly(image: &Path, target: &Path, options: FlashOptions) -> Result<()> {
    flash(image, target, options, &mut "".as_bytes())
}

#[test]
fn a_file_becomes_the_image() {
    let image = Image::new("flash-file");
    let target = image.sibling("target");
    flash_quietly(image.path(), &target, FILE).unwrap();
    assert!(fs::read(&target).unwrap() == fs::read(image.path()).unwrap());
    fs::remove_file(target).unwrap();
}

#[test]
fn what_is_not_there_or_no_disk_is_refused_and_left_alone() {
    let image = Image::new("flash-refused");
    let target = image.sibling("target");
    for known in [precheck(&target, DISK), flash_quietly(image.path(), &target, DISK)] {
        assert!(format!("{:#}", known.unwrap_err()).contains("there is no"));
    }
    assert!(!target.exists());
    fs::write(&target, b"my only copy").unwrap();
    for known in [precheck(&target, DISK), flash_quietly(image.path(), &target, DISK)] {
        assert!(format!("{:#}", known.unwrap_err()).contains("--file"));
    }
    assert_eq!(fs::read(&target).unwrap(), b"my only copy");
    fs::remove_file(target).unwrap();
    let character = flash_quietly(image.path(), Path::new("/dev/null"), DISK);
    assert!(format!("{:#}", character.unwrap_err()).contains("is not a disk"));
}

#[test]
fn what_is_no_image_is_not_written() {
    let image = Image::new("flash-foreign");
    let target = image.sibling("target");
    fs::write(image.path(), vec![7; 100_000]).unwrap();
    let error = flash_quietly(image.path(), &target, FILE).unwrap_err();
    assert!(format!("{error:#}").contains("not a disk image"), "{error:#}");
    assert!(!target.exists());
}

#[test]
fn only_the_disks_name_confirms() {
    let reasons = ["it is mounted".to_owned()];
    assert!(confirm("sdb", &reasons, &mut "sdb\n".as_bytes()).is_ok());
    for answer in ["", "\n", "y\n", "yes\n", "sda\n", "sdb1\n"] {
        let refused = confirm("sdb", &reasons, &mut answer.as_bytes());
        assert!(refused.unwrap_err().to_string().contains("nothing was written"));
    }
}
