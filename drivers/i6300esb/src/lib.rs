//! The watchdog of Intel's 6300ESB I/O controller hub, as QEMU has it, too.
//!
//! # Principles
//! - The counter goes through two stages, the first of which could interrupt somebody. Nobody is: who does not feed has no use for a warning. Both stages are half
//!   of the timeout.
//! - Once it runs it is locked: not even its driver can stop it, only a reset of the machine.
//! - Whether it runs is asked of the device each time. One that is gone reads as all ones, and does not run.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate alloc;

#[cfg(test)]
mod model;
pub mod registers;
#[cfg(test)]
mod tests;

use airox_driver_traits::registers::Registers;
use airox_driver_traits::watchdog::{WatchdogError, WatchdogTimer};
use core::ops::RangeInclusive;

use registers::{
    CONFIGURATION, LOCK, MOST_PRELOAD, PRELOAD_1, PRELOAD_2, RELOAD, STEP_NS, UNLOCK, configuration, lock, reload,
};

const MILLISECOND: u64 = 1_000_000;
/// Two steps, one for each stage.
const LEAST_MS: u32 = 2;
const MOST_MS: u32 = (2 * MOST_PRELOAD as u64 * STEP_NS / MILLISECOND) as u32;

/// The watchdog: its registers, and its configuration space.
#[derive(Debug)]
pub struct I6300esb<R, C> {
    registers: R,
    configuration: C,
}

impl<R: Registers, C: Registers> I6300esb<R, C> {
    /// The watchdog as it is: it may run already.
    pub const fn new(registers: R, configuration: C) -> I6300esb<R, C> {
        I6300esb { registers, configuration }
    }

    /// The next write is taken.
    fn unlock(&mut self) {
        for key in UNLOCK {
            self.registers.write_u16(RELOAD, key);
        }
    }
}

impl<R: Registers, C: Registers> WatchdogTimer for I6300esb<R, C> {
    fn timeouts(&self) -> RangeInclusive<u32> {
        LEAST_MS..=MOST_MS
    }

    fn is_running(&mut self) -> bool {
        let bits = self.configuration.read_u8(LOCK);
        bits != u8::MAX && bits & lock::RUNNING != 0
    }

    fn has_reset(&mut self) -> bool {
        let bits = self.registers.read_u16(RELOAD);
        bits != u16::MAX && bits & reload::HAS_RESET != 0
    }

    fn forget_reset(&mut self) {
        self.unlock();
        self.registers.write_u16(RELOAD, reload::HAS_RESET);
    }

    fn run(&mut self, timeout_ms: u32) -> Result<(), WatchdogError> {
        let steps = (u64::from(timeout_ms) * MILLISECOND).div_ceil(STEP_NS);
        let first = steps / 2;
        for (register, count) in [(PRELOAD_1, first), (PRELOAD_2, steps - first)] {
            self.unlock();
            self.registers.write_u32(register, (count as u32).min(MOST_PRELOAD));
        }
        let kept = self.configuration.read_u16(CONFIGURATION) & !(configuration::FAST | configuration::NO_RESET);
        self.configuration.write_u16(CONFIGURATION, kept | configuration::NO_INTERRUPT);
        self.feed();
        if !self.is_running() {
            self.configuration.write_u8(LOCK, lock::RUNNING | lock::LOCKED);
        }
        if self.is_running() { Ok(()) } else { Err(WatchdogError::Device) }
    }

    fn feed(&mut self) {
        self.unlock();
        self.registers.write_u16(RELOAD, reload::FEED);
    }
}
