//! The client dies in the middle of its call.

use airox_abi::info::ThreadState;
use airox_abi::message::{Extension, HandleTransfer, Tag};
use airox_abi::{Error, Handle, Rights, SystemCall};

use super::server::lends;
use crate::actors::{self, PORT};
use crate::block::Block;
use crate::child::{Child, NORMAL};
use crate::failure::{Outcome, check_equal, check_error};
use crate::kernel::{self, Message, Owned};
use crate::registry::Test;
use crate::suite::Suite;

/// The tests.
pub const TESTS: &[Test] = &[
    Test::new("client_death", "queued", client_queued),
    Test::new("client_death", "received", client_received),
    Test::new("client_death", "reply_was_saved", client_reply_was_saved),
    Test::new("client_death", "while_its_lease_is_used", client_lease),
    Test::new("client_death", "what_it_sent_stays", what_it_sent_stays),
    Test::new("client_death", "many_threads_at_once", many_threads_at_once),
];

fn client_queued(suite: &Suite) -> Outcome {
    let port = kernel::port_create(Handle::NONE)?;
    let (doomed, other) = (Child::new(suite)?, Child::new(suite)?);
    for (client, badge) in [(&doomed, 1), (&other, 2)] {
        client.grant_badged(PORT, port.get(), Rights::SEND, badge)?;
        client.start(actors::client)?;
        client.await_state(suite, ThreadState::Sending)?;
    }
    doomed.kill()?;
    check_equal!(kernel::receive(port.get())?.badge, 2);
    kernel::reply(Handle::NONE, &Message::new(0))?;
    other.finish()
}

fn client_received(suite: &Suite) -> Outcome {
    let port = kernel::port_create(Handle::NONE)?;
    let (doomed, other) = (Child::new(suite)?, Child::new(suite)?);
    for client in [&doomed, &other] {
        client.grant(PORT, port.get(), Rights::SEND)?;
    }
    doomed.start(actors::client)?;
    kernel::receive(port.get())?;
    doomed.kill()?;
    check_error!(kernel::reply(Handle::NONE, &Message::new(0)), Error::NoCaller);
    check_error!(kernel::reply_save(), Error::NoCaller);
    other.start(actors::client)?;
    check_equal!(kernel::reply_receive(port.get(), &Message::new(0))?.words[0], 10);
    kernel::reply(Handle::NONE, &Message::new(0))?;
    other.finish()
}

fn client_reply_was_saved(suite: &Suite) -> Outcome {
    let port = kernel::port_create(Handle::NONE)?;
    let doomed = Child::new(suite)?;
    doomed.grant(PORT, port.get(), Rights::SEND)?;
    doomed.start(actors::client)?;
    kernel::receive(port.get())?;
    let saved = kernel::reply_save()?;
    doomed.kill()?;
    drop(doomed);
    check_error!(kernel::lease_info(saved.get(), 0), Error::NoCaller);
    check_error!(kernel::reply(saved.get(), &Message::new(0)), Error::NoCaller);
    Ok(())
}

/// Receives a call and copies from its lease until the lender is gone.
fn uses_lease_until_it_ends(block: &Block) -> Outcome {
    kernel::receive(block.handle(PORT))?;
    let mut buffer = [0; 512];
    loop {
        match kernel::lease_read(Handle::NONE, 0, 0, &mut buffer) {
            Ok(_) => block.set_result(0, block.result(0) + 1),
            Err(error) => {
                check_equal!(error, Error::NoCaller);
                return Ok(());
            }
        }
    }
}

fn client_lease(suite: &Suite) -> Outcome {
    let port = kernel::port_create(Handle::NONE)?;
    let (server, client) = (Child::new(suite)?, Child::new(suite)?);
    server.grant(PORT, port.get(), Rights::RECEIVE)?;
    client.grant(PORT, port.get(), Rights::SEND)?;
    server.start(uses_lease_until_it_ends)?;
    client.start(lends)?;
    suite.until(|| Ok(server.block().result(0) > 5))?;
    client.kill()?;
    server.finish()
}

/// Sends a handle to a signal of its own.
fn sends_own_signal(block: &Block) -> Outcome {
    let signal = kernel::signal_create(Handle::NONE)?;
    let mut extension = Extension::default();
    extension.handles[0] = HandleTransfer::new(signal.get(), Rights::all());
    let tag = Tag::new(0).with_handles(1);
    kernel::send_with(block.handle(PORT), tag, &mut extension)?;
    Ok(())
}

fn what_it_sent_stays(suite: &Suite) -> Outcome {
    let port = kernel::port_create(Handle::NONE)?;
    let client = Child::new(suite)?;
    client.grant(PORT, port.get(), Rights::SEND)?;
    client.start(sends_own_signal)?;
    let mut extension = Extension::default();
    kernel::exchange(SystemCall::Receive, port.get(), &Message::new(0), Some(&mut extension))?;
    let signal = Owned::new(extension.received[0]);
    client.kill()?;
    drop(client);
    kernel::notify(signal.get(), 6)?;
    check_equal!(kernel::wait(signal.get(), u64::MAX)?, 6);
    Ok(())
}

fn many_threads_at_once(suite: &Suite) -> Outcome {
    let port = kernel::port_create(Handle::NONE)?;
    let client = Child::new(suite)?;
    client.grant(PORT, port.get(), Rights::SEND)?;
    client.start(actors::client)?;
    for index in 1..4 {
        client.start_thread(index, NORMAL, actors::client)?;
    }
    client.await_state(suite, ThreadState::Sending)?;
    // One is being served, one has its reply saved, two are queued.
    kernel::receive(port.get())?;
    let saved = kernel::reply_save()?;
    kernel::receive(port.get())?;
    client.kill()?;
    check_error!(kernel::reply(saved.get(), &Message::new(0)), Error::NoCaller);
    check_error!(kernel::reply(Handle::NONE, &Message::new(0)), Error::NoCaller);
    Ok(())
}
