//! A device at the other end of a character device's socket, such as that of a serial line.

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::thread::JoinHandle;
use std::time::Duration;

use crate::folder::connect;
use crate::{Machine, MachineError};

/// A device that is plugged in as long as this value lives.
pub struct Peer {
    stream: UnixStream,
    thread: Option<JoinHandle<()>>,
}

impl Peer {
    /// Plugs a device into the socket of this name in the machine's folder. `device` is called with what the machine sent, and with nothing
    /// whenever it has sent nothing for `period`; what it returns goes to the machine.
    ///
    /// # Errors
    /// The machine has no such socket, or another device is plugged in.
    pub fn plug_in(
        machine: &Machine,
        socket: &str,
        period: Duration,
        mut device: impl FnMut(&[u8]) -> Vec<u8> + Send + 'static,
    ) -> Result<Peer, MachineError> {
        let failed = |error| MachineError::Start(format!("{socket}: {error}"));
        let stream = connect(&machine.run_folder().join(socket)).map_err(failed)?;
        stream.set_read_timeout(Some(period)).map_err(failed)?;
        let mut line = stream.try_clone().map_err(failed)?;
        let thread = std::thread::spawn(move || {
            let mut buffer = [0; 256];
            loop {
                let count = match line.read(&mut buffer) {
                    Ok(0) => return,
                    Ok(count) => count,
                    Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => 0,
                    Err(_) => return,
                };
                if line.write_all(&device(&buffer[..count])).is_err() {
                    return;
                }
            }
        });
        Ok(Peer { stream, thread: Some(thread) })
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // An error means that the machine has ended.
        let _ = self.stream.shutdown(Shutdown::Both);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
