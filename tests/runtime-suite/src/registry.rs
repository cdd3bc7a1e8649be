//! Runs the tests and says what became of them; the same lines as the kernel suite's.

use airox_kernel_suite::options::Options;
use airox_rt::sys;
use airox_rt::{Machine, PortRange, QuotaKind, Region, RootBlock, TypedHandle, logging, memory, thread};
use alloc::format;
use alloc::string::String;
use core::fmt::Display;
use core::mem::ManuallyDrop;

/// What a test returns: nothing, or why it failed.
pub type Outcome = Result<(), Failure>;

/// Why a test failed.
#[derive(Debug)]
pub struct Failure(pub String);

impl<E: Display> From<E> for Failure {
    #[track_caller]
    fn from(error: E) -> Failure {
        let place = core::panic::Location::caller();
        Failure(format!("{error} at {}:{}", place.file(), place.line()))
    }
}

/// One test.
pub struct Test {
    /// Its name.
    pub name: &'static str,
    /// What it does.
    pub run: fn(&RootBlock) -> Outcome,
}

/// Fails the test if the two are not equal.
#[macro_export]
macro_rules! expect_eq {
    ($left:expr, $right:expr) => {{
        match (&$left, &$right) {
            (left, right) if *left != *right => {
                return Err($crate::registry::Failure(alloc::format!(
                    "{}:{}: {} is {left:?}, not {right:?}",
                    file!(),
                    line!(),
                    stringify!($left),
                )));
            }
            _ => {}
        }
    }};
}

/// Fails the test unless this holds.
#[macro_export]
macro_rules! expect {
    ($condition:expr) => {
        $crate::expect_eq!($condition, true)
    };
}

/// Where QEMU's debug-exit device is; writing ends QEMU.
const DEBUG_EXIT: (u16, u16) = (0xf4, 4);

/// Objects a test must leave behind as it found them: all kinds but frames, as the heap is backed bit by bit.
const COUNTED: [QuotaKind; 5] =
    [QuotaKind::Handles, QuotaKind::Threads, QuotaKind::Ports, QuotaKind::Signals, QuotaKind::Regions];

/// Runs all tests, reports each, and ends the machine.
pub fn run(root: &'static RootBlock, groups: &[&[Test]]) -> ! {
    let (mut passed, mut failed) = (0, 0);
    let options = read_options(root).unwrap_or_else(|Failure(why)| {
        print(&format!("options: {why}\n"));
        end(root, false)
    });
    // The first thread makes a signal for the heap's lock, which stays: now, so that no test's count sees it.
    if let Err(error) = thread::spawn(|| ()).and_then(thread::JoinHandle::join) {
        print(&format!("no threads: {error}\n"));
    }
    // A filter names tests as they are reported: behind the suite's name.
    let wanted = |test: &&Test| format!("runtime.{}", test.name).contains(options.filter);
    for test in groups.iter().copied().flatten().filter(wanted) {
        if options.list {
            print(&format!("TEST {}\n", test.name));
            continue;
        }
        match run_one(root, test) {
            Ok(()) => {
                passed += 1;
                print(&format!("TEST {} ... ok\n", test.name));
            }
            Err(Failure(why)) => {
                failed += 1;
                print(&format!("TEST {} ... FAILED: {why}\n", test.name));
            }
        }
    }
    print(&format!("SUITE {passed} passed, {failed} failed\n"));
    end(root, failed == 0)
}

/// What the run is asked to do: the bundle's file `test.arguments`, as in the kernel suite.
fn read_options(root: &RootBlock) -> Result<Options<'static>, Failure> {
    let bundle = ManuallyDrop::new(Region::from_raw(root.bundle));
    let bytes = memory::map_constant(&bundle, root.bundle_length as usize)?;
    let bundle = airox_bundle::Bundle::parse(bytes)?;
    match bundle.file("test.arguments") {
        Some(bytes) => Ok(Options::parse(core::str::from_utf8(bytes)?)?),
        None => Ok(Options::DEFAULT),
    }
}

/// Runs a test and checks that it left nothing behind.
fn run_one(root: &RootBlock, test: &Test) -> Outcome {
    let (_, before) = sys::quota_info(root.quota)?;
    (test.run)(root)?;
    let (_, after) = sys::quota_info(root.quota)?;
    for kind in COUNTED {
        let (before, after) = (before.get(kind), after.get(kind));
        if before != after {
            return Err(Failure(format!("{}: {before} before, {after} after", kind.text())));
        }
    }
    Ok(())
}

fn print(text: &str) {
    logging::debug_write(text);
}

fn end(root: &RootBlock, good: bool) -> ! {
    let (first, count) = DEBUG_EXIT;
    let machine = ManuallyDrop::new(Machine::from_raw(root.machine));
    let ports = machine.io_ports(first, u64::from(count)).and_then(|ports| PortRange::bind(ports, first, count));
    match ports {
        Ok(ports) => ports.write_u32(0, u32::from(!good)),
        Err(error) => print(&format!("no debug-exit device: {error}\n")),
    }
    sys::process_exit(i64::from(!good))
}
