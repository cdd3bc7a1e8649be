//! Copying to a device and back.

use std::fs::File;
use std::io::{Read, Seek, Write};

use anyhow::{Context, Result, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use rustix::fs::{Advice, fadvise};

/// Bytes moved at once.
const BLOCK: usize = 1 << 20;
/// Bytes after which the device is waited for, so that progress tells of the device and not of the page cache.
const SYNC_EVERY: u64 = 16 << 20;

fn progress(length: u64, what: &'static str) -> Result<ProgressBar> {
    let style = ProgressStyle::with_template("{msg:10} [{bar:40}] {bytes}/{total_bytes} {binary_bytes_per_sec} {eta}")?;
    Ok(ProgressBar::new(length).with_style(style.progress_chars("=> ")).with_message(what))
}

/// Writes the first `length` bytes of `source` to the front of `device`, down to the medium.
pub fn write(source: &mut File, device: &mut File, length: u64) -> Result<()> {
    let bar = progress(length, "writing")?;
    source.rewind()?;
    device.rewind()?;
    let mut block = vec![0; BLOCK];
    let mut done = 0;
    while done < length {
        let part = part(&mut block, length - done);
        source.read_exact(part)?;
        device.write_all(part).with_context(|| format!("byte {done}"))?;
        done += part.len() as u64;
        if done.is_multiple_of(SYNC_EVERY) {
            device.sync_data()?;
        }
        bar.set_position(done);
    }
    device.sync_all().context("the device did not take all that was written")?;
    bar.finish();
    Ok(())
}

/// Reads `device` back and compares it with the first `length` bytes of `source`.
pub fn verify(source: &mut File, device: &mut File, length: u64) -> Result<()> {
    // Drops the pages just written, which are clean after `sync_all`; else they would be compared with themselves.
    fadvise(&*device, 0, None, Advice::DontNeed)?;
    let bar = progress(length, "verifying")?;
    source.rewind()?;
    device.rewind()?;
    let (mut wanted, mut found) = (vec![0; BLOCK], vec![0; BLOCK]);
    let mut done = 0;
    while done < length {
        let wanted = part(&mut wanted, length - done);
        let found = part(&mut found, length - done);
        source.read_exact(wanted)?;
        device.read_exact(found).with_context(|| format!("byte {done}"))?;
        let differs = wanted.iter().zip(&*found).position(|(a, b)| a != b);
        ensure!(
            differs.is_none(),
            "byte {} is not what was written: the medium is faulty",
            done + differs.unwrap_or(0) as u64
        );
        done += wanted.len() as u64;
        bar.set_position(done);
    }
    bar.finish();
    Ok(())
}

fn part(block: &mut [u8], left: u64) -> &mut [u8] {
    let length = usize::try_from(left).unwrap_or(BLOCK).min(BLOCK);
    &mut block[..length]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::OpenOptions;
    use std::io::SeekFrom;

    #[test]
    fn a_byte_the_medium_lost_is_found() {
        let folder = std::env::temp_dir().join(format!("airox-copy-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (source, device) = (folder.join("source"), folder.join("device"));
        let bytes: Vec<u8> = (0..2_500_000_u32).map(|index| (index / 5) as u8).collect();
        std::fs::write(&source, &bytes).unwrap();
        std::fs::write(&device, b"").unwrap();
        let open = |path| OpenOptions::new().read(true).write(true).open(path);
        let (mut source, mut device) = (open(&source).unwrap(), open(&device).unwrap());
        let length = bytes.len() as u64;
        write(&mut source, &mut device, length).unwrap();
        verify(&mut source, &mut device, length).unwrap();
        device.seek(SeekFrom::Start(2_000_000)).unwrap();
        device.write_all(&[!bytes[2_000_000]]).unwrap();
        let error = verify(&mut source, &mut device, length).unwrap_err();
        assert!(error.to_string().contains("byte 2000000"), "{error:#}");
        device.set_len(1_000_000).unwrap();
        assert!(verify(&mut source, &mut device, length).is_err());
        std::fs::remove_dir_all(folder).unwrap();
    }
}
