//! Whether a disk may be overwritten.

use super::disk::{Disk, Use};
use crate::image::SECTOR_BYTES;

/// The judgement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A free, removable disk: that is what sticks are for.
    Write,
    /// Only if the person types its name; the reasons why.
    Confirm(Vec<String>),
    /// No; the reason why.
    Refuse(String),
}

/// Where the running system keeps itself. Losing one of these ends it.
const SYSTEM_MOUNTS: [&str; 7] = ["/", "/boot", "/boot/efi", "/efi", "/usr", "/var", "/home"];

/// Judges whether `length` bytes may be written to `disk`.
pub fn judge(disk: &Disk, length: u64) -> Verdict {
    match refusal(disk, length) {
        Some(reason) => Verdict::Refuse(reason),
        None => match doubts(disk) {
            reasons if reasons.is_empty() => Verdict::Write,
            reasons => Verdict::Confirm(reasons),
        },
    }
}

fn refusal(disk: &Disk, length: u64) -> Option<String> {
    let name = &disk.name;
    if let Some(whole) = &disk.partition_of {
        return Some(format!("{name} is a partition; an image needs the whole disk, {whole}"));
    }
    for used in &disk.uses {
        if let Use::Mounted { device, at } = used
            && SYSTEM_MOUNTS.contains(&at.as_str())
        {
            return Some(format!("{name} holds the running system: {device} is mounted at {at}"));
        }
    }
    for used in &disk.uses {
        match used {
            Use::Swap { device } => return Some(format!("{device} is in use as swap space")),
            Use::Held { device, by } => return Some(format!("{device} is part of {by}")),
            Use::Mounted { .. } => {}
        }
    }
    if disk.read_only {
        return Some(format!("{name} is write-protected"));
    }
    if disk.sector != SECTOR_BYTES {
        return Some(format!(
            "{name} has sectors of {} bytes; an image is made for sectors of {SECTOR_BYTES}",
            disk.sector
        ));
    }
    if disk.length < length {
        return Some(format!("{name} is too small: {} of {length} bytes", disk.length));
    }
    None
}

fn doubts(disk: &Disk) -> Vec<String> {
    let mut reasons = Vec::new();
    if !disk.removable {
        reasons.push(format!("{} is not a removable disk", disk.name));
    }
    for used in &disk.uses {
        if let Use::Mounted { device, at } = used {
            reasons.push(format!("{device} is mounted at {at}"));
        }
    }
    reasons
}
