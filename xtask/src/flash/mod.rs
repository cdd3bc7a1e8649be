//! `flash`: writes a disk image to a stick, and proves that it got there.
//!
//! # Principles
//! - What a disk is and who uses it comes from the kernel's own tables ([`disk`]), never from a device's name.
//! - The judgement ([`verdict`]) is a pure function of that, tested on made-up tables: the disk the running system lives
//!   on is never written; anything else that is not a free, removable disk only after the person at the
//!   terminal has typed the disk's name.
//! - Written is what was read back from the medium, not what the page cache holds ([`copy`]).

pub mod copy;
pub mod disk;
pub mod verdict;

use std::fs::{File, OpenOptions};
use std::io::{BufRead, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use rustix::fs::OFlags;

use disk::Tables;
use verdict::Verdict;

/// How `flash` may go about it.
#[derive(Clone, Copy, Debug, Default)]
pub struct FlashOptions {
    /// The target is a plain file, created if there is none. Without this a missing target is an error, so that a
    /// mistyped device name does not fill `/dev`.
    pub file: bool,
}

/// Writes `image` to `target`, a disk or a plain file, and verifies it. Questions go to standard error and
/// are answered on `answers`.
pub fn flash(
    image: &Path,
    target: &Path,
    options: FlashOptions,
    answers: &mut dyn BufRead,
) -> Result<()> {
    let mut source =
        File::open(image).with_context(|| format!("cannot read {}", image.display()))?;
    let length = source.metadata()?.len();
    let mut device = if options.file {
        open(target, OFlags::CREATE)?
    } else {
        open_checked(target, length, answers)?
    };
    copy::write(&mut source, &mut device, length)
        .with_context(|| format!("writing {}", target.display()))?;
    copy::verify(&mut source, &mut device, length)
        .with_context(|| format!("verifying {}", target.display()))?;
    eprintln!(
        "{} holds the image: {length} bytes written, read back and equal",
        target.display()
    );
    Ok(())
}

fn open(target: &Path, flags: OFlags) -> Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(flags.bits().cast_signed())
        .open(target)
        .with_context(|| format!("cannot write to {}", target.display()))
}

/// Opens `target` if `length` bytes may be written to it.
fn open_checked(target: &Path, length: u64, answers: &mut dyn BufRead) -> Result<File> {
    let metadata = std::fs::metadata(target)
        .with_context(|| format!("{}: no such disk or file", target.display()))?;
    if metadata.is_file() {
        return open(target, OFlags::empty());
    }
    ensure!(
        metadata.file_type().is_block_device(),
        "{} is neither a disk nor a plain file",
        target.display()
    );
    let tables = Tables::of_this_system()?;
    let disk = disk::examine(&tables, metadata.rdev())
        .with_context(|| format!("{}: cannot find out what it is", target.display()))?;
    eprintln!("{}: {disk}", target.display());
    match verdict::judge(&disk, length) {
        // The kernel refuses an exclusive open of a disk that came into use since it was examined.
        Verdict::Write => open(target, OFlags::EXCL),
        Verdict::Confirm(reasons) => {
            confirm(&disk.name, &reasons, answers)?;
            open(target, OFlags::empty())
        }
        Verdict::Refuse(reason) => bail!("{}: {reason}", target.display()),
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
    ensure!(
        answer.trim() == name,
        "not confirmed; nothing was written ({})",
        reasons.join("; ")
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn folder(name: &str) -> std::path::PathBuf {
        let folder =
            std::env::temp_dir().join(format!("airox-flash-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn a_file_is_written_and_keeps_what_is_behind_the_image() {
        let folder = folder("file");
        let (image, target) = (folder.join("image"), folder.join("target"));
        let bytes: Vec<u8> = (0..3_000_000_u32).map(|index| (index / 7) as u8).collect();
        fs::write(&image, &bytes).unwrap();
        fs::write(&target, vec![9; 3_000_010]).unwrap();
        let options = FlashOptions::default();
        flash(&image, &target, options, &mut "".as_bytes()).unwrap();
        let written = fs::read(&target).unwrap();
        assert_eq!(written[..bytes.len()], bytes);
        assert_eq!(written[bytes.len()..], [9; 10]);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_missing_target_is_only_created_as_a_file() {
        let folder = folder("missing");
        let (image, target) = (folder.join("image"), folder.join("target"));
        fs::write(&image, b"image").unwrap();
        let refused = flash(&image, &target, FlashOptions::default(), &mut "".as_bytes());
        assert!(refused.unwrap_err().to_string().contains("no such disk"));
        assert!(!target.exists());
        let file = FlashOptions { file: true };
        flash(&image, &target, file, &mut "".as_bytes()).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"image");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_character_device_is_refused() {
        let folder = folder("character");
        let image = folder.join("image");
        fs::write(&image, b"image").unwrap();
        let refused = flash(
            &image,
            Path::new("/dev/null"),
            FlashOptions::default(),
            &mut "null\n".as_bytes(),
        );
        assert!(refused.unwrap_err().to_string().contains("neither"));
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn only_the_disks_name_confirms() {
        let reasons = ["it is mounted".to_owned()];
        assert!(confirm("sdb", &reasons, &mut "sdb\n".as_bytes()).is_ok());
        for answer in ["", "\n", "y\n", "yes\n", "sda\n", "sdb1\n"] {
            let refused = confirm("sdb", &reasons, &mut answer.as_bytes());
            assert!(
                refused
                    .unwrap_err()
                    .to_string()
                    .contains("nothing was written")
            );
        }
    }
}
