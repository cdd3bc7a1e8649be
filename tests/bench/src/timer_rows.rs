//! The rows that measure how late a timer's thread runs.

use airox_bench::protocol::{DISK, DISK_CONTROL, DISK_CONTROL_PORT, IRQ, PORT, PORTS, Role, SERIAL};
use airox_bench::samples::Samples;
use airox_rt::sys::clock;
use airox_rt::{Handle, ObjectKind, Port, Rights};

use crate::house::{Failure, House, NORMAL};
use crate::rows::{Measure, grant};

/// The rows.
pub const ROWS: &[(&str, Measure)] = &[("timer_wake_idle", timer_wake_idle), ("timer_wake_loaded", timer_wake_loaded)];

/// Periods measured.
pub const PERIODS: usize = 10_000;
/// Periods to warm up with.
const WARM_UP: usize = 100;
/// Shortest period, and what it is varied by, in ns.
const SHORTEST_NS: u64 = 20_000;
const VARIATION_NS: u64 = 40_000;
/// By so much each period differs from the one before.
pub const STEP_NS: u64 = 7_919;
/// The bit of the timer.
pub const TIMER: u64 = 1;
/// Priority of what makes load, and of the driver among it.
pub const LOAD: u8 = NORMAL - 50;
const DRIVER: u8 = NORMAL - 40;

fn timer_wake_idle(house: &mut House) -> Result<Samples, Failure> {
    wake(house)
}

fn timer_wake_loaded(house: &mut House) -> Result<Samples, Failure> {
    let port = Port::create(0)?;
    let serve = [grant(PORT, &port, ObjectKind::Port, Rights::RECEIVE)];
    let call = [grant(PORT, &port, ObjectKind::Port, Rights::SEND)];
    let (ports, irq) = house.device(SERIAL)?;
    let serial = [
        grant(PORTS, &ports, ObjectKind::IoPorts, Rights::CONTROL),
        grant(IRQ, &irq, ObjectKind::Irq, Rights::CONTROL),
    ];
    let (ports, irq) = house.device(DISK)?;
    let control = house.ports(DISK_CONTROL_PORT.0, DISK_CONTROL_PORT.1)?;
    let disk = [
        grant(PORTS, &ports, ObjectKind::IoPorts, Rights::CONTROL),
        grant(DISK_CONTROL, &control, ObjectKind::IoPorts, Rights::CONTROL),
        grant(IRQ, &irq, ObjectKind::Irq, Rights::CONTROL),
    ];
    let _load = [
        house.child_at(Role::Serial, DRIVER, &serial, Handle::NONE)?,
        house.child_at(Role::Disk, DRIVER, &disk, Handle::NONE)?,
        house.child_at(Role::Echo, LOAD, &serve, Handle::NONE)?,
        house.child_at(Role::Caller, LOAD, &call, Handle::NONE)?,
        house.child_at(Role::Caller, LOAD, &call, Handle::NONE)?,
        house.child_at(Role::Churner, LOAD, &[], Handle::NONE)?,
        house.child_at(Role::Churner, LOAD, &[], Handle::NONE)?,
    ];
    house.pause()?;
    wake(house)
}

/// Sleeps again and again.
fn wake(house: &House) -> Result<Samples, Failure> {
    let (warm_up, periods) = (house.rounds(WARM_UP), house.rounds(PERIODS));
    let mut samples = house.samples(periods);
    for period in 0..warm_up + periods {
        // Periods of all lengths, so that the timer meets the load everywhere.
        let length = SHORTEST_NS + (period as u64 * STEP_NS) % VARIATION_NS;
        let wake = sleep(house, length, TIMER)?;
        if period >= warm_up {
            samples.add(0, wake.late);
        }
    }
    Ok(samples)
}

/// A wake-up.
pub struct Wake {
    /// When it was due, in ns.
    pub deadline: u64,
    /// How late it was, in ticks, if it was the timer's.
    pub late: u64,
    /// The same in nanoseconds.
    pub late_ns: u64,
    /// The bits that woke the thread.
    pub bits: u64,
}

/// Sets the timer, waits for one of these bits, and compares the counter with what it is at the deadline.
#[inline(always)]
pub fn sleep(house: &House, length_ns: u64, mask: u64) -> Result<Wake, Failure> {
    let deadline = clock::nanoseconds() + length_ns;
    house.signal.set_timer(deadline, TIMER)?;
    let bits = house.signal.wait(mask)?;
    let late_ns = clock::nanoseconds().saturating_sub(deadline);
    let late = u128::from(late_ns) * u128::from(clock::ticks_per_second()) / 1_000_000_000;
    Ok(Wake { deadline, late: late as u64, late_ns, bits })
}
