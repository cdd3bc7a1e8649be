//! The thread that talks to the log server, so that the supervisor need not.
//!
//! It runs at the priority of the supervisor thread, and shares with it a queue behind a lock that is never held
//! over a call to another process.

use alloc::string::String;
use alloc::sync::Arc;
use core::mem::ManuallyDrop;

use airox_api::CallError;
use airox_api::log::{Level, LogClient, LogError, MAX_TEXT};
use airox_bundle::system::FileGrant;
use airox_init::files_queue::FilesQueue;
use airox_init::journal::{Journal, Severity};
use airox_init::queue::{Job, Order, Queue};
use airox_rt::logging::debug_write;
use airox_rt::sync::Mutex;
use airox_rt::{Error, Handle, Port, Signal, TypedHandle, thread};
use airox_spawn::fault::parts;

use crate::files_forwarder::FilesForwarder;

const WAKE: u64 = 1;

/// What both threads share.
struct Shared {
    queue: Mutex<Queue>,
    wake: Signal,
}

/// The supervisor's side.
pub struct Forwarder(Arc<Shared>, FilesForwarder);

impl Forwarder {
    /// Starts the thread.
    pub fn start() -> Result<Forwarder, Error> {
        let shared = Arc::new(Shared { queue: Mutex::new(Queue::new()), wake: Signal::create()? });
        let other = Arc::clone(&shared);
        let _runs_forever = thread::spawn(move || forward(&other))?;
        Ok(Forwarder(shared, FilesForwarder::start()?))
    }

    fn wake(&self) {
        // Init's own signal; there is nothing to do if it were gone.
        let _ = self.0.wake.notify(WAKE);
    }
}

impl Journal for Forwarder {
    fn say(&mut self, severity: Severity, text: &str) {
        let level = match severity {
            Severity::Info => Level::Info,
            Severity::Warning => Level::Warn,
            Severity::Error => Level::Error,
        };
        let mut queue = self.0.queue.lock();
        // Failures also go to the kernel's UART, which is silent once a driver owns it: what fails before there is a console
        // would be seen by nobody.
        if !queue.has_log() || severity != Severity::Info {
            print(text);
        }
        // What is said before there is a log belongs there too: later nobody looks at the UART.
        for part in parts(text, MAX_TEXT) {
            queue.push(level, part.into());
        }
        drop(queue);
        self.wake();
    }

    fn log_started(&mut self, port: Handle) {
        self.0.queue.lock().log_started(port);
        self.wake();
    }

    fn log_ended(&mut self) {
        let unsent = self.0.queue.lock().log_ended();
        for (_, text) in unsent {
            print(&text);
        }
    }

    fn name(&mut self, badge: u64, name: &str) {
        self.0.queue.lock().name(badge, name);
        self.wake();
    }

    fn forget(&mut self, badge: u64) {
        self.0.queue.lock().forget(badge);
    }

    fn files_started(&mut self, port: Handle) {
        self.1.put(|queue| queue.started(port));
    }

    fn files_ended(&mut self) {
        self.1.put(FilesQueue::gone);
    }

    fn admit(&mut self, badge: u64, files: &[FileGrant]) {
        self.1.put(|queue| queue.admit(badge, files.to_vec()));
    }

    fn release(&mut self, badge: u64) {
        self.1.put(|queue| queue.release(badge));
    }
}

fn forward(shared: &Shared) {
    loop {
        // Not in the loop's head: the lock must be free while the log server is called.
        let next = shared.queue.lock().take();
        match next {
            Some(order) => send(shared, order),
            None => {
                if shared.wake.wait(WAKE).is_err() {
                    return;
                }
            }
        }
    }
}

fn send(shared: &Shared, order: Order) {
    // The handle is the supervisor's, not this client's.
    let client = ManuallyDrop::new(LogClient::new(Port::from_raw(order.port)));
    let sent = match &order.job {
        Job::Name(badge, name) => client.register(*badge, name),
        Job::Write(level, text) => client.write(*level, text),
    };
    let lost = match sent {
        Ok(()) => None,
        Err(CallError::Service(LogError::Full)) => None,
        Err(CallError::ServerDied) => shared.queue.lock().failed(order),
        Err(_) => Some(order.job),
    };
    if let Some(Job::Write(_, text)) = lost {
        print(&text);
    }
}

/// Writes a line to the kernel's UART.
fn print(text: &str) {
    let mut line = String::with_capacity(text.len() + 8);
    line.push_str("init: ");
    line.push_str(text);
    line.push('\n');
    debug_write(&line);
}
