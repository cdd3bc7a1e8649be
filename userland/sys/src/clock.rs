//! The time without a system call: the TSC and the kernel's clock page.

#[cfg(feature = "guest")]
use airox_abi::info::ClockPage;

/// The time-stamp counter.
#[inline]
#[must_use]
pub fn ticks() -> u64 {
    // SAFETY: 1. every x86_64 CPU has `rdtsc`; 2. the kernel does not forbid it to ring 3 (CR4.TSD clear).
    unsafe { core::arch::x86_64::_rdtsc() }
}

/// Nanoseconds since boot.
#[cfg(feature = "guest")]
#[inline]
#[must_use]
pub fn nanoseconds() -> u64 {
    page().nanoseconds(ticks())
}

/// TSC ticks a second.
#[cfg(feature = "guest")]
#[must_use]
pub fn ticks_per_second() -> u64 {
    page().ticks_per_second
}

#[cfg(feature = "guest")]
#[inline]
fn page() -> &'static ClockPage {
    // SAFETY:
    // 1. The kernel maps the clock page read-only at this address in every process, for its whole life.
    // 2. Its values never change after boot.
    // 3. Any bit pattern is a `ClockPage`.
    unsafe { &*(airox_abi::layout::CLOCK_PAGE as *const ClockPage) }
}

/// On the host there is no clock page: one tick is taken as one nanosecond.
#[cfg(not(feature = "guest"))]
#[must_use]
pub fn nanoseconds() -> u64 {
    ticks()
}

/// On the host one tick is taken as one nanosecond.
#[cfg(not(feature = "guest"))]
#[must_use]
pub fn ticks_per_second() -> u64 {
    1_000_000_000
}
