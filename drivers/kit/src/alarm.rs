//! The timer of a driver's signal, set only when what it is to wait for changed.

use airox_rt::{Error, Signal};

/// What the timer of a signal is set to.
#[derive(Debug, Default)]
pub struct Alarm(Option<u64>);

impl Alarm {
    /// It went off: it is one-shot.
    pub fn rang(&mut self) {
        self.0 = None;
    }

    /// Has `bits` notified at a time in nanoseconds since boot, or never.
    ///
    /// # Errors
    /// The signal is not the program's own.
    pub fn set(&mut self, signal: &Signal, at: Option<u64>, bits: u64) -> Result<(), Error> {
        if at == self.0 {
            return Ok(());
        }
        self.0 = at;
        match at {
            Some(at) => signal.set_timer(at, bits),
            None => signal.stop_timer(),
        }
    }
}
