//! Waiting for a device that interrupts when it is done, for a bounded time: for drivers whose device does one thing at a time, and soon.

/// Waits for a device's interrupt.
pub trait Patience {
    /// Something begins: how long it may take counts from now.
    fn begin(&mut self);

    /// Waits for an interrupt; `false` if it has taken too long.
    fn wait(&mut self) -> bool;
}
