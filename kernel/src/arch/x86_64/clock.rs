//! How fast the TSC runs.
//!
//! If the CPU does not tell, it is measured once, over [`WINDOW`], against a timer whose frequency the PC's standards fix: the ACPI
//! power-management timer, else the 8254.

use super::firmware::Firmware;
use super::local_apic::LocalApic;
use airox_kernel::ticks::{Rate, per_second};
use core::arch::x86_64::_rdtsc;
use x86_64::instructions::port::{Port, PortReadOnly};

/// Length of the measurement, as a fraction of a second: 2 ms.
const WINDOW: u64 = 500;
/// Hertz of the power-management timer (ACPI 6.5, 4.8.3.3).
const ACPI_HERTZ: u64 = 3_579_545;
/// Hertz of the 8254.
const PIT_HERTZ: u64 = 1_193_182;
/// Reference and TSC are read together as the reference steps; of this many steps, the one read in the least time counts.
const STEPS: usize = 4;

/// The TSC.
pub fn now() -> u64 {
    // SAFETY: every x86_64 CPU has a TSC, and ring 0 may read it.
    unsafe { _rdtsc() }
}

/// A counter of known frequency.
trait Reference {
    const HERTZ: u64;
    /// Its value, counting up.
    fn read(&mut self) -> u64;
    /// From one value to a later one.
    fn elapsed(&self, from: u64, to: u64) -> u64;
}

struct AcpiTimer {
    port: PortReadOnly<u32>,
    mask: u64,
}

impl Reference for AcpiTimer {
    const HERTZ: u64 = ACPI_HERTZ;

    fn read(&mut self) -> u64 {
        // SAFETY: the FADT says the timer is at this port; reading it changes nothing.
        u64::from(unsafe { self.port.read() }) & self.mask
    }

    fn elapsed(&self, from: u64, to: u64) -> u64 {
        to.wrapping_sub(from) & self.mask
    }
}

/// Channel 2 of the 8254, whose gate and output the system control port (0x61) has, counting down from 65535 once.
struct Pit {
    count: Port<u8>,
    command: Port<u8>,
}

impl Pit {
    fn start() -> Pit {
        let mut pit = Pit { count: Port::new(0x42), command: Port::new(0x43) };
        let mut control: Port<u8> = Port::new(0x61);
        // SAFETY: every PC has these ports; channel 2 drives only the speaker, which bit 1 of port 0x61 keeps off.
        unsafe {
            let gate = control.read() & !0b11;
            control.write(gate | 1);
            // Channel 2, both bytes, mode 0 (count down once), binary.
            pit.command.write(0b1011_0000);
            pit.count.write(0xff);
            pit.count.write(0xff);
        }
        pit
    }
}

impl Reference for Pit {
    const HERTZ: u64 = PIT_HERTZ;

    fn read(&mut self) -> u64 {
        // SAFETY: as in `start`; the command latches the count of channel 2, the two reads take it.
        let left = unsafe {
            self.command.write(0b1000_0000);
            u16::from(self.count.read()) | u16::from(self.count.read()) << 8
        };
        u64::from(u16::MAX - left)
    }

    fn elapsed(&self, from: u64, to: u64) -> u64 {
        to.wrapping_sub(from) & 0xffff
    }
}

/// TSC, reference and APIC count at one time, as nearly as can be: just after a step of the reference.
fn sample(reference: &mut impl Reference, apic: &LocalApic) -> (u64, u64, u32) {
    let mut best = (u64::MAX, (0, 0, 0));
    let mut last = reference.read();
    let mut steps = 0;
    while steps < STEPS {
        let before = now();
        let value = reference.read();
        let after = now();
        let count = apic.counted();
        if value != last {
            steps += 1;
            if after - before < best.0 {
                best = (after - before, (after, value, count));
            }
        }
        last = value;
    }
    best.1
}

/// Measures; returns the TSC's ticks a second and the APIC timer's rate.
fn measure<R: Reference>(reference: &mut R, apic: &mut LocalApic) -> (u64, Option<Rate>) {
    if apic.needs_rate() {
        apic.start_count();
    }
    let start = sample(reference, apic);
    loop {
        let value = reference.read();
        if reference.elapsed(start.1, value) >= R::HERTZ / WINDOW {
            break;
        }
    }
    let end = sample(reference, apic);
    let ticks = end.0 - start.0;
    (
        per_second(ticks, reference.elapsed(start.1, end.1), R::HERTZ),
        Rate::new(u64::from(end.2.wrapping_sub(start.2)), ticks),
    )
}

/// The TSC's ticks a second; also sets the rate of the APIC timer, if it needs one.
///
/// # Panics
/// If the timer turns out not to run.
pub fn calibrate(frequency: Option<u64>, firmware: &Firmware, apic: &mut LocalApic) -> u64 {
    if let Some(frequency) = frequency
        && !apic.needs_rate()
    {
        return frequency;
    }
    let (measured, rate) = match firmware.timer {
        Some((port, wide)) => measure(
            &mut AcpiTimer { port: PortReadOnly::new(port), mask: if wide { 0xffff_ffff } else { 0xff_ffff } },
            apic,
        ),
        None => measure(&mut Pit::start(), apic),
    };
    if apic.needs_rate() {
        apic.set_rate(rate.expect("the APIC timer does not count"));
    }
    assert!(measured > 0, "the TSC does not count");
    frequency.unwrap_or(measured)
}
