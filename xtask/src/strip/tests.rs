use airox_loader::kernel_image::KernelImage;

use super::*;
use crate::test_elf::kernel;

#[test]
fn the_memory_image_and_the_config_stay() {
    let file = kernel().bytes();
    let stripped = without_debug(&file).unwrap();
    assert!(stripped.len() < file.len() / 10, "{} bytes", stripped.len());
    let before = KernelImage::parse(&file).unwrap();
    let after = KernelImage::parse(&stripped).unwrap();
    assert_eq!(before.entry, after.entry);
    assert_eq!(before.segments, after.segments);
    assert_eq!(before.config, after.config);
}

#[test]
fn other_files_are_refused() {
    assert!(without_debug(b"").is_err());
    assert!(without_debug(&[0; 1000]).is_err());
}
