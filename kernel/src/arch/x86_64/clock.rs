//! How fast the TSC runs.
//!
//! If the CPU does not tell, it is measured once, over [`WINDOW`], against the ACPI power-management timer, whose frequency the standard
//! fixes. Only hardware-reduced PCs lack it, and their CPUs tell.

use super::features::Features;
use super::firmware::Firmware;
use super::local_apic::LocalApic;
use airox_kernel::ticks::{Rate, per_second};
use core::arch::x86_64::_rdtsc;
use core::hint::spin_loop;
use x86_64::instructions::port::PortReadOnly;

/// Length of the measurement, as a fraction of a second: 2 ms.
const WINDOW: u64 = 500;
/// Hertz of the power-management timer (ACPI 6.5, 4.8.3.3).
const HERTZ: u64 = 3_579_545;
/// Reference and TSC are read together as the reference steps; of this many steps, the one read in the least time counts.
const STEPS: usize = 4;

/// The TSC.
pub fn now() -> u64 {
    // SAFETY: every x86_64 CPU has a TSC, and ring 0 may read it.
    unsafe { _rdtsc() }
}

/// The ACPI power-management timer: counts up.
struct Reference {
    port: u16,
    mask: u64,
}

impl Reference {
    fn read(&self) -> u64 {
        // SAFETY: the FADT says the timer is at this port; reading it changes nothing.
        u64::from(unsafe { PortReadOnly::<u32>::new(self.port).read() }) & self.mask
    }

    /// How far it has come from one value to another.
    fn distance(&self, from: u64, to: u64) -> u64 {
        to.wrapping_sub(from) & self.mask
    }

    /// TSC, reference and APIC count at one time, as nearly as can be: just after a step of the reference.
    fn sample(&self, apic: &LocalApic) -> (u64, u64, u32) {
        let step = |_| {
            let last = self.read();
            loop {
                let before = now();
                let value = self.read();
                let after = now();
                if value != last {
                    return (after - before, (after, value, apic.counted()));
                }
            }
        };
        (0..STEPS).map(step).min_by_key(|&(time, _)| time).expect("no step").1
    }
}

/// The TSC's ticks a second; also sets the rate of the APIC timer, if it needs one.
///
/// # Panics
/// If something has to be measured and there is no timer to measure it against, or one does not run.
pub fn calibrate(firmware: &Firmware, apic: &mut LocalApic) -> u64 {
    let &Features { tsc_frequency, tsc_deadline, .. } = Features::get();
    match tsc_frequency {
        Some(frequency) if tsc_deadline => return frequency,
        _ => {}
    }
    let (port, wide) =
        firmware.timer.expect("the CPU does not tell how fast its timers run, and there is no ACPI timer");
    let reference = Reference { port, mask: if wide { 0xffff_ffff } else { 0xff_ffff } };
    apic.start_count();
    let start = reference.sample(apic);
    while reference.distance(start.1, reference.read()) < HERTZ / WINDOW {
        spin_loop();
    }
    let end = reference.sample(apic);
    let ticks = end.0 - start.0;
    if !tsc_deadline {
        let rate = Rate::new(u64::from(end.2.wrapping_sub(start.2)), ticks);
        apic.set_rate(rate.expect("the APIC timer does not count"));
    }
    let measured = per_second(ticks, reference.distance(start.1, end.1), HERTZ);
    assert!(measured > 0, "the TSC does not count");
    tsc_frequency.unwrap_or(measured)
}
