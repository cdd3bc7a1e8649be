//! A disk for data beside the boot disk: a GUID partition table with the parts `data` and `scratch`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use gpt::disk::LogicalBlockSize;
use gpt::mbr::ProtectiveMBR;
use gpt::partition_types;

use crate::MachineError;

/// Bytes of the disk; blocks that were never written take no space on the host's.
const BYTES: u64 = 256 << 20;
/// Bytes of the part `scratch`, at its end, for trying the disk out.
const SCRATCH_BYTES: u64 = 16 << 20;

/// Makes the disk, unless the file is there.
///
/// # Errors
/// The file cannot be written.
pub fn make_data_disk(path: &Path) -> Result<(), MachineError> {
    if path.exists() {
        return Ok(());
    }
    let make = || -> Result<(), Box<dyn std::error::Error>> {
        let mut file = File::options().read(true).write(true).create_new(true).open(path)?;
        file.set_len(BYTES)?;
        let sectors = u32::try_from(BYTES / 512 - 1)?;
        ProtectiveMBR::with_lb_size(sectors).overwrite_lba0(&mut file)?;
        file.seek(SeekFrom::Start(0))?;
        let config = gpt::GptConfig::new().writable(true).logical_block_size(LogicalBlockSize::Lb512);
        let mut disk = config.create_from_device(file, None)?;
        disk.update_partitions(BTreeMap::new())?;
        disk.add_partition("data", BYTES - SCRATCH_BYTES - (2 << 20), partition_types::LINUX_FS, 0, Some(2048))?;
        disk.add_partition("scratch", SCRATCH_BYTES, partition_types::LINUX_FS, 0, Some(2048))?;
        disk.write()?.flush()?;
        Ok(())
    };
    make().map_err(|error| MachineError::Start(format!("{}: {error}", path.display())))
}
