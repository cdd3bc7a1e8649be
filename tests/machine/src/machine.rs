//! One running machine.

use std::fs::File;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::exit::{Ending, Evidence, Exit, has_triple_fault};
use crate::folder::{connect, make_run_folder, read_log, read_messages, remove_folder};
use crate::options::{Options, QEMU};
use crate::qmp::{Event, Qmp};
use crate::serial::SerialLog;
use crate::text::last_lines;
use crate::{MachineError, PROMPT};

/// Lines of serial output shown in an error.
const TAIL_LINES: usize = 30;
/// How long QEMU may take to open its sockets.
const START_LIMIT: Duration = Duration::from_secs(30);
/// Most bytes typed before their echo is waited for: what a 16550's FIFO holds.
const PIECE: usize = 16;
/// How long an echo is waited for; programs that do not echo get the next piece after it.
const ECHO_LIMIT: Duration = Duration::from_millis(500);

/// A running machine. Dropping it ends QEMU and removes its folder.
pub struct Machine {
    child: Child,
    serial: UnixStream,
    log: SerialLog,
    /// How much of the serial text has been looked at, in bytes.
    position: usize,
    qmp: Qmp,
    /// How long QEMU's log was when the machine began to run: the resets at power-on are before it.
    log_start: usize,
    run_folder: PathBuf,
    exit: Option<Exit>,
}

impl Machine {
    /// Starts QEMU.
    ///
    /// # Errors
    /// [`MachineError::Start`] with QEMU's words if it does not come up.
    pub fn start(options: &Options) -> Result<Machine, MachineError> {
        Machine::start_watched(options, None)
    }

    /// Starts QEMU and copies everything the serial line says to `watcher`.
    ///
    /// # Errors
    /// [`MachineError::Start`] with QEMU's words if it does not come up.
    pub fn start_watched(options: &Options, watcher: Option<Box<dyn Write + Send>>) -> Result<Machine, MachineError> {
        let run_folder = make_run_folder(&options.run_root)?;
        let started = Machine::start_in(options, &run_folder, watcher);
        if started.is_err() {
            remove_folder(&run_folder);
        }
        started
    }

    fn start_in(
        options: &Options,
        run_folder: &Path,
        watcher: Option<Box<dyn Write + Send>>,
    ) -> Result<Machine, MachineError> {
        let failed = |what: &str, error: std::io::Error| MachineError::Start(format!("{what}: {error}"));
        let messages = File::create(run_folder.join("messages")).map_err(|error| failed("run folder", error))?;
        let mut child = Command::new(QEMU)
            .args(options.arguments(run_folder)?)
            .current_dir(run_folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(messages)
            .spawn()
            .map_err(|error| failed(QEMU, error))?;
        let serial = run_folder.join("serial.sock");
        let connected = retry(&mut child, "serial line", || connect(&serial)).and_then(|serial| {
            let input = serial.try_clone().map_err(|error| format!("serial line: {error}"))?;
            let log = SerialLog::default();
            let reading = log.clone();
            std::thread::spawn(move || reading.read_all(input, watcher));
            let socket = run_folder.join("qmp.sock");
            let qmp = retry(&mut child, "QMP", || Qmp::connect(&socket))?;
            Ok((serial, log, qmp))
        });
        match connected {
            Ok((serial, log, qmp)) => Ok(Machine {
                child,
                serial,
                log,
                position: 0,
                qmp,
                log_start: read_log(run_folder).len(),
                run_folder: run_folder.to_owned(),
                exit: None,
            }),
            Err(reason) => {
                end(&mut child);
                let messages = read_messages(run_folder);
                Err(MachineError::Start(format!("{reason}\n{messages}")))
            }
        }
    }

    /// The machine's folder: sockets and logs, removed with the machine.
    #[must_use]
    pub fn run_folder(&self) -> &Path {
        &self.run_folder
    }

    /// The QMP connection: keys, screenshots, memory.
    pub fn qmp(&mut self) -> &mut Qmp {
        &mut self.qmp
    }

    /// Everything the serial line said, without colours.
    #[must_use]
    pub fn text(&self) -> String {
        self.log.lock().text.clone()
    }

    /// Everything the serial line said, byte for byte.
    #[must_use]
    pub fn raw_output(&self) -> Vec<u8> {
        self.log.lock().raw.clone()
    }

    /// The last serial lines, for reports.
    #[must_use]
    pub fn last_lines(&self) -> String {
        last_lines(&self.log.lock().text, TAIL_LINES)
    }

    /// What the serial line said and no wait has looked at yet.
    #[must_use]
    pub fn unread(&self) -> String {
        self.log.lock().text.get(self.position..).unwrap_or("").to_owned()
    }

    /// How often the guest was reset.
    #[must_use]
    pub fn resets(&self) -> usize {
        let is_guest_reset = |event: &Event| event.name == "RESET" && event.data["guest"] == true;
        self.qmp.events().iter().filter(|event| is_guest_reset(event)).count()
    }

    /// Whether the guest's software triple-faulted since the start. TCG tells; KVM does not.
    #[must_use]
    pub fn has_triple_faulted(&self) -> bool {
        let log = read_log(&self.run_folder);
        log.get(self.log_start..).is_some_and(has_triple_fault)
    }

    /// Sends bytes to the serial line at once.
    ///
    /// # Errors
    /// [`MachineError::Serial`] if QEMU closed the line.
    pub fn send(&mut self, bytes: &[u8]) -> Result<(), MachineError> {
        self.serial.write_all(bytes).map_err(|error| MachineError::Serial(error.to_string()))
    }

    /// Types text on the serial line, in pieces, each after the echo of the one before. A line feed presses Enter.
    ///
    /// # Errors
    /// [`MachineError::Serial`] if QEMU closed the line.
    pub fn type_text(&mut self, text: &str) -> Result<(), MachineError> {
        for piece in text.replace('\n', "\r").as_bytes().chunks(PIECE) {
            let echoed = self.log.lock().raw.len() + piece.len();
            self.send(piece)?;
            self.log.wait(ECHO_LIMIT, |received| (received.raw.len() >= echoed).then_some(()));
        }
        Ok(())
    }

    /// Waits for a text on the serial line, after what earlier waits found; returns what came before it.
    ///
    /// # Errors
    /// If it does not come in time, the machine ends, or the kernel panics.
    pub fn wait_for(&mut self, wanted: &str, limit: Duration) -> Result<String, MachineError> {
        let start = self.position;
        let found = self.log.wait(limit, |received| {
            let new = received.text.get(start..)?;
            new.find(wanted).map(|at| new[..at].to_owned())
        });
        match found {
            Some(before) => {
                self.position = start + before.len() + wanted.len();
                Ok(before)
            }
            None => Err(self.missing(format!("the text {wanted:?}"), limit)),
        }
    }

    /// Waits for the shell's prompt; returns what came before it.
    ///
    /// # Errors
    /// As [`Machine::wait_for`].
    pub fn wait_for_prompt(&mut self, limit: Duration) -> Result<String, MachineError> {
        self.wait_for(PROMPT, limit)
    }

    /// Types a command at the prompt, waits for the next prompt, and returns what the command printed.
    ///
    /// # Errors
    /// As [`Machine::wait_for`].
    pub fn command(&mut self, line: &str, limit: Duration) -> Result<String, MachineError> {
        self.position = self.log.lock().text.len();
        self.type_text(line)?;
        self.send(b"\r")?;
        self.wait_for("\n", limit)?;
        // The prompt counts only at the start of a line: a line editor may draw it again while a line is typed.
        self.position -= 1;
        let output = self.wait_for(&format!("\n{PROMPT}"), limit)?;
        Ok(output.strip_prefix('\n').unwrap_or(&output).to_owned())
    }

    /// How the machine ended, if it has.
    ///
    /// # Errors
    /// [`MachineError::Start`] if its status cannot be asked for.
    pub fn try_exit(&mut self) -> Result<Option<Exit>, MachineError> {
        if self.exit.is_none()
            && let Some(status) = self.child.try_wait().map_err(|error| MachineError::Start(error.to_string()))?
        {
            // What QEMU wrote before it ended may still be on its way through the reading threads.
            self.log.wait(Duration::from_secs(1), |received| received.closed.then_some(()));
            let shutdown = |event: &Event| event.name == "SHUTDOWN";
            let evidence = Evidence {
                status: status.code(),
                shutdown_reason: self
                    .qmp
                    .events()
                    .into_iter()
                    .rfind(shutdown)
                    .and_then(|event| event.data["reason"].as_str().map(str::to_owned)),
                triple_fault: self.has_triple_faulted(),
            };
            self.exit = Some(Exit {
                ending: evidence.ending(),
                status: status.code(),
                messages: read_messages(&self.run_folder),
            });
        }
        Ok(self.exit.clone())
    }

    /// Waits for the machine to end.
    ///
    /// # Errors
    /// [`MachineError::Timeout`] if it does not.
    pub fn wait_for_exit(&mut self, limit: Duration) -> Result<Exit, MachineError> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(exit) = self.try_exit()? {
                return Ok(exit);
            }
            if Instant::now() >= deadline {
                return Err(self.missing("the end of the machine".into(), limit));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Ends QEMU now.
    pub fn kill(&mut self) {
        end(&mut self.child);
    }

    fn missing(&mut self, wanted: String, limit: Duration) -> MachineError {
        // The serial line closes a moment before the process is gone.
        let patience = if self.log.lock().closed { 100 } else { 1 };
        for _ in 0..patience {
            if let Ok(Some(exit)) = self.try_exit() {
                if exit.ending == Ending::Panic {
                    return MachineError::Panic { tail: self.last_lines() };
                }
                let ending = format!("{} {}", exit.ending, exit.messages);
                return MachineError::Ended { wanted, ending: ending.trim_end().to_owned(), tail: self.last_lines() };
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        MachineError::Timeout { wanted, limit, tail: self.last_lines() }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        end(&mut self.child);
        remove_folder(&self.run_folder);
    }
}

fn end(child: &mut Child) {
    // Both fail only if the process has already ended, which is what is wanted.
    let _ = child.kill();
    let _ = child.wait();
}

/// Tries `open` until it succeeds, QEMU ends, or the limit passes: the sockets appear one after the other. Fails with
/// the reason.
fn retry<T, E: std::fmt::Display>(
    child: &mut Child,
    what: &str,
    mut open: impl FnMut() -> Result<T, E>,
) -> Result<T, String> {
    let deadline = Instant::now() + START_LIMIT;
    loop {
        let error = match open() {
            Ok(opened) => return Ok(opened),
            Err(error) => error,
        };
        if let Ok(Some(status)) = child.try_wait() {
            return Err(format!("QEMU ended at once ({status})"));
        }
        if Instant::now() >= deadline {
            return Err(format!("{what}: {error}"));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
