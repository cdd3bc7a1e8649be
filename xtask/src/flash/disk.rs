//! What the kernel knows of a disk: its size and kind, its partitions, and who uses any of them.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The kernel's tables. Their places are parameters so that tests can make up a machine.
pub struct Tables {
    /// `/sys`.
    pub sysfs: PathBuf,
    /// Contents of `/proc/self/mountinfo`.
    pub mounts: String,
    /// Contents of `/proc/swaps`.
    pub swaps: String,
}

impl Tables {
    /// Those of the running system.
    pub fn of_this_system() -> Result<Tables> {
        Ok(Tables {
            sysfs: PathBuf::from("/sys"),
            mounts: fs::read_to_string("/proc/self/mountinfo").context("/proc/self/mountinfo")?,
            // Kernels without swap have no such file.
            swaps: fs::read_to_string("/proc/swaps").unwrap_or_default(),
        })
    }
}

/// What a disk or a part of it is used for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Use {
    /// A file system of `device` is mounted at `at`.
    Mounted {
        /// Kernel name of the disk, partition, or device on top of it.
        device: String,
        /// Mount point.
        at: String,
    },
    /// Swap space.
    Swap {
        /// Kernel name of the disk or partition.
        device: String,
    },
    /// Part of another device (LVM, RAID, encryption).
    Held {
        /// Kernel name of the disk or partition.
        device: String,
        /// Kernel name of the device on top of it.
        by: String,
    },
}

/// A block device, examined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disk {
    /// Kernel name, such as `sdb`.
    pub name: String,
    /// Kernel name of the disk this is only a partition of.
    pub partition_of: Option<String>,
    /// Length in bytes.
    pub length: u64,
    /// Bytes in one of its sectors.
    pub sector: u64,
    /// Whether the medium can be taken out: a stick or a card.
    pub removable: bool,
    /// Write-protected.
    pub read_only: bool,
    /// What the device calls itself.
    pub model: String,
    /// All its uses, its partitions' included.
    pub uses: Vec<Use>,
}

impl fmt::Display for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.removable { "removable" } else { "not removable" };
        write!(f, "{} MiB, {kind}", self.length >> 20)?;
        if !self.model.is_empty() {
            write!(f, ", {}", self.model)?;
        }
        Ok(())
    }
}

/// Examines the block device with number `device` (as in `st_rdev`).
pub fn examine(tables: &Tables, device: u64) -> Result<Disk> {
    let number = format!("{}:{}", rustix::fs::major(device), rustix::fs::minor(device));
    let folder = tables.sysfs.join("dev/block").join(&number);
    let folder = fs::canonicalize(&folder).with_context(|| folder.display().to_string())?;
    let name = name_of(&folder)?;
    let is_partition = folder.join("partition").exists();
    let whole = match is_partition {
        true => folder.parent().context("a partition without a disk")?,
        false => &folder,
    };
    let sectors: u64 = text(&folder, "size").parse().context("its size")?;
    let mut uses = uses_of(tables, &folder, 0)?;
    for entry in fs::read_dir(&folder)? {
        let part = entry?.path();
        if part.join("partition").exists() {
            uses.extend(uses_of(tables, &part, 0)?);
        }
    }
    let model = format!("{} {}", text(&folder, "device/vendor"), text(&folder, "device/model"));
    Ok(Disk {
        name,
        partition_of: is_partition.then(|| name_of(whole)).transpose()?,
        // The table counts in 512 bytes, whatever the disk's sectors are.
        length: sectors * 512,
        sector: text(whole, "queue/logical_block_size").parse().context("its sectors' size")?,
        removable: text(&folder, "removable") == "1",
        read_only: text(&folder, "ro") == "1",
        model: model.trim().to_owned(),
        uses,
    })
}

/// The uses of one device, and of what is built on top of it.
fn uses_of(tables: &Tables, folder: &Path, depth: usize) -> Result<Vec<Use>> {
    // Devices are stacked a few levels high; a table that says otherwise is broken.
    const MAXIMUM_DEPTH: usize = 8;
    let name = name_of(folder)?;
    let number = text(folder, "dev");
    let mut uses: Vec<Use> = mounts(&tables.mounts)
        .filter(|mount| mount.number == number || mount.source.strip_prefix("/dev/") == Some(&name))
        .map(|mount| Use::Mounted { device: name.clone(), at: mount.at.replace("\\040", " ") })
        .collect();
    let swaps = tables.swaps.lines().skip(1);
    if swaps.filter_map(|line| line.split_whitespace().next()).any(|path| path.strip_prefix("/dev/") == Some(&name)) {
        uses.push(Use::Swap { device: name.clone() });
    }
    let holders = folder.join("holders");
    if holders.is_dir() && depth < MAXIMUM_DEPTH {
        for entry in fs::read_dir(holders)? {
            let holder = fs::canonicalize(entry?.path())?;
            uses.push(Use::Held { device: name.clone(), by: name_of(&holder)? });
            uses.extend(uses_of(tables, &holder, depth + 1)?);
        }
    }
    Ok(uses)
}

/// A line of `mountinfo`: `id parent major:minor root mount-point options [fields] - type source options`.
struct Mount<'a> {
    number: &'a str,
    at: &'a str,
    source: &'a str,
}

fn mounts(table: &str) -> impl Iterator<Item = Mount<'_>> {
    table.lines().filter_map(|line| {
        let (before, behind) = line.split_once(" - ")?;
        let mut before = before.split(' ');
        Some(Mount { number: before.nth(2)?, at: before.nth(1)?, source: behind.split(' ').nth(1)? })
    })
}

fn name_of(folder: &Path) -> Result<String> {
    folder
        .file_name()
        .and_then(|name| name.to_str())
        .map(str::to_owned)
        .with_context(|| format!("{} has no name", folder.display()))
}

/// Contents of an attribute; empty if the device does not have it.
fn text(folder: &Path, attribute: &str) -> String {
    fs::read_to_string(folder.join(attribute)).unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests;
