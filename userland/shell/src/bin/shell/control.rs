//! What the shell's main thread waits for: one signal, one bit for each kind of news.

use airox_rt::time::Instant;
use airox_rt::{Error, Signal};
use airox_shell::services::{Host, Waited};
use alloc::rc::Rc;
use core::time::Duration;

/// Ctrl-C, notified by the console.
pub const INTERRUPT: u64 = 1 << 0;
/// The timer of a sleep.
const TIMER: u64 = 1 << 1;
/// A program ended.
pub const PROCESS: u64 = 1 << 2;
/// The log has news.
pub const LOG: u64 = 1 << 3;

/// The signal.
pub struct Control {
    pub signal: Signal,
}

impl Control {
    pub fn new() -> Result<Control, Error> {
        Signal::create().map(|signal| Control { signal })
    }

    /// Waits for news of this kind, or Ctrl-C.
    pub fn wait(&self, bit: u64) -> Waited<()> {
        match self.signal.wait(bit | INTERRUPT) {
            Ok(bits) if bits & INTERRUPT == 0 => Waited::Done(()),
            // A signal of one's own cannot fail; if it did, the person at the console gets it back.
            Ok(_) | Err(_) => Waited::Interrupted,
        }
    }
}

/// Time and Ctrl-C.
pub struct HostService(pub Rc<Control>);

impl Host for HostService {
    fn uptime_ns(&mut self) -> u64 {
        Instant::now().as_nanoseconds()
    }

    fn sleep(&mut self, ns: u64) -> Waited<()> {
        let deadline = (Instant::now() + Duration::from_nanos(ns)).as_nanoseconds();
        let signal = &self.0.signal;
        if signal.set_timer(deadline, TIMER).is_err() {
            return Waited::Interrupted;
        }
        let waited = self.0.wait(TIMER);
        // After Ctrl-C the timer is stopped; it may have fired in between.
        let _ = signal.stop_timer();
        let _ = signal.poll(TIMER);
        waited
    }

    fn interrupted(&mut self) -> bool {
        self.0.signal.poll(INTERRUPT).is_ok_and(|bits| bits != 0)
    }
}
