//! Calls that take long are done in many kernel entries, between which more urgent threads run: what comes out must be what one entry would have
//! done. (How long the others wait is measured by the bench, where an instruction is a tick.)
//!
//! A child does the work while the suite's thread, more urgent, interrupts it again and again.

use core::mem::forget;

use airox_abi::info::ThreadState;
use airox_abi::layout::PAGE_SIZE;
use airox_abi::message::{Extension, Lease};
use airox_abi::{Error, Handle, MapFlags, RegionKind, Rights, SystemCall};

use crate::actors;
use crate::block::{Block, ChildFunction};
use crate::child::{Child, Options};
use crate::failure::{Failure, Outcome, check, check_equal, check_error};
use crate::kernel::{self, Message};
use crate::memory;
use crate::registry::Test;
use crate::suite::Suite;

/// The tests.
pub const TESTS: &[Test] = &[
    Test::new("bounded", "revoke_10_000_handles", |suite| beside(suite, revokes)),
    Test::new("bounded", "close_a_handle_with_10_000_copies", |suite| beside(suite, closes_with_copies)),
    Test::new("bounded", "map_and_populate_32_mib", |suite| beside(suite, populates)),
    Test::new("bounded", "unmap_32_mib", |suite| beside(suite, unmaps)),
    Test::new("bounded", "free_32_mib", |suite| beside(suite, frees)),
    Test::new("bounded", "read_16_mib_of_a_process", |suite| beside(suite, reads_itself)),
    Test::new("bounded", "copy_16_mib_by_lease", copy_by_lease),
    Test::new("bounded", "forged_progress_is_refused", forged_progress),
];

/// How long the suite sleeps between two interruptions, in ns.
const NAP: u64 = 50_000;
/// Argument of a worker: its own process.
const ITSELF: usize = 1;
const HANDLES: usize = 10_000;
/// Where a worker maps: far from all else.
const PLACE: u64 = 0x7000_0000_0000;
const LARGE: u64 = 32 << 20;
const COPIED: u64 = 16 << 20;

/// Has a child do the work, and interrupts it.
fn beside(suite: &Suite, work: ChildFunction) -> Outcome {
    let child = worker(suite)?;
    let itself = child.process.get();
    child.grant(ITSELF, itself, Rights::all())?;
    child.start(work)?;
    interrupt(suite, &child)?;
    child.finish()
}

fn worker(suite: &Suite) -> Result<Child, Failure> {
    let options = Options { priority: 50, ..Options::DEFAULT };
    Ok(Child::with(suite, options)?)
}

/// Wakes up again and again until the child has ended.
fn interrupt(suite: &Suite, child: &Child) -> Outcome {
    let dead = ThreadState::Dead as u8;
    while kernel::process_info(child.process.get())?.state != dead {
        suite.sleep(NAP)?;
    }
    Ok(())
}

/// A port with many handles derived from its first: some from that, some from one another.
fn port_with_copies() -> Result<kernel::Owned, Error> {
    let port = kernel::port_create(Handle::NONE)?;
    let mut last = port.get();
    for count in 0..HANDLES {
        let source = if count % 2 == 0 { port.get() } else { last };
        let copy = kernel::handle_copy(source, Rights::all(), 0)?;
        last = copy.get();
        forget(copy);
    }
    Ok(port)
}

fn revokes(_: &Block) -> Outcome {
    let port = port_with_copies()?;
    kernel::handle_revoke(port.get())?;
    let fresh = kernel::handle_copy(port.get(), Rights::SEND, 0)?;
    kernel::handle_close(fresh.get())?;
    forget(fresh);
    Ok(())
}

fn closes_with_copies(_: &Block) -> Outcome {
    let port = port_with_copies()?;
    let copy = kernel::handle_copy(port.get(), Rights::SEND, 0)?;
    drop(port);
    // What was derived from it stays.
    kernel::handle_info(copy.get())?;
    Ok(())
}

fn region(bytes: u64) -> Result<kernel::Owned, Error> {
    kernel::region_create(Handle::NONE, bytes / PAGE_SIZE, RegionKind::Lazy)
}

fn map(region: &kernel::Owned, bytes: u64, flags: MapFlags) -> Result<(), Error> {
    let pages = bytes / PAGE_SIZE;
    kernel::region_map(region.get(), Handle::NONE, PLACE, 0, pages, flags)
}

fn unmap(address: u64) -> Result<(), Error> {
    // SAFETY: nothing refers to what these tests have mapped once they unmap it.
    unsafe { kernel::region_unmap(Handle::NONE, address) }
}

fn populates(_: &Block) -> Outcome {
    let large = region(LARGE)?;
    map(&large, LARGE, MapFlags::WRITE | MapFlags::POPULATE)?;
    let resident = kernel::process_info(Handle::NONE)?.resident_pages;
    check!(u64::from(resident) > LARGE / PAGE_SIZE, "{resident} pages");
    Ok(())
}

fn unmaps(_: &Block) -> Outcome {
    let large = region(LARGE)?;
    map(&large, LARGE, MapFlags::WRITE | MapFlags::POPULATE)?;
    unmap(PLACE)?;
    check_error!(unmap(PLACE), Error::NotMapped);
    let resident = kernel::process_info(Handle::NONE)?.resident_pages;
    check!(u64::from(resident) < LARGE / PAGE_SIZE, "{resident} pages");
    // The pages are the region's still.
    map(&large, PAGE_SIZE, MapFlags::empty())?;
    Ok(())
}

fn frees(_: &Block) -> Outcome {
    let large = region(LARGE)?;
    map(&large, LARGE, MapFlags::WRITE | MapFlags::POPULATE)?;
    unmap(PLACE)?;
    let [_, before] = kernel::quota_info(Handle::NONE)?;
    drop(large);
    let [_, after] = kernel::quota_info(Handle::NONE)?;
    let freed = before.0[0] - after.0[0];
    check!(u64::from(freed) > LARGE / PAGE_SIZE, "{freed} frames");
    Ok(())
}

fn reads_itself(block: &Block) -> Outcome {
    let large = region(2 * COPIED)?;
    map(&large, 2 * COPIED, MapFlags::WRITE | MapFlags::POPULATE)?;
    // SAFETY: the range is mapped writable, and nothing else is there.
    let target = unsafe { core::slice::from_raw_parts_mut((PLACE + COPIED) as *mut u8, COPIED as usize) };
    let last = PLACE + COPIED - 1;
    // SAFETY: as above; the byte is in the other half.
    unsafe { (last as *mut u8).write_volatile(77) };
    kernel::process_read(block.handle(ITSELF), PLACE, target)?;
    check_equal!(target[COPIED as usize - 1], 77);
    Ok(())
}

/// Lends 16 MiB with a call.
fn lends(block: &Block) -> Outcome {
    let large = region(COPIED)?;
    map(&large, COPIED, MapFlags::WRITE | MapFlags::POPULATE)?;
    // SAFETY: the range is mapped writable, and nothing else is there.
    unsafe { ((PLACE + COPIED - 1) as *mut u8).write_volatile(99) };
    let mut message = Message::new(0);
    message.tag = message.tag.with_leases(1);
    let mut extension = Extension::default();
    extension.leases[0] = Lease { address: PLACE, length: COPIED, access: Lease::READ };
    let port = block.handle(actors::PORT);
    kernel::exchange(SystemCall::Call, port, &message, Some(&mut extension))?;
    Ok(())
}

/// Receives the call and copies all that is lent.
fn copies(block: &Block) -> Outcome {
    let port = block.handle(actors::PORT);
    kernel::receive(port)?;
    let large = region(COPIED)?;
    map(&large, COPIED, MapFlags::WRITE | MapFlags::POPULATE)?;
    // SAFETY: the range is mapped writable, and nothing else is there.
    let target = unsafe { core::slice::from_raw_parts_mut(PLACE as *mut u8, COPIED as usize) };
    let copied = kernel::lease_read(Handle::NONE, 0, 0, target)?;
    check_equal!(copied, COPIED);
    check_equal!(target[COPIED as usize - 1], 99);
    // One byte more than is lent: nothing is copied.
    check_error!(kernel::lease_read(Handle::NONE, 0, 1, target), Error::LeaseDenied);
    Ok(kernel::reply(Handle::NONE, &Message::new(0))?)
}

fn copy_by_lease(suite: &Suite) -> Outcome {
    let port = kernel::port_create(Handle::NONE)?;
    let (client, server) = (worker(suite)?, worker(suite)?);
    client.grant(actors::PORT, port.get(), Rights::SEND)?;
    server.grant(actors::PORT, port.get(), Rights::RECEIVE)?;
    client.start(lends)?;
    server.start(copies)?;
    interrupt(suite, &server)?;
    server.finish()?;
    client.finish()
}

/// The upper half of `region_map`'s flags says how far it has come. A program may write there what it likes.
fn forged_progress(_: &Suite) -> Outcome {
    let region = kernel::region_create(Handle::NONE, 4, RegionKind::Lazy)?;
    let address = memory::reserve(4);
    for parts in [2, 3, 5, 6, 100, u64::from(u32::MAX)] {
        let result = kernel::region_map_from(region.get(), address, 4, MapFlags::POPULATE, parts);
        check!(result.is_err(), "part {parts} of a mapping nobody began");
    }
    check_error!(kernel::region_map_from(region.get(), address, 5, MapFlags::empty(), 0), Error::InvalidArgument);
    kernel::region_map_from(region.get(), address, 4, MapFlags::POPULATE, 0)?;
    Ok(unmap(address)?)
}
