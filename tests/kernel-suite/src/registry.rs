//! Runs the tests one after the other. Around every one of them:
//! - the kernel's object and frame counts must come back to what they were, and
//! - a watchdog of higher priority ends the run if the test hangs.

use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use airox_abi::info::KernelInfo;
use airox_abi::layout::PAGE_SIZE;
use airox_abi::{Error, Handle, QuotaKind, RegionKind};
use airox_kernel_suite::text::Text;

use crate::calls::table::{HandleCase, PointerCase};
use crate::child;
use crate::failure::{Failure, Outcome};
use crate::faults::FaultCase;
use crate::kernel::{self, Owned};
use crate::memory::{self, Mapped};
use crate::suite::Suite;

/// What a test does.
#[derive(Clone, Copy)]
pub enum Run {
    /// Its own function.
    Function(fn(&Suite) -> Outcome),
    /// Every wrong handle for one handle argument of one call.
    Handle(&'static HandleCase),
    /// Every bad address for one pointer argument of one call.
    Pointer(&'static PointerCase),
    /// One fault, with every way to handle it.
    Fault(&'static FaultCase),
    /// The storm with this seed.
    Storm(u64),
}

/// One named test.
#[derive(Clone, Copy)]
pub struct Test {
    /// What it is about; the first part of its name.
    pub subject: &'static str,
    /// The rest of its name.
    pub name: &'static str,
    /// What it does.
    pub run: Run,
    /// Processors it takes; a machine with fewer leaves it out and says so.
    pub processors: u64,
}

impl Test {
    /// A test with a function of its own.
    pub const fn new(subject: &'static str, name: &'static str, function: fn(&Suite) -> Outcome) -> Test {
        Test::of(subject, name, Run::Function(function))
    }

    /// A test of a table, or a storm.
    pub const fn of(subject: &'static str, name: &'static str, run: Run) -> Test {
        Test { subject, name, run, processors: 1 }
    }

    /// The test takes so many processors.
    pub const fn on_processors(self, processors: u64) -> Test {
        Test { processors, ..self }
    }

    fn full_name(&self) -> Text<96> {
        Text::format(format_args!("{}.{}", self.subject, self.name))
    }

    fn execute(&self, suite: &Suite) -> Outcome {
        match self.run {
            Run::Function(function) => function(suite),
            Run::Handle(case) => case.run(suite),
            Run::Pointer(case) => case.run(suite),
            Run::Fault(case) => case.run(suite),
            Run::Storm(seed) => crate::storm::run(suite, seed),
        }
    }
}

/// Priority of the watchdog: above everything a test starts.
const WATCHDOG: u64 = 250;
/// Longest a single test may take, or be without progress, in ns of the machine's own time.
const LIMIT: u64 = 120_000_000_000;
const TIME_UP: u64 = 1;

static WATCHDOG_SIGNAL: AtomicU64 = AtomicU64::new(0);
static CURRENT: AtomicUsize = AtomicUsize::new(usize::MAX);
static SUITE: AtomicU64 = AtomicU64::new(0);
static PASSED: AtomicU64 = AtomicU64::new(0);
static FAILED: AtomicU64 = AtomicU64::new(0);

/// Runs all tests that the options pick, reports, and ends the machine.
pub fn run(suite: &'static Suite) -> ! {
    if let Err(failure) = start_watchdog(suite) {
        suite.print(format_args!("TEST registry.watchdog ... FAILED: {failure}"));
        suite.exit(false);
    }
    touch_stack(suite);
    suite.image.touch_data();
    let processors = suite.kernel_info().map_or(1, |info| info.processors);
    let picked = all().enumerate().filter(|(_, test)| test.full_name().as_str().contains(suite.options.filter));
    let mut absent = 0;
    for (index, test) in picked {
        if test.processors > processors {
            absent += 1;
            continue;
        }
        if suite.options.list {
            suite.print(format_args!("TEST {}", test.full_name()));
            continue;
        }
        CURRENT.store(index, Ordering::Release);
        report(suite, &test, run_one(suite, &test));
    }
    if absent > 0 {
        suite.print(format_args!("ABSENT {absent} tests: they take more processors than {processors}"));
    }
    finish(suite)
}

/// Every test, in the order they run in.
fn all() -> impl Iterator<Item = Test> {
    crate::TESTS.iter().flat_map(|tests| tests.iter().copied())
}

fn run_one(suite: &Suite, test: &Test) -> Outcome {
    let before = suite.kernel_info()?;
    progress()?;
    let outcome = test.execute(suite);
    kernel::timer_set(watchdog_signal(), u64::MAX, TIME_UP)?;
    memory::reset();
    outcome.and_then(|()| nothing_leaked(suite, &before))
}

/// Gives the running test its time anew: for those that take as long as they are asked to.
pub fn progress() -> Result<(), Error> {
    kernel::timer_set(watchdog_signal(), kernel::now() + LIMIT, TIME_UP)
}

/// The end of a process is told before all of its memory is back, so this gives the kernel a moment.
fn nothing_leaked(suite: &Suite, before: &KernelInfo) -> Outcome {
    if suite.until(|| suite.kernel_info().map(|now| now.objects == before.objects)).is_ok() {
        return Ok(());
    }
    let now = suite.kernel_info()?;
    let mut text = Text::<120>::new();
    for kind in QuotaKind::ALL {
        let (old, new) = (before.objects.get(*kind), now.objects.get(*kind));
        if old != new {
            let _ = core::fmt::Write::write_fmt(&mut text, format_args!(" {} {old} -> {new}", kind.text()));
        }
    }
    Err(Failure::new(format_args!("leaked:{text}")))
}

fn report(suite: &Suite, test: &Test, outcome: Outcome) {
    match outcome {
        Ok(()) => {
            PASSED.fetch_add(1, Ordering::Relaxed);
            suite.print(format_args!("TEST {} ... ok", test.full_name()));
        }
        Err(failure) => {
            FAILED.fetch_add(1, Ordering::Relaxed);
            suite.print(format_args!("TEST {} ... FAILED: {failure}", test.full_name()));
        }
    }
}

fn finish(suite: &Suite) -> ! {
    let (passed, failed) = (PASSED.load(Ordering::Relaxed), FAILED.load(Ordering::Relaxed));
    suite.print(format_args!("SUITE {passed} passed, {failed} failed"));
    suite.exit(failed == 0)
}

fn watchdog_signal() -> Handle {
    Handle(WATCHDOG_SIGNAL.load(Ordering::Acquire) as u32)
}

fn start_watchdog(suite: &'static Suite) -> Result<(), Error> {
    const STACK_PAGES: u64 = 8;
    let signal = kernel::signal_create(Handle::NONE)?;
    WATCHDOG_SIGNAL.store(u64::from(signal.get().0), Ordering::Release);
    SUITE.store(suite as *const Suite as u64, Ordering::Release);
    let stack = Mapped::of(kernel::region_create(Handle::NONE, STACK_PAGES, RegionKind::Lazy)?, STACK_PAGES)?;
    for page in 0..STACK_PAGES {
        stack.fill(page * PAGE_SIZE, &[0]);
    }
    let thread = kernel::thread_create(Handle::NONE, WATCHDOG, Handle::NONE)?;
    let top = stack.address() + stack.length() - 8;
    kernel::thread_start(thread.get(), watchdog as *const () as u64, top, 0)?;
    kernel::thread_priority(suite.root.thread, child::NORMAL)?;
    // All of this lives as long as the machine runs.
    let kept: (Owned, Mapped, Owned) = (signal, stack, thread);
    core::mem::forget(kept);
    memory::keep_reserved();
    Ok(())
}

extern "C" fn watchdog(_: u64) -> ! {
    // SAFETY: `start_watchdog` stored the address of a `Suite` that lives for ever, before this thread started.
    let suite = unsafe { &*(SUITE.load(Ordering::Acquire) as *const Suite) };
    let waited = kernel::wait(watchdog_signal(), TIME_UP);
    if let Some(test) = all().nth(CURRENT.load(Ordering::Acquire)) {
        report(suite, &test, Err(Failure::new(format_args!("it hangs ({waited:?})"))));
    }
    finish(suite)
}

/// Touches the whole stack, so that it is backed before the first count.
fn touch_stack(suite: &Suite) {
    for offset in (0..suite.root.stack_length).step_by(PAGE_SIZE as usize) {
        // SAFETY: the kernel maps the stack as long as the suite runs.
        unsafe { memory::touch(suite.root.stack_base + offset) };
    }
}
