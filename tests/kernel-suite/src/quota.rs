//! Quotas: each kind runs out for its owner and for no one else, and what was carved out comes back.

use airox_abi::{Error, Handle, MapFlags, QuotaKind, QuotaLimits, RegionKind, Rights};

use crate::child::{Child, Options};
use crate::failure::{Outcome, check, check_equal, check_error};
use crate::kernel::{self, Owned};
use crate::registry::Test;
use crate::suite::Suite;

/// The tests.
pub const TESTS: &[Test] = &[
    Test::new("quota", "sums_are_conserved", sums_are_conserved),
    Test::new("quota", "no_more_than_the_parent_has", no_more_than_the_parent_has),
    Test::new("quota", "frames_run_out", frames_run_out),
    Test::new("quota", "ports_run_out", ports_run_out),
    Test::new("quota", "signals_run_out", signals_run_out),
    Test::new("quota", "regions_run_out", regions_run_out),
    Test::new("quota", "processes_run_out", processes_run_out),
    Test::new("quota", "threads_run_out", threads_run_out),
    Test::new("quota", "quotas_run_out", quotas_run_out),
    Test::new("quota", "handles_run_out", handles_run_out),
    Test::new("quota", "page_tables_run_out", page_tables_run_out),
    Test::new("quota", "promised_memory_is_there", promised_memory_is_there),
    Test::new("quota", "objects_keep_it_alive", objects_keep_it_alive),
    Test::new("quota", "the_dead_keep_no_more_than_is_in_use", the_dead_keep_no_more_than_is_in_use),
    Test::new("quota", "charged_to_the_named_quota", charged_to_the_named_quota),
];

const SMALL: QuotaLimits = QuotaLimits([16, 16, 2, 2, 2, 2, 2, 2, 0, 0]);

fn sums_are_conserved(suite: &Suite) -> Outcome {
    let [limits, before] = kernel::quota_info(suite.root.quota)?;
    let parent = kernel::quota_create(suite.root.quota, &QuotaLimits([100, 100, 10, 10, 10, 10, 10, 10, 10, 10]))?;
    let [after_limits, after] = kernel::quota_info(suite.root.quota)?;
    check_equal!(after_limits, limits);
    for (kind, carved) in QuotaKind::ALL.iter().zip([100, 101, 10, 10, 10, 10, 10, 11, 10, 10]) {
        // The new handle, and the new quota itself, count as well.
        check_equal!(after.get(*kind), before.get(*kind) + carved);
    }
    let child = kernel::quota_create(parent.get(), &SMALL)?;
    let [_, used] = kernel::quota_info(parent.get())?;
    check_equal!(used, SMALL.with(QuotaKind::Quotas, 3));
    check_equal!(kernel::quota_info(child.get())?, [SMALL, QuotaLimits::default()]);
    drop(child);
    check_equal!(kernel::quota_info(parent.get())?[1], QuotaLimits::default());
    drop(parent);
    check_equal!(kernel::quota_info(suite.root.quota)?[1], before);
    Ok(())
}

fn no_more_than_the_parent_has(suite: &Suite) -> Outcome {
    let parent = kernel::quota_create(suite.root.quota, &QuotaLimits([10, 10, 10, 10, 10, 10, 10, 10, 10, 10]))?;
    for kind in QuotaKind::ALL {
        for value in [11, u32::MAX] {
            let limits = QuotaLimits::default().with(*kind, value);
            check_error!(kernel::quota_create(parent.get(), &limits), Error::QuotaExceeded);
        }
    }
    let first = kernel::quota_create(parent.get(), &QuotaLimits::default().with(QuotaKind::Frames, 6))?;
    let limits = QuotaLimits::default().with(QuotaKind::Frames, 5);
    check_error!(kernel::quota_create(parent.get(), &limits), Error::QuotaExceeded);
    drop(first);
    drop(kernel::quota_create(parent.get(), &limits)?);
    let everything = QuotaLimits([u32::MAX; QuotaKind::COUNT]);
    check_error!(kernel::quota_create(suite.root.quota, &everything), Error::QuotaExceeded);
    Ok(())
}

/// Creates objects on a quota with room for two until it refuses, and checks that its twin is unaffected, and
/// that what is given back can be had again.
fn runs_out(suite: &Suite, create: impl Fn(Handle) -> Result<Owned, Error>) -> Outcome {
    let (quota, twin) =
        (kernel::quota_create(suite.root.quota, &SMALL)?, kernel::quota_create(suite.root.quota, &SMALL)?);
    let first = create(quota.get())?;
    let _second = create(quota.get())?;
    for _ in 0..3 {
        check_error!(create(quota.get()), Error::QuotaExceeded);
    }
    let _others = [create(twin.get())?, create(twin.get())?];
    check_error!(create(twin.get()), Error::QuotaExceeded);
    drop(first);
    let _third = create(quota.get())?;
    check_error!(create(quota.get()), Error::QuotaExceeded);
    Ok(())
}

fn frames_run_out(suite: &Suite) -> Outcome {
    // Eight pages each, and the lazy ones an index frame.
    runs_out(suite, |quota| kernel::region_create(quota, 7, RegionKind::Lazy))?;
    runs_out(suite, |quota| kernel::region_create(quota, 8, RegionKind::Contiguous))?;
    let quota = kernel::quota_create(suite.root.quota, &SMALL)?;
    for pages in [17, 1000, 1 << 22] {
        check_error!(kernel::region_create(quota.get(), pages, RegionKind::Lazy), Error::QuotaExceeded);
        check_error!(kernel::region_create(quota.get(), pages, RegionKind::Contiguous), Error::QuotaExceeded);
    }
    check_equal!(kernel::quota_info(quota.get())?[1], QuotaLimits::default());
    Ok(())
}

fn ports_run_out(suite: &Suite) -> Outcome {
    runs_out(suite, kernel::port_create)
}

fn signals_run_out(suite: &Suite) -> Outcome {
    runs_out(suite, kernel::signal_create)
}

fn regions_run_out(suite: &Suite) -> Outcome {
    runs_out(suite, |quota| kernel::region_create(quota, 1, RegionKind::Lazy))
}

fn quotas_run_out(suite: &Suite) -> Outcome {
    runs_out(suite, |quota| kernel::quota_create(quota, &QuotaLimits::default()))
}

fn processes_run_out(suite: &Suite) -> Outcome {
    let quota = kernel::quota_create(suite.root.quota, &SMALL)?;
    let create = || kernel::process_create(quota.get(), b"one of two\0\0\0\0\0\0");
    let (first, second) = (create()?, create()?);
    check_error!(create(), Error::QuotaExceeded);
    // A dead process is still an object while somebody has a handle to it.
    kernel::process_kill(first.get(), 0)?;
    check_error!(create(), Error::QuotaExceeded);
    drop(first);
    let third = create()?;
    for process in [second, third] {
        kernel::process_kill(process.get(), 0)?;
    }
    Ok(())
}

fn threads_run_out(suite: &Suite) -> Outcome {
    let quota = kernel::quota_create(suite.root.quota, &SMALL)?;
    let process = kernel::process_create(quota.get(), b"two threads\0\0\0\0\0")?;
    let create = || kernel::thread_create(process.get(), 1, Handle::NONE);
    let _threads = [create()?, create()?];
    check_error!(create(), Error::QuotaExceeded);
    check_equal!(kernel::process_info(process.get())?.threads, 2);
    kernel::process_kill(process.get(), 0)?;
    Ok(())
}

fn handles_run_out(suite: &Suite) -> Outcome {
    let quota = kernel::quota_create(suite.root.quota, &SMALL)?;
    let process = kernel::process_create(quota.get(), b"few handles\0\0\0\0\0")?;
    let signal = kernel::signal_create(Handle::NONE)?;
    let room = SMALL.get(QuotaKind::Handles) - kernel::quota_info(quota.get())?[1].get(QuotaKind::Handles);
    for _ in 0..room {
        kernel::process_grant(process.get(), signal.get(), Rights::SEND, 0)?;
    }
    check_error!(kernel::process_grant(process.get(), signal.get(), Rights::SEND, 0), Error::QuotaExceeded);
    // A mapping counts as a handle of the process it is made in.
    let region = kernel::region_create(Handle::NONE, 1, RegionKind::Lazy)?;
    check_error!(
        kernel::region_map(region.get(), process.get(), 0x3000_0000, 0, 1, MapFlags::empty()),
        Error::QuotaExceeded
    );
    kernel::handle_revoke(signal.get())?;
    kernel::region_map(region.get(), process.get(), 0x3000_0000, 0, 1, MapFlags::empty())?;
    kernel::process_kill(process.get(), 0)?;
    Ok(())
}

fn page_tables_run_out(suite: &Suite) -> Outcome {
    let quota = kernel::quota_create(suite.root.quota, &SMALL)?;
    let process = kernel::process_create(quota.get(), b"sparse\0\0\0\0\0\0\0\0\0\0")?;
    let region = kernel::region_create(Handle::NONE, 1, RegionKind::Lazy)?;
    // Each of these needs page tables of its own, three levels deep.
    let mut mapped = 0;
    for index in 1..20 {
        match kernel::region_map(region.get(), process.get(), index << 39, 0, 1, MapFlags::empty()) {
            Ok(()) => mapped += 1,
            Err(Error::QuotaExceeded) => break,
            Err(error) => return Err(error.into()),
        }
    }
    check!((1..6).contains(&mapped), "{mapped} sparse mappings fit in 16 frames");
    kernel::process_kill(process.get(), 0)?;
    drop(process);
    suite.until(|| Ok(kernel::quota_info(quota.get())?[1] == QuotaLimits::default()))
}

/// Pages of the large region below.
const LARGE: u64 = 600;

/// Touches all of the region at 0x3000_0000.
fn touches(block: &crate::block::Block) -> Outcome {
    for page in 0..LARGE {
        // SAFETY: the suite mapped the region writable at this address, for this process alone.
        unsafe { ((0x3000_0000 + page * 4096) as *mut u64).write_volatile(page) };
    }
    block.set_result(0, 1);
    Ok(())
}

/// Memory is charged when it is promised, so every touch is good, even after others took all that was left.
fn promised_memory_is_there(suite: &Suite) -> Outcome {
    let child = Child::new(suite)?;
    let region = kernel::region_create(Handle::NONE, LARGE, RegionKind::Lazy)?;
    kernel::region_map(region.get(), child.process.get(), 0x3000_0000, 0, LARGE, MapFlags::WRITE)?;
    let [limits, used] = kernel::quota_info(suite.root.quota)?;
    let left = limits.get(QuotaKind::Frames) - used.get(QuotaKind::Frames);
    let rest = kernel::quota_create(suite.root.quota, &QuotaLimits::default().with(QuotaKind::Frames, left))?;
    check_error!(kernel::region_create(Handle::NONE, 1, RegionKind::Lazy), Error::QuotaExceeded);
    child.start(touches)?;
    child.wait()?;
    check_equal!(child.block().result(0), 1);
    drop(rest);
    child.finish()
}

fn objects_keep_it_alive(suite: &Suite) -> Outcome {
    let before = kernel::quota_info(suite.root.quota)?[1];
    let quota = kernel::quota_create(suite.root.quota, &SMALL)?;
    let signal = kernel::signal_create(quota.get())?;
    drop(quota);
    // Nobody can charge to it any more: the signal is all that it takes from its parent.
    let with_signal = kernel::quota_info(suite.root.quota)?[1];
    let one = |kind| before.get(kind) + 1;
    let expected = before.with(QuotaKind::Handles, one(QuotaKind::Handles));
    let expected = expected.with(QuotaKind::Quotas, one(QuotaKind::Quotas));
    check_equal!(with_signal, expected.with(QuotaKind::Signals, one(QuotaKind::Signals)));
    kernel::notify(signal.get(), 1)?;
    drop(signal);
    check_equal!(kernel::quota_info(suite.root.quota)?[1], before);
    Ok(())
}

/// A process that left an object of its child's with somebody: what its own quota and its child's promised is free for its successor.
fn the_dead_keep_no_more_than_is_in_use(suite: &Suite) -> Outcome {
    let before = kernel::quota_info(suite.root.quota)?[1];
    let outer_limits = QuotaLimits([64, 64, 8, 8, 8, 8, 8, 8, 8, 1000]);
    let outer = kernel::quota_create(suite.root.quota, &outer_limits)?;
    let inner = kernel::quota_create(outer.get(), &SMALL)?;
    let process = kernel::process_create(inner.get(), b"leaves a signal\0")?;
    let left_behind = kernel::signal_create(inner.get())?;
    drop(inner);
    // It lives on the inner quota, which keeps both as they are.
    let promised = kernel::quota_info(suite.root.quota)?[1];
    check_equal!(promised.get(QuotaKind::Time), before.get(QuotaKind::Time) + 1000);
    check_equal!(kernel::quota_info(outer.get())?[1], SMALL.with(QuotaKind::Quotas, 3));
    kernel::process_kill(process.get(), 0)?;
    drop(process);
    let signal_alone = QuotaLimits::default().with(QuotaKind::Signals, 1).with(QuotaKind::Quotas, 1);
    check_equal!(kernel::quota_info(outer.get())?[1], signal_alone);
    drop(outer);
    let now = kernel::quota_info(suite.root.quota)?[1];
    for (kind, more) in QuotaKind::ALL.iter().zip([0, 1, 0, 0, 0, 1, 0, 2, 0, 0]) {
        check_equal!((*kind, now.get(*kind)), (*kind, before.get(*kind) + more));
    }
    drop(left_behind);
    check_equal!(kernel::quota_info(suite.root.quota)?[1], before);
    Ok(())
}

fn charged_to_the_named_quota(suite: &Suite) -> Outcome {
    let limits = QuotaLimits([800, 64, 1, 4, 0, 4, 16, 0, 0, 0]);
    let quota = kernel::quota_create(suite.root.quota, &limits)?;
    let child = Child::with(suite, Options { quota: quota.get(), ..Options::DEFAULT })?;
    let used = kernel::quota_info(quota.get())?[1];
    check_equal!((used.get(QuotaKind::Processes), used.get(QuotaKind::Threads)), (1, 1));
    check!(used.get(QuotaKind::Frames) > 8, "page tables and stack are charged elsewhere");
    check_equal!(kernel::process_info(child.process.get())?.limits, limits);
    // What the child makes itself is charged to its own quota.
    child.start(crate::actors::sleeper)?;
    child.await_state(suite, airox_abi::info::ThreadState::Waiting)?;
    let now = kernel::quota_info(quota.get())?[1];
    check_equal!(now.get(QuotaKind::Signals), 1);
    check_equal!(now.get(QuotaKind::Handles), used.get(QuotaKind::Handles) + 1);
    Ok(())
}
