//! The server dies, in every phase of a call.

use airox_abi::info::ThreadState;
use airox_abi::message::{Extension, HandleTransfer, Lease, Tag};
use airox_abi::{Error, Handle, Rights, SystemCall};

use crate::actors::{self, PORT};
use crate::block::{Block, ChildFunction};
use crate::child::{Child, NORMAL};
use crate::failure::{Failure, Outcome, check, check_equal, check_error};
use crate::kernel::{self, Message, Owned};
use crate::registry::Test;
use crate::suite::Suite;

/// The tests.
pub const TESTS: &[Test] = &[
    Test::new("server_death", "call_is_queued", call_is_queued),
    Test::new("server_death", "call_is_queued_and_the_port_stays", call_is_queued_and_the_port_stays),
    Test::new("server_death", "call_was_received", call_was_received),
    Test::new("server_death", "by_exit", by_exit),
    Test::new("server_death", "by_fault", by_fault),
    Test::new("server_death", "of_its_thread_only", of_its_thread_only),
    Test::new("server_death", "reply_was_saved", reply_was_saved),
    Test::new("server_death", "several_replies_were_saved", several_replies_were_saved),
    Test::new("server_death", "while_it_uses_a_lease", while_it_uses_a_lease),
    Test::new("server_death", "while_it_replies_with_handles", while_it_replies_with_handles),
    Test::new("server_death", "while_it_calls_another", while_it_calls_another),
    Test::new("server_death", "next_instance_goes_on", next_instance_goes_on),
];

/// A server child that alone may receive on a port, and a client child that calls it.
struct Pair {
    server: Child,
    client: Child,
    /// Keeps the port from going with the client.
    _sender: Owned,
}

/// Starts both; the client lends nothing.
fn pair(suite: &Suite, server_function: ChildFunction) -> Result<Pair, Failure> {
    let port = kernel::port_create(Handle::NONE)?;
    let server = Child::new(suite)?;
    server.grant(PORT, port.get(), Rights::RECEIVE)?;
    let sender = kernel::handle_copy(port.get(), Rights::all() - Rights::RECEIVE, 0)?;
    let client = Child::new(suite)?;
    client.grant(PORT, sender.get(), Rights::SEND)?;
    server.start(server_function)?;
    client.start(actors::client)?;
    Ok(Pair { server, client, _sender: sender })
}

impl Pair {
    fn client_gets(self, error: Error) -> Outcome {
        self.client.wait()?;
        check_equal!(Error::from_code(self.client.block().result(0)), Some(error));
        self.client.finish()
    }
}

fn call_is_queued(suite: &Suite) -> Outcome {
    let pair = pair(suite, actors::sleeper)?;
    pair.client.await_state(suite, ThreadState::Sending)?;
    pair.server.kill()?;
    pair.client_gets(Error::ServerDied)
}

fn call_is_queued_and_the_port_stays(suite: &Suite) -> Outcome {
    let port = kernel::port_create(Handle::NONE)?;
    let (server, client) = (Child::new(suite)?, Child::new(suite)?);
    server.grant(PORT, port.get(), Rights::RECEIVE)?;
    client.grant(PORT, port.get(), Rights::SEND)?;
    server.start(actors::sleeper)?;
    client.start(actors::client)?;
    client.await_state(suite, ThreadState::Sending)?;
    server.kill()?;
    client.await_state(suite, ThreadState::Sending)?;
    check_equal!(kernel::receive(port.get())?.words[0], 10);
    kernel::reply(Handle::NONE, &Message::new(0))?;
    client.wait()?;
    check_equal!(client.block().result(0), 0);
    client.finish()
}

/// Receives one call and never answers; result 0 tells it has.
fn receives_and_sleeps(block: &Block) -> Outcome {
    kernel::receive(block.handle(PORT))?;
    block.set_result(0, 1);
    actors::sleeper(block)
}

fn call_was_received(suite: &Suite) -> Outcome {
    let pair = pair(suite, receives_and_sleeps)?;
    suite.until(|| Ok(pair.server.block().result(0) == 1))?;
    pair.client.await_state(suite, ThreadState::AwaitingReply)?;
    pair.server.kill()?;
    pair.client_gets(Error::ServerDied)
}

fn receives_and_exits(block: &Block) -> Outcome {
    kernel::receive(block.handle(PORT))?;
    Ok(())
}

fn by_exit(suite: &Suite) -> Outcome {
    pair(suite, receives_and_exits)?.client_gets(Error::ServerDied)
}

fn receives_and_faults(block: &Block) -> Outcome {
    kernel::receive(block.handle(PORT))?;
    // SAFETY: the instruction faults, which ends the process.
    unsafe { core::arch::asm!("ud2", options(noreturn)) }
}

fn by_fault(suite: &Suite) -> Outcome {
    pair(suite, receives_and_faults)?.client_gets(Error::ServerDied)
}

fn of_its_thread_only(suite: &Suite) -> Outcome {
    let port = kernel::port_create(Handle::NONE)?;
    let (server, client) = (Child::new(suite)?, Child::new(suite)?);
    server.grant(PORT, port.get(), Rights::RECEIVE)?;
    client.grant(PORT, port.get(), Rights::SEND)?;
    server.start(actors::sleeper)?;
    // Its second thread serves, and ends with the call unanswered; the process lives on.
    let thread = server.start_thread(1, NORMAL, receives_and_exits)?;
    client.start(actors::client)?;
    client.wait()?;
    let error = Error::from_code(client.block().result(0));
    check!(matches!(error, Some(Error::ServerDied | Error::NoReply)), "the client got {error:?}");
    suite.await_state(thread.get(), ThreadState::Dead)?;
    check_equal!(kernel::process_info(server.process.get())?.threads, 1);
    client.finish()
}

fn saves_and_sleeps(block: &Block) -> Outcome {
    loop {
        kernel::receive(block.handle(PORT))?;
        core::mem::forget(kernel::reply_save()?);
        block.set_result(0, block.result(0) + 1);
    }
}

fn reply_was_saved(suite: &Suite) -> Outcome {
    let pair = pair(suite, saves_and_sleeps)?;
    suite.until(|| Ok(pair.server.block().result(0) == 1))?;
    pair.server.kill()?;
    pair.client_gets(Error::ServerDied)
}

fn several_replies_were_saved(suite: &Suite) -> Outcome {
    let port = kernel::port_create(Handle::NONE)?;
    let server = Child::new(suite)?;
    server.grant(PORT, port.get(), Rights::RECEIVE)?;
    server.start(saves_and_sleeps)?;
    let clients = [Child::new(suite)?, Child::new(suite)?, Child::new(suite)?];
    for client in &clients {
        client.grant(PORT, port.get(), Rights::SEND)?;
        client.start(actors::client)?;
    }
    suite.until(|| Ok(server.block().result(0) == 3))?;
    server.kill()?;
    for client in clients {
        client.wait()?;
        check_equal!(client.block().result(0), Error::ServerDied as u64);
        client.finish()?;
    }
    Ok(())
}

/// Receives a call and copies from and to its lease for ever.
fn uses_lease(block: &Block) -> Outcome {
    kernel::receive(block.handle(PORT))?;
    let mut buffer = [0; 512];
    loop {
        kernel::lease_read(Handle::NONE, 0, 0, &mut buffer)?;
        kernel::lease_write(Handle::NONE, 0, 512, &buffer)?;
        block.set_result(0, block.result(0) + 1);
    }
}

/// Lends a kilobyte of its stack, whose halves a correct server makes equal. Result 0 is the error.
pub fn lends(block: &Block) -> Outcome {
    let mut memory = [0u8; 1024];
    for (index, byte) in memory[..512].iter_mut().enumerate() {
        *byte = index as u8;
    }
    let mut extension = Extension::default();
    extension.leases[0] =
        Lease { address: memory.as_mut_ptr() as u64, length: 1024, access: Lease::READ | Lease::WRITE };
    let tag = Tag::new(0).with_leases(1);
    let result = kernel::send_with(block.handle(PORT), tag, &mut extension);
    block.set_result(0, actors::code(&result));
    let (first, second) = core::hint::black_box(&memory).split_at(512);
    check!(first == second, "a lease was left half written");
    Ok(())
}

fn while_it_uses_a_lease(suite: &Suite) -> Outcome {
    for round in 1..6 {
        let port = kernel::port_create(Handle::NONE)?;
        let (server, client) = (Child::new(suite)?, Child::new(suite)?);
        server.grant(PORT, port.get(), Rights::RECEIVE)?;
        client.grant(PORT, port.get(), Rights::SEND)?;
        server.start(uses_lease)?;
        client.start(lends)?;
        suite.until(|| Ok(server.block().result(0) > round * 3))?;
        server.kill()?;
        client.wait()?;
        check_equal!(client.block().result(0), Error::ServerDied as u64);
        client.finish()?;
    }
    Ok(())
}

/// Answers every call with a handle to a new signal.
fn gives_handles(block: &Block) -> Outcome {
    kernel::receive(block.handle(PORT))?;
    loop {
        let signal = kernel::signal_create(Handle::NONE)?;
        let mut extension = Extension::default();
        extension.handles[0] = HandleTransfer::new(signal.get(), Rights::SEND);
        let reply = Message { tag: Tag::new(0).with_handles(1), ..Message::new(0) };
        kernel::exchange(SystemCall::ReplyReceive, block.handle(PORT), &reply, Some(&mut extension))?;
        block.set_result(0, block.result(0) + 1);
    }
}

/// Calls and takes a handle each time, until the server dies.
fn takes_handles(block: &Block) -> Outcome {
    loop {
        let mut extension = Extension::default();
        let result = kernel::exchange(SystemCall::Call, block.handle(PORT), &Message::new(0), Some(&mut extension));
        match result {
            Ok(reply) => {
                check_equal!(reply.tag.handles(), 1);
                kernel::notify(extension.received[0], 1)?;
                kernel::handle_close(extension.received[0])?;
            }
            Err(error) => {
                check_equal!(error, Error::ServerDied);
                return Ok(());
            }
        }
    }
}

fn while_it_replies_with_handles(suite: &Suite) -> Outcome {
    for round in 0..10 {
        let port = kernel::port_create(Handle::NONE)?;
        let (server, client) = (Child::new(suite)?, Child::new(suite)?);
        server.grant(PORT, port.get(), Rights::RECEIVE)?;
        client.grant(PORT, port.get(), Rights::SEND)?;
        drop(port);
        server.start(gives_handles)?;
        client.start(takes_handles)?;
        suite.until(|| Ok(server.block().result(0) > 2))?;
        // Stops it somewhere else each time.
        suite.sleep(50_000 + round * 737)?;
        server.kill()?;
        client.finish()?;
    }
    Ok(())
}

/// Receives a call and, to answer it, calls the port in argument 1.
fn delegates(block: &Block) -> Outcome {
    kernel::receive(block.handle(PORT))?;
    let answer = kernel::send(block.handle(1), &Message::new(0))?;
    Ok(kernel::reply(Handle::NONE, &answer)?)
}

fn while_it_calls_another(suite: &Suite) -> Outcome {
    let (front, back) = (kernel::port_create(Handle::NONE)?, kernel::port_create(Handle::NONE)?);
    let (server, client) = (Child::new(suite)?, Child::new(suite)?);
    server.grant(PORT, front.get(), Rights::RECEIVE)?;
    server.grant(1, back.get(), Rights::SEND)?;
    client.grant(PORT, front.get(), Rights::SEND)?;
    server.start(delegates)?;
    client.start(actors::client)?;
    kernel::receive(back.get())?;
    server.kill()?;
    client.wait()?;
    check_equal!(client.block().result(0), Error::ServerDied as u64);
    check_error!(kernel::reply(Handle::NONE, &Message::new(0)), Error::NoCaller);
    client.finish()
}

fn next_instance_goes_on(suite: &Suite) -> Outcome {
    let port = kernel::port_create(Handle::NONE)?;
    for round in 0..5 {
        let server = Child::new(suite)?;
        server.grant(PORT, port.get(), Rights::RECEIVE)?;
        // A call queued before the new instance is there is answered by it.
        let early = Child::new(suite)?;
        early.grant(PORT, port.get(), Rights::SEND)?;
        early.start(actors::client)?;
        early.await_state(suite, ThreadState::Sending)?;
        server.start(actors::echo_server)?;
        early.wait()?;
        check_equal!(early.block().result(0), 0);
        check_equal!(kernel::send(port.get(), &Message::word(0, round))?.words[0], round + 1);
        server.kill()?;
    }
    Ok(())
}
