//! A process that ends gives everything back, whatever it was doing. That the kernel's counts are as before is
//! checked after every test; here the processes see to it that there is much to give back.

use airox_abi::message::{Extension, HandleTransfer, Lease, Tag};
use airox_abi::{Handle, MapFlags, QuotaKind, QuotaLimits, RegionKind, Rights};

use crate::actors::{self, PORT};
use crate::block::{Block, ChildFunction};
use crate::child::{Child, NORMAL};
use crate::failure::{Outcome, check, check_equal};
use crate::kernel::{self, Owned};
use crate::registry::Test;
use crate::suite::Suite;

/// The tests.
pub const TESTS: &[Test] = &[
    Test::new("leak", "exit_with_everything_open", exit_with_everything_open),
    Test::new("leak", "fault_with_everything_open", fault_with_everything_open),
    Test::new("leak", "kill_with_everything_open", kill_with_everything_open),
    Test::new("leak", "a_hundred_processes", a_hundred_processes),
    Test::new("leak", "a_process_that_never_started", a_process_that_never_started),
    Test::new("leak", "creator_dies_before_the_start", creator_dies_before_the_start),
    Test::new("leak", "a_circle_of_ports", a_circle_of_ports),
    Test::new("leak", "handles_in_flight", handles_in_flight),
];

/// Argument 1 of [`opens_everything`]: its own process, all rights. Argument 2: a quota to make things on.
const PROCESS: usize = 1;
const QUOTA: usize = 2;
/// Set once everything is open.
const READY: usize = 0;

/// Makes one of everything, keeps it all, and starts on what argument 3 says.
fn opens_everything(block: &Block) -> Outcome {
    let (process, quota) = (block.handle(PROCESS), block.handle(QUOTA));
    let keep = |owned: Owned| {
        let handle = owned.get();
        core::mem::forget(owned);
        handle
    };
    let port = keep(kernel::port_create(Handle::NONE)?);
    let bound = keep(kernel::signal_create(quota)?);
    kernel::port_bind(port, bound)?;
    let timed = keep(kernel::signal_create(Handle::NONE)?);
    kernel::timer_set(timed, kernel::now() + 3_600_000_000_000, 1)?;
    kernel::timer_set(bound, kernel::now() + 7_200_000_000_000, 1)?;
    for (index, kind) in [RegionKind::Lazy, RegionKind::Contiguous].into_iter().enumerate() {
        let region = keep(kernel::region_create(quota, 8, kind)?);
        let address = 0x3000_0000 + index as u64 * 0x100_0000;
        kernel::region_map(region, Handle::NONE, address, 0, 8, MapFlags::WRITE)?;
        kernel::region_map(region, Handle::NONE, address + 0x10_0000, 4, 2, MapFlags::empty())?;
        // SAFETY: just mapped writable, and nothing else knows it.
        unsafe { (address as *mut u64).write_volatile(1) };
    }
    let child_quota = keep(kernel::quota_create(quota, &QuotaLimits([20, 10, 1, 2, 1, 1, 1, 0, 0, 0]))?);
    let child = keep(kernel::process_create(child_quota, b"grandchild\0\0\0\0\0\0")?);
    kernel::process_watch(child, timed, 1)?;
    let thread = keep(kernel::thread_create(child, 1, port)?);
    kernel::process_grant(child, thread, Rights::all(), 0)?;
    kernel::process_grant(child, port, Rights::all(), 5)?;
    for handle in [port, bound, timed, child, thread, process] {
        let copy = keep(kernel::handle_copy(handle, Rights::all(), 0)?);
        keep(kernel::handle_copy(copy, Rights::all(), 0)?);
    }
    block.set_argument(PORT, port.0.into());
    block.set_result(READY, 1);
    match block.argument(3) {
        0 => Ok(()),
        // SAFETY: the instruction faults, which ends the process.
        1 => unsafe { core::arch::asm!("ud2", options(noreturn)) },
        _ => actors::sleeper(block),
    }
}

/// Second thread: calls the first one's port and lends memory, so that a call is pending.
fn calls_own_port(block: &Block) -> Outcome {
    while block.result(READY) == 0 {
        kernel::thread_yield()?;
    }
    let mut extension = Extension::default();
    extension.handles[0] = HandleTransfer::new(block.handle(PROCESS), Rights::all());
    extension.leases[0] = Lease { address: airox_abi::layout::START_BLOCK, length: 64, access: Lease::READ };
    let tag = Tag::new(0).with_handles(1).with_leases(1);
    kernel::send_with(block.handle(PORT), tag, &mut extension)?;
    Ok(())
}

fn with_everything_open(suite: &Suite, ending: u64) -> Outcome {
    let limits = QuotaLimits([200, 64, 4, 8, 4, 4, 8, 4, 0, 0]);
    for round in 0..10 {
        let quota = kernel::quota_create(suite.root.quota, &limits)?;
        let child = Child::new(suite)?;
        child.grant(PROCESS, child.process.get(), Rights::all())?;
        child.grant(QUOTA, quota.get(), Rights::all())?;
        child.block().set_argument(3, ending);
        let waits: ChildFunction = calls_own_port;
        child.start_thread(1, NORMAL, waits)?;
        child.start(opens_everything)?;
        if ending == 2 {
            suite.until(|| Ok(child.block().result(READY) == 1))?;
            suite.sleep(100_000)?;
            child.kill()?;
        }
        let info = child.wait()?;
        check!(child.block().result(READY) == 1, "it ended early: {}", child.block().text());
        check_equal!((info.faulted, info.exit_code == -9), (u8::from(ending == 1), ending == 2));
        drop(child);
        let empty = |quota: Handle| Ok(kernel::quota_info(quota)?[1] == QuotaLimits::default());
        suite.until(|| empty(quota.get())).map_err(|_| {
            let used = kernel::quota_info(quota.get()).map(|[_, used]| used);
            crate::failure::Failure::new(format_args!("round {round}: its quota still holds {used:?}"))
        })?;
    }
    Ok(())
}

fn exit_with_everything_open(suite: &Suite) -> Outcome {
    with_everything_open(suite, 0)
}

fn fault_with_everything_open(suite: &Suite) -> Outcome {
    with_everything_open(suite, 1)
}

fn kill_with_everything_open(suite: &Suite) -> Outcome {
    with_everything_open(suite, 2)
}

fn returns(_: &Block) -> Outcome {
    Ok(())
}

fn a_hundred_processes(suite: &Suite) -> Outcome {
    for _ in 0..100 {
        Child::run(suite, returns)?.finish()?;
    }
    Ok(())
}

fn a_process_that_never_started(suite: &Suite) -> Outcome {
    for _ in 0..10 {
        drop(Child::new(suite)?);
    }
    Ok(())
}

/// Makes a process and a thread in it, and ends before it starts either.
fn abandons_a_process(block: &Block) -> Outcome {
    let process = kernel::process_create(block.handle(QUOTA), b"abandoned\0\0\0\0\0\0\0")?;
    let thread = kernel::thread_create(process.get(), 1, Handle::NONE)?;
    core::mem::forget((process, thread));
    Ok(())
}

fn creator_dies_before_the_start(suite: &Suite) -> Outcome {
    let quota = kernel::quota_create(suite.root.quota, &QuotaLimits([40, 10, 1, 2, 0, 0, 0, 0, 0, 0]))?;
    let child = Child::new(suite)?;
    child.grant(QUOTA, quota.get(), Rights::all())?;
    child.start(abandons_a_process)?;
    child.finish()?;
    suite.until(|| Ok(kernel::quota_info(quota.get())?[1].get(QuotaKind::Processes) == 0))
}

/// Each of two processes holds the port of the other, and waits for it.
fn a_circle_of_ports(suite: &Suite) -> Outcome {
    let ports = [kernel::port_create(Handle::NONE)?, kernel::port_create(Handle::NONE)?];
    let children = [Child::new(suite)?, Child::new(suite)?];
    for index in 0..2 {
        children[index].grant(5, ports[index].get(), Rights::RECEIVE)?;
        children[index].grant(PORT, ports[1 - index].get(), Rights::SEND)?;
        children[index].start(actors::client)?;
    }
    drop(ports);
    let [first, second] = children;
    first.await_state(suite, airox_abi::info::ThreadState::Sending)?;
    first.kill()?;
    second.wait()?;
    check_equal!(second.block().result(0), airox_abi::Error::ServerDied as u64);
    Ok(())
}

/// Sends four handles in a call that nobody ever receives.
fn sends_to_nobody(block: &Block) -> Outcome {
    let mut extension = Extension::default();
    for transfer in &mut extension.handles {
        let signal = kernel::signal_create(Handle::NONE)?;
        *transfer = HandleTransfer::new(signal.get(), Rights::all());
        core::mem::forget(signal);
    }
    let tag = Tag::new(0).with_handles(4);
    kernel::send_with(block.handle(PORT), tag, &mut extension)?;
    Ok(())
}

fn handles_in_flight(suite: &Suite) -> Outcome {
    let port = kernel::port_create(Handle::NONE)?;
    let child = Child::new(suite)?;
    child.grant(PORT, port.get(), Rights::SEND)?;
    child.start(sends_to_nobody)?;
    child.await_state(suite, airox_abi::info::ThreadState::Sending)?;
    child.kill()?;
    Ok(())
}
