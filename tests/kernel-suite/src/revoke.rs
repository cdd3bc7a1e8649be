//! Revocation: what was derived from a handle goes, in every process, mappings included, and nothing else.

use airox_abi::info::ThreadState;
use airox_abi::{Error, Handle, MapFlags, Rights};

use crate::actors;
use crate::block::Block;
use crate::child::Child;
use crate::failure::{Outcome, check, check_equal, check_error};
use crate::kernel::{self, Owned};
use crate::memory::Mapped;
use crate::registry::Test;
use crate::suite::Suite;

/// The tests.
pub const TESTS: &[Test] = &[
    Test::new("revoke", "chains_and_trees", chains_and_trees),
    Test::new("revoke", "siblings_and_parents_stay", siblings_and_parents_stay),
    Test::new("revoke", "children_of_a_closed_handle", children_of_a_closed_handle),
    Test::new("revoke", "across_processes", across_processes),
    Test::new("revoke", "mappings_in_other_processes", mappings_in_other_processes),
    Test::new("revoke", "own_mapping", own_mapping),
    Test::new("revoke", "a_port_from_its_server", a_port_from_its_server),
    Test::new("revoke", "a_port_from_a_waiting_client", a_port_from_a_waiting_client),
    Test::new("revoke", "process_and_thread_handles", process_and_thread_handles),
    Test::new("revoke", "a_thousand_copies", a_thousand_copies),
];

fn works(handle: &Owned) -> bool {
    kernel::notify(handle.get(), 0).is_ok()
}

fn copy(handle: &Owned) -> Result<Owned, Error> {
    kernel::handle_copy(handle.get(), Rights::all(), 0)
}

fn chains_and_trees(_: &Suite) -> Outcome {
    let root = kernel::signal_create(Handle::NONE)?;
    let first = copy(&root)?;
    let second = copy(&first)?;
    let third = copy(&second)?;
    let branch = copy(&first)?;
    kernel::handle_revoke(second.get())?;
    check_equal!((works(&first), works(&second), works(&third), works(&branch)), (true, true, false, true));
    kernel::handle_revoke(root.get())?;
    check_equal!((works(&root), works(&first), works(&second), works(&branch)), (true, false, false, false));
    check_error!(kernel::handle_info(first.get()), Error::InvalidHandle);
    // Revoking what nothing was derived from does nothing.
    kernel::handle_revoke(root.get())?;
    check!(works(&root), "the revoked handle itself went");
    Ok(())
}

fn siblings_and_parents_stay(_: &Suite) -> Outcome {
    let root = kernel::signal_create(Handle::NONE)?;
    let (left, right) = (copy(&root)?, copy(&root)?);
    let (left_child, right_child) = (copy(&left)?, copy(&right)?);
    kernel::handle_revoke(left.get())?;
    check_equal!((works(&root), works(&left), works(&right)), (true, true, true));
    check_equal!((works(&left_child), works(&right_child)), (false, true));
    Ok(())
}

fn children_of_a_closed_handle(_: &Suite) -> Outcome {
    let root = kernel::signal_create(Handle::NONE)?;
    let middle = copy(&root)?;
    let (first, second) = (copy(&middle)?, copy(&middle)?);
    drop(middle);
    // They live on, and are the root's now.
    check_equal!((works(&first), works(&second)), (true, true));
    kernel::handle_revoke(root.get())?;
    check_equal!((works(&first), works(&second)), (false, false));
    Ok(())
}

/// Notifies signal 0 until it no longer may; result 0 counts, result 1 is the error.
fn notifies(block: &Block) -> Outcome {
    loop {
        if let Err(error) = kernel::notify(block.handle(0), 1) {
            block.set_result(1, error as u64);
            return Ok(());
        }
        block.set_result(0, block.result(0) + 1);
        kernel::thread_yield()?;
    }
}

fn across_processes(suite: &Suite) -> Outcome {
    let signal = kernel::signal_create(Handle::NONE)?;
    let lent = copy(&signal)?;
    let children = [Child::new(suite)?, Child::new(suite)?];
    for child in &children {
        child.grant(0, lent.get(), Rights::SEND)?;
        child.start(notifies)?;
    }
    suite.until(|| Ok(children.iter().all(|child| child.block().result(0) > 10)))?;
    kernel::handle_revoke(lent.get())?;
    for child in children {
        child.wait()?;
        check_equal!(child.block().result(1), Error::InvalidHandle as u64);
        child.finish()?;
    }
    check!(works(&signal) && works(&lent), "the suite's own handles went");
    Ok(())
}

/// Where the child has the shared page.
const SHARED: u64 = 0x3000_0000;

/// Reads the shared page until that faults.
fn reads_shared(block: &Block) -> Outcome {
    loop {
        // SAFETY: the page is mapped, or the read faults and ends the process.
        block.set_result(0, unsafe { (SHARED as *const u64).read_volatile() });
        kernel::thread_yield()?;
    }
}

fn mappings_in_other_processes(suite: &Suite) -> Outcome {
    let memory = Mapped::new(1)?;
    memory.fill(0, &[7]);
    let lent = kernel::handle_copy(memory.region(), Rights::all(), 0)?;
    let child = Child::new(suite)?;
    kernel::region_map(lent.get(), child.process.get(), SHARED, 0, 1, MapFlags::empty())?;
    let bystander = Child::new(suite)?;
    kernel::region_map(memory.region(), bystander.process.get(), SHARED, 0, 1, MapFlags::empty())?;
    child.start(reads_shared)?;
    bystander.start(reads_shared)?;
    suite.until(|| Ok(child.block().result(0) == 7 && bystander.block().result(0) == 7))?;
    kernel::handle_revoke(lent.get())?;
    check_equal!(child.wait()?.faulted, 1);
    memory.fill(0, &[8]);
    suite.until(|| Ok(bystander.block().result(0) == 8))?;
    check_equal!(memory.byte(0), 8);
    Ok(())
}

fn own_mapping(_: &Suite) -> Outcome {
    let region = kernel::region_create(Handle::NONE, 1, airox_abi::RegionKind::Lazy)?;
    let address = crate::child::free_address(1);
    kernel::region_map(region.get(), Handle::NONE, address, 0, 1, MapFlags::WRITE)?;
    kernel::handle_revoke(region.get())?;
    // SAFETY: nothing refers to this mapping.
    let unmapped = unsafe { kernel::region_unmap(Handle::NONE, address) };
    check_error!(unmapped, Error::NotMapped);
    let mut registers = kernel::EntryRegisters::call(airox_abi::SystemCall::ThreadInfo, &[0, address]);
    // SAFETY: nothing is mapped there any more, or this test has found a bug.
    let result = unsafe { kernel::invoke(&mut registers) };
    check_error!(result, Error::InvalidAddress);
    Ok(())
}

fn a_port_from_its_server(suite: &Suite) -> Outcome {
    // The suite keeps `RECEIVE`, so the port stays open: a restarted server can go on with it.
    let port = kernel::port_create(Handle::NONE)?;
    let lent = kernel::handle_copy(port.get(), Rights::all(), 0)?;
    let server = Child::new(suite)?;
    server.grant(actors::PORT, lent.get(), Rights::RECEIVE)?;
    server.start(actors::echo_server)?;
    check_equal!(kernel::send(port.get(), &kernel::Message::word(1, 4))?.words[0], 5);
    kernel::handle_revoke(lent.get())?;
    let client = Child::new(suite)?;
    client.grant(actors::PORT, port.get(), Rights::SEND)?;
    server.kill()?;
    client.start(actors::client)?;
    check_equal!(kernel::receive(port.get())?.words[0], 10);
    kernel::reply(Handle::NONE, &kernel::Message::new(0))?;
    client.finish()
}

fn a_port_from_a_waiting_client(suite: &Suite) -> Outcome {
    let port = kernel::port_create(Handle::NONE)?;
    let lent = kernel::handle_copy(port.get(), Rights::all(), 0)?;
    let client = Child::new(suite)?;
    client.grant(actors::PORT, lent.get(), Rights::SEND)?;
    client.start(actors::client)?;
    client.await_state(suite, ThreadState::Sending)?;
    // What was sent while it was allowed stands; the handle is gone.
    kernel::handle_revoke(lent.get())?;
    check_equal!(kernel::receive(port.get())?.words[0], 10);
    kernel::reply(Handle::NONE, &kernel::Message::new(0))?;
    client.finish()
}

fn process_and_thread_handles(suite: &Suite) -> Outcome {
    let child = Child::run(suite, actors::sleeper)?;
    child.await_state(suite, ThreadState::Waiting)?;
    let process = kernel::handle_copy(child.process.get(), Rights::all(), 0)?;
    let thread = kernel::handle_copy(child.thread.get(), Rights::all(), 0)?;
    kernel::handle_revoke(child.process.get())?;
    kernel::handle_revoke(child.thread.get())?;
    check_error!(kernel::process_info(process.get()), Error::InvalidHandle);
    check_error!(kernel::thread_info(thread.get()), Error::InvalidHandle);
    // The process itself runs on.
    check_equal!(kernel::thread_info(child.thread.get())?.state, ThreadState::Waiting as u8);
    Ok(())
}

fn a_thousand_copies(suite: &Suite) -> Outcome {
    let signal = kernel::signal_create(Handle::NONE)?;
    let child = Child::new(suite)?;
    let before = kernel::process_info(child.process.get())?.handles;
    for _ in 0..1000 {
        kernel::process_grant(child.process.get(), signal.get(), Rights::SEND, 0)?;
    }
    check_equal!(kernel::process_info(child.process.get())?.handles, before + 1000);
    kernel::handle_revoke(signal.get())?;
    check_equal!(kernel::process_info(child.process.get())?.handles, before);
    Ok(())
}
