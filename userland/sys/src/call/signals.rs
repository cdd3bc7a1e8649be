//! Signals and time.

use super::arg;
use crate::stub::simple;
use airox_abi::{Error, Handle, SystemCall};

/// ORs bits into a signal.
#[inline(always)]
pub fn notify(signal: Handle, bits: u64) -> Result<(), Error> {
    simple(SystemCall::Notify, [arg(signal), bits, 0, 0, 0, 0]).map(drop)
}

/// Waits until a bit of `mask` is set; takes and returns those.
#[inline(always)]
pub fn wait(signal: Handle, mask: u64) -> Result<u64, Error> {
    simple(SystemCall::Wait, [arg(signal), mask, 0, 0, 0, 0]).map(|values| values[0])
}

/// Takes and returns the bits of `mask` that are set, without waiting.
pub fn poll(signal: Handle, mask: u64) -> Result<u64, Error> {
    simple(SystemCall::Poll, [arg(signal), mask, 0, 0, 0, 0]).map(|values| values[0])
}

/// Sets the signal's one-shot timer: `deadline` in nanoseconds since boot, `u64::MAX` stops it.
pub fn timer_set(signal: Handle, deadline: u64, bits: u64) -> Result<(), Error> {
    simple(SystemCall::TimerSet, [arg(signal), deadline, bits, 0, 0, 0]).map(drop)
}
