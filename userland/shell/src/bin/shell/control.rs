//! What the shell's main thread waits for: one signal, one bit for each kind of news.
//!
//! The console notifies Ctrl-C. A console that was started anew while a command runs knows nothing of this signal, and no call of
//! the shell fails to tell it so; therefore a long wait registers the signal again every [`REGISTER_NS`]. Ctrl-C
//! belongs to the shell: it decides what becomes of the foreground program.

use airox_api::console::ConsoleClient;
use airox_rt::sys::clock;
use airox_rt::time::Instant;
use airox_rt::{Error, Port, Signal};
use airox_shell::services::{Host, Waited};
use alloc::rc::Rc;

/// Ctrl-C, notified by the console.
pub const INTERRUPT: u64 = 1 << 0;
/// The timer: the end of a sleep, or time to register at the console again.
const TIMER: u64 = 1 << 1;
/// A program ended.
pub const PROCESS: u64 = 1 << 2;
/// The log has news.
pub const LOG: u64 = 1 << 3;
/// A device that is watched has news.
pub const NEWS: u64 = 1 << 4;

/// Nanoseconds between two registrations at the console during one wait.
const REGISTER_NS: u64 = 1_000_000_000;

/// The signal, and the console that notifies it.
pub struct Control {
    pub signal: Signal,
    pub console: ConsoleClient,
}

impl Control {
    pub fn new(console: Port) -> Result<Control, Error> {
        Ok(Control { signal: Signal::create()?, console: ConsoleClient::new(console) })
    }

    /// Waits for news of this kind, or Ctrl-C.
    pub fn wait(&self, bit: u64) -> Waited<()> {
        self.wait_until(bit, u64::MAX)
    }

    /// Waits for news of this kind, Ctrl-C or the time `deadline`.
    fn wait_until(&self, bit: u64, deadline: u64) -> Waited<()> {
        loop {
            let next = Instant::now().as_nanoseconds().saturating_add(REGISTER_NS);
            let next = deadline.min(next);
            let waited = self.signal.set_timer(next, TIMER).and_then(|()| self.signal.wait(bit | INTERRUPT | TIMER));
            match waited {
                // A signal of one's own cannot fail; if it did, the person at the console gets it back.
                Err(_) => return Waited::Interrupted,
                Ok(bits) if bits & INTERRUPT != 0 => return Waited::Interrupted,
                Ok(bits) if bits & bit != 0 => return Waited::Done(()),
                Ok(_) if Instant::now().as_nanoseconds() >= deadline => return Waited::Done(()),
                // If it is dead just now, it is told the next time.
                Ok(_) => drop(self.console.interrupt_signal(Some(&self.signal), INTERRUPT)),
            }
        }
    }
}

/// Time and Ctrl-C.
pub struct HostService(pub Rc<Control>);

impl Host for HostService {
    fn uptime_ns(&mut self) -> u64 {
        Instant::now().as_nanoseconds()
    }

    fn ticks(&mut self) -> u64 {
        clock::ticks()
    }

    fn ticks_per_second(&mut self) -> u64 {
        clock::ticks_per_second()
    }

    fn sleep(&mut self, ns: u64) -> Waited<()> {
        let deadline = Instant::now().as_nanoseconds().saturating_add(ns);
        self.0.wait_until(0, deadline)
    }

    fn interrupted(&mut self) -> bool {
        let bits = self.0.signal.poll(INTERRUPT);
        bits.is_ok_and(|bits| bits != 0)
    }
}
