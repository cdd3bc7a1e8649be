//! `process_*`: making, watching, ending and looking into processes.

use airox_abi::info::ThreadState;
use airox_abi::layout::{PAGE_SIZE, START_BLOCK};
use airox_abi::{Error, Handle, ObjectKind, Rights};

use crate::actors;
use crate::block::Block;
use crate::child::{Child, NORMAL};
use crate::failure::{Outcome, check, check_equal, check_error};
use crate::kernel;
use crate::registry::Test;
use crate::suite::Suite;

/// The tests.
pub const TESTS: &[Test] = &[
    Test::new("process", "ends_with_its_code", ends_with_its_code),
    Test::new("process", "last_thread_ends_it", last_thread_ends_it),
    Test::new("process", "starts_with_nothing", starts_with_nothing),
    Test::new("process", "info", info),
    Test::new("process", "kill", kill),
    Test::new("process", "watch", watch),
    Test::new("process", "dead_process", dead_process),
    Test::new("process", "read", read),
    Test::new("process", "grant", grant),
    Test::new("process", "handles", handles),
    Test::new("process", "priority_never_grows", priority_never_grows),
    Test::new("process", "address_spaces_are_apart", address_spaces_are_apart),
    Test::new("process", "holding_the_last_handle_to_itself", holding_the_last_handle_to_itself),
    Test::new("process", "closing_the_handle_keeps_it_running", closing_the_handle_keeps_it_running),
];

fn exits(block: &Block) -> Outcome {
    kernel::process_exit(block.argument(0) as i64)
}

fn ends_with_its_code(suite: &Suite) -> Outcome {
    for code in [0, 1, -1, i64::MAX, i64::MIN] {
        let child = Child::new(suite)?;
        child.block().set_argument(0, code as u64);
        child.start(exits)?;
        let info = child.wait()?;
        check_equal!((info.exit_code, info.faulted, info.state), (code, 0, ThreadState::Dead as u8));
    }
    Ok(())
}

fn ends_thread(_: &Block) -> Outcome {
    kernel::thread_exit()
}

fn last_thread_ends_it(suite: &Suite) -> Outcome {
    let child = Child::run(suite, ends_thread)?;
    let second = child.start_thread(1, NORMAL, actors::sleeper)?;
    suite.await_state(second.get(), ThreadState::Waiting)?;
    check_equal!(kernel::process_info(child.process.get())?.threads, 1);
    drop(second);
    let third = child.start_thread(2, NORMAL, ends_thread)?;
    suite.await_state(third.get(), ThreadState::Dead)?;
    drop(child);
    let single = Child::run(suite, ends_thread)?;
    check_equal!(single.wait()?.exit_code, 0);
    Ok(())
}

/// Counts the handles that work, of those the suite has, and a few more.
fn tries_handles(block: &Block) -> Outcome {
    let mut found = 0;
    for index in 0..4096 {
        for generation in [1, 2, 3] {
            found += u64::from(kernel::handle_info(Handle::new(index, generation)).is_ok());
        }
    }
    block.set_result(0, found);
    Ok(())
}

fn starts_with_nothing(suite: &Suite) -> Outcome {
    let child = Child::run(suite, tries_handles)?;
    child.wait()?;
    check_equal!(child.block().result(0), 0);
    child.finish()
}

fn info(suite: &Suite) -> Outcome {
    let child = Child::new(suite)?;
    let before = kernel::process_info(child.process.get())?;
    check!(before.name.starts_with(b"suite-child\0"), "the name is {:?}", before.name);
    check_equal!((before.threads, before.state), (1, ThreadState::Suspended as u8));
    check_equal!((before.priority, before.exit_code, before.faulted), (NORMAL as u8, 0, 0));
    let own = kernel::process_info(Handle::NONE)?;
    check!(own.number != before.number, "two processes with one number");
    child.start(actors::sleeper)?;
    child.await_state(suite, ThreadState::Waiting)?;
    let after = kernel::process_info(child.process.get())?;
    check_equal!(after.handles, before.handles + 1);
    check!(after.cpu_ticks > before.cpu_ticks, "it ran and used no time");
    check!(after.resident_pages > before.resident_pages, "it ran and touched no page");
    Ok(())
}

fn kill(suite: &Suite) -> Outcome {
    for function in [actors::hog, actors::sleeper] {
        let child = Child::run(suite, function)?;
        suite.sleep(50_000)?;
        kernel::process_kill(child.process.get(), 55)?;
        let info = child.wait()?;
        check_equal!((info.exit_code, info.faulted), (55, 0));
    }
    // One that never ran.
    let child = Child::new(suite)?;
    kernel::process_kill(child.process.get(), 7)?;
    check_equal!(child.wait()?.exit_code, 7);
    // A process may end itself through a handle.
    let child = Child::new(suite)?;
    child.grant(0, child.process.get(), Rights::CONTROL)?;
    child.start(kills_itself)?;
    check_equal!(child.wait()?.exit_code, 33);
    Ok(())
}

fn kills_itself(block: &Block) -> Outcome {
    kernel::process_kill(block.handle(0), 33)?;
    check!(false, "a killed process runs on");
    Ok(())
}

fn watch(suite: &Suite) -> Outcome {
    let signal = kernel::signal_create(Handle::NONE)?;
    let child = Child::new(suite)?;
    let watcher = kernel::handle_copy(child.process.get(), Rights::WATCH, 0)?;
    let again = kernel::process_watch(watcher.get(), signal.get(), 2);
    check!(matches!(again, Ok(()) | Err(Error::Busy)), "a second watch through the same process gives {again:?}");
    drop(child);
    // A dead process notifies at once; the handle alone must not keep more than that alive.
    let late = kernel::signal_create(Handle::NONE)?;
    suite.until(|| {
        let watched = kernel::process_watch(watcher.get(), late.get(), 4);
        Ok(watched.is_ok() && kernel::poll(late.get(), 4)? == 4)
    })?;
    Ok(())
}

fn dead_process(suite: &Suite) -> Outcome {
    let child = Child::run(suite, ends_thread)?;
    child.wait()?;
    let process = child.process.get();
    let region = kernel::region_create(Handle::NONE, 1, airox_abi::RegionKind::Lazy)?;
    check_error!(
        kernel::region_map(region.get(), process, 0x3000_0000, 0, 1, airox_abi::MapFlags::empty()),
        Error::Dead
    );
    check_error!(kernel::process_grant(process, region.get(), Rights::READ, 0), Error::Dead);
    check_error!(kernel::thread_create(process, 1, Handle::NONE), Error::Dead);
    check_error!(kernel::process_read(process, START_BLOCK, &mut [0; 8]), Error::Dead);
    check_error!(kernel::thread_start(child.thread.get(), 0x41_0000, 0x1000_0000, 0), Error::Dead);
    check_error!(kernel::thread_suspend(child.thread.get()), Error::Dead);
    check_error!(kernel::thread_resume(child.thread.get()), Error::Dead);
    check_equal!(kernel::thread_info(child.thread.get())?.state, ThreadState::Dead as u8);
    check_equal!(kernel::process_info(process)?.state, ThreadState::Dead as u8);
    Ok(())
}

fn read(suite: &Suite) -> Outcome {
    let child = Child::new(suite)?;
    child.block().set_argument(0, 0x1122_3344_5566_7788);
    // Arguments follow the functions in the block.
    let address = START_BLOCK + 8 * crate::block::THREADS as u64;
    let mut buffer = [0; 8];
    kernel::process_read(child.process.get(), address, &mut buffer)?;
    check_equal!(u64::from_le_bytes(buffer), 0x1122_3344_5566_7788);
    for (address, length) in [
        (0, 8),
        (START_BLOCK + PAGE_SIZE - 4, 8),
        (0x8000_0000_0000, 8),
        (0xffff_8000_0000_0000, 8),
        (0xffff_ffff_8000_0000, 8),
        (u64::MAX - 3, 8),
        (0x3000_0000, 1),
    ] {
        let result = kernel::process_read(child.process.get(), address, &mut buffer[..length]);
        check!(result == Err(Error::InvalidAddress), "read of {address:#x}: {result:?}");
    }
    // A range whose second page is missing is not copied in part.
    let mut large = [7; 64];
    check_error!(
        kernel::process_read(child.process.get(), START_BLOCK + PAGE_SIZE - 32, &mut large),
        Error::InvalidAddress
    );
    check_equal!(large, [7; 64]);
    kernel::process_read(child.process.get(), START_BLOCK, &mut [])?;
    Ok(())
}

fn reports_handle(block: &Block) -> Outcome {
    let (kind, rights, badge) = kernel::handle_info(block.handle(0))?;
    block.set_result(0, kind.map_or(0, |kind| kind as u64));
    block.set_result(1, u64::from(rights.bits()));
    block.set_result(2, badge);
    Ok(())
}

fn grant(suite: &Suite) -> Outcome {
    let signal = kernel::signal_create(Handle::NONE)?;
    let child = Child::new(suite)?;
    child.grant_badged(0, signal.get(), Rights::SEND | Rights::COPY, 12)?;
    let weak = kernel::handle_copy(signal.get(), Rights::SEND | Rights::COPY, 0)?;
    let value = kernel::process_grant(child.process.get(), weak.get(), Rights::all(), 0)?;
    check!(
        kernel::handle_info(value).is_err() || value == signal.get() || value == weak.get(),
        "the child's handle works in the suite"
    );
    check_error!(kernel::process_grant(child.process.get(), weak.get(), Rights::SEND, 3), Error::MissingRight);
    child.start(reports_handle)?;
    child.wait()?;
    check_equal!(child.block().result(0), ObjectKind::Signal as u64);
    check_equal!(child.block().result(1), u64::from((Rights::SEND | Rights::COPY).bits()));
    check_equal!(child.block().result(2), 12);
    child.finish()
}

fn handles(suite: &Suite) -> Outcome {
    let child = Child::new(suite)?;
    let (port, signal) = (kernel::port_create(Handle::NONE)?, kernel::signal_create(Handle::NONE)?);
    let granted = [
        (child.grant(0, port.get(), Rights::SEND)?, ObjectKind::Port, Rights::SEND, 0),
        (
            child.grant_badged(1, signal.get(), Rights::SEND | Rights::COPY, 9)?,
            ObjectKind::Signal,
            Rights::SEND | Rights::COPY,
            9,
        ),
    ];
    let mut found = 0;
    let mut after = 0;
    loop {
        let (handle, described, badge, _) = match kernel::process_handles(child.process.get(), after) {
            Ok(entry) => entry,
            Err(Error::NotMapped) => break,
            Err(error) => return Err(error.into()),
        };
        after = u64::from(handle.0);
        let entry = granted.iter().find(|(granted, ..)| *granted == handle);
        let Some((_, kind, rights, expected)) = entry else {
            continue;
        };
        check_equal!(described, (*kind as u64) << 16 | u64::from(rights.bits()));
        check_equal!(badge, *expected);
        found += 1;
    }
    check_equal!(found, 2);
    for forged in [u64::MAX, 1 << 32, u64::from(port.get().0)] {
        check_error!(kernel::process_handles(child.process.get(), forged), Error::InvalidHandle);
    }
    Ok(())
}

/// Tries to rise above argument 1 with its own process handle (argument 0).
fn climber(block: &Block) -> Outcome {
    let (process, limit) = (block.handle(0), block.argument(1));
    for priority in [limit + 1, 255, 256, u64::MAX] {
        check!(kernel::process_priority(process, priority).is_err(), "its own limit rose to {priority}");
        check!(kernel::thread_create(process, priority, Handle::NONE).is_err(), "made a thread of priority {priority}");
    }
    let thread = kernel::thread_create(process, limit, Handle::NONE)?;
    check!(kernel::thread_priority(thread.get(), limit + 1).is_err(), "raised a thread");
    kernel::thread_priority(thread.get(), 1)?;
    Ok(())
}

fn priority_never_grows(suite: &Suite) -> Outcome {
    let child = Child::new(suite)?;
    kernel::process_priority(child.process.get(), NORMAL)?;
    check_equal!(u64::from(kernel::process_info(child.process.get())?.max_priority), NORMAL);
    child.grant(0, child.process.get(), Rights::all())?;
    child.block().set_argument(1, NORMAL);
    child.start(climber)?;
    child.finish()
}

/// Writes to its own copy of a static, at the address where the suite has the same static.
fn scribbles(block: &Block) -> Outcome {
    check_equal!(PRIVATE.load(core::sync::atomic::Ordering::SeqCst), 1);
    PRIVATE.store(block.argument(0), core::sync::atomic::Ordering::SeqCst);
    Ok(())
}

static PRIVATE: core::sync::atomic::AtomicU64 = core::sync::atomic::AtomicU64::new(1);

fn address_spaces_are_apart(suite: &Suite) -> Outcome {
    let children = [Child::new(suite)?, Child::new(suite)?];
    for (index, child) in children.iter().enumerate() {
        child.block().set_argument(0, 70 + index as u64);
        child.start(scribbles)?;
    }
    for child in children {
        child.finish()?;
    }
    check_equal!(PRIVATE.load(core::sync::atomic::Ordering::SeqCst), 1);
    Ok(())
}

fn holding_the_last_handle_to_itself(suite: &Suite) -> Outcome {
    let child = Child::new(suite)?;
    child.grant(0, child.process.get(), Rights::all())?;
    child.grant(1, child.thread.get(), Rights::all())?;
    child.start(waits_for_the_suite)?;
    child.await_state(suite, ThreadState::Waiting)?;
    kernel::handle_close(child.process.get())?;
    kernel::handle_close(child.thread.get())?;
    // It goes on, and ends, with nobody else left who could name it.
    child.block().set_result(1, 1);
    suite.until(|| Ok(child.block().result(0) == 1))
}

fn waits_for_the_suite(block: &Block) -> Outcome {
    let signal = kernel::signal_create(Handle::NONE)?;
    while block.result(1) == 0 {
        kernel::timer_set(signal.get(), kernel::now() + 100_000, 1)?;
        kernel::wait(signal.get(), 1)?;
    }
    block.set_result(0, 1);
    Ok(())
}

/// Notifies signal 0 once signal 1 is notified.
fn relays(block: &Block) -> Outcome {
    kernel::wait(block.handle(1), 1)?;
    Ok(kernel::notify(block.handle(0), 1)?)
}

fn closing_the_handle_keeps_it_running(suite: &Suite) -> Outcome {
    let (done, go) = (kernel::signal_create(Handle::NONE)?, kernel::signal_create(Handle::NONE)?);
    let child = Child::new(suite)?;
    child.grant(0, done.get(), Rights::SEND)?;
    child.grant(1, go.get(), Rights::RECEIVE)?;
    child.start(relays)?;
    child.await_state(suite, ThreadState::Waiting)?;
    kernel::handle_close(child.process.get())?;
    kernel::handle_close(child.thread.get())?;
    kernel::notify(go.get(), 1)?;
    check_equal!(kernel::wait(done.get(), 1)?, 1);
    Ok(())
}
