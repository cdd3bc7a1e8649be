//! A person at the terminal: every byte goes to the guest's serial line, Ctrl-C included.

use std::io::Read;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use airox_machine::{Ending, Machine, Options};
use anyhow::{Context, Result, bail};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

use super::judge;

const CONTROL_A: u8 = 0x01;
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The terminal in raw mode; as it was when dropped.
struct RawTerminal(Termios);

impl RawTerminal {
    fn enter() -> Result<RawTerminal> {
        let before = tcgetattr(std::io::stdin()).context("cannot read the terminal's mode")?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(std::io::stdin(), OptionalActions::Now, &raw).context("cannot change the terminal's mode")?;
        Ok(RawTerminal(before))
    }
}

impl Drop for RawTerminal {
    fn drop(&mut self) {
        // Nothing better can be done about a terminal that is gone.
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &self.0);
    }
}

/// Runs the machine until it ends or the person quits.
pub fn run(options: &Options) -> Result<()> {
    eprintln!("Keys go to the machine, Ctrl-C too. Ctrl-A X quits, Ctrl-A Ctrl-A sends Ctrl-A.");
    let mut machine = Machine::start_watched(options, Some(Box::new(std::io::stdout())))?;
    let terminal = RawTerminal::enter()?;
    let result = serve(&mut machine, &read_keys());
    drop(terminal);
    eprintln!();
    result
}

fn serve(machine: &mut Machine, keys: &Receiver<Vec<u8>>) -> Result<()> {
    let mut escape = false;
    loop {
        match keys.recv_timeout(LOOK_EVERY) {
            Ok(bytes) => {
                let Some(bytes) = translate(&bytes, &mut escape) else {
                    return Ok(());
                };
                // A machine that has just ended refuses; the next look says how it ended.
                let _ = machine.send(&bytes);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => std::thread::sleep(LOOK_EVERY),
        }
        if let Some(exit) = machine.try_exit()? {
            return judge(&exit);
        }
        if machine.resets() > 0 && machine.has_triple_faulted() {
            bail!("{}", Ending::TripleFault);
        }
    }
}

/// Bytes for the guest, or `None` to quit.
fn translate(bytes: &[u8], escape: &mut bool) -> Option<Vec<u8>> {
    let mut output = Vec::with_capacity(bytes.len());
    for &byte in bytes {
        match (std::mem::take(escape), byte) {
            (false, CONTROL_A) => *escape = true,
            (true, b'x' | b'X') => return None,
            (true, CONTROL_A) | (false, _) => output.push(byte),
            (true, _) => output.extend([CONTROL_A, byte]),
        }
    }
    Some(output)
}

fn read_keys() -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 256];
        let mut input = std::io::stdin().lock();
        while let Ok(length @ 1..) = input.read(&mut buffer) {
            if sender.send(buffer[..length].to_vec()).is_err() {
                return;
            }
        }
    });
    receiver
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_a_escapes() {
        let mut escape = false;
        assert_eq!(translate(b"a\x03", &mut escape).as_deref(), Some(&b"a\x03"[..]));
        assert_eq!(translate(b"\x01", &mut escape).as_deref(), Some(&b""[..]));
        assert_eq!(translate(b"\x01b", &mut escape).as_deref(), Some(&b"\x01b"[..]));
        assert_eq!(translate(b"\x01q", &mut escape).as_deref(), Some(&b"\x01q"[..]));
        assert_eq!(translate(b"\x01x", &mut escape), None);
    }
}
