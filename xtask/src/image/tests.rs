use std::path::PathBuf;

use airox_loader::checksums::{Checksum, Checksums};

use super::*;
use crate::test_elf::{bios_loader, kernel, uefi_loader};

struct Sources {
    uefi_loader: Vec<u8>,
    bios_loader: Vec<u8>,
    kernel: Vec<u8>,
    bundle: Vec<u8>,
}

impl Sources {
    fn new() -> Sources {
        Sources {
            uefi_loader: uefi_loader().bytes(),
            bios_loader: bios_loader().bytes(),
            kernel: kernel().bytes(),
            bundle: (0..300_000_u32).map(|index| (index / 11) as u8).collect(),
        }
    }

    fn inputs(&self) -> ImageInputs<'_> {
        ImageInputs {
            uefi_loader_elf: &self.uefi_loader,
            bios_loader_elf: &self.bios_loader,
            kernel_elf: &self.kernel,
            bundle: &self.bundle,
        }
    }
}

/// An image of its own for one test, removed at its end.
pub(crate) struct Image(PathBuf);

impl Image {
    pub(crate) fn new(name: &str) -> Image {
        let name = format!("airox-image-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        build(&Sources::new().inputs(), &path).unwrap();
        Image(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// A path beside the image, for one more file of the test.
    pub(crate) fn sibling(&self, extension: &str) -> PathBuf {
        self.0.with_extension(extension)
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn equal_inputs_give_equal_images() {
    let sources = Sources::new();
    let first = bytes(&sources.inputs()).unwrap();
    // FAT's clock ticks every two seconds.
    std::thread::sleep(std::time::Duration::from_millis(2100));
    assert!(first == bytes(&sources.inputs()).unwrap());
}

#[test]
fn the_disk_has_boot_code_and_three_partitions() {
    let image = Image::new("partitions");
    let bytes = std::fs::read(&image.0).unwrap();
    assert_eq!(bytes[0], 0x90);
    assert_eq!(bytes[510..512], [0x55, 0xaa]);
    assert_eq!(bytes[0x1c2], 0xee, "protective MBR");
    let disk = gpt::GptConfig::new().open(&image.0).unwrap();
    assert!(disk.primary_header().is_ok() && disk.backup_header().is_ok());
    let kinds: Vec<_> = disk.partitions().values().map(|partition| partition.part_type_guid.clone()).collect();
    assert_eq!(kinds, [partition_types::BIOS, partition_types::EFI, partition_types::LINUX_FS]);
    let stage2 = &bytes[(BIOS_START * SECTOR_BYTES) as usize..];
    assert_eq!(stage2[..4], [0, 1, 2, 3]);
}

#[test]
fn the_boot_volume_has_the_files_and_their_checksums() {
    let image = Image::new("files");
    let list = read_file(&image.0, CHECKSUMS_PATH).unwrap();
    let checksums = Checksums::parse(&list).unwrap();
    for path in [KERNEL_PATH, BUNDLE_PATH] {
        let file = read_file(&image.0, path).unwrap();
        assert_eq!(checksums.find(path), Some(Checksum::of(&file)));
    }
    assert_eq!(read_file(&image.0, BUNDLE_PATH).unwrap(), Sources::new().bundle);
    let loader = read_file(&image.0, UEFI_LOADER_PATH).unwrap();
    assert_eq!(loader[..2], *b"MZ");
}

#[test]
fn corruption_changes_one_byte_and_removal_one_file() {
    let image = Image::new("harm");
    let before = read_file(&image.0, BUNDLE_PATH).unwrap();
    corrupt(&image.0, BUNDLE_PATH, 123_456).unwrap();
    let after = read_file(&image.0, BUNDLE_PATH).unwrap();
    let changed: Vec<_> = (0..before.len()).filter(|&index| before[index] != after[index]).collect();
    assert_eq!(changed, [123_456]);
    remove(&image.0, KERNEL_PATH).unwrap();
    assert!(read_file(&image.0, KERNEL_PATH).is_err());
    assert!(read_file(&image.0, BUNDLE_PATH).is_ok());
}

#[test]
fn harm_to_what_is_not_there_is_an_error() {
    let image = Image::new("absent");
    for result in [
        corrupt(&image.0, BUNDLE_PATH, 300_000),
        corrupt(&image.0, "/airox/none", 0),
        remove(&image.0, "/airox/none"),
        corrupt(Path::new("/nonexistent"), BUNDLE_PATH, 0),
    ] {
        assert!(result.is_err());
    }
}

#[test]
fn bad_inputs_are_named() {
    let sources = Sources::new();
    let wrong: [(&str, ImageInputs<'_>); 3] = [
        ("UEFI loader", ImageInputs { uefi_loader_elf: b"", ..sources.inputs() }),
        ("BIOS loader", ImageInputs { bios_loader_elf: b"", ..sources.inputs() }),
        ("kernel", ImageInputs { kernel_elf: b"", ..sources.inputs() }),
    ];
    for (name, inputs) in wrong {
        let error = bytes(&inputs).unwrap_err().to_string();
        assert!(error.contains(name), "{error}");
    }
}

#[test]
fn the_boot_partition_grows_with_its_files() {
    let small = Layout::for_files(1 << 20);
    assert_eq!((small.esp.1 + 1 - small.esp.0) * SECTOR_BYTES, ESP_MINIMUM);
    let large = Layout::for_files(500 << 20);
    assert!((large.esp.1 + 1 - large.esp.0) * SECTOR_BYTES > 1000 << 20);
    assert!(large.length > large.data.1 * SECTOR_BYTES);
}
