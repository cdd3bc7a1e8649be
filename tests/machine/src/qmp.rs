//! QMP, QEMU's control protocol: JSON lines over a socket.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use crate::MachineError;
use crate::folder::connect;
use crate::keys::key_presses;

const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// Something QEMU told on its own.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Its name, such as `SHUTDOWN` or `RESET`.
    pub name: String,
    /// Its data.
    pub data: Value,
}

/// A connection to a machine's QMP socket.
pub struct Qmp {
    stream: UnixStream,
    answers: Receiver<Result<Value, String>>,
    events: Arc<Mutex<Vec<Event>>>,
}

impl Qmp {
    /// Connects to a QMP socket, for example [`crate::INSPECT_SOCKET`] in a run directory.
    ///
    /// # Errors
    /// [`MachineError::Qmp`] if nothing answers there.
    pub fn connect(socket: &Path) -> Result<Qmp, MachineError> {
        let failed =
            |error: std::io::Error| MachineError::Qmp(format!("cannot connect to {}: {error}", socket.display()));
        let stream = connect(socket).map_err(failed)?;
        let reader = BufReader::new(stream.try_clone().map_err(failed)?);
        let (sender, answers) = channel();
        let events = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&events);
        std::thread::spawn(move || {
            for line in reader.lines() {
                let Ok(line) = line else { return };
                match classify(&line) {
                    Some(Line::Answer(answer)) => {
                        // A closed channel means that the connection's owner is gone; the socket closes next.
                        let _ = sender.send(answer);
                    }
                    Some(Line::Event(event)) => lock(&seen).push(event),
                    None => {}
                }
            }
        });
        let mut qmp = Qmp { stream, answers, events };
        qmp.execute("qmp_capabilities", json!({}))?;
        Ok(qmp)
    }

    /// Runs a command and returns its result.
    ///
    /// # Errors
    /// [`MachineError::Qmp`] if QEMU refuses it or does not answer.
    pub fn execute(&mut self, command: &str, arguments: Value) -> Result<Value, MachineError> {
        let line = format!("{}\n", json!({ "execute": command, "arguments": arguments }));
        self.stream.write_all(line.as_bytes()).map_err(|error| MachineError::Qmp(format!("{command}: {error}")))?;
        match self.answers.recv_timeout(ANSWER_LIMIT) {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(reason)) => Err(MachineError::Qmp(format!("{command}: {reason}"))),
            Err(RecvTimeoutError::Timeout) => Err(MachineError::Qmp(format!("{command}: no answer"))),
            Err(RecvTimeoutError::Disconnected) => {
                Err(MachineError::Qmp(format!("{command}: QEMU closed the connection")))
            }
        }
    }

    /// Every event so far, oldest first.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        lock(&self.events).clone()
    }

    /// Presses and releases keys together, named as QEMU names them (`ctrl`, `c`, `ret`, `up`...).
    ///
    /// # Errors
    /// [`MachineError::Qmp`] if a name is unknown.
    pub fn press(&mut self, keys: &[&str]) -> Result<(), MachineError> {
        let keys: Vec<Value> = keys.iter().map(|key| json!({ "type": "qcode", "data": key })).collect();
        self.execute("send-key", json!({ "keys": keys, "hold-time": 20 }))?;
        // Presses queue in QEMU; the guest sees them one after the other only if each ends first.
        std::thread::sleep(Duration::from_millis(40));
        Ok(())
    }

    /// Types text on the keyboard (US layout). A line feed presses Enter.
    ///
    /// # Errors
    /// [`MachineError::Qmp`] if a character has no key.
    pub fn type_text(&mut self, text: &str) -> Result<(), MachineError> {
        for character in text.chars() {
            let keys = key_presses(character)
                .ok_or_else(|| MachineError::Qmp(format!("no key types the character {character:?}")))?;
            self.press(&keys)?;
        }
        Ok(())
    }

    /// Writes the content of the screen, or of that of the device with this id, to a file as PPM.
    ///
    /// # Errors
    /// [`MachineError::Qmp`] if QEMU cannot write there.
    pub fn screenshot(&mut self, device: Option<&str>, file: &Path) -> Result<(), MachineError> {
        let file = std::path::absolute(file).map_err(|error| MachineError::Qmp(format!("screendump: {error}")))?;
        let arguments = match device {
            None => json!({ "filename": file }),
            Some(device) => json!({ "filename": file, "device": device }),
        };
        self.execute("screendump", arguments)?;
        Ok(())
    }

    /// Raises a non-maskable interrupt on every CPU.
    ///
    /// # Errors
    /// [`MachineError::Qmp`] if QEMU refuses.
    pub fn inject_nmi(&mut self) -> Result<(), MachineError> {
        self.execute("inject-nmi", json!({}))?;
        Ok(())
    }

    /// Whether a reset restarts the guest from now on; else it ends the machine.
    ///
    /// # Errors
    /// [`MachineError::Qmp`] if QEMU refuses.
    pub fn allow_reset(&mut self, allow: bool) -> Result<(), MachineError> {
        let action = if allow { "reset" } else { "shutdown" };
        self.execute("set-action", json!({ "reboot": action }))?;
        Ok(())
    }

    /// Copies physical memory to a file.
    ///
    /// # Errors
    /// [`MachineError::Qmp`] if the range is not memory or the file cannot be written.
    pub fn save_memory(&mut self, address: u64, length: u64, file: &Path) -> Result<(), MachineError> {
        let arguments = json!({ "val": address, "size": length, "filename": file });
        self.execute("pmemsave", arguments)?;
        Ok(())
    }
}

enum Line {
    Answer(Result<Value, String>),
    Event(Event),
}

fn classify(line: &str) -> Option<Line> {
    let message: Value = serde_json::from_str(line).ok()?;
    if let Some(value) = message.get("return") {
        return Some(Line::Answer(Ok(value.clone())));
    }
    if let Some(error) = message.get("error") {
        let reason = error.get("desc").and_then(Value::as_str).unwrap_or("error");
        return Some(Line::Answer(Err(reason.to_owned())));
    }
    let name = message.get("event")?.as_str()?.to_owned();
    let data = message.get("data").cloned().unwrap_or(Value::Null);
    Some(Line::Event(Event { name, data }))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_told_apart() {
        assert!(matches!(classify(r#"{"return": {}}"#), Some(Line::Answer(Ok(_)))));
        let Some(Line::Answer(Err(reason))) = classify(r#"{"error": {"desc": "no"}}"#) else {
            panic!("not an error");
        };
        assert_eq!(reason, "no");
        let text = r#"{"event": "SHUTDOWN", "data": {"reason": "guest-reset"}}"#;
        assert!(matches!(classify(text), Some(Line::Event(event)) if event.name == "SHUTDOWN"));
        assert!(classify(r#"{"QMP": {}}"#).is_none());
        assert!(classify("garbage").is_none());
    }
}
