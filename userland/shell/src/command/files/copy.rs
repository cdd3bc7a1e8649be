//! Copying, with a look at the progress.

use super::{PIECE, at, failed, go_on};
use crate::services::{How, OpenFile};
use crate::shell::{Done, Shell};
use alloc::boxed::Box;
use alloc::format;
use alloc::vec;

/// Copies that take longer tell how far they are, this often.
const PROGRESS_NS: u64 = 1_000_000_000;

/// Copies one file. What was copied when it fails, or is interrupted, is removed.
pub fn file(shell: &mut Shell, from: &str, to: &str) -> Done {
    let source = at(shell, from, |files, path| {
        let size = files.stat(path)?.size;
        Ok((files.open(path, How::READ)?, size))
    })?;
    let target = at(shell, to, |files, path| files.open(path, How::CREATE))?;
    let done = bytes(shell, (source, from), (target, to));
    if done.is_err() {
        // It may be gone by itself; the first reason is the one to tell.
        let _ = at(shell, to, |files, path| files.remove(path, crate::services::FileKind::File));
    }
    done
}

fn bytes(
    shell: &mut Shell,
    ((mut source, size), from): ((Box<dyn OpenFile>, u64), &str),
    (mut target, to): (Box<dyn OpenFile>, &str),
) -> Done {
    let mut buffer = vec![0; PIECE];
    let (mut offset, mut told) = (0, shell.services.host.uptime_ns());
    let mut progress = "";
    loop {
        let stopped = go_on(shell);
        let now = shell.services.host.uptime_ns();
        if stopped.is_ok() && now.saturating_sub(told) >= PROGRESS_NS {
            let percent = (u128::from(offset) * 100 / u128::from(size.max(1))).min(100);
            shell.print(&format!("\r{to}: {percent} %"));
            (told, progress) = (now, "\n");
        }
        let read = match stopped {
            Ok(()) => source.read(offset, &mut buffer).map_err(|error| failed(from, error)),
            Err(stop) => Err(stop),
        };
        let written = match read {
            Ok(0) => {
                shell.print(progress);
                return Ok(());
            }
            Ok(read) => target.write(offset, &buffer[..read]).map(|()| read).map_err(|error| failed(to, error)),
            Err(stop) => Err(stop),
        };
        match written {
            Ok(count) => offset += count as u64,
            Err(stop) => {
                shell.print(progress);
                return Err(stop);
            }
        }
    }
}
