//! The files of the boot volume: read into memory the kernel keeps, and checked.

use airox_bundle::record::LoaderRecord;

use crate::checksums::{BUNDLE_PATH, CHECKSUMS_PATH, Checksum, Checksums, KERNEL_PATH};
use crate::error::LoadError;
use crate::firmware::{Firmware, PAGE_SIZE};
use crate::frames::Frames;
use crate::progress;

fn file_length<F: Firmware>(frames: &mut Frames<'_, F>, path: &'static str) -> Result<u64, LoadError> {
    frames.firmware().file_length(path).map_err(|error| LoadError::File { path, error })
}

/// Reads the file at `path` into the front of `memory`, and returns it.
fn read_file<'m, F: Firmware>(
    frames: &mut Frames<'_, F>,
    path: &'static str,
    memory: &'m mut [u8],
    length: u64,
) -> Result<&'m [u8], LoadError> {
    let file = &mut memory[..length as usize];
    frames.firmware().read_file(path, file).map_err(|error| LoadError::File { path, error })?;
    Ok(file)
}

/// Pages that hold `bytes` bytes, at least one.
pub fn pages(bytes: u64) -> u64 {
    bytes.div_ceil(PAGE_SIZE).max(1)
}

fn check(path: &'static str, bytes: &[u8], checksums: &Checksums<'_>) -> Result<(), LoadError> {
    let expected = checksums.find(path).ok_or(LoadError::NotListed { path })?;
    let found = Checksum::of(bytes);
    if found != expected {
        return Err(LoadError::Damaged { path, expected, found });
    }
    Ok(())
}

/// The kernel and the bundle, read and checked.
pub struct Files {
    /// The kernel's ELF file.
    pub kernel: &'static [u8],
    /// The system bundle; it starts a page.
    pub bundle: &'static [u8],
}

/// Reads and checks both; the list of checksums comes first.
pub fn load<F: Firmware>(frames: &mut Frames<'_, F>, entry_ticks: u64) -> Result<Files, LoadError> {
    let length = file_length(frames, CHECKSUMS_PATH)?;
    let memory = frames.scratch(pages(length), CHECKSUMS_PATH)?;
    let list = read_file(frames, CHECKSUMS_PATH, memory, length)?;
    let checksums = Checksums::parse(list)?;

    let length = file_length(frames, KERNEL_PATH)?;
    progress!("{KERNEL_PATH}: {} KiB", length.div_ceil(1024));
    let memory = frames.keep(pages(length), KERNEL_PATH)?;
    let kernel = read_file(frames, KERNEL_PATH, memory, length)?;
    check(KERNEL_PATH, kernel, &checksums)?;

    let length = file_length(frames, BUNDLE_PATH)?;
    progress!("{BUNDLE_PATH}: {} KiB", length.div_ceil(1024));
    // The page in front of the bundle ends with the loader's record.
    let memory = frames.keep(1 + pages(length), BUNDLE_PATH)?;
    let (head, memory) = memory.split_at_mut(PAGE_SIZE as usize);
    let bundle = read_file(frames, BUNDLE_PATH, memory, length)?;
    check(BUNDLE_PATH, bundle, &checksums)?;
    let record = LoaderRecord { entry_ticks }.to_bytes();
    let start = head.len() - record.len();
    head[start..].copy_from_slice(&record);
    Ok(Files { kernel, bundle })
}
