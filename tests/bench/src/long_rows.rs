//! The rows that measure how late a timer's thread runs while the kernel does for somebody else what takes long.

use airox_bench::overlap::Overlap;
use airox_bench::protocol::{BEGAN_OFFSET, DESTROYED_PAGES, LONG_ROUNDS, PORT, PROCESS, Role, SHARED, SIGNAL};
use airox_bench::samples::Samples;
use airox_rt::{Handle, MapFlags, Mapping, ObjectKind, Port, Region, Rights, Signal};
use airox_spawn::Grant;

use crate::house::{Child, ENDED, Failure, House};
use crate::rows::{Measure, grant};
use crate::timer_rows::{LOAD, PERIODS, STEP_NS, TIMER, sleep};

/// The rows.
pub const ROWS: &[(&str, Measure)] = &[
    ("timer_wake_destroy", destroy),
    ("timer_wake_processes", |house| beside_one(house, Role::ProcessChurner)),
    ("timer_wake_revoke", |house| beside_one(house, Role::Revoker)),
    ("timer_wake_populate", |house| beside_one(house, Role::Populater)),
    ("timer_wake_unmap", |house| beside_one(house, Role::Unmapper)),
    ("timer_wake_lease_copy", lease_copy),
    ("timer_wake_contiguous", |house| beside_one(house, Role::ContiguousMaker)),
];

/// Shortest period, and what it is varied by, in ns: much shorter than a control loop's, so that some wake-up meets the longest of the kernel's steps.
const SHORTEST_NS: u64 = 8_000;
const VARIATION_NS: u64 = 16_000;

/// Memory for a child's marks.
struct Marks {
    region: Region,
    mapping: Mapping,
}

impl Marks {
    fn new() -> Result<Marks, Failure> {
        let region = Region::create(1)?;
        let mapping = Mapping::new(&region, MapFlags::WRITE)?;
        Ok(Marks { region, mapping })
    }

    fn grant(&self) -> Grant<'static> {
        grant(SHARED, &self.region, ObjectKind::Region, Rights::READ | Rights::WRITE)
    }
}

fn destroy(house: &mut House) -> Result<Samples, Failure> {
    let ready = Signal::create()?;
    let before = house.used_frames()?;
    let grants = [grant(SIGNAL, &ready, ObjectKind::Signal, Rights::SEND)];
    let hoarder = house.child(Role::Hoarder, &grants)?;
    ready.wait(1)?;
    let full = house.used_frames()?;
    let marks = Marks::new()?;
    let (kind, rights) = (ObjectKind::Process, Rights::READ | Rights::CONTROL | Rights::WATCH);
    let hoarder = Grant { name: PROCESS, handle: hoarder.process(), kind, rights, badge: 0 };
    let destroyer = house.child_at(Role::Destroyer, LOAD, &[marks.grant(), hoarder], Handle::NONE)?;
    let samples = wake_beside(house, &destroyer, &marks, 1)?;
    drop(destroyer);
    let after = house.used_frames()?;
    let freed = full.saturating_sub(before).min(full.saturating_sub(after));
    if u64::from(freed) < DESTROYED_PAGES {
        return Err(Failure::Disturbed("the memory was not freed"));
    }
    Ok(samples)
}

/// With a child that does it all itself.
fn beside_one(house: &House, role: Role) -> Result<Samples, Failure> {
    let marks = Marks::new()?;
    let child = house.child_at(role, LOAD, &[marks.grant()], Handle::NONE)?;
    wake_beside(house, &child, &marks, LONG_ROUNDS)
}

fn lease_copy(house: &mut House) -> Result<Samples, Failure> {
    let port = Port::create(0)?;
    let marks = Marks::new()?;
    let serve = [marks.grant(), grant(PORT, &port, ObjectKind::Port, Rights::RECEIVE)];
    let call = [grant(PORT, &port, ObjectKind::Port, Rights::SEND)];
    let _server = house.child_at(Role::LeaseCopier, LOAD, &serve, Handle::NONE)?;
    let client = house.child_at(Role::Lender, LOAD, &call, Handle::NONE)?;
    // There and back.
    wake_beside(house, &client, &marks, 2 * LONG_ROUNDS)
}

/// Wakes up again and again until the child has ended, which must be with success. What counts is when the timer was due and the thread ran while one
/// of the child's operations went on.
fn wake_beside(house: &House, child: &Child, marks: &Marks, operations: usize) -> Result<Samples, Failure> {
    house.watch(child)?;
    let mut samples = house.samples(PERIODS);
    let mut overlap = Overlap::default();
    let mut least = 0;
    for period in 0.. {
        let length = (SHORTEST_NS + (period * STEP_NS) % VARIATION_NS).max(least);
        let wake = sleep(house, length, TIMER | ENDED)?;
        if wake.bits & ENDED != 0 {
            break;
        }
        // On a slow host a wake-up takes longer than a period, and the child would never get on. (On the instruction clock it never does.)
        least = wake.late_ns * 2;
        let began = marks.mapping.window().read(BEGAN_OFFSET).unwrap_or(0);
        if overlap.sample(wake.deadline, began) {
            samples.add(0, wake.late);
        }
    }
    house.signal.stop_timer()?;
    house.signal.poll(TIMER)?;
    if !child.has_succeeded()? {
        return Err(Failure::Disturbed("the work failed"));
    }
    if !overlap.is_complete(operations) {
        return Err(Failure::Disturbed("the work was over too soon"));
    }
    Ok(samples)
}
