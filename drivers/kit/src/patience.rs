//! Waiting for the device's interrupt.

use airox_driver_traits::patience::Patience;
use airox_rt::time::Instant;
use airox_rt::{Irq, Signal};

use crate::{Device, KitError};

const INTERRUPT: u64 = 1 << 0;
const TIME: u64 = 1 << 1;

/// Waits for a device's first interrupt, so many nanoseconds at most.
#[derive(Debug)]
pub struct InterruptPatience {
    signal: Signal,
    irq: Irq,
    longest: u64,
    deadline: u64,
}

impl InterruptPatience {
    /// Takes the interrupt.
    ///
    /// # Errors
    /// The device has none.
    pub fn new(device: &Device, longest: u64) -> Result<InterruptPatience, KitError> {
        let signal = Signal::create()?;
        let irq = device.interrupt(0, &signal, INTERRUPT)?;
        Ok(InterruptPatience { signal, irq, longest, deadline: 0 })
    }
}

impl Patience for InterruptPatience {
    fn begin(&mut self) {
        self.deadline = Instant::now().as_nanoseconds().saturating_add(self.longest);
    }

    fn wait(&mut self) -> bool {
        // What interrupted before has been looked at by now.
        let waited = self.irq.acknowledge().and_then(|()| self.signal.set_timer(self.deadline, TIME));
        let bits = waited.and_then(|()| self.signal.wait(INTERRUPT | TIME));
        bits.is_ok_and(|bits| bits & INTERRUPT != 0 || Instant::now().as_nanoseconds() < self.deadline)
    }
}
