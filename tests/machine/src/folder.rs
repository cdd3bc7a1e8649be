//! A machine's own folder: its sockets and QEMU's logs.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::json;

use crate::{INSPECT_SOCKET, MachineError, Qmp};

pub(crate) fn remove_folder(folder: &Path) {
    // A folder that stays behind is removed by the next start.
    let _ = std::fs::remove_dir_all(folder);
}

/// Ends a machine whose owner was killed: its QEMU runs on, and nobody could reach it.
fn end_orphan(folder: &Path) {
    if let Ok(mut qmp) = Qmp::connect(&folder.join(INSPECT_SOCKET)) {
        // An error means that it is ending already.
        let _ = qmp.execute("quit", json!({}));
    }
}

/// Makes a folder named by this process and a count. Machines of processes that are gone are ended, and their folders
/// removed.
pub(crate) fn make_run_folder(root: &Path) -> Result<PathBuf, MachineError> {
    static COUNT: AtomicU32 = AtomicU32::new(1);
    if let Ok(entries) = std::fs::read_dir(root) {
        for entry in entries.flatten() {
            let name = entry.file_name();
            let owner = name.to_str().and_then(|name| name.split('-').next());
            let owner = owner.and_then(|process| process.parse::<u32>().ok());
            if owner.is_some_and(|process| !Path::new(&format!("/proc/{process}")).exists()) {
                end_orphan(&entry.path());
                remove_folder(&entry.path());
            }
        }
    }
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let folder = root.join(format!("{}-{count}", std::process::id()));
    std::fs::create_dir_all(&folder)
        .and_then(|()| folder.canonicalize())
        .map_err(|error| MachineError::Start(format!("{}: {error}", folder.display())))
}

/// Connects to a socket whose path may be longer than a socket address can hold (108 bytes): the folder is opened
/// first, and the socket named through its descriptor.
pub(crate) fn connect(socket: &Path) -> std::io::Result<UnixStream> {
    let invalid = || std::io::Error::from(std::io::ErrorKind::InvalidInput);
    let folder = File::open(socket.parent().ok_or_else(invalid)?)?;
    let name = socket.file_name().ok_or_else(invalid)?;
    UnixStream::connect(Path::new("/proc/self/fd").join(folder.as_raw_fd().to_string()).join(name))
}

/// What QEMU wrote to its standard error, without its notes on sockets.
pub(crate) fn read_messages(run_folder: &Path) -> String {
    let text = std::fs::read_to_string(run_folder.join("messages")).unwrap_or_default();
    let lines: Vec<&str> = text.lines().filter(|line| !line.contains(": info: ")).collect();
    lines.join("\n")
}

/// QEMU's own log: every reset of a CPU, and its reason.
pub(crate) fn read_log(run_folder: &Path) -> String {
    std::fs::read_to_string(run_folder.join("qemu.log")).unwrap_or_default()
}
