//! `flash`: writes a disk image to a stick, and proves that it got there.
//!
//! # Principles
//! - What a disk is and who uses it comes from the kernel's own tables ([`disk`]), never from a device's name.
//! - The judgement ([`verdict`]) is a pure function of that, tested on made-up tables: the disk the running system lives
//!   on is never written; anything else that is not a free, removable disk only after the person at the
//!   terminal has typed the disk's name.
//! - Written is what was read back from the medium, not what the page cache holds ([`copy`]).
//! - A disk is longer than an image, and a partition table has its backup in the disk's last sectors: it is moved there
//!   ([`table`]), since firmware and partition tools take a table without it for a damaged one.

pub mod copy;
pub mod disk;
mod table;
pub mod verdict;

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, ErrorKind, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use rustix::fs::OFlags;

use disk::{Disk, Tables};
use verdict::Verdict;

/// How `flash` may go about it.
#[derive(Clone, Copy, Debug, Default)]
pub struct FlashOptions {
    /// The target is a plain file, created if there is none. Without this, neither a missing target nor a plain file is
    /// written: a mistyped name must not fill `/dev` or destroy a document.
    pub file: bool,
}

/// Says before a long build whether `target` could be written at all.
pub fn precheck(target: &Path, options: FlashOptions) -> Result<()> {
    if options.file {
        return Ok(());
    }
    match verdict::judge(&examine(target)?, 0) {
        Verdict::Refuse(reason) => bail!("{}: {reason}", target.display()),
        Verdict::Write | Verdict::Confirm(_) => Ok(()),
    }
}

/// Writes `image` to `target`, a disk or a plain file, and verifies it. Questions go to standard error and
/// are answered on `answers`.
pub fn flash(image: &Path, target: &Path, options: FlashOptions, answers: &mut dyn BufRead) -> Result<()> {
    let mut source = File::open(image).with_context(|| format!("cannot read {}", image.display()))?;
    table::expect(&mut source).with_context(|| format!("{} is not a disk image", image.display()))?;
    let length = source.metadata()?.len();
    let opened = if options.file { open(target, OFlags::CREATE) } else { open_checked(target, length, answers) };
    let opened = opened.map_err(|error| match error.downcast_ref::<io::Error>() {
        Some(cause) if cause.kind() == ErrorKind::PermissionDenied => error.context(as_root(image, target)),
        _ => error,
    });
    let mut device = opened.with_context(|| format!("cannot write to {}", target.display()))?;
    copy::write(&mut source, &mut device, length).with_context(|| format!("writing {}", target.display()))?;
    copy::verify(&mut source, &mut device, length).with_context(|| format!("verifying {}", target.display()))?;
    table::fit(&mut source, &mut device).with_context(|| format!("the partition table of {}", target.display()))?;
    eprintln!("{} holds the image: {length} bytes written, read back and equal", target.display());
    Ok(())
}

/// The command that root runs instead; it needs neither cargo nor a build.
fn as_root(image: &Path, target: &Path) -> String {
    let program = std::env::current_exe().unwrap_or_else(|_| "target/debug/xtask".into());
    format!("as root: sudo {} flash {} --image {}", program.display(), target.display(), image.display())
}

fn open(target: &Path, flags: OFlags) -> Result<File> {
    Ok(OpenOptions::new().read(true).write(true).custom_flags(flags.bits().cast_signed()).open(target)?)
}

/// What the disk `target` is.
fn examine(target: &Path) -> Result<Disk> {
    let metadata = std::fs::metadata(target).with_context(|| format!("there is no {}", target.display()))?;
    ensure!(!metadata.is_file(), "{} is a plain file; say --file if it is to become the image", target.display());
    ensure!(metadata.file_type().is_block_device(), "{} is not a disk", target.display());
    disk::examine(&Tables::of_this_system()?, metadata.rdev())
        .with_context(|| format!("cannot find out what {} is", target.display()))
}

/// Opens `target` if `length` bytes may be written to it.
fn open_checked(target: &Path, length: u64, answers: &mut dyn BufRead) -> Result<File> {
    let disk = examine(target)?;
    eprintln!("{}: {disk}", target.display());
    match verdict::judge(&disk, length) {
        // The kernel refuses an exclusive open of a disk that came into use since it was examined.
        Verdict::Write => open(target, OFlags::EXCL),
        Verdict::Confirm(reasons) => {
            confirm(&disk.name, &reasons, answers)?;
            open(target, OFlags::empty())
        }
        Verdict::Refuse(reason) => bail!(reason),
    }
}

/// Has the disk's name typed.
fn confirm(name: &str, reasons: &[String], answers: &mut dyn BufRead) -> Result<()> {
    for reason in reasons {
        eprintln!("warning: {reason}");
    }
    eprint!("Everything on {name} will be lost. Type its name ({name}) to go on: ");
    std::io::stderr().flush()?;
    let mut answer = String::new();
    answers.read_line(&mut answer)?;
    eprintln!();
    ensure!(answer.trim() == name, "not confirmed; nothing was written ({})", reasons.join("; "));
    Ok(())
}

#[cfg(test)]
mod tests;
