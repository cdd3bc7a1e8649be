//! Heap, time, memory and handles, without a second thread.

use crate::registry::{Outcome, Test};
use crate::{expect, expect_eq};
use airox_rt::time::{Duration, Instant, Timer};
use airox_rt::{Error, Handle, MapFlags, Mapping, Port, Region, RegionKind, Rights, Signal, TypedHandle, memory, sys};
use airox_rt::{Process, RootBlock};
use alloc::collections::BTreeMap;
use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;

/// This group's tests.
pub static TESTS: &[Test] = &[
    Test { name: "heap", run: heap },
    Test { name: "clock_and_timer", run: clock_and_timer },
    Test { name: "timer_restarted_and_stopped", run: timer_restarted_and_stopped },
    Test { name: "mapping", run: mapping },
    Test { name: "mapping_refused", run: mapping_refused },
    Test { name: "handles_close_on_drop", run: handles_close_on_drop },
    Test { name: "handle_kinds_are_checked", run: handle_kinds_are_checked },
    Test { name: "logging", run: logging },
    Test { name: "process_statistics", run: process_statistics },
];

fn heap(_root: &RootBlock) -> Outcome {
    let mut map = BTreeMap::new();
    for number in 0..1000_u32 {
        map.insert(number, number.to_string());
    }
    map.retain(|number, _| number % 3 == 0);
    expect_eq!(map.len(), 334);
    expect!(map.iter().all(|(number, text)| text.parse() == Ok(*number)));
    // Long copies and fills go other ways than short ones.
    let large: Vec<u8> = (0..100_000_u32).map(|index| index as u8).collect();
    let mut copy = vec![0; large.len()];
    copy.copy_from_slice(&large);
    expect!(copy == large);
    copy.copy_within(1..90_000, 0);
    expect!(copy[..89_999] == large[1..90_000]);
    copy.fill(7);
    expect!(copy.iter().all(|byte| *byte == 7));
    // More than the heap has: an error, not the end.
    let mut huge = Vec::<u8>::new();
    expect!(huge.try_reserve(1 << 40).is_err());
    Ok(())
}

fn clock_and_timer(_root: &RootBlock) -> Outcome {
    let timer = Timer::new()?;
    let before = Instant::now();
    expect!(Instant::now() >= before);
    timer.sleep(Duration::from_micros(300))?;
    let slept = before.elapsed();
    expect!(slept >= Duration::from_micros(300));
    expect!(slept < Duration::from_millis(500));
    // A deadline in the past is over at once.
    timer.sleep_until(before)?;
    Ok(())
}

fn timer_restarted_and_stopped(_root: &RootBlock) -> Outcome {
    let signal = Signal::create()?;
    let now = Instant::now();
    // The first is so late that no computer is slow enough to see it before it is replaced.
    let first = now + Duration::from_millis(300);
    signal.set_timer(first.as_nanoseconds(), 1)?;
    signal.set_timer((now + Duration::from_micros(400)).as_nanoseconds(), 2)?;
    expect_eq!(signal.wait(3)?, 2);
    expect!(now.elapsed() >= Duration::from_micros(400));
    Timer::new()?.sleep_until(first + Duration::from_millis(1))?;
    expect_eq!(signal.poll(3)?, 0);
    let deadline = Instant::now() + Duration::from_millis(300);
    signal.set_timer(deadline.as_nanoseconds(), 4)?;
    signal.stop_timer()?;
    Timer::new()?.sleep_until(deadline + Duration::from_millis(1))?;
    expect_eq!(signal.poll(7)?, 0);
    Ok(())
}

fn mapping(_root: &RootBlock) -> Outcome {
    let region = Region::create(3)?;
    let first = Mapping::new(&region, MapFlags::WRITE)?;
    let second = Mapping::part(&region, 1, 1, MapFlags::empty())?;
    expect_eq!((first.len(), second.len()), (3 * 4096, 4096));
    expect_eq!(first.window().read::<u64>(8), Some(0));
    expect_eq!(first.window().write(4096 + 16, 0x1234_u32), Some(()));
    expect_eq!(second.window().read::<u32>(16), Some(0x1234));
    expect_eq!(second.window().write(16, 1_u32), None);
    // The region outlives its handle as long as it is mapped.
    drop(region);
    expect_eq!(second.window().read::<u32>(16), Some(0x1234));
    let address = first.address();
    drop(first);
    let again = Mapping::new(&Region::create(3)?, MapFlags::WRITE)?;
    expect_eq!(again.address(), address);
    expect_eq!(again.window().read::<u32>(4096 + 16), Some(0));
    Ok(())
}

fn mapping_refused(root: &RootBlock) -> Outcome {
    let region = Region::create(2)?;
    let refused = |result: Result<Mapping, Error>| result.map(|mapping| mapping.address());
    expect_eq!(refused(Mapping::part(&region, 1, 2, MapFlags::WRITE)), Err(Error::InvalidArgument));
    expect_eq!(refused(Mapping::part(&region, 0, 0, MapFlags::WRITE)), Err(Error::InvalidArgument));
    let both = MapFlags::WRITE | MapFlags::EXECUTE;
    expect_eq!(refused(Mapping::new(&region, both)), Err(Error::InvalidArgument));
    let read_only = region.copy(Rights::READ)?;
    expect_eq!(refused(Mapping::new(&read_only, MapFlags::WRITE)), Err(Error::MissingRight));
    expect_eq!(memory::map_constant(&region, 4096), Err(Error::InvalidArgument));
    let (limits, _) = sys::quota_info(root.quota)?;
    let too_much = u64::from(limits.get(airox_rt::QuotaKind::Frames)) + 1;
    let made = Region::create_on(None, too_much, RegionKind::Lazy).map(drop);
    expect_eq!(made, Err(Error::QuotaExceeded));
    Ok(())
}

fn handles_close_on_drop(_root: &RootBlock) -> Outcome {
    let port = Port::create(1)?;
    let raw = port.raw();
    let copy = port.copy_badged(Rights::SEND, 5)?;
    expect_eq!(copy.info()?.badge, 5);
    expect_eq!(copy.info()?.rights, Rights::SEND);
    drop(port);
    expect_eq!(sys::handle_info(raw).map(drop), Err(Error::InvalidHandle));
    // What was derived stays.
    expect_eq!(copy.info()?.badge, 5);
    let raw = copy.into_raw();
    expect!(sys::handle_info(raw).is_ok());
    sys::handle_close(raw)?;
    Ok(())
}

fn handle_kinds_are_checked(_root: &RootBlock) -> Outcome {
    let handle = airox_rt::AnyHandle::from(Signal::create()?);
    expect_eq!(handle.into_typed::<Port>().map(drop), Err(Error::WrongType));
    let signal = Signal::create()?;
    let mistaken = Port::from_raw(signal.copy(Rights::all())?.into_raw());
    expect_eq!(mistaken.bind(&signal), Err(Error::WrongType));
    expect_eq!(Port::from_raw(Handle::NONE).unbind(), Err(Error::InvalidHandle));
    Ok(())
}

fn logging(_root: &RootBlock) -> Outcome {
    log::info!("a root program logs to the debug UART");
    log::trace!("not at this level");
    Ok(())
}

fn process_statistics(root: &RootBlock) -> Outcome {
    let own = core::mem::ManuallyDrop::new(Process::from_raw(root.process));
    let info = own.process_info()?;
    expect_eq!(info.threads, 1);
    let (mut held, mut last) = (0, Handle::NONE);
    while let Ok(next) = own.held_handle(last) {
        (held, last) = (held + 1, next.handle);
    }
    expect!(held >= 5);
    expect_eq!(held, info.handles);
    expect_eq!(own.held_handle(last).map(drop), Err(Error::NotMapped));
    Ok(())
}
